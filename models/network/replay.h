/*
 * replay.h - when which packet of a capture is due.
 *
 * A guest's share of a capture is all of it, or the flows that fall to it.
 * Times count from the start of the workloads. Pass n begins n periods after
 * the first; the speed divides all times (exact at speed 1, else rounded to a
 * picosecond from the start, so that nothing accumulates).
 */
#ifndef HD_MODELS_NETWORK_REPLAY_H
#define HD_MODELS_NETWORK_REPLAY_H

#include <stdbool.h>

#include "models/network/capture.h"
#include "sim/measure/gauge.h"

struct replay_plan {
  const struct capture *capture; /* NULL: none */
  double speed;                  /* 0: as fast as possible */
  int64_t loops;                 /* passes; 0: without end */
  hd_time offset;                /* ps: everything is later by this */
  uint32_t part, parts; /* flows whose hash modulo `parts` is `part`; parts 1:
                           all of them */
};

struct replay {
  const struct replay_plan *plan;      /* borrowed */
  const struct capture_packet *packet; /* the next one; NULL: over */
  hd_time due;                         /* when that is due */
  const struct capture_packet *first;  /* of the share; NULL: no packet */
  uint64_t pass;
};

void replay_begin(struct replay *r, const struct replay_plan *plan);
/* To the next packet; not when it is over. */
void replay_advance(struct replay *r);

/* What is due in [from, to). With speed 0 that is without limit, and not
 * counted: 0. */
struct replay_sum {
  uint64_t packets, bytes;
};
struct replay_sum replay_due(const struct replay_plan *plan, hd_time from,
                             hd_time to);

/* What became of the packets of one guest, within the window. */
struct replay_stats {
  struct replay_sum due;  /* by the capture's times; 0 with speed 0 */
  struct replay_sum sent; /* handed to the device or the wire */
  uint64_t late;          /* of these: more than the limit behind their time */
  hd_time behind_sum, behind_max; /* of all sent; 0 with speed 0 */
};

/* The next packet is handed over at `now`; the workloads began at `start`. */
void replay_note(struct replay_stats *s, const struct replay *r, hd_time start,
                 hd_time now, hd_time limit, const struct hd_window *window);

#endif
