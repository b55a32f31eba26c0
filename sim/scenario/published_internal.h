/*
 * published_internal.h - entries of `published` between reading and use.
 */
#ifndef HD_SCENARIO_PUBLISHED_INTERNAL_H
#define HD_SCENARIO_PUBLISHED_INTERNAL_H

#include "sim/scenario/internal.h"
#include "sim/scenario/published.h"

/* One axis of `at` or `over` with the values that it may have. */
struct hd_condition {
  const struct hd_target *target;
  struct hd_mark mark;
  const char **values; /* canonical */
  size_t count;
  size_t axis; /* of the sweep as it is run; HD_NONE: fixed by --set */
  bool fixed;  /* axis == HD_NONE: it has one of the values */
  bool *holds; /* by the index of the axis' value */
};

struct hd_conditions {
  struct hd_condition *items;
  size_t count;
};

struct hd_published_entry {
  struct hd_published facts;
  struct hd_conditions at, over;
  const struct hd_target *largest;
  size_t largest_axis; /* of the sweep as it is run; HD_NONE: there is none */
};

enum hd_published_key {
  HD_KEY_WHAT,
  HD_KEY_METRIC,
  HD_KEY_LARGEST,
  HD_KEY_GROUP,
  HD_KEY_AT,
  HD_KEY_OVER,
  HD_KEY_VALUE,
  HD_KEY_AT_LEAST,
  HD_KEY_AT_MOST,
  HD_KEY_TOLERANCE,
  HD_KEY_INFEASIBLE,
  HD_KEY_SHOW,
  HD_KEY_SOURCE,
  HD_KEYS
};

extern const char *const hd_published_keys[HD_KEYS];

/* An entry being read. */
struct hd_published_reading {
  struct hd_scenario *s;
  struct hd_published_entry *entry;
  struct hd_mark mark; /* of the entry */
  const struct hd_node *given[HD_KEYS];
  struct hd_errors *errors;
};

/* published_check.c: reports what is missing, and what does not go together. */
void hd_published_check(const struct hd_published_reading *r);

/* published_axes.c: reads `at` or `over`; *text becomes its words. A list of
 * values is for `at` only. */
void hd_conditions_read(struct hd_scenario *s, const char *key,
                        const struct hd_node *node, struct hd_conditions *out,
                        const char **text, struct hd_errors *errors);
/* The target of an axis of the sweep; NULL after an error. */
const struct hd_target *hd_published_axis(struct hd_scenario *s,
                                          const char *path, struct hd_mark mark,
                                          struct hd_errors *errors);
struct hd_condition *hd_conditions_find(const struct hd_conditions *c,
                                        const char *path);
/* Is every value of `over` one that `at` has? */
bool hd_conditions_same(const struct hd_conditions *at,
                        const struct hd_conditions *over);

#endif
