/*
 * flow.h - bulk transfers between machines, on SimGrid's network model.
 *
 * A link joins two hosts, full duplex: each direction carries `rate`. Flows in
 * one direction share it as SimGrid's model CM02 says (max-min: n flows get
 * 1/n each); what a flow's length is while others come and go is SimGrid's
 * answer, not ours. The link's latency is added here, after the last byte has
 * left, so that one flow lasts bytes / rate + latency, and a stream of flows
 * sent one after the other keeps the link full.
 *
 * Clock contract. A flow starts when SimGrid's clock has reached the task's
 * local time, never earlier, and its end, rounded to a picosecond, becomes the
 * task's local time. Whatever arrives for the task meanwhile waits in its
 * calendar, as in hd_task_advance(). Why results do not depend on the window
 * or on the order of actors: see flow.c.
 *
 * A link can be cut: from then on it carries nothing, in either direction, and
 * a flow whose last byte would arrive later fails at that very time.
 *
 * Rates are in bit/s, latencies and times in picoseconds. Links live with the
 * engine. Broken preconditions are hd_fail()ures.
 */
#ifndef HD_ENGINE_FLOW_H
#define HD_ENGINE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/engine/engine.h"

struct hd_link;

/* Joins two hosts, which must have been added; at most one link a pair. Names
 * are not copied. rate > 0, latency >= 0. Before hd_engine_run(). */
struct hd_link *hd_engine_add_link(struct hd_engine *e, const char *host_a,
                                   const char *host_b, int64_t rate,
                                   hd_time latency);

/* Cuts the link at time `at` >= 0 for good (fault injection). Before
 * hd_engine_run(); the earliest of several calls counts. */
void hd_link_cut(struct hd_link *l, hd_time at);

/* The same from within the run, at >= the task's local time. Nobody but this
 * task may have sent on the link, or does so before `at`. */
void hd_link_cut_later(struct hd_task *t, struct hd_link *l, hd_time at);

int64_t hd_link_rate(const struct hd_link *l);
hd_time hd_link_latency(const struct hd_link *l);
/* HD_TIME_NEVER unless it is cut at some time. */
hd_time hd_link_cut_time(const struct hd_link *l);

enum hd_flow_status {
  HD_FLOW_DONE,
  HD_FLOW_CUT /* the link was cut before the last byte could arrive */
};

/* Sends `bytes` >= 0 from the task's host, one end of the link, to the other.
 * Returns when the last byte has left, i.e. bytes / rate later if nobody
 * shares the direction; it arrives hd_link_latency() after that, for certain.
 * HD_FLOW_CUT: nothing may be relied on to have arrived; local time is that of
 * the cut, or unchanged if the link had been cut before. */
enum hd_flow_status hd_flow_push(struct hd_task *t, struct hd_link *l,
                                 int64_t bytes);

/* The same, but returns when the last byte has arrived. */
enum hd_flow_status hd_flow_send(struct hd_task *t, struct hd_link *l,
                                 int64_t bytes);

#endif
