/* internal.h - struct vhost, for vhost.c and vhost_stats.c. */
#ifndef HD_MODELS_VHOST_INTERNAL_H
#define HD_MODELS_VHOST_INTERNAL_H

#include "models/vhost/vhost.h"

struct vhost {
  struct hd_component base;
  struct vhost_config config;
  struct hd_channel *to_scheduler;
  uint32_t guests, per_guest; /* highest vm + 1; most queue pairs of a guest */
  struct host_port ports[VHOST_PORTS];
  uint16_t *rules[VHOST_PORTS]; /* of steering */
  struct vhost_pair *pairs;
  size_t n_pairs;
  struct vhost_worker *workers;
  size_t n_workers;
  struct vhost_napi *napis;
  size_t n_napis;
  struct vhost_pmd *pmds;
  size_t n_pmds;
};

/* Threads: workers, then NAPI threads, then poll-mode threads. */
struct host_thread *vhost_thread(const struct vhost *v, size_t i);

#endif
