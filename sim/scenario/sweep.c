#include "sim/scenario/internal.h"

#include <string.h>

#define AXIS_VALUES_MAX 10000

/* The place for an axis: that of the same path, or a new innermost one. */
static struct hd_axis *place_axis(struct hd_scenario *s, const char *path)
{
  for (size_t i = 0; i < s->axis_count; i++)
    if (strcmp(s->axes[i].path, path) == 0)
      return &s->axes[i];
  s->axes = hd_arena_grow(&s->arena, s->axes, s->axis_count, sizeof *s->axes);
  return &s->axes[s->axis_count++];
}

static struct hd_axis *new_axis(struct hd_scenario *s, const char *path,
                                struct hd_mark mark, struct hd_errors *errors)
{
  struct hd_target *target = hd_layout_bind(&s->layout, path, mark, errors);
  if (target == NULL)
    return NULL;
  struct hd_axis *axis = place_axis(s, target->path);
  *axis =
      (struct hd_axis){.path = target->path, .mark = mark, .target = target};
  return axis;
}

static void add_value(struct hd_scenario *s, struct hd_axis *axis,
                      const char *text, struct hd_mark mark)
{
  hd_layer_add(&s->arena, &axis->values,
               (struct hd_setting){.kind = HD_ORIGIN_AXIS,
                                   .mark = mark,
                                   .origin = "axis",
                                   .text = text,
                                   .target = axis->target});
}

static void refuse_repeats(struct hd_scenario *s, const char *path,
                           struct hd_node *const *items, size_t count,
                           struct hd_errors *errors)
{
  size_t *first = hd_node_repeats(&s->arena, items, count);
  for (size_t i = 0; i < count; i++)
    if (first[i] != i)
      hd_errors_add(errors, items[i]->mark,
                    "axis '%s' has the value '%s' twice", path,
                    hd_clip(items[i]->text).text);
}

static void read_values(struct hd_scenario *s, struct hd_axis *axis,
                        struct hd_node *const *items, size_t count,
                        struct hd_errors *errors)
{
  struct hd_node **good = hd_arena_alloc(&s->arena, count * sizeof *good + 1);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (items[i]->kind == HD_NODE_BAD)
      continue;
    if (hd_node_has_text(items[i]))
      good[kept++] = items[i];
    else
      hd_errors_add(errors, items[i]->mark,
                    "a value of axis '%s' must be a single value, but is %s",
                    axis->path, hd_node_noun(items[i]));
  }
  for (size_t i = 0; i < kept; i++)
    add_value(s, axis, good[i]->text, good[i]->mark);
  refuse_repeats(s, axis->path, good, kept, errors);
}

void hd_axis_read(struct hd_scenario *s, const struct hd_node *key,
                  const struct hd_node *node, struct hd_errors *errors)
{
  if (node->kind == HD_NODE_BAD)
    return;
  if (node->kind != HD_NODE_SEQUENCE)
    hd_errors_add(errors, node->mark,
                  "axis '%s' takes a list of values, but is %s",
                  hd_clip(key->text).text, hd_node_noun(node));
  else if (node->count == 0)
    hd_errors_add(errors, node->mark, "axis '%s' has no values",
                  hd_clip(key->text).text);
  else if (node->count > AXIS_VALUES_MAX)
    hd_errors_add(errors, node->mark, "axis '%s' has more than %d values",
                  hd_clip(key->text).text, AXIS_VALUES_MAX);
  struct hd_axis *axis = new_axis(s, key->text, key->mark, errors);
  if (axis != NULL && node->kind == HD_NODE_SEQUENCE &&
      node->count <= AXIS_VALUES_MAX)
    read_values(s, axis, node->items, node->count, errors);
}

static void read_axes(struct hd_scenario *s, const struct hd_node *node,
                      struct hd_errors *errors)
{
  if (node->kind == HD_NODE_BAD)
    return;
  if (node->kind != HD_NODE_MAPPING) {
    hd_errors_add(errors, node->mark,
                  "'sweep.axes' takes a mapping PATH: [VALUE, ...], but is %s",
                  hd_node_noun(node));
    return;
  }
  for (size_t i = 0; i < node->count && !hd_errors_full(errors); i++)
    hd_axis_read(s, node->keys[i], node->items[i], errors);
}

static void read_sweep(struct hd_scenario *s, const struct hd_node *node,
                       struct hd_errors *errors)
{
  if (node->kind == HD_NODE_BAD)
    return;
  if (node->kind != HD_NODE_MAPPING) {
    hd_errors_add(errors, node->mark,
                  "'sweep' takes a mapping with 'axes', but is %s",
                  hd_node_noun(node));
    return;
  }
  for (size_t i = 0; i < node->count; i++) {
    if (strcmp(node->keys[i]->text, "axes") == 0)
      read_axes(s, node->items[i], errors);
    else
      hd_errors_add(errors, node->keys[i]->mark,
                    "unknown key '%s' in 'sweep'; known keys: axes",
                    hd_clip(node->keys[i]->text).text);
  }
}

void hd_sweep_read(struct hd_scenario *s, struct hd_errors *errors)
{
  for (size_t i = 0; i < s->document_count; i++) {
    const struct hd_node *node = hd_node_find(s->documents[i]->root, "sweep");
    if (node != NULL)
      read_sweep(s, node, errors);
  }
}

static bool share(const struct hd_target *a, const struct hd_target *b)
{
  if (a->preset != HD_NONE && a->preset == b->preset)
    return true;
  for (size_t i = 0; i < a->count; i++)
    for (size_t j = 0; j < b->count; j++)
      if (a->slots[i] == b->slots[j])
        return true;
  return false;
}

static void refuse_overlaps(const struct hd_scenario *s,
                            struct hd_errors *errors)
{
  for (size_t i = 0; i < s->axis_count; i++)
    for (size_t j = 0; j < i; j++)
      if (share(s->axes[i].target, s->axes[j].target))
        hd_errors_add(errors, s->axes[i].mark,
                      "axis '%s' sets what axis '%s' sets too", s->axes[i].path,
                      s->axes[j].path);
}

void hd_sweep_finish(struct hd_scenario *s, struct hd_errors *errors)
{
  s->points = 1;
  refuse_overlaps(s, errors);
  for (size_t i = 0; i < s->axis_count; i++) {
    size_t count = s->axes[i].values.count;
    if (count == 0) { /* reported */
      s->incomplete = true;
      return;
    }
    s->points *= count;
    if (s->points <= HD_POINTS_MAX)
      continue;
    hd_errors_add(errors, s->axes[i].mark, "the sweep has more than %d points",
                  HD_POINTS_MAX);
    return;
  }
}
