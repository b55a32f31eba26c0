#include "sim/scenario/internal.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRESETS_LISTED 64

static bool is_preset_name(const char *name)
{
  if (name[0] == '.' || name[0] == '\0' || strlen(name) > 100)
    return false;
  return name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == '\0';
}

static int compare(const void *left, const void *right)
{
  const char *const *a = left, *const *b = right;
  return strcmp(*a, *b);
}

/* Adds NAME of every NAME.yaml in the directory. */
static size_t list_directory(struct hd_arena *arena, const char *path,
                             const char **names, size_t count)
{
  DIR *directory = opendir(path);
  if (directory == NULL)
    return count;
  for (struct dirent *e; (e = readdir(directory)) && count < PRESETS_LISTED;) {
    size_t length = strlen(e->d_name);
    if (length <= 5 || strcmp(e->d_name + length - 5, ".yaml") != 0)
      continue;
    names[count++] = hd_arena_copy(arena, e->d_name, length - 5);
  }
  closedir(directory);
  return count;
}

static struct hd_hint hint_presets(struct hd_scenario *s, const char *section,
                                   const char *name)
{
  const char *names[PRESETS_LISTED];
  size_t count = 0;
  struct hd_nearest nearest = hd_nearest_to(name);
  struct hd_list list = {.length = 0};
  for (const char *const *d = s->env.data_dirs; d != NULL && *d != NULL; d++)
    count = list_directory(
        &s->arena, hd_arena_printf(&s->arena, "%s/presets/%s", *d, section),
        names, count);
  if (count > 1)
    qsort(names, count, sizeof *names, compare);
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && strcmp(names[i - 1], names[i]) == 0)
      continue;
    hd_nearest_try(&nearest, names[i]);
    hd_list_add(&list, names[i]);
  }
  if (count == 0)
    hd_list_add(&list, "none");
  return hd_hint(&nearest, "known presets", &list);
}

static const char *find_file(struct hd_scenario *s, const char *section,
                             const char *name)
{
  for (const char *const *d = s->env.data_dirs; d != NULL && *d != NULL; d++) {
    const char *path =
        hd_arena_printf(&s->arena, "%s/presets/%s/%s.yaml", *d, section, name);
    if (access(path, F_OK) == 0)
      return path;
  }
  return NULL;
}

static void parse(struct hd_scenario *s, struct hd_document *doc,
                  struct hd_mark mark, struct hd_errors *errors)
{
  const char *problem = NULL;
  size_t length = 0;
  const char *text = hd_source_read(&s->arena, doc->label, &length, &problem);
  if (text == NULL)
    hd_errors_add(errors, mark, "cannot read the preset '%s': %s", doc->label,
                  problem);
  else
    doc->root = hd_document_parse(&s->arena, doc->label, text, length, errors);
  if (doc->root != NULL)
    hd_reader_settings(s, doc, errors);
  else
    s->incomplete = true;
}

static struct hd_document *known(const struct hd_scenario *s, size_t section,
                                 const char *name)
{
  for (size_t i = 0; i < s->preset_count; i++)
    if (s->presets[i]->preset == section &&
        strcmp(s->presets[i]->preset_name, name) == 0)
      return s->presets[i];
  return NULL;
}

static struct hd_document *load(struct hd_scenario *s, size_t section,
                                const char *name, struct hd_mark mark,
                                struct hd_errors *errors)
{
  struct hd_document *doc = known(s, section, name);
  const char *where = s->layout.scopes[section].path;
  if (doc != NULL)
    return doc;
  const char *path = is_preset_name(name) ? find_file(s, where, name) : NULL;
  if (path == NULL) {
    hd_errors_add(errors, mark, "unknown preset '%s' for '%s'%s",
                  hd_clip(name).text, where, hint_presets(s, where, name).text);
    s->incomplete = true;
    return NULL;
  }
  doc = hd_arena_alloc(&s->arena, sizeof *doc);
  doc->preset = section;
  doc->preset_name = name;
  doc->label = path;
  doc->source = hd_arena_printf(&s->arena, "%s/%s.yaml", where, name);
  s->presets =
      hd_arena_grow(&s->arena, s->presets, s->preset_count, sizeof *s->presets);
  s->presets[s->preset_count++] = doc;
  parse(s, doc, mark, errors);
  return doc;
}

struct loading {
  struct hd_scenario *s;
  struct hd_errors *errors;
};

static void visit(void *ctx, struct hd_setting *setting)
{
  struct loading *l = ctx;
  if (setting->target->preset == HD_NONE || hd_errors_full(l->errors))
    return;
  setting->preset = load(l->s, setting->target->preset, setting->text,
                         setting->mark, l->errors);
}

void hd_presets_load(struct hd_scenario *s, struct hd_errors *errors)
{
  struct loading loading = {s, errors};
  hd_settings_each(s, false, visit, &loading);
}
