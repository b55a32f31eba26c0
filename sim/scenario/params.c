#include "sim/scenario/params.h"

#include "sim/scenario/text.h"
#include "sim/scenario/unit.h"
#include "sim/scenario/value.h"

#include <string.h>

#define TOP "top"

static void print_param(FILE *out, const struct hd_param *p)
{
  struct hd_problem range = hd_value_range(p);
  fprintf(out, "  %s: %s", p->name, hd_value_expected(p).text);
  if (range.text[0] != '\0' && p->type != HD_PARAM_RATIO)
    fprintf(out, ", %s", range.text);
  if (p->fallback == NULL)
    fprintf(out, "; required\n");
  else
    fprintf(out, "; default %s\n", p->fallback[0] ? p->fallback : "\"\"");
  if (p->meaning != NULL)
    fprintf(out, "      %s\n", p->meaning);
  if (p->source != NULL)
    fprintf(out, "      source: %s\n", p->source);
}

static void print_table(FILE *out, const struct hd_param_table *table,
                        const char *title)
{
  fprintf(out, "%s: %s\n", title, table->meaning ? table->meaning : "");
  for (const struct hd_param *p = table->params; p->name != NULL; p++)
    print_param(out, p);
  fputc('\n', out);
}

static void print_alternative(FILE *out, const struct hd_param_group *g,
                              size_t choice)
{
  char title[256];
  const struct hd_param_variant *v = g->variant;
  snprintf(title, sizeof title, "%s.NAME.%s with %s %s", g->section, v->key,
           v->selector, v->choices[choice]);
  print_table(out, v->alternatives[choice].table, title);
}

static void print_group(FILE *out, const struct hd_param_group *g)
{
  char title[160];
  const struct hd_param_variant *v = g->variant;
  snprintf(title, sizeof title, "%s.NAME", g->section);
  print_table(out, g->table, title);
  if (v == NULL)
    return;
  struct hd_param selector = {.name = v->selector,
                              .type = HD_PARAM_ENUM,
                              .choices = v->choices,
                              .fallback = v->fallback,
                              .meaning = v->meaning};
  fprintf(out, "%s.NAME.%s: %s\n", g->section, v->key,
          v->meaning ? v->meaning : "");
  print_param(out, &selector);
  fputc('\n', out);
  for (size_t i = 0; v->choices[i] != NULL; i++)
    print_alternative(out, g, i);
}

static const char *name_of(const struct hd_param_section *section)
{
  const char *name = section->table->section;
  return name[0] != '\0' ? name : TOP;
}

static bool print_choice(FILE *out, const struct hd_param_group *g,
                         const char *name)
{
  for (size_t i = 0; g->variant != NULL && g->variant->choices[i]; i++) {
    if (strcmp(g->variant->choices[i], name) != 0)
      continue;
    print_alternative(out, g, i);
    return true;
  }
  return false;
}

bool hd_params_print(const struct hd_param_registry *registry,
                     const char *section, FILE *out)
{
  bool found = section == NULL;
  const struct hd_param_section *s = registry->sections;
  for (; s->table != NULL; s++) {
    if (section != NULL && strcmp(name_of(s), section) != 0)
      continue;
    print_table(out, s->table, name_of(s));
    found = true;
  }
  const struct hd_param_group *g = registry->groups;
  for (; g != NULL && g->section != NULL; g++) {
    if (section == NULL || strcmp(g->section, section) == 0) {
      print_group(out, g);
      found = true;
    } else if (print_choice(out, g, section)) {
      found = true;
    }
  }
  return found;
}

void hd_params_sections(const struct hd_param_registry *registry,
                        void (*visit)(void *ctx, const char *name), void *ctx)
{
  const struct hd_param_section *s = registry->sections;
  const struct hd_param_group *g = registry->groups;
  for (; s->table != NULL; s++)
    visit(ctx, name_of(s));
  for (; g != NULL && g->section != NULL; g++) {
    visit(ctx, g->section);
    for (size_t i = 0; g->variant != NULL && g->variant->choices[i]; i++)
      visit(ctx, g->variant->choices[i]);
  }
}

static void try_name(void *ctx, const char *name)
{
  hd_nearest_try(ctx, name);
}

const char *hd_params_suggest(const struct hd_param_registry *registry,
                              const char *section)
{
  struct hd_nearest nearest = hd_nearest_to(section);
  hd_params_sections(registry, try_name, &nearest);
  return nearest.best;
}
