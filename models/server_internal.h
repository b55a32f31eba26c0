/* server_internal.h - the parts of a server; for server*.c only. */
#ifndef HD_MODELS_SERVER_INTERNAL_H
#define HD_MODELS_SERVER_INTERNAL_H

#include "models/cpu/scheduler.h"
#include "models/hypervisor/hypervisor.h"
#include "models/interrupt/interrupt.h"
#include "models/io_stack.h"
#include "models/network/network.h"
#include "models/nic/nic.h"
#include "models/server_plan.h"
#include "models/workload/guest.h"

enum { SERVER_MAX_PORTS = 2 };

struct server {
  const struct server_config *config;
  struct server_plan plan;
  struct bench_machine *bench; /* NULL: a server with guests */
  struct io_stack io;
  struct packet_pool packets;
  struct interrupt_unit *interrupts;
  struct scheduler *scheduler;
  struct nic *nic;
  struct wire *wire[SERVER_MAX_PORTS];
  struct client *client[SERVER_MAX_PORTS];
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
