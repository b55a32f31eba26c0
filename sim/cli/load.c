/* Loading a scenario with the overrides of the command line. */
#include "sim/cli/cli.h"

#include <stdlib.h>
#include <string.h>

/* The overrides, a --set of an axis turned into an axis of one value. */
struct split {
  const char **sets, **axes;
  size_t n_sets, n_axes;
};

static bool same_path(const char *path, size_t length, const char *canonical)
{
  if (strlen(canonical) == length && strncmp(path, canonical, length) == 0)
    return true;
  for (const struct hd_section_alias *a = cli_environment()->aliases;
       a->name != NULL; a++) {
    size_t name = strlen(a->name), section = strlen(a->section);
    if (length < name || strncmp(path, a->name, name) != 0 ||
        strncmp(canonical, a->section, section) != 0)
      continue;
    if (strlen(canonical + section) == length - name &&
        strncmp(path + name, canonical + section, length - name) == 0)
      return true;
  }
  return false;
}

static size_t length_of_path(const char *set)
{
  size_t length = strcspn(set, "=");
  while (length > 0 && set[length - 1] == ' ')
    length--;
  return length;
}

static bool is_axis(const struct hd_scenario *s, const char *set)
{
  size_t length = length_of_path(set);
  for (size_t i = 0; i < hd_scenario_axes(s); i++)
    if (same_path(set, length, hd_scenario_axis_path(s, i)))
      return strchr(set, ',') == NULL;
  return false;
}

static struct hd_scenario *load(const struct split *split, const char *file,
                                struct hd_errors *errors)
{
  struct hd_overrides ov = {.sets = split->sets,
                            .set_count = split->n_sets,
                            .axes = split->axes,
                            .axis_count = split->n_axes};
  return hd_scenario_load(cli_environment(), file, &ov, errors);
}

/* Moves the sets that name an axis; returns how many. */
static size_t move_sets(const struct hd_scenario *s, struct split *split)
{
  size_t kept = 0, before = split->n_sets;
  for (size_t i = 0; i < before; i++) {
    if (is_axis(s, split->sets[i]))
      split->axes[split->n_axes++] = split->sets[i];
    else
      split->sets[kept++] = split->sets[i];
  }
  split->n_sets = kept;
  return before - kept;
}

/* A --set that an axis of another spelling overrides would be silently lost. */
static void refuse_lost(const struct hd_scenario *s, const struct split *split,
                        struct hd_errors *errors)
{
  struct hd_point *point = hd_scenario_point(s, 0, errors);
  for (size_t i = 0; point != NULL && i < hd_point_values(point); i++) {
    struct hd_point_value v = hd_point_value(point, i);
    for (size_t j = 0; v.kind == HD_ORIGIN_AXIS && j < split->n_sets; j++) {
      size_t length = length_of_path(split->sets[j]);
      if (!same_path(split->sets[j], length, v.path))
        continue;
      struct hd_mark mark = {.file = "--set"};
      hd_errors_add(errors, mark, "'%s' has no effect: the sweep sets it",
                    v.path);
    }
  }
  hd_point_destroy(point);
}

static struct hd_scenario *load_split(struct split *split, const char *file,
                                      struct hd_errors *errors)
{
  struct hd_scenario *s = load(split, file, errors);
  if (s != NULL && move_sets(s, split) > 0) {
    hd_scenario_destroy(s);
    s = load(split, file, errors);
  }
  if (s != NULL && split->n_sets > 0)
    refuse_lost(s, split, errors);
  return s;
}

struct hd_scenario *cli_load(const struct cli_options *o, const char *file)
{
  struct hd_errors *errors = hd_errors_create();
  size_t total = o->n_sets + o->n_axes;
  struct split split = {.sets = cli_allocate(o->n_sets, sizeof(char *)),
                        .axes = cli_allocate(total, sizeof(char *)),
                        .n_sets = o->n_sets,
                        .n_axes = o->n_axes};
  for (size_t i = 0; i < o->n_sets; i++)
    split.sets[i] = o->sets[i];
  for (size_t i = 0; i < o->n_axes; i++)
    split.axes[i] = o->axes[i];
  struct hd_scenario *s = load_split(&split, file, errors);
  if (hd_errors_count(errors) > 0) {
    hd_errors_print(errors, stderr);
    hd_scenario_destroy(s);
    s = NULL;
  }
  hd_errors_destroy(errors);
  free(split.sets);
  free(split.axes);
  return s;
}
