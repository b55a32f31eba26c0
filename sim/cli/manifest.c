/* manifest.json: what ran, with what, and what it cost. */
#include "sim/cli/captures.h"
#include "sim/cli/merge.h"
#include "sim/cli/record.h"
#include "sim/measure/manifest.h"

#include <gsl/gsl_version.h>
#include <inttypes.h>
#include <jansson.h>
#include <pcap/pcap.h>
#include <xbt/base.h>
#include <simgrid/version.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Names that the plotter knows parameters' types by. */
static const char *type_name(enum hd_param_type type)
{
  static const char *const names[] = {
      [HD_PARAM_BOOL] = "bool",     [HD_PARAM_INT] = "int",
      [HD_PARAM_REAL] = "real",     [HD_PARAM_RATIO] = "ratio",
      [HD_PARAM_TIME] = "time",     [HD_PARAM_RATE] = "rate",
      [HD_PARAM_SIZE] = "size",     [HD_PARAM_FREQUENCY] = "frequency",
      [HD_PARAM_CYCLES] = "cycles", [HD_PARAM_ENUM] = "enum",
      [HD_PARAM_STRING] = "string", [HD_PARAM_FILE] = "string"};
  return names[type];
}

static void put_versions(struct hd_manifest *m)
{
  struct json_t *v = hd_manifest_object(m, NULL, "versions");
  hd_manifest_set_text(m, v, "hdiov-sim", cli_version);
  char *simgrid =
      cli_format("%d.%d", SIMGRID_VERSION_MAJOR, SIMGRID_VERSION_MINOR);
  hd_manifest_set_text(m, v, "simgrid", simgrid);
  hd_manifest_set_text(m, v, "gsl", gsl_version);
  hd_manifest_set_text(m, v, "libyaml", yaml_get_version_string());
  hd_manifest_set_text(m, v, "jansson", JANSSON_VERSION);
  hd_manifest_set_text(m, v, "libpcap", pcap_lib_version());
  hd_manifest_set_text(m, v, "compiler", __VERSION__);
  free(simgrid);
}

/* -- axes ----------------------------------------------------------------- */

static bool same_ends(const char *path, const char *axis)
{
  size_t head = strcspn(axis, ".");
  const char *tail = strrchr(axis, '.'), *last = strrchr(path, '.');
  if (tail == NULL || last == NULL)
    return false;
  return strncmp(path, axis, head + 1) == 0 && strcmp(tail, last) == 0;
}

/* The parameter that an axis sets; for all of a group, that of one element.
 * NULL: a preset. */
static const struct hd_param *axis_param(const struct hd_point *point,
                                         const char *path)
{
  const struct hd_param *near = NULL;
  for (size_t i = 0; i < hd_point_values(point); i++) {
    struct hd_point_value v = hd_point_value(point, i);
    if (strcmp(v.path, path) == 0)
      return v.param;
    if (near == NULL && same_ends(v.path, path))
      near = v.param;
  }
  return near;
}

static void put_axis_value(struct hd_manifest *m, struct json_t *values,
                           const struct plan *p, size_t axis,
                           size_t point_index)
{
  struct plan_job job = {.point = point_index};
  struct hd_point *point = cli_plan_resolve(p, &job);
  struct json_t *value = hd_manifest_append_object(m, values);
  double number;
  hd_manifest_set_text(m, value, "text", hd_point_axis_text(point, axis));
  if (hd_point_axis_number(point, axis, &number))
    hd_manifest_set_real(m, value, "number", number);
  hd_point_destroy(point);
}

static void put_axis(struct hd_manifest *m, struct json_t *axes,
                     const struct plan *p, const struct hd_point *first,
                     size_t axis)
{
  const char *path = hd_scenario_axis_path(p->scenario, axis);
  const struct hd_param *param = axis_param(first, path);
  struct json_t *object = hd_manifest_append_object(m, axes);
  hd_manifest_set_text(m, object, "path", path);
  hd_manifest_set_text(m, object, "type",
                       param != NULL ? type_name(param->type) : "preset");
  hd_manifest_set_text(m, object, "meaning",
                       param != NULL ? param->meaning : "preset");
  struct json_t *values = hd_manifest_array(m, object, "values");
  size_t stride = 1;
  for (size_t i = axis + 1; i < hd_scenario_axes(p->scenario); i++)
    stride *= hd_scenario_axis_values(p->scenario, i);
  for (size_t i = 0; i < hd_scenario_axis_values(p->scenario, axis); i++)
    if (i * stride < p->n_points)
      put_axis_value(m, values, p, axis, i * stride);
}

static void put_plot(struct hd_manifest *m, const struct plan *p)
{
  const struct hd_scenario_plot *plot = hd_scenario_plot(p->scenario);
  struct json_t *object = hd_manifest_object(m, NULL, "plot");
  hd_manifest_set_text(m, object, "x", plot->x);
  hd_manifest_set_text(m, object, "curves", plot->curves);
  hd_manifest_set_text(m, object, "title", plot->title);
  hd_manifest_set_bool(m, object, "log_x", plot->log_x);
  hd_manifest_set_bool(m, object, "log_y", plot->log_y);
}

/* The first point's values; what axes change stands with the points. */
static void put_scenario(struct hd_manifest *m, const struct plan *p,
                         const struct hd_point *first)
{
  const struct server_config *c = hd_point_config(first);
  hd_manifest_set_text(m, NULL, "file", p->file);
  hd_manifest_set_text(m, NULL, "name",
                       c->scenario.name[0] ? c->scenario.name : p->name);
  hd_manifest_set_text(m, NULL, "description", c->scenario.description);
  for (size_t i = 0; i < hd_point_values(first); i++) {
    struct hd_point_value v = hd_point_value(first, i);
    hd_manifest_setting(m, v.path, v.text, v.origin);
  }
  struct json_t *axes = hd_manifest_array(m, NULL, "axes");
  for (size_t i = 0; i < hd_scenario_axes(p->scenario); i++)
    put_axis(m, axes, p, first, i);
  put_plot(m, p);
  hd_manifest_set_real(m, NULL, "confidence", p->confidence);
}

/* -- points --------------------------------------------------------------- */

static void put_cost(struct hd_manifest *m, struct json_t *o,
                     const struct record_cost *c)
{
  hd_manifest_set_text(m, o, "status", c->status);
  if (c->fingerprint[0] == '\0')
    return;
  hd_manifest_set_real(m, o, "wall_s", c->wall_s);
  hd_manifest_set_real(m, o, "simulated_s", c->simulated_s);
  hd_manifest_set_int(m, o, "events", c->events);
  hd_manifest_set_int(m, o, "wakeups", c->wakeups);
  hd_manifest_set_int(m, o, "messages_peak", c->messages_peak);
  hd_manifest_set_text(m, o, "fingerprint", c->fingerprint);
  hd_manifest_set_int(m, o, "peak_memory_bytes", c->peak_memory);
}

struct totals {
  struct hd_manifest_outcome sum;
  double simulated_s;
};

static void add_cost(struct totals *t, const struct record_cost *c)
{
  t->simulated_s += c->simulated_s;
  t->sum.events += (uint64_t)c->events;
  t->sum.wakeups += (uint64_t)c->wakeups;
  if ((uint64_t)c->peak_memory > t->sum.peak_memory_bytes)
    t->sum.peak_memory_bytes = (uint64_t)c->peak_memory;
  for (const char *f = c->fingerprint; *f != '\0'; f++) /* FNV-1a */
    t->sum.fingerprint =
        (t->sum.fingerprint ^ (unsigned char)*f) * UINT64_C(0x100000001b3);
}

static void put_job(struct hd_manifest *m, const struct plan *p,
                    const struct outdir *d, const struct plan_job *job,
                    struct totals *totals)
{
  struct record_cost cost = {0};
  struct json_t *o = hd_manifest_point(m);
  hd_manifest_set_uint(m, o, "point", job->point);
  hd_manifest_set_uint(m, o, "repetition", job->repetition);
  hd_manifest_set_uint(m, o, "seed", cli_plan_seed(p, job));
  hd_manifest_set_hex(m, o, "scenario_hash", p->points[job->point].hash);
  if (job->state == JOB_DONE)
    cli_record_cost(d, job, &cost);
  else
    snprintf(cost.status, sizeof cost.status, "%s",
             job->state == JOB_FAILED ? "failed" : "not run");
  put_cost(m, o, &cost);
  add_cost(totals, &cost);
}

static void put_totals(struct hd_manifest *m, const struct totals *t)
{
  hd_manifest_outcome(m, &t->sum);
  /* The sum over many points may not fit in picoseconds. */
  hd_manifest_set_real(m, NULL, "simulated_s", t->simulated_s);
}

bool cli_merge_manifest(const struct plan *p, const struct outdir *d,
                        double wall_s)
{
  struct hd_manifest m;
  struct plan_job zero = {0};
  struct hd_point *first = cli_plan_resolve(p, &zero);
  struct totals totals = {
      .sum = {.scenario_hash = p->points[0].hash, .wall_s = wall_s}};
  hd_manifest_initialize(&m);
  hd_manifest_head(&m, cli_version, p->options->argc, p->options->argv,
                   p->points[0].seed);
  put_versions(&m);
  put_scenario(&m, p, first);
  cli_captures_put(&m);
  hd_manifest_array(&m, NULL, "points");
  for (size_t i = 0; i < p->n_jobs; i++)
    put_job(&m, p, d, &p->jobs[i], &totals);
  put_totals(&m, &totals);
  char *path = cli_format("%s/manifest.json", d->path);
  bool good = hd_manifest_write(&m, path);
  if (!good)
    cli_message("%s", m.error);
  free(path);
  hd_manifest_terminate(&m);
  hd_point_destroy(first);
  return good;
}

double cli_manifest_confidence(const char *dir)
{
  char *path = cli_format("%s/manifest.json", dir);
  json_t *manifest = json_load_file(path, 0, NULL);
  const json_t *level = json_object_get(manifest, "confidence");
  double value = json_is_number(level) ? json_number_value(level) : 0.95;
  json_decref(manifest);
  free(path);
  return value;
}
