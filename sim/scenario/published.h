/*
 * published.h - what others published about the subject of a scenario, to be
 * put beside what the simulation says.
 *
 *   published:
 *     - what: throughput, HD-IOV over SR-IOV   # in words
 *       metric: tx_goodput_gbps                # a column of the summary
 *       group: all                             # of machines; default all
 *       at: {design: hdiov, vms.count: [1, 2]} # axes of the sweep
 *       over: {design: sriov}                  # what to divide by
 *       value: 1                               # or at_least, at_most
 *       tolerance: 5 %                         # of `value`
 *       show: worst                            # or every
 *       source: where it was published
 *
 * `at` chooses points by values of axes, compared as quantities; an axis that
 * it leaves out may have any value. With several points all must hold: `show`
 * says whether the worst is shown or every one. `over` divides the metric by
 * that of the same point with these axes changed. Instead of `metric`,
 * `largest: AXIS` is the largest value of an axis that is feasible, so its
 * values should tell where that ends. Instead of
 * a number, `infeasible: RESOURCE` says what must run out, or `none`.
 *
 * Of several files that have such a list, the including one's counts. Axes are
 * checked against the sweep of the files; --axis and --set may leave entries
 * without points, and `largest` needs all values of its axis.
 */
#ifndef HD_SCENARIO_PUBLISHED_H
#define HD_SCENARIO_PUBLISHED_H

#include "sim/scenario/scenario.h"

/* One entry. Texts belong to the scenario; NULL and NaN: not given. */
struct hd_published {
  const char *what, *source;
  const char *metric;
  const char *largest;    /* canonical path of an axis */
  const char *infeasible; /* a resource, or "none" */
  const char *group;      /* "all", or a group's element */
  const char *at, *over;  /* "design=hdiov, vms.count=64"; at: "" for all */
  double value, at_least, at_most;
  double tolerance; /* of `value`: 0.05 is 5 % */
  bool every;       /* show: every */
};

size_t hd_scenario_published_count(const struct hd_scenario *scenario);
const struct hd_published *
hd_scenario_published(const struct hd_scenario *scenario, size_t entry);

/* Is the point, an index of the sweep, one of the entry's? Of the points along
 * the axis `largest` only the first is. */
bool hd_published_selects(const struct hd_scenario *scenario, size_t entry,
                          size_t point);
/* The point to divide by; false: there is none in this sweep. */
bool hd_published_base(const struct hd_scenario *scenario, size_t entry,
                       size_t point, size_t *base);
/* The points along the axis `largest`, and their values. */
size_t hd_published_steps(const struct hd_scenario *scenario, size_t entry);
size_t hd_published_step(const struct hd_scenario *scenario, size_t entry,
                         size_t point, size_t step, double *value);
/* Does the axis tell the entry's points apart? */
bool hd_published_varies(const struct hd_scenario *scenario, size_t entry,
                         size_t axis);

#endif
