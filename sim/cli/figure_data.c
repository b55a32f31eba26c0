#include "sim/cli/figure_data.h"

#include "sim/cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct summary_case *cli_figure_cell(const struct figure_data *d,
                                           size_t panel, size_t curve, size_t i)
{
  size_t index = (panel * d->n_curves + curve) * d->n_x + d->order[i];
  size_t which = d->cells[index];
  return which != FIGURE_NONE ? &d->summary.cases[which] : NULL;
}

bool cli_figure_is_ok(const struct summary_case *c)
{
  return c != NULL && strcmp(c->status, "ok") == 0;
}

double cli_figure_x(const struct figure_data *d, size_t i)
{
  if (d->x == FIGURE_NONE || !d->axes[d->x].numeric)
    return (double)i;
  return d->axes[d->x].numbers[d->order[i]];
}

static bool is_panel_axis(const struct figure_data *d, size_t axis)
{
  return axis != d->x && axis != d->curves;
}

size_t cli_figure_panel_value(const struct figure_data *d, size_t panel,
                              size_t axis)
{
  for (size_t i = d->n_axes; i-- > axis + 1;)
    if (is_panel_axis(d, i))
      panel /= d->axes[i].n;
  return panel % d->axes[axis].n;
}

/* -- which axis is what ------------------------------------------------------
 */

static size_t find_axis(const struct figure_data *d, const char *path)
{
  for (size_t i = 0; path != NULL && i < d->n_axes; i++)
    if (strcmp(d->axes[i].path, path) == 0)
      return i;
  return FIGURE_NONE;
}

/* An axis that the user asked for must be there. */
static bool ask_axis(const struct figure_data *d, const char *path,
                     size_t *axis)
{
  if (path == NULL)
    return true;
  *axis = find_axis(d, path);
  if (*axis != FIGURE_NONE)
    return true;
  cli_message("%s has no axis '%s'%s", d->dir, path,
              d->n_axes > 0 ? "; there are:" : "");
  for (size_t i = 0; i < d->n_axes; i++)
    fprintf(stderr, "  %s\n", d->axes[i].path);
  return false;
}

static bool is_design(const char *path)
{
  const char *dot = strrchr(path, '.');
  return strcmp(dot != NULL ? dot + 1 : path, "design") == 0;
}

/* The first axis that is not `other` and suits; several values preferred. */
static size_t first_axis(const struct figure_data *d, size_t other,
                         bool numeric)
{
  for (size_t several = 2; several > 0; several--)
    for (size_t i = 0; i < d->n_axes; i++)
      if (i != other && (d->axes[i].numeric || !numeric) &&
          d->axes[i].n >= several)
        return i;
  return FIGURE_NONE;
}

static size_t default_curves(const struct figure_data *d)
{
  for (size_t i = 0; i < d->n_axes; i++)
    if (i != d->x && is_design(d->axes[i].path))
      return i;
  for (size_t i = 0; i < d->n_axes; i++)
    if (i != d->x && d->x != FIGURE_NONE && d->axes[i].n > 1)
      return i;
  return FIGURE_NONE;
}

static const char *hint(const struct figure_data *d, const char *key)
{
  json_t *plot = json_object_get(d->manifest, "plot");
  return json_string_value(json_object_get(plot, key));
}

static bool choose_axes(struct figure_data *d, const char *x,
                        const char *curves)
{
  d->x = find_axis(d, hint(d, "x"));
  d->curves = find_axis(d, hint(d, "curves"));
  size_t asked_x = FIGURE_NONE, asked_curves = FIGURE_NONE;
  if (!ask_axis(d, x, &asked_x) || !ask_axis(d, curves, &asked_curves))
    return false;
  if (asked_x != FIGURE_NONE)
    d->x = asked_x;
  if (asked_curves != FIGURE_NONE)
    d->curves = asked_curves;
  if (d->x == d->curves && asked_x != FIGURE_NONE)
    d->curves = FIGURE_NONE;
  if (d->x == FIGURE_NONE || d->x == d->curves)
    d->x = first_axis(d, d->curves, true);
  if (d->curves == FIGURE_NONE)
    d->curves = default_curves(d);
  if (d->x == FIGURE_NONE)
    d->x = first_axis(d, d->curves, false);
  if (d->x == FIGURE_NONE && d->curves != FIGURE_NONE) {
    d->x = d->curves;
    d->curves = FIGURE_NONE;
  }
  return true;
}

/* -- cells
 * --------------------------------------------------------------------- */

/* Without a curve axis, several VM groups are the curves. */
static void choose_groups(struct figure_data *d)
{
  const struct summary *s = &d->summary;
  if (d->curves != FIGURE_NONE || s->groups < 2)
    return;
  d->groups = cli_allocate(s->groups, sizeof *d->groups);
  d->n_curves = 0;
  for (size_t i = 0; i < s->n_cases && d->n_curves < s->groups; i++) {
    const char *group = s->cases[i].group;
    bool known = strcmp(group, "all") == 0;
    for (size_t j = 0; j < d->n_curves; j++)
      known = known || strcmp(d->groups[j], group) == 0;
    if (!known)
      d->groups[d->n_curves++] = group;
  }
}

static size_t curve_of(const struct figure_data *d,
                       const struct summary_case *c, const size_t *values)
{
  for (size_t i = 0; d->groups != NULL && i < d->n_curves; i++)
    if (strcmp(d->groups[i], c->group) == 0)
      return i;
  if (d->groups != NULL || strcmp(c->group, "all") != 0)
    return FIGURE_NONE;
  return d->curves != FIGURE_NONE ? values[d->curves] : 0;
}

/* The axes' values of a point, axis 0 outermost. False: no such point. */
static bool values_of(const struct figure_data *d, size_t point, size_t *values)
{
  for (size_t i = d->n_axes; i-- > 0;) {
    values[i] = point % d->axes[i].n;
    point /= d->axes[i].n;
  }
  return point == 0;
}

static void place(struct figure_data *d, size_t which, size_t *values)
{
  const struct summary_case *c = &d->summary.cases[which];
  if (!values_of(d, c->point, values))
    return;
  size_t curve = curve_of(d, c, values), panel = 0;
  for (size_t i = 0; i < d->n_axes; i++)
    if (is_panel_axis(d, i))
      panel = panel * d->axes[i].n + values[i];
  size_t x = d->x != FIGURE_NONE ? values[d->x] : 0;
  if (curve != FIGURE_NONE)
    d->cells[(panel * d->n_curves + curve) * d->n_x + x] = which;
}

static void place_all(struct figure_data *d)
{
  size_t n = d->n_panels * d->n_curves * d->n_x;
  size_t *values = cli_allocate(d->n_axes, sizeof *values);
  d->cells = cli_allocate(n, sizeof *d->cells);
  for (size_t i = 0; i < n; i++)
    d->cells[i] = FIGURE_NONE;
  for (size_t i = 0; i < d->summary.n_cases; i++)
    place(d, i, values);
  free(values);
}

static void sort_x(struct figure_data *d)
{
  d->order = cli_allocate(d->n_x, sizeof *d->order);
  for (size_t i = 0; i < d->n_x; i++) {
    size_t at = i;
    const double *v = d->x != FIGURE_NONE ? d->axes[d->x].numbers : NULL;
    bool numeric = d->x != FIGURE_NONE && d->axes[d->x].numeric;
    for (; numeric && at > 0 && v[d->order[at - 1]] > v[i]; at--)
      d->order[at] = d->order[at - 1];
    d->order[at] = i;
  }
}

static void arrange(struct figure_data *d)
{
  d->n_curves = d->curves != FIGURE_NONE ? d->axes[d->curves].n : 1;
  d->n_x = d->x != FIGURE_NONE ? d->axes[d->x].n : 1;
  d->n_panels = 1;
  for (size_t i = 0; i < d->n_axes; i++)
    if (is_panel_axis(d, i))
      d->n_panels *= d->axes[i].n;
  choose_groups(d);
  sort_x(d);
  place_all(d);
}

/* -- reading
 * ------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

static void read_axis(struct figure_axis *a, const json_t *object)
{
  json_t *values = json_object_get(object, "values"), *value;
  size_t n = json_array_size(values), i;
  *a = (struct figure_axis){.path = text_of(object, "path"),
                            .type = text_of(object, "type"),
                            .meaning = text_of(object, "meaning"),
                            .n = n > 0 ? n : 1,
                            .numeric = n > 0};
  a->texts = cli_allocate(a->n, sizeof *a->texts);
  a->numbers = cli_allocate(a->n, sizeof *a->numbers);
  a->texts[0] = "";
  json_array_foreach(values, i, value)
  {
    json_t *number = json_object_get(value, "number");
    a->texts[i] = text_of(value, "text");
    a->numbers[i] = json_is_number(number) ? json_number_value(number) : NAN;
    a->numeric = a->numeric && json_is_number(number);
  }
}

static void read_manifest(struct figure_data *d)
{
  json_t *axes = json_object_get(d->manifest, "axes"), *axis;
  json_t *plot = json_object_get(d->manifest, "plot");
  json_t *level = json_object_get(d->manifest, "confidence");
  size_t i;
  d->n_axes = json_array_size(axes);
  d->axes = cli_allocate(d->n_axes, sizeof *d->axes);
  json_array_foreach(axes, i, axis) read_axis(&d->axes[i], axis);
  d->level = json_is_number(level) ? json_number_value(level) : 0.95;
  d->log_x_asked = json_is_true(json_object_get(plot, "log_x"));
  d->log_y_asked = json_is_true(json_object_get(plot, "log_y"));
  const char *title = hint(d, "title");
  if (title == NULL)
    title = text_of(d->manifest, "description");
  d->title = title[0] != '\0' ? title : text_of(d->manifest, "name");
}

static bool read_files(struct figure_data *d)
{
  char error[HD_ATOMIC_ERROR_MAX];
  json_error_t why;
  char *summary = cli_format("%s/summary.csv", d->dir);
  char *manifest = cli_format("%s/manifest.json", d->dir);
  d->manifest = json_load_file(manifest, 0, &why);
  bool good = d->manifest != NULL;
  if (!good)
    cli_message("%s has no results to plot: %s", d->dir, why.text);
  else if (!(good = cli_summary_read(&d->summary, summary, error)))
    cli_message("%s has no results to plot: %s", d->dir, error);
  if (!good)
    json_decref(d->manifest);
  free(summary);
  free(manifest);
  return good;
}

int cli_figure_data_read(struct figure_data *d, const char *dir, const char *x,
                         const char *curves)
{
  *d = (struct figure_data){.dir = dir};
  if (!read_files(d))
    return CLI_USAGE;
  read_manifest(d);
  if (d->summary.n_axes != d->n_axes) {
    cli_message("%s: summary.csv and manifest.json do not belong together",
                dir);
    cli_figure_data_terminate(d);
    return CLI_USAGE;
  }
  if (!choose_axes(d, x, curves)) {
    cli_figure_data_terminate(d);
    return CLI_USAGE;
  }
  arrange(d);
  return CLI_OK;
}

void cli_figure_data_terminate(struct figure_data *d)
{
  for (size_t i = 0; i < d->n_axes; i++) {
    free(d->axes[i].texts);
    free(d->axes[i].numbers);
  }
  free(d->axes);
  free(d->groups);
  free(d->order);
  free(d->cells);
  cli_summary_terminate(&d->summary);
  json_decref(d->manifest);
}

/* -- a few x values
 * --------------------------------------------------------------- */

static size_t curves_with_result(const struct figure_data *d, size_t panel,
                                 size_t i)
{
  size_t n = 0;
  for (size_t curve = 0; curve < d->n_curves; curve++)
    n += cli_figure_is_ok(cli_figure_cell(d, panel, curve, i));
  return n;
}

static size_t collect_x(const struct figure_data *d, size_t panel,
                        size_t at_least, size_t *found)
{
  size_t n = 0;
  for (size_t i = 0; i < d->n_x; i++)
    if (curves_with_result(d, panel, i) >= at_least)
      found[n++] = i;
  return n;
}

size_t cli_figure_choose_x(const struct figure_data *d, size_t panel,
                           size_t most, size_t *chosen)
{
  size_t *found = cli_allocate(d->n_x, sizeof *found);
  size_t n = collect_x(d, panel, d->n_curves, found);
  if (n == 0)
    n = collect_x(d, panel, 1, found);
  size_t taken = n < most ? n : most;
  for (size_t i = 0; i < taken; i++)
    chosen[i] = taken > 1 ? found[i * (n - 1) / (taken - 1)] : found[n - 1];
  free(found);
  return taken;
}
