/* The command line's share: --set PATH=VALUE and --axis PATH=V1,V2,... */
#include "sim/scenario/internal.h"

#include <string.h>

static const char *trimmed(struct hd_arena *arena, const char *text,
                           size_t length)
{
  while (length > 0 && strchr(" \t", text[0]) != NULL)
    text++, length--;
  while (length > 0 && strchr(" \t", text[length - 1]) != NULL)
    length--;
  return hd_arena_copy(arena, text, length);
}

/* Splits PATH=VALUE; NULL after an error. */
static const char *split(struct hd_scenario *s, const char *option,
                         const char *text, const char *form,
                         struct hd_mark *mark, const char **value,
                         struct hd_errors *errors)
{
  const char *equals = strchr(text, '=');
  *mark = (struct hd_mark){
      hd_arena_printf(&s->arena, "%s %s", option, hd_clip(text).text), 0, 0};
  hd_errors_file(errors, mark->file);
  if (equals == NULL || equals == text) {
    hd_errors_add(errors, *mark, "write %s %s", option, form);
    return NULL;
  }
  *value = trimmed(&s->arena, equals + 1, strlen(equals + 1));
  return trimmed(&s->arena, text, (size_t)(equals - text));
}

static bool sets_slot(const struct hd_target *t, size_t slot)
{
  for (size_t i = 0; i < t->count; i++)
    if (t->slots[i] == slot)
      return true;
  return false;
}

/* How many of the axis' places the target sets. */
static size_t covered(const struct hd_target *t, const struct hd_axis *axis)
{
  size_t count = 0;
  for (size_t i = 0; i < axis->target->count; i++)
    count += sets_slot(t, axis->target->slots[i]);
  return count;
}

static void drop_axis(struct hd_scenario *s, size_t index)
{
  memmove(&s->axes[index], &s->axes[index + 1],
          (--s->axis_count - index) * sizeof *s->axes);
}

/* --set PATH pins what a file's axis would sweep: the axis goes. One that
 * sets more than that would win over --set in silence, which is an error. */
static void pin_axes(struct hd_scenario *s, const struct hd_target *target,
                     struct hd_mark mark, struct hd_errors *errors)
{
  for (size_t i = s->axis_count; i-- > 0;) {
    const struct hd_axis *axis = &s->axes[i];
    size_t part = covered(target, axis), all = axis->target->count;
    bool preset =
        target->preset != HD_NONE && target->preset == axis->target->preset;
    if (preset || (part > 0 && part == all))
      drop_axis(s, i);
    else if (part > 0)
      hd_errors_add(errors, mark, "the sweep's axis '%s' sets '%s' too",
                    axis->path, target->path);
  }
}

static void read_set(struct hd_scenario *s, const char *text,
                     struct hd_errors *errors)
{
  struct hd_mark mark;
  const char *value;
  const char *path =
      split(s, "--set", text, "PATH=VALUE", &mark, &value, errors);
  if (path == NULL)
    return;
  struct hd_target *target = hd_layout_bind(&s->layout, path, mark, errors);
  if (target == NULL)
    return;
  hd_layer_add(&s->arena, &s->sets,
               (struct hd_setting){.kind = HD_ORIGIN_SET,
                                   .mark = mark,
                                   .origin = "--set",
                                   .text = value,
                                   .target = target});
  pin_axes(s, target, mark, errors);
}

/* The axis' values as nodes, so that they are checked like a file's. */
static struct hd_node *list_node(struct hd_scenario *s, const char *values,
                                 struct hd_mark mark)
{
  struct hd_node *list = hd_arena_alloc(&s->arena, sizeof *list);
  list->kind = HD_NODE_SEQUENCE;
  list->mark = mark;
  if (values[0] == '\0')
    return list;
  while (values != NULL) {
    size_t length = strcspn(values, ",");
    struct hd_node *item = hd_arena_alloc(&s->arena, sizeof *item);
    *item = (struct hd_node){.kind = HD_NODE_SCALAR,
                             .mark = mark,
                             .text = trimmed(&s->arena, values, length)};
    list->items =
        hd_arena_grow(&s->arena, list->items, list->count, sizeof *list->items);
    list->items[list->count++] = item;
    values = values[length] == ',' ? values + length + 1 : NULL;
  }
  return list;
}

static void read_axis(struct hd_scenario *s, const char *text,
                      struct hd_errors *errors)
{
  struct hd_mark mark;
  const char *values;
  const char *path =
      split(s, "--axis", text, "PATH=VALUE,VALUE,...", &mark, &values, errors);
  if (path == NULL)
    return;
  struct hd_node key = {.kind = HD_NODE_SCALAR, .text = path, .mark = mark};
  hd_axis_read(s, &key, list_node(s, values, mark), errors);
}

void hd_overrides_read(struct hd_scenario *s, const struct hd_overrides *ov,
                       struct hd_errors *errors)
{
  for (size_t i = 0; i < ov->set_count; i++)
    read_set(s, ov->sets[i], errors);
  for (size_t i = 0; i < ov->axis_count; i++)
    read_axis(s, ov->axes[i], errors);
}
