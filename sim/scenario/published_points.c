/* published: which points of the sweep an entry is about. */
#include "sim/scenario/published_internal.h"

#include <string.h>

size_t hd_scenario_published_count(const struct hd_scenario *s)
{
  return s->published_count;
}

const struct hd_published *hd_scenario_published(const struct hd_scenario *s,
                                                 size_t entry)
{
  return &s->published[entry].facts;
}

/* How far points are apart that differ by one in the value of the axis. */
static size_t stride_of(const struct hd_scenario *s, size_t axis)
{
  size_t stride = 1;
  for (size_t i = axis + 1; i < s->axis_count; i++)
    stride *= s->axes[i].values.count;
  return stride;
}

static size_t value_of(const struct hd_scenario *s, size_t axis, size_t point)
{
  return point / stride_of(s, axis) % s->axes[axis].values.count;
}

bool hd_published_selects(const struct hd_scenario *s, size_t entry,
                          size_t point)
{
  const struct hd_published_entry *e = &s->published[entry];
  if (e->largest != NULL &&
      (e->largest_axis == HD_NONE || value_of(s, e->largest_axis, point) != 0))
    return false;
  for (size_t i = 0; i < e->at.count; i++) {
    const struct hd_condition *c = &e->at.items[i];
    bool holds =
        c->axis == HD_NONE ? c->fixed : c->holds[value_of(s, c->axis, point)];
    if (!holds)
      return false;
  }
  return true;
}

bool hd_published_base(const struct hd_scenario *s, size_t entry, size_t point,
                       size_t *base)
{
  const struct hd_conditions *over = &s->published[entry].over;
  *base = point;
  for (size_t i = 0; i < over->count; i++) {
    const struct hd_condition *c = &over->items[i];
    if (c->axis == HD_NONE && !c->fixed)
      return false;
    if (c->axis == HD_NONE)
      continue;
    size_t values = s->axes[c->axis].values.count, value = 0;
    while (value < values && !c->holds[value])
      value++;
    if (value == values)
      return false;
    size_t stride = stride_of(s, c->axis);
    *base += value * stride;
    *base -= value_of(s, c->axis, point) * stride;
  }
  return true;
}

size_t hd_published_steps(const struct hd_scenario *s, size_t entry)
{
  size_t axis = s->published[entry].largest_axis;
  return axis != HD_NONE ? s->axes[axis].values.count : 0;
}

size_t hd_published_step(const struct hd_scenario *s, size_t entry,
                         size_t point, size_t step, double *value)
{
  const struct hd_axis *axis = &s->axes[s->published[entry].largest_axis];
  const struct hd_param *p = s->layout.slots[axis->target->slots[0]].param;
  struct hd_value parsed;
  struct hd_problem ignored;
  *value = 0;
  if (hd_value_parse(p, "", axis->values.items[step].text, &parsed, &ignored))
    (void)hd_value_number(p, &parsed, value);
  return point + step * stride_of(s, s->published[entry].largest_axis);
}

bool hd_published_varies(const struct hd_scenario *s, size_t entry, size_t axis)
{
  const struct hd_published_entry *e = &s->published[entry];
  if (s->axes[axis].values.count == 1 || e->largest_axis == axis)
    return false;
  for (size_t i = 0; i < e->at.count; i++)
    if (e->at.items[i].axis == axis)
      return e->at.items[i].count > 1;
  return true;
}
