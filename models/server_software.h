/*
 * server_software.h - host software that serves guests: vhost threads,
 * poll-mode cores, the threads of virtio-blk back ends, Un-IOV's relay. For
 * models/server*.c.
 */
#ifndef HD_MODELS_SERVER_SOFTWARE_H
#define HD_MODELS_SERVER_SOFTWARE_H

#include "models/server_internal.h"
#include "models/vhost/vhost.h"

struct server_software; /* opaque */

/* After the guests have been made. NULL: nothing to serve. */
struct server_software *server_software_create(struct server *s);
/* After the engine has been destroyed. */
void server_software_destroy(struct server_software *w);

/* Devices of the host's own, for the hypervisor to create: `room` at most;
 * returns how many. */
size_t server_software_devices(const struct server_software *w,
                               struct device_plan *own, size_t room);
enum { SERVER_OWN_DEVICES = PLAN_MAX_PORTS + PLAN_MAX_DRIVES };
/* Lets the hypervisor start the threads. */
void server_software_join(struct server_software *w, struct hypervisor *h);

/* For live migration. The network back ends; NULL: none. And those of a second
 * machine, for one guest that may come there; the caller's. */
struct vhost *server_software_vhost(struct server_software *w);
struct vhost *server_software_second_vhost(struct server *s, struct machine *at,
                                           const struct guest_plan *p);

/* Cores that it wants for itself alone, before anything is built. */
uint32_t server_software_cores(const struct server_config *c,
                               const struct server_plan *p);

/* Whether the physical functions' own queue pairs and vectors are enough for
 * it. False: *s says what is not. */
bool server_software_fits(const struct server_config *c,
                          const struct server_plan *p,
                          struct server_shortage *s);

/* Stops the run (hd_fail) when something does not balance. */
void server_software_check(const struct server_software *w);
uint64_t server_software_packets(const struct server_software *w);
uint64_t server_software_packets_arrived(const struct server_software *w);

/* Mean number of host cores, within the window: all threads; those that serve
 * one guest, and its share of the threads that serve several. */
double server_software_busy(const struct server_software *w, hd_time end);
double server_software_busy_for(const struct server_software *w, uint16_t vm,
                                hd_time end);
/* How busy the busiest thread is with work, polling in vain not counted. */
double server_software_utilization(const struct server_software *w,
                                   hd_time end);
uint64_t server_software_drops(const struct server_software *w);
/* Rows of cores.csv: the threads. NULL beyond the last. */
const char *server_software_thread(const struct server_software *w, size_t i,
                                   hd_time end, double *cores);

#endif
