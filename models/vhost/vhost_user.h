/*
 * vhost_user.h - vhost-user served by poll-mode threads (DPDK): each has a core
 * of its own, a queue pair of each NIC port, and a share of the guests' queue
 * pairs.
 *
 * A turn polls the NIC's receive queues, then the guests' transmit queues, a
 * burst each. Kicks are off; a guest that wants it is signalled by a write to
 * its eventfd. Frames for which the guest has no buffer, or the NIC's ring no
 * descriptor, are dropped. Empty turns are not simulated one by one: the thread
 * waits for the next view or write-back and goes on with the turn that would
 * have found it.
 */
#ifndef HD_MODELS_VHOST_VHOST_USER_H
#define HD_MODELS_VHOST_VHOST_USER_H

#include "models/vhost/pair.h"

enum { VHOST_PORTS = 2 };

struct vhost_pmd {
  struct host_thread thread; /* first member */
  const struct vhost_params *params;
  struct packet_pool *pool;
  struct vhost_pair **pairs; /* of the guests; its own */
  uint32_t n_pairs;
  struct host_rxq *rxq[VHOST_PORTS]; /* NULL: no such port */
  struct hd_channel *to_txq[VHOST_PORTS];
  uint32_t guests, per_guest;
  uint32_t *index;  /* [vm * per_guest + queue]: in pairs + 1; 0: none */
  uint16_t *chains; /* [burst] */
  struct vhost_pair **dirty; /* [burst]: delivered to, not yet flushed */
  uint32_t n_dirty;
  uint32_t in_hand;         /* packets of the burst from a guest */
  bool activity;            /* something has arrived since the turn began */
  bool asked;               /* requests wait for the next turn */
  uint64_t sent, unknown;   /* packets, since the start */
  uint64_t handled, no_tap; /* packets, within the window */
  uint64_t turns;           /* that found something, within the window */
};

void vhost_pmd_initialize(struct vhost_pmd *d, struct hd_engine *e,
                          const char *path, const char *host,
                          const struct vhost_params *p,
                          const struct cpu_params *cpu, uint32_t guests,
                          uint32_t per_guest, struct packet_pool *pool,
                          const struct hd_window *window);
void vhost_pmd_terminate(struct vhost_pmd *d);
void vhost_pmd_add_port(struct vhost_pmd *d, unsigned port,
                        struct host_rxq *rxq, struct host_txq *txq);
void vhost_pmd_add_pair(struct vhost_pmd *d, struct vhost_pair *pair);

#endif
