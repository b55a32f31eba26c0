/*
 * scenario.h - from YAML to one resolved, explicit configuration.
 *
 * A scenario is loaded once: the file, what it includes, the presets it names
 * and the overrides of the command line are read and checked, and every error
 * in any of them is reported in one pass. Each point of the sweep is then
 * resolved into the C struct that the registry describes, and every value
 * knows where it came from. Nothing here prints (except to a FILE it is
 * given), aborts or exits; only running out of memory ends the process.
 *
 * Precedence, weakest first: the table's default; a preset (one named for
 * another section, then the section's own); included files in their order; the
 * file; --set in order; the sweep's axis. --set of what a file's axis sweeps
 * pins it: that axis goes.
 *
 * Keys come from the registry, besides `include` (a path or a list of paths,
 * relative to the file), `sweep: {axes: {PATH: [VALUE, ...]}}`, `plot`,
 * `published` (published.h), and in each section `preset`. A path is PARAM,
 * SECTION.PARAM, SECTION.preset (or just SECTION), GROUP.NAME.PARAM,
 * GROUP.NAME.VARIANT.PARAM, and with NAME left out all elements of the group.
 *
 * A parameter that names a file to be read takes a path relative to the file
 * that it stands in; from the command line or an axis, to the scenario's.
 *
 * Limits: 1 MiB a file, 32 levels of nesting, HD_FILES_MAX files,
 * HD_POINTS_MAX points, 100 errors.
 */
#ifndef HD_SCENARIO_SCENARIO_H
#define HD_SCENARIO_SCENARIO_H

#include "sim/engine/param.h"
#include "sim/scenario/errors.h"

#define HD_FILES_MAX 100
#define HD_POINTS_MAX 100000
#define HD_INCLUDE_DEPTH_MAX 16

struct hd_scenario;
struct hd_point;

/* Another name for a section, e.g. "server" for "host". */
struct hd_section_alias {
  const char *name, *section;
};

/* Reports a violated rule between parameters; `path` names the parameter (or
 * section, or group element) to blame, and its place is put before the
 * message. `ctx` is the one the check was called with. */
typedef void (*hd_scenario_complain)(void *ctx, const char *path,
                                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* true: the configuration is consistent. */
typedef bool (*hd_scenario_check_fn)(const void *config,
                                     hd_scenario_complain complain, void *ctx);

/* What scenarios are read against. Everything is borrowed and must outlive the
 * scenarios. */
struct hd_scenario_env {
  const struct hd_param_registry *registry;
  const char *const *data_dirs; /* NULL-terminated, or NULL; a preset is the
                                   first DIR/presets/SECTION/NAME.yaml */
  const struct hd_section_alias *aliases; /* ends with name NULL; or NULL */
  hd_scenario_check_fn check;             /* or NULL */
  const char *const *metrics; /* columns of results that `published` may name;
                                 NULL-terminated; NULL: any */
};

/* The command line's share. Strings are borrowed during the load. */
struct hd_overrides {
  const char *const *sets; /* "PATH=VALUE" */
  size_t set_count;
  const char *const *axes; /* "PATH=V1,V2,...": replaces the axis of the same
                              path, or is appended as the innermost */
  size_t axis_count;
};

/* What the scenario says about its figure; NULL: not said. */
struct hd_scenario_plot {
  const char *x, *curves; /* canonical parameter paths */
  const char *title;
  bool log_x, log_y;
};

/* `ov` may be NULL. NULL: the errors were added to `errors`. */
struct hd_scenario *hd_scenario_load(const struct hd_scenario_env *env,
                                     const char *file,
                                     const struct hd_overrides *ov,
                                     struct hd_errors *errors);
/* The same for a text in memory that is called `name` in messages; includes
 * are relative to the directory of `name`. */
struct hd_scenario *hd_scenario_load_text(const struct hd_scenario_env *env,
                                          const char *name, const char *text,
                                          size_t length,
                                          const struct hd_overrides *ov,
                                          struct hd_errors *errors);
void hd_scenario_destroy(struct hd_scenario *scenario);

size_t hd_scenario_points(const struct hd_scenario *scenario); /* at least 1 */
size_t hd_scenario_axes(const struct hd_scenario *scenario);
/* Axis 0 is the outermost. The path is canonical (aliases replaced). */
const char *hd_scenario_axis_path(const struct hd_scenario *scenario,
                                  size_t axis);
size_t hd_scenario_axis_values(const struct hd_scenario *scenario, size_t axis);
const struct hd_scenario_plot *
hd_scenario_plot(const struct hd_scenario *scenario);

/* Resolves a point; it must be destroyed before its scenario. NULL: errors (a
 * required parameter that this point lacks, a rule of `check`, no such index).
 * Loading resolves point 0. Points may be resolved from several threads with
 * an `errors` each. */
struct hd_point *hd_scenario_point(const struct hd_scenario *scenario,
                                   size_t index, struct hd_errors *errors);
/* Resolves every point and throws it away; to be called before a long sweep.
 * false: errors. */
bool hd_scenario_check(const struct hd_scenario *scenario,
                       struct hd_errors *errors);
void hd_point_destroy(struct hd_point *point);

const void *hd_point_config(const struct hd_point *point);
size_t hd_point_index(const struct hd_point *point);
/* The axis value as the user wrote it, without blanks around it. */
const char *hd_point_axis_text(const struct hd_point *point, size_t axis);
/* The axis value in base units (ps, b/s, B, Hz); false: it is no number. */
bool hd_point_axis_number(const struct hd_point *point, size_t axis,
                          double *number);

enum hd_origin_kind {
  HD_ORIGIN_DEFAULT,
  HD_ORIGIN_PRESET,
  HD_ORIGIN_FILE,
  HD_ORIGIN_SET,
  HD_ORIGIN_AXIS
};

/* One resolved value. Texts live as long as the point. */
struct hd_point_value {
  const char *path;
  const char *text;   /* canonical: "150 ns", "2 MiB"; strings unquoted */
  const char *origin; /* "default: SOURCE", "preset host/x.yaml:12",
                         "fig.yaml:9", "--set", "axis" */
  enum hd_origin_kind kind;
  const struct hd_param *param;
};

/* All values in the order of the registry and of the groups' elements; only
 * the chosen alternative of a variant is listed. */
size_t hd_point_values(const struct hd_point *point);
struct hd_point_value hd_point_value(const struct hd_point *point,
                                     size_t index);

/* The resolved scenario as YAML, each value with its origin as a comment. Read
 * back, it resolves to the same configuration. */
void hd_scenario_explain(const struct hd_point *point, FILE *out);
/* 64-bit FNV-1a over "PATH=TEXT\n" of all values. */
uint64_t hd_scenario_hash(const struct hd_point *point);

#endif
