/* server_internal.h - the parts of a server; for server*.c only. */
#ifndef HD_MODELS_SERVER_INTERNAL_H
#define HD_MODELS_SERVER_INTERNAL_H

#include "models/bench_machine.h"
#include "models/hypervisor/hypervisor.h"
#include "models/irq_machine.h"
#include "models/lifecycle_machine.h"
#include "models/machine.h"
#include "models/workload/guest.h"

struct server_migration;
struct server_software;

struct server {
  const struct server_config *config;
  struct hd_engine *engine;
  struct hd_window window; /* of measurement */
  struct server_plan plan;
  struct io_stack bench_io;    /* of the benchmark */
  struct bench_machine *bench; /* both NULL: a server with guests */
  struct irq_machine *irq;
  struct lifecycle_machine *lifecycle;
  struct machine home;
  struct packet_pool packets;
  struct client *client[PLAN_MAX_PORTS]; /* by network port */
  struct guest **guests;
  const struct capture *captures[SERVER_MAX_GROUPS];   /* of replaying groups */
  struct udp_stream_params streams[SERVER_MAX_GROUPS]; /* resolved */
  struct device_plan *devices;
  uint16_t **observers; /* by guest, then virtqueue; NULL: no accelerator */
  struct block_pool requests;
  struct accelerator_pool jobs; /* requests to accelerators */
  struct cpu_params host_cpu;   /* what a process on the host sees of a core */
  struct device_plan *own;      /* devices of the host's own */
  struct server_software *software;
  struct server_migration *migration; /* NULL: none */
  struct hypervisor *hypervisor;
  /* Merged by server_get_results(): one per row. */
  struct hd_histogram *latency;
  struct hd_breakdown *breakdown;
  struct hd_series *series; /* NULL: none */
  struct cores_row *cores;
  struct replay_row *replays;
};

/* server_devices.c: a guest's device as its creator needs it. */
struct device_plan server_device_of(const struct server *s,
                                    const struct guest_plan *p,
                                    struct guest *g);
/* Tells a guest's virtio function of the accelerator behind it, if it has one.
 */
void server_make_function(struct server *s, const struct guest_plan *p,
                          struct guest *g);
/* Where the accelerator's writes for a queue pair (or queue) are observed. */
void server_set_observer(struct server *s, const struct guest_plan *p,
                         unsigned pair, uint16_t observer);
/* The device has a vector beside those of its queues: the first. */
bool server_has_own_vector(const struct guest_plan *p);
/* Remapping handle of a queue's vector. */
uint32_t server_queue_handle(const struct guest_plan *p, unsigned queue);

/* Makes the guests of the plan and announces them to the clients. */
void server_make_guests(struct server *s);

/* server_cores.c: fills in who used the cores, if that is of interest. */
void server_list_cores(struct server *s, struct server_results *r);

/* server_replays.c: fills in what became of replayed packets, if there are any.
 */
void server_list_replays(struct server *s, struct server_results *r);
/* Of machine i, which replays. */
struct replay_stats server_replay_stats(const struct server *s, size_t i);

/* Stops the run (hd_fail) when something does not balance. */
void server_check_conservation(const struct server *s);

/* server_limit.c: what limits row `row` of `r`, whose metrics are set. A shared
 * resource that is full limits whatever else is busy: senders spin or wait
 * before it. Otherwise the busiest of the shared resources, the group's own
 * sending cores, and its offered load; "nothing" below SERVER_LIMITING. */
const char *server_limit(const struct server *s, const struct server_results *r,
                         size_t row);

#endif
