/* published: `at` and `over`, axes of the sweep with values. */
#include "sim/scenario/published_internal.h"

#include <string.h>

static const struct hd_axis *find_axis(const struct hd_scenario *s,
                                       const char *path)
{
  for (size_t i = 0; i < s->axis_count; i++)
    if (strcmp(s->axes[i].path, path) == 0)
      return &s->axes[i];
  return NULL;
}

struct hd_condition *hd_conditions_find(const struct hd_conditions *c,
                                        const char *path)
{
  for (size_t i = 0; i < c->count; i++)
    if (strcmp(c->items[i].target->path, path) == 0)
      return &c->items[i];
  return NULL;
}

/* The text that equal values share; the text itself if it is no value. */
static const char *canonical(struct hd_scenario *s,
                             const struct hd_target *target, const char *text)
{
  struct hd_value value;
  struct hd_problem ignored;
  if (target->preset != HD_NONE)
    return text;
  const struct hd_param *p = s->layout.slots[target->slots[0]].param;
  if (!hd_value_parse(p, "", text, &value, &ignored))
    return text;
  return hd_value_format(&s->arena, p, &value);
}

const struct hd_target *hd_published_axis(struct hd_scenario *s,
                                          const char *path, struct hd_mark mark,
                                          struct hd_errors *errors)
{
  const struct hd_target *target =
      hd_layout_bind(&s->layout, path, mark, errors);
  if (target == NULL || find_axis(s, target->path) != NULL)
    return target;
  struct hd_nearest nearest = hd_nearest_to(target->path);
  struct hd_list list = {.length = 0};
  for (size_t i = 0; i < s->axis_count; i++) {
    hd_nearest_try(&nearest, s->axes[i].path);
    hd_list_add(&list, s->axes[i].path);
  }
  if (s->axis_count == 0)
    hd_list_add(&list, "none");
  hd_errors_add(errors, mark, "'%s' is no axis of the sweep%s",
                hd_clip(target->path).text,
                hd_hint(&nearest, "axes", &list).text);
  return NULL;
}

/* -- reading ----------------------------------------------------------------
 */

struct reading {
  struct hd_scenario *s;
  const char *key; /* "at" or "over" */
  struct hd_errors *errors;
};

static bool refuse_value(const struct reading *r, const struct hd_axis *axis,
                         const struct hd_node *node)
{
  struct hd_list list = {.length = 0};
  for (size_t i = 0; i < axis->values.count; i++)
    hd_list_add(&list, axis->values.items[i].text);
  hd_errors_add(r->errors, node->mark,
                "axis '%s' has no value '%s'; it has: %s", axis->path,
                hd_clip(node->text).text, list.text);
  return false;
}

/* Is the value right, and one of the axis'? */
static bool is_value(const struct reading *r, const struct hd_axis *axis,
                     const struct hd_node *node)
{
  struct hd_value value;
  struct hd_problem why;
  const struct hd_target *t = axis->target;
  const char *wanted = canonical(r->s, t, node->text);
  for (size_t i = 0; i < axis->values.count; i++)
    if (strcmp(canonical(r->s, t, axis->values.items[i].text), wanted) == 0)
      return true;
  const struct hd_param *p =
      t->preset == HD_NONE ? r->s->layout.slots[t->slots[0]].param : NULL;
  if (p == NULL || hd_value_parse(p, axis->path, node->text, &value, &why))
    return refuse_value(r, axis, node);
  hd_errors_add(r->errors, node->mark, "%s", why.text);
  return false;
}

static void add_value(const struct reading *r, struct hd_condition *c,
                      const struct hd_node *node)
{
  if (node->kind == HD_NODE_BAD)
    return;
  if (!hd_node_has_text(node)) {
    hd_errors_add(r->errors, node->mark,
                  "a value of 'published.%s' must be a single value, but is %s",
                  r->key, hd_node_noun(node));
    return;
  }
  if (!is_value(r, find_axis(r->s, c->target->path), node))
    return;
  c->values =
      hd_arena_grow(&r->s->arena, c->values, c->count, sizeof *c->values);
  c->values[c->count++] = canonical(r->s, c->target, node->text);
}

static void add_values(const struct reading *r, struct hd_condition *c,
                       const struct hd_node *node)
{
  bool list = node->kind == HD_NODE_SEQUENCE && strcmp(r->key, "at") == 0;
  if (list && node->count == 0)
    hd_errors_add(r->errors, node->mark, "'published.at' has no value of '%s'",
                  c->target->path);
  for (size_t i = 0; list && i < node->count; i++)
    add_value(r, c, node->items[i]);
  if (!list)
    add_value(r, c, node);
}

static void add_condition(const struct reading *r, struct hd_conditions *out,
                          const struct hd_node *key, const struct hd_node *node)
{
  const struct hd_target *target =
      hd_published_axis(r->s, key->text, key->mark, r->errors);
  if (target == NULL)
    return;
  struct hd_condition c = {.target = target, .mark = key->mark};
  const struct hd_condition *twice = hd_conditions_find(out, target->path);
  if (twice != NULL)
    hd_errors_add(r->errors, key->mark,
                  "'published.%s' names axis '%s' twice; first at line %zu",
                  r->key, target->path, twice->mark.line);
  add_values(r, &c, node);
  out->items =
      hd_arena_grow(&r->s->arena, out->items, out->count, sizeof *out->items);
  out->items[out->count++] = c;
}

static const char *text_of(struct hd_scenario *s, const struct hd_conditions *c)
{
  const char *text = "";
  for (size_t i = 0; i < c->count; i++) {
    text = hd_arena_printf(&s->arena, "%s%s%s=", text, i > 0 ? ", " : "",
                           c->items[i].target->path);
    for (size_t j = 0; j < c->items[i].count; j++)
      text = hd_arena_printf(&s->arena, "%s%s%s", text, j > 0 ? "|" : "",
                             c->items[i].values[j]);
  }
  return text;
}

void hd_conditions_read(struct hd_scenario *s, const char *key,
                        const struct hd_node *node, struct hd_conditions *out,
                        const char **text, struct hd_errors *errors)
{
  struct reading r = {.s = s, .key = key, .errors = errors};
  if (node->kind != HD_NODE_MAPPING) {
    hd_errors_add(errors, node->mark,
                  "'published.%s' takes a mapping AXIS: VALUE, but is %s", key,
                  hd_node_noun(node));
    return;
  }
  for (size_t i = 0; i < node->count && !hd_errors_full(errors); i++)
    add_condition(&r, out, node->keys[i], node->items[i]);
  *text = text_of(s, out);
}

bool hd_conditions_same(const struct hd_conditions *at,
                        const struct hd_conditions *over)
{
  for (size_t i = 0; i < over->count; i++) {
    const struct hd_condition *o = &over->items[i];
    const struct hd_condition *a = hd_conditions_find(at, o->target->path);
    bool found = false;
    for (size_t j = 0; a != NULL && o->count > 0 && j < a->count; j++)
      found = found || strcmp(a->values[j], o->values[0]) == 0;
    if (!found)
      return false;
  }
  return true;
}

/* -- the sweep as it is run ---------------------------------------------------
 */

/* What --set fixed the axis to: the slots' values, or the preset. */
static bool is_fixed_to(const struct hd_scenario *s,
                        const struct hd_condition *c,
                        const struct hd_point *point, const char *value)
{
  const struct hd_target *t = c->target;
  const char *text = NULL;
  for (size_t i = 0; t->preset != HD_NONE && i < s->sets.count; i++)
    if (s->sets.items[i].target->preset == t->preset)
      text = s->sets.items[i].text;
  for (size_t i = 0; t->preset == HD_NONE && i < t->count; i++) {
    const char *found = point->entries[t->slots[i]].text;
    if (found != NULL && strcmp(found, value) != 0)
      return false;
    text = found != NULL ? found : text;
  }
  return text != NULL && strcmp(text, value) == 0;
}

static void bind_condition(struct hd_scenario *s, struct hd_condition *c,
                           const struct hd_point *point)
{
  const struct hd_axis *axis = find_axis(s, c->target->path);
  size_t values = axis != NULL ? axis->values.count : 0;
  c->axis = axis != NULL ? (size_t)(axis - s->axes) : HD_NONE;
  c->holds = hd_arena_alloc(&s->arena, values + 1);
  for (size_t i = 0; i < c->count; i++) {
    if (axis == NULL && is_fixed_to(s, c, point, c->values[i]))
      c->fixed = true;
    for (size_t j = 0; j < values; j++)
      if (strcmp(canonical(s, c->target, axis->values.items[j].text),
                 c->values[i]) == 0)
        c->holds[j] = true;
  }
}

void hd_published_bind(struct hd_scenario *s, const struct hd_point *first)
{
  for (size_t i = 0; i < s->published_count; i++) {
    struct hd_published_entry *e = &s->published[i];
    for (size_t j = 0; j < e->at.count; j++)
      bind_condition(s, &e->at.items[j], first);
    for (size_t j = 0; j < e->over.count; j++)
      bind_condition(s, &e->over.items[j], first);
    const struct hd_axis *axis =
        e->largest != NULL ? find_axis(s, e->largest->path) : NULL;
    bool whole = axis != NULL && axis->mark.line != 0; /* no --axis */
    e->largest_axis = whole ? (size_t)(axis - s->axes) : HD_NONE;
  }
}
