/*
 * vhost_net.h - vhost-net (Linux, drivers/vhost/net.c): a kernel thread per
 * queue pair of a guest, and the NAPI threads of the host's receive queues.
 *
 * Worker. A kick wakes it; it disables kicks while it works, sends up to the
 * weights, looks again after enabling them, and sleeps. Frames are copied, put
 * through the tap device in batches, bridged, and sent by the NIC's driver in
 * this thread; then their chains are returned and the guest is signalled.
 * Frames for the guest wait in the tap queue; they are copied into its buffers,
 * or wait there for buffers, and are dropped when the tap queue is full.
 *
 * NAPI thread (threaded NAPI): one per receive queue of the host; woken by the
 * queue's interrupt, polls it through driver, bridge and tap device, and
 * enables the interrupt when the queue is empty.
 */
#ifndef HD_MODELS_VHOST_VHOST_NET_H
#define HD_MODELS_VHOST_VHOST_NET_H

#include "models/vhost/pair.h"

struct vhost_worker {
  struct host_thread thread; /* first member */
  const struct vhost_params *params;
  struct vhost_pair *pair;
  struct hd_channel *to_txq;
  struct host_packets tun;   /* tap queue */
  bool tx_work, rx_work;     /* work items queued */
  bool starved;              /* waits for buffers of the guest */
  bool polling;              /* busy loop: every message ends it */
  struct host_packets batch; /* copied, not yet sent */
  uint16_t *chains;          /* of the batch */
  uint64_t frames;           /* from NAPI threads, since the start */
  uint64_t sent;             /* to the transmit queue, since the start */
};

/* `txq`: of the host, for what the guest sends. */
void vhost_worker_initialize(struct vhost_worker *w, struct hd_engine *e,
                             const char *path, const char *host,
                             const struct vhost_params *p,
                             const struct cpu_params *cpu,
                             struct vhost_pair *pair, struct host_txq *txq,
                             const struct hd_window *window);
void vhost_worker_terminate(struct vhost_worker *w);
uint64_t vhost_worker_held(const struct vhost_worker *w); /* packets */

/* Who finds the worker for a frame. */
struct vhost_tap {
  struct hd_channel *to_worker;
  uint64_t woken; /* by this number of a poll */
};
struct vhost_napi {
  struct host_thread thread; /* first member */
  const struct vhost_params *params;
  struct host_rxq *rxq;
  struct packet_pool *pool;
  uint32_t guests, pairs; /* of the table */
  struct vhost_tap *taps; /* [vm * pairs + queue]; no channel: no such tap */
  bool scheduled;
  uint64_t polls;
  uint64_t forwarded, unknown; /* packets, since the start */
  uint64_t handled, no_tap;    /* packets, within the window */
};
void vhost_napi_initialize(struct vhost_napi *n, struct hd_engine *e,
                           const char *path, const char *host,
                           const struct vhost_params *p,
                           const struct cpu_params *cpu, struct host_rxq *rxq,
                           uint32_t guests, uint32_t pairs,
                           struct packet_pool *pool,
                           const struct hd_window *window);
void vhost_napi_terminate(struct vhost_napi *n);
/* Frames for the worker's pair go there. */
void vhost_napi_add(struct vhost_napi *n, struct vhost_worker *w);

#endif
