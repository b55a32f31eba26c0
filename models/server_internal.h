/* server_internal.h - the parts of a server; for server*.c only. */
#ifndef HD_MODELS_SERVER_INTERNAL_H
#define HD_MODELS_SERVER_INTERNAL_H

#include "models/bench_machine.h"
#include "models/hypervisor/hypervisor.h"
#include "models/machine.h"
#include "models/workload/guest.h"

struct server {
  const struct server_config *config;
  struct hd_engine *engine;
  struct hd_window window; /* of measurement */
  struct server_plan plan;
  struct io_stack bench_io;    /* of the benchmark */
  struct bench_machine *bench; /* NULL: a server with guests */
  struct machine home;
  struct packet_pool packets;
  struct client *client[PLAN_MAX_PORTS]; /* by network port */
  struct guest **guests;
  struct udp_stream_params streams[SERVER_MAX_GROUPS]; /* resolved */
  struct device_plan *devices;
  struct hypervisor *hypervisor;
  /* Merged by server_get_results(): one per row. */
  struct hd_histogram *latency;
  struct hd_breakdown *breakdown;
};

/* Makes the guests of the plan and announces them to the clients. */
void server_make_guests(struct server *s);

/* Stops the run (hd_fail) when something does not balance. */
void server_check_conservation(const struct server *s);

#endif
