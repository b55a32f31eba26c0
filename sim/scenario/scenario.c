#include "sim/scenario/scenario.h"

#include "sim/scenario/internal.h"

#include <stdlib.h>

static void visit_layer(const struct hd_layer *layer, hd_setting_visit *visit,
                        void *ctx)
{
  for (size_t i = 0; i < layer->count; i++)
    visit(ctx, &layer->items[i]);
}

void hd_settings_each(const struct hd_scenario *s, bool presets,
                      hd_setting_visit *visit, void *ctx)
{
  for (size_t i = 0; presets && i < s->preset_count; i++)
    visit_layer(&s->presets[i]->settings, visit, ctx);
  for (size_t i = 0; i < s->document_count; i++)
    visit_layer(&s->documents[i]->settings, visit, ctx);
  visit_layer(&s->sets, visit, ctx);
  for (size_t i = 0; i < s->axis_count; i++)
    visit_layer(&s->axes[i].values, visit, ctx);
}

/* The structs' meaning: sources -> elements -> settings -> presets. Without
 * all sources the names of elements are not known, so paths wait. */
static void read_sources(struct hd_scenario *s, const struct hd_overrides *ov,
                         struct hd_errors *errors)
{
  for (size_t i = 0; i < s->document_count; i++)
    hd_reader_elements(s, s->documents[i], errors);
  hd_layout_finish(&s->layout);
  for (size_t i = 0; i < s->document_count; i++)
    hd_reader_settings(s, s->documents[i], errors);
  if (!s->incomplete) {
    hd_sweep_read(s, errors);
    hd_plot_read(s, errors);
    hd_published_read(s, errors);
    if (ov != NULL)
      hd_overrides_read(s, ov, errors);
  }
  hd_presets_load(s, errors);
  hd_sweep_finish(s, errors);
  hd_scenario_validate(s, errors);
}

static void resolve_first(struct hd_scenario *s, bool rules,
                          struct hd_errors *errors)
{
  struct hd_point *first = hd_point_resolve(s, 0, rules, errors);
  if (first != NULL)
    hd_published_bind(s, first);
  hd_point_destroy(first);
}

static struct hd_scenario *load(const struct hd_scenario_env *env,
                                const char *file, const char *text,
                                size_t length, const struct hd_overrides *ov,
                                struct hd_errors *errors)
{
  size_t before = hd_errors_added(errors);
  struct hd_scenario *s = calloc(1, sizeof *s);
  if (s == NULL)
    abort();
  s->env = *env;
  hd_errors_file(errors, file);
  hd_layout_begin(&s->layout, &s->arena, &s->env);
  hd_include_root(s, file, text, length, errors);
  read_sources(s, ov, errors);
  bool good = hd_errors_added(errors) == before;
  if (!s->incomplete)
    resolve_first(s, good, errors);
  good = hd_errors_added(errors) == before;
  hd_errors_sort(errors);
  if (good && !s->incomplete) {
    hd_point_remember_defaults(s);
    return s;
  }
  hd_scenario_destroy(s);
  return NULL;
}

struct hd_scenario *hd_scenario_load(const struct hd_scenario_env *env,
                                     const char *file,
                                     const struct hd_overrides *ov,
                                     struct hd_errors *errors)
{
  return load(env, file, NULL, 0, ov, errors);
}

struct hd_scenario *hd_scenario_load_text(const struct hd_scenario_env *env,
                                          const char *name, const char *text,
                                          size_t length,
                                          const struct hd_overrides *ov,
                                          struct hd_errors *errors)
{
  return load(env, name, text, length, ov, errors);
}

void hd_scenario_destroy(struct hd_scenario *s)
{
  if (s == NULL)
    return;
  hd_arena_free(&s->arena);
  free(s);
}

size_t hd_scenario_points(const struct hd_scenario *s)
{
  return s->points;
}

size_t hd_scenario_axes(const struct hd_scenario *s)
{
  return s->axis_count;
}

const char *hd_scenario_axis_path(const struct hd_scenario *s, size_t axis)
{
  return s->axes[axis].path;
}

size_t hd_scenario_axis_values(const struct hd_scenario *s, size_t axis)
{
  return s->axes[axis].values.count;
}

const struct hd_scenario_plot *hd_scenario_plot(const struct hd_scenario *s)
{
  return &s->plot;
}

bool hd_scenario_check(const struct hd_scenario *s, struct hd_errors *errors)
{
  bool good = true;
  for (size_t i = 0; i < s->points && !hd_errors_full(errors); i++) {
    struct hd_point *point = hd_scenario_point(s, i, errors);
    good = good && point != NULL;
    hd_point_destroy(point);
  }
  hd_errors_sort(errors);
  return good;
}
