/*
 * internal.h - a scenario between its sources and its points.
 *
 * Each source (preset, file, --set, axis) becomes settings: a text, its place,
 * and the slots it goes to. A point applies the layers' settings in the order
 * of their precedence, so that the last one for a slot wins.
 */
#ifndef HD_SCENARIO_INTERNAL_H
#define HD_SCENARIO_INTERNAL_H

#include "sim/scenario/document.h"
#include "sim/scenario/layout.h"
#include "sim/scenario/value.h"

#include <sys/types.h>

struct hd_setting {
  enum hd_origin_kind kind;
  struct hd_mark mark;
  const char *origin; /* e.g. "preset host/x.yaml:12" */
  const char *text;
  const struct hd_target *target;
  const struct hd_document *preset; /* target->preset: the file chosen */
};

struct hd_layer {
  struct hd_setting *items;
  size_t count;
};

struct hd_document {
  const char *label;  /* the path, as messages cite it */
  const char *source; /* the path from the scenario's directory */
  struct hd_node *root;
  const struct hd_document *includer;
  dev_t device;
  ino_t inode;   /* 0: from memory */
  size_t preset; /* the section it is a preset of; HD_NONE: a scenario file */
  const char *preset_name;
  struct hd_layer settings;
};

struct hd_published_entry; /* published_internal.h */

struct hd_axis {
  const char *path;
  struct hd_mark mark;
  const struct hd_target *target;
  struct hd_layer values; /* one setting a value */
};

struct hd_scenario {
  struct hd_arena arena;
  struct hd_scenario_env env;
  struct hd_layout layout;
  struct hd_document **documents; /* includes before their includer */
  size_t document_count, opened;
  struct hd_document **presets; /* in the order of their first use */
  size_t preset_count;
  struct hd_layer sets;
  struct hd_axis *axes;
  size_t axis_count, points;
  struct hd_scenario_plot plot;
  struct hd_published_entry *published;
  size_t published_count;
  struct hd_mark start; /* of the scenario's own file */
  bool incomplete;      /* a source could not be read: say less */
};

void hd_layer_add(struct hd_arena *arena, struct hd_layer *layer,
                  struct hd_setting setting);

/* include.c: reads a file and what it includes. `text` NULL: from the file. */
void hd_include_root(struct hd_scenario *s, const char *file, const char *text,
                     size_t length, struct hd_errors *errors);

/* reader.c: group elements first, then (after the layout is finished) the
 * settings of a document. */
void hd_reader_elements(struct hd_scenario *s, const struct hd_document *doc,
                        struct hd_errors *errors);
void hd_reader_settings(struct hd_scenario *s, struct hd_document *doc,
                        struct hd_errors *errors);

/* preset.c: gives each setting of a preset its file. */
void hd_presets_load(struct hd_scenario *s, struct hd_errors *errors);

/* sweep.c: the files' axes; one axis; then overlaps and the points' number. */
void hd_sweep_read(struct hd_scenario *s, struct hd_errors *errors);
void hd_axis_read(struct hd_scenario *s, const struct hd_node *key,
                  const struct hd_node *node, struct hd_errors *errors);
void hd_sweep_finish(struct hd_scenario *s, struct hd_errors *errors);

/* published.c: reads the files' list, against the files' axes. Then, against
 * the axes as they are run (published_axes.c); `first` is point 0. */
void hd_published_read(struct hd_scenario *s, struct hd_errors *errors);
void hd_published_bind(struct hd_scenario *s, const struct hd_point *first);

/* override.c, plot.c */
void hd_overrides_read(struct hd_scenario *s, const struct hd_overrides *ov,
                       struct hd_errors *errors);
void hd_plot_read(struct hd_scenario *s, struct hd_errors *errors);

/* validate.c: every value of every setting, whether it wins or not. */
void hd_scenario_validate(const struct hd_scenario *s,
                          struct hd_errors *errors);

/* Calls `visit` with every setting of the scenario, weakest first; presets'
 * own contents included only when `presets` is set. */
typedef void hd_setting_visit(void *ctx, struct hd_setting *setting);
void hd_settings_each(const struct hd_scenario *s, bool presets,
                      hd_setting_visit *visit, void *ctx);

/* point.c: one value of a resolved point. */
struct hd_entry {
  const char *text;                 /* NULL: not in force */
  const struct hd_setting *setting; /* NULL: default */
};

struct hd_point {
  struct hd_arena arena;
  const struct hd_scenario *scenario;
  size_t index;
  unsigned char *config;
  struct hd_entry *entries; /* one a slot */
  size_t *order;            /* the slots in force */
  size_t count;
};

/* hd_scenario_point, with the rules of `check` or without. */
struct hd_point *hd_point_resolve(const struct hd_scenario *s, size_t index,
                                  bool rules, struct hd_errors *errors);
/* Reads the defaults, so that points need not do it again and again. */
void hd_point_remember_defaults(struct hd_scenario *s);

#endif
