/*
 * series.h - counts over time: what happened in each bin of the window.
 *
 * Bins are half open and of one width, from the window's start; the last one
 * may be shorter. All memory is taken when building; adding is O(1) and takes
 * none. What a series does not record is missing, not zero.
 */
#ifndef HD_MEASURE_SERIES_H
#define HD_MEASURE_SERIES_H

#include "sim/measure/gauge.h"

#include <stddef.h>

/* As the metrics of summary.csv: tx is from guests, rx to guests. */
enum hd_series_count {
  HD_SERIES_TX_BYTES, /* of payload */
  HD_SERIES_RX_BYTES,
  HD_SERIES_TX_PACKETS,
  HD_SERIES_RX_PACKETS,
  HD_SERIES_REQUESTS,
  HD_SERIES_DROPS,
  HD_SERIES_COUNTS
};

struct hd_series {
  hd_time width, duration; /* ps; width 0: records nothing */
  size_t n;                /* bins */
  unsigned recorded;       /* bit set of enum hd_series_count */
  uint64_t *bins;          /* n * HD_SERIES_COUNTS; owned */
};

/* Most bins of a series. */
enum { HD_SERIES_BINS_MAX = 1 << 20 };

/* Bins of `width` > 0 over a window of `duration` > 0 ps. False: there would be
 * more than HD_SERIES_BINS_MAX, or no memory; nothing is held. */
bool hd_series_initialize(struct hd_series *s, hd_time width, hd_time duration);
void hd_series_terminate(struct hd_series *s);

/* It will record this: its bins are 0, not missing, when nothing comes. */
static inline void hd_series_record(struct hd_series *s,
                                    enum hd_series_count what)
{
  s->recorded |= 1u << what;
}

static inline void hd_series_add(struct hd_series *s, const struct hd_window *w,
                                 hd_time now, enum hd_series_count what,
                                 uint64_t amount)
{
  if (s->width == 0 || !hd_window_contains(w, now))
    return;
  size_t bin = (size_t)((now - w->start) / s->width);
  assert(s->recorded >> what & 1);
  if (bin < s->n)
    s->bins[bin * HD_SERIES_COUNTS + what] += amount;
}

/* All counts are 0, and nothing is recorded. */
void hd_series_reset(struct hd_series *s);
/* Adds `from`, of the same width and duration. */
void hd_series_merge(struct hd_series *into, const struct hd_series *from);

/* -- reading; bin < n ---------------------------------------------------- */

/* From the window's start, ps. */
hd_time hd_series_begin(const struct hd_series *s, size_t bin);
/* The amount of a bin; false: not recorded. */
bool hd_series_amount(const struct hd_series *s, size_t bin,
                      enum hd_series_count what, uint64_t *amount);
/* Per second of the bin's own length; NaN: not recorded. */
double hd_series_rate(const struct hd_series *s, size_t bin,
                      enum hd_series_count what);

#endif
