/* Are the tables themselves right? */
#include "sim/scenario/params.h"
#include "sim/scenario/text.h"
#include "sim/scenario/value.h"

#include <string.h>

struct verification {
  struct hd_errors *errors;
  struct hd_mark mark; /* the table's name as a file */
};

static size_t field_size(enum hd_param_type type)
{
  switch (type) {
  case HD_PARAM_BOOL:
    return sizeof(bool);
  case HD_PARAM_ENUM:
    return sizeof(int);
  case HD_PARAM_STRING:
    return HD_PARAM_STRING_MAX;
  case HD_PARAM_FILE:
    return sizeof(const char *);
  default:
    return sizeof(int64_t);
  }
}

static void verify_text(struct verification *v, const struct hd_param *p,
                        const char *what, const char *text, bool ranged)
{
  struct hd_param open = *p;
  struct hd_value value;
  struct hd_problem why;
  if (text == NULL)
    return;
  if (!ranged)
    open.max = NULL;
  if (!ranged && open.min != NULL)
    open.min = text;
  if (!hd_value_parse(ranged ? p : &open, p->name, text, &value, &why))
    hd_errors_add(v->errors, v->mark, "%s of '%s': %s", what, p->name,
                  why.text);
}

static bool reserved(const struct hd_param *p, bool top)
{
  if (!top)
    return strcmp(p->name, "preset") == 0;
  return strcmp(p->name, "include") == 0 || strcmp(p->name, "sweep") == 0 ||
         strcmp(p->name, "plot") == 0 || strcmp(p->name, "published") == 0;
}

static void verify_param(struct verification *v,
                         const struct hd_param_table *table,
                         const struct hd_param *p, size_t base, size_t room)
{
  bool choices = p->choices != NULL && p->choices[0] != NULL;
  if (p->type == HD_PARAM_ENUM && !choices) {
    hd_errors_add(v->errors, v->mark, "'%s' has no choices", p->name);
    return;
  }
  if (!hd_is_name(p->name) || reserved(p, table->section[0] == '\0'))
    hd_errors_add(v->errors, v->mark, "'%s' cannot be a name", p->name);
  for (const struct hd_param *q = table->params; q != p; q++)
    if (strcmp(q->name, p->name) == 0)
      hd_errors_add(v->errors, v->mark, "'%s' is there twice", p->name);
  if (base + p->offset + field_size(p->type) > room)
    hd_errors_add(v->errors, v->mark, "'%s' lies outside its struct", p->name);
  verify_text(v, p, "the minimum", p->min, false);
  verify_text(v, p, "the maximum", p->max, false);
  verify_text(v, p, "the default", p->fallback, true);
}

static void verify_table(struct hd_errors *errors,
                         const struct hd_param_table *table, size_t base,
                         size_t room)
{
  struct verification v = {errors, {table->section, 0, 0}};
  if (table->section[0] == '\0')
    v.mark.file = "top";
  for (const struct hd_param *p = table->params; p->name != NULL; p++)
    verify_param(&v, table, p, base, room);
}

static void verify_variant(struct hd_errors *errors,
                           const struct hd_param_group *g)
{
  const struct hd_param_variant *variant = g->variant;
  struct verification v = {errors, {g->section, 0, 0}};
  const struct hd_param selector = {.name = variant->selector,
                                    .type = HD_PARAM_ENUM,
                                    .choices = variant->choices};
  verify_text(&v, &selector, "the default", variant->fallback, true);
  for (size_t i = 0; variant->choices[i] != NULL; i++) {
    const struct hd_param_table *table = variant->alternatives[i].table;
    if (table == NULL) {
      hd_errors_add(errors, v.mark, "'%s' has no alternative for '%s'",
                    variant->key, variant->choices[i]);
      return;
    }
    verify_table(errors, table, variant->alternatives[i].offset, g->stride);
    for (const struct hd_param *p = table->params; p->name != NULL; p++)
      if (strcmp(p->name, variant->selector) == 0)
        hd_errors_add(errors, v.mark, "'%s' is the selector's name", p->name);
  }
}

bool hd_params_verify(const struct hd_param_registry *registry,
                      struct hd_errors *errors)
{
  size_t before = hd_errors_added(errors);
  const struct hd_param_section *s = registry->sections;
  const struct hd_param_group *g = registry->groups;
  for (; s->table != NULL; s++)
    verify_table(errors, s->table, s->offset, registry->config_size);
  for (; g != NULL && g->section != NULL; g++) {
    verify_table(errors, g->table, 0, g->stride);
    if (g->variant != NULL)
      verify_variant(errors, g);
    if (g->array_offset + g->capacity * g->stride > registry->config_size)
      hd_errors_add(errors, (struct hd_mark){g->section, 0, 0},
                    "the elements lie outside the configuration");
  }
  return hd_errors_added(errors) == before;
}
