/*
 * layout.h - every place in the configuration that a scenario can set.
 *
 * A scope is a section, the top level, or one element of a group; a slot is
 * one parameter of a scope. Slots are numbered in the order of the registry,
 * elements in the order of their first appearance; an element's variant comes
 * last in its scope: the selector's slot, then all alternatives' slots.
 */
#ifndef HD_SCENARIO_LAYOUT_H
#define HD_SCENARIO_LAYOUT_H

#include "sim/engine/param.h"
#include "sim/scenario/arena.h"
#include "sim/scenario/errors.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/text.h"
#include "sim/scenario/value.h"

#define HD_NONE SIZE_MAX

struct hd_slot {
  const struct hd_param *param;
  const char *path;
  const char *origin; /* of the default: "default: SOURCE" */
  size_t offset;      /* of the field in the configuration */
  size_t scope;
  size_t selector;           /* the selector's slot; HD_NONE: always in force */
  int64_t choice;            /* the selector's value for which it is in force */
  struct hd_value fallback;  /* the default, read once for all points */
  const char *fallback_text; /* canonical; NULL: not read yet, or none */
};

struct hd_scope {
  const char *path; /* "" for the top level */
  const struct hd_param_table *table;
  const struct hd_param_group *group; /* NULL: a section */
  const char *element;                /* name of a group's element */
  size_t index;                       /* of the element in the group */
  size_t first, selector, end;        /* slots; selector == end: no variant */
  struct hd_mark mark; /* where it is given; file NULL: nowhere */
};

struct hd_layout {
  struct hd_arena *arena;
  const struct hd_scenario_env *env;
  struct hd_scope *scopes; /* sections in the registry's order, then elements */
  size_t section_count, scope_count;
  struct hd_slot *slots;
  size_t slot_count;
};

/* What a path stands for: slots, or the preset of a section. */
struct hd_target {
  const char *path; /* canonical */
  size_t preset;    /* section's index, or HD_NONE */
  size_t *slots;
  size_t count;
};

/* Makes the sections' scopes; groups are empty. */
void hd_layout_begin(struct hd_layout *layout, struct hd_arena *arena,
                     const struct hd_scenario_env *env);
/* Adds an element, unless it is there; returns the scope, or NULL when the
 * group is full. */
struct hd_scope *hd_layout_element(struct hd_layout *layout,
                                   const struct hd_param_group *group,
                                   const char *name);
/* Makes the slots; no element can be added after it. */
void hd_layout_finish(struct hd_layout *layout);

const char *hd_layout_section_name(const struct hd_layout *layout,
                                   const char *name_or_alias);
/* The section's scope index, HD_NONE if there is none; no aliases. */
size_t hd_layout_section(const struct hd_layout *layout, const char *name);
const struct hd_param_group *hd_layout_group(const struct hd_layout *layout,
                                             const char *name);
struct hd_scope *hd_layout_find_element(const struct hd_layout *layout,
                                        const struct hd_param_group *group,
                                        const char *name);

/* Adds the scope's slots called `name` to the target, of the variant or of the
 * table; true if there was one. */
bool hd_layout_collect(const struct hd_layout *layout, size_t scope,
                       bool variant, const char *name,
                       struct hd_target *target);

/* The hint for a key that the table, variant or top level does not know;
 * `file`: include, sweep, plot and published are keys too. */
struct hd_hint hd_layout_hint_top(const struct hd_layout *layout, bool file,
                                  const char *key);
struct hd_hint hd_layout_hint_table(const struct hd_param_table *table,
                                    const char *variant_or_preset,
                                    const char *key);
struct hd_hint hd_layout_hint_variant(const struct hd_param_variant *variant,
                                      const char *key);
struct hd_hint hd_layout_hint_element(const struct hd_layout *layout,
                                      const struct hd_param_group *group,
                                      const char *name);

/* Resolves a dotted path; NULL after an error at `mark`. */
struct hd_target *hd_layout_bind(const struct hd_layout *layout,
                                 const char *path, struct hd_mark mark,
                                 struct hd_errors *errors);

#endif
