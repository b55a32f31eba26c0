/*
 * breakdown.h - where each nanosecond of a request went.
 *
 * A request carries stamps. Whoever finishes a stage marks it: the time since
 * the last mark belongs to that stage. A stage may be marked several times (the
 * way back of a request and its answer). So the stages always sum to the total
 * unless somebody wrote into the stamps, and that is checked on adding.
 *
 * Times are picoseconds; reports are in nanoseconds.
 */
#ifndef HD_MEASURE_BREAKDOWN_H
#define HD_MEASURE_BREAKDOWN_H

#include "sim/engine/time.h"
#include "sim/measure/histogram.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* In the order of the way out and in. */
enum hd_stage {
  HD_STAGE_SEND_PATH,        /* guest: application to ring */
  HD_STAGE_DOORBELL,         /* kick until the device sees it */
  HD_STAGE_DEVICE_QUEUE,     /* waiting for the device's scheduler */
  HD_STAGE_DESCRIPTOR_FETCH, /* descriptor reads */
  HD_STAGE_IOMMU,            /* address translation */
  HD_STAGE_PAYLOAD_READ,     /* payload reads, without translation */
  HD_STAGE_WIRE,             /* network or media transfer; a NIC's bridge */
  HD_STAGE_REMOTE,           /* the other end */
  HD_STAGE_RECEIVE_PATH,     /* device to memory */
  HD_STAGE_INTERRUPT,        /* completion visible until handler runs */
  HD_STAGE_GUEST_RECEIVE,    /* guest: handler to application */
  HD_STAGE_COUNT             /* in reports: the total */
};

/* "guest_send_path", ...; "total" for HD_STAGE_COUNT; NULL beyond. */
const char *hd_stage_name(enum hd_stage stage);

struct hd_stamps {
  hd_time begin;
  hd_time spent[HD_STAGE_COUNT];
  hd_time last;
};

static inline void hd_stamps_begin(struct hd_stamps *s, hd_time now)
{
  memset(s->spent, 0, sizeof s->spent);
  s->begin = s->last = now;
}

/* `stage` ended at `now`; what passed since the last mark was spent on it. */
static inline void hd_stamps_mark(struct hd_stamps *s, enum hd_stage stage,
                                  hd_time now)
{
  s->spent[stage] += now - s->last;
  s->last = now;
}

/* Attributes `amount` of what `from` has to `to`, e.g. the IOMMU's share of a
 * payload read. False, and nothing moved, unless 0 <= amount <= spent[from]. */
static inline bool hd_stamps_move(struct hd_stamps *s, enum hd_stage from,
                                  enum hd_stage to, hd_time amount)
{
  if (amount < 0 || amount > s->spent[from])
    return false;
  s->spent[from] -= amount;
  s->spent[to] += amount;
  return true;
}

static inline hd_time hd_stamps_total(const struct hd_stamps *s)
{
  return s->last - s->begin;
}

/* One histogram a stage, and at [HD_STAGE_COUNT] the total. */
struct hd_breakdown {
  struct hd_histogram stages[HD_STAGE_COUNT + 1];
};

/* A line of the report. NaN where nothing was added. */
struct hd_breakdown_row {
  const char *name;
  uint64_t count;
  double mean_ns, p50_ns, p99_ns;
  double share; /* of the mean total, 0 to 1; NaN if that is 0 */
};

void hd_breakdown_initialize(struct hd_breakdown *b);
void hd_breakdown_terminate(struct hd_breakdown *b);
void hd_breakdown_merge(struct hd_breakdown *dst,
                        const struct hd_breakdown *src);

/* Adds a finished request. False, and nothing added, if a stage is negative or
 * the stages do not sum to the total: a broken invariant of the caller. */
bool hd_breakdown_add(struct hd_breakdown *b, const struct hd_stamps *s);

/* `stage` up to and including HD_STAGE_COUNT (the total). */
struct hd_breakdown_row hd_breakdown_report(const struct hd_breakdown *b,
                                            enum hd_stage stage);

#endif
