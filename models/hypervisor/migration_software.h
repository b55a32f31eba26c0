/*
 * migration_software.h - threads of the host as what stands behind the queues
 * of a guest that migrates: requests to the thread that serves a queue
 * (models/virtio/control.h). Before the guest comes, the destination's agent
 * makes the host's own devices there and starts the threads.
 */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_SOFTWARE_H
#define HD_MODELS_HYPERVISOR_MIGRATION_SOFTWARE_H

#include "models/hypervisor/migration_agent.h"
#include "models/virtio/control.h"

/* A thread that serves some of the guest's queues. */
struct migration_server {
  struct hd_component *thread;
  struct hd_channel *to, *reply; /* agent -> thread and back */
  uint16_t first_queue;          /* of those that it serves */
  struct migration_software *of;
  struct hd_channel *log;
};

struct migration_software_config {
  uint16_t vm;
  uint32_t queues_of_server; /* served by one after the other */
  /* Destination: makes the devices of the host's own; may be NULL. */
  void (*make_devices)(void *context, struct migration_agent *a);
  void *context;
  struct hd_component *starter; /* destination: gets MSG_VM_BOOT */
};

struct migration_software {
  struct migration_software_config config;
  const struct migration_agent *agent;
  struct migration_server *servers; /* n of them, owned */
  uint32_t n;
  struct hd_channel *to_starter;
};

/* Object: struct migration_software. */
extern const struct migration_back_end_ops migration_software_ops;

/* `n` servers. */
void migration_software_initialize(struct migration_software *x,
                                   const struct migration_software_config *c,
                                   uint32_t n);
/* Server `i` is that thread. */
void migration_software_connect(struct migration_software *x,
                                struct migration_agent *a, uint32_t i,
                                struct hd_component *thread);
void migration_software_terminate(struct migration_software *x);

#endif
