#include "sim/scenario/internal.h"

#include <string.h>

static const char *origin_of(const struct hd_slot *slot,
                             const struct hd_entry *entry)
{
  return entry->setting != NULL ? entry->setting->origin : slot->origin;
}

size_t hd_point_values(const struct hd_point *point)
{
  return point->count;
}

struct hd_point_value hd_point_value(const struct hd_point *point, size_t index)
{
  size_t slot = point->order[index];
  const struct hd_slot *s = &point->scenario->layout.slots[slot];
  const struct hd_entry *entry = &point->entries[slot];
  return (struct hd_point_value){.path = s->path,
                                 .text = entry->text,
                                 .origin = origin_of(s, entry),
                                 .kind = entry->setting ? entry->setting->kind
                                                        : HD_ORIGIN_DEFAULT,
                                 .param = s->param};
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
  for (; *text != '\0'; text++)
    hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  return hash;
}

uint64_t hd_scenario_hash(const struct hd_point *point)
{
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < point->count; i++) {
    size_t slot = point->order[i];
    hash = hash_text(hash, point->scenario->layout.slots[slot].path);
    hash = hash_text(hash, "=");
    hash = hash_text(hash, point->entries[slot].text);
    hash = hash_text(hash, "\n");
  }
  return hash;
}

/* A comment ends with its line. */
static void write_comment(FILE *out, const char *text)
{
  fputs("  # ", out);
  for (; *text != '\0'; text++)
    fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
  fputc('\n', out);
}

static bool is_plain(const char *text)
{
  return text[0] != '\0' && text[0] != '-' &&
         text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./")] ==
             '\0';
}

static void write_slot(FILE *out, const struct hd_point *point, size_t slot,
                       int indent)
{
  const struct hd_slot *s = &point->scenario->layout.slots[slot];
  const struct hd_entry *entry = &point->entries[slot];
  if (entry->text == NULL)
    return;
  bool quote = hd_param_is_text(s->param) ||
               (s->param->type == HD_PARAM_ENUM && !is_plain(entry->text));
  fprintf(out, "%*s%s: ", indent, "", s->param->name);
  if (quote)
    hd_write_quoted(out, entry->text);
  else
    fputs(entry->text, out);
  write_comment(out, origin_of(s, entry));
}

static void write_scope(FILE *out, const struct hd_point *point,
                        const struct hd_scope *scope, int indent)
{
  for (size_t i = scope->first; i < scope->selector; i++)
    write_slot(out, point, i, indent);
  if (scope->selector == scope->end)
    return;
  fprintf(out, "%*s%s:\n", indent, "", scope->group->variant->key);
  for (size_t i = scope->selector; i < scope->end; i++)
    write_slot(out, point, i, indent + 2);
}

static void write_group(FILE *out, const struct hd_point *point,
                        const struct hd_param_group *group)
{
  const struct hd_layout *layout = &point->scenario->layout;
  bool first = true;
  for (size_t i = layout->section_count; i < layout->scope_count; i++) {
    const struct hd_scope *scope = &layout->scopes[i];
    if (scope->group != group)
      continue;
    if (first)
      fprintf(out, "%s:\n", group->section);
    first = false;
    bool empty = scope->first == scope->end;
    fprintf(out, "  %s:%s\n", scope->element, empty ? " {}" : "");
    write_scope(out, point, scope, 4);
  }
}

void hd_scenario_explain(const struct hd_point *point, FILE *out)
{
  const struct hd_layout *layout = &point->scenario->layout;
  const struct hd_param_group *g = layout->env->registry->groups;
  for (size_t i = 0; i < layout->section_count; i++) {
    const struct hd_scope *scope = &layout->scopes[i];
    if (scope->first == scope->end)
      continue;
    bool top = scope->path[0] == '\0';
    if (!top)
      fprintf(out, "%s:\n", scope->path);
    write_scope(out, point, scope, top ? 0 : 2);
  }
  for (; g != NULL && g->section != NULL; g++)
    write_group(out, point, g);
}
