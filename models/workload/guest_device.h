/*
 * guest_device.h - what the driver of a guest's device does, whatever the
 * device is: the part of a driver that is above neither the network stack
 * (netdev.h) nor the block layer (blockdev.h).
 *
 * memory_written and message are called on the vCPU that the message came to,
 * take no time and send nothing; the others on the vCPU given. An entry that is
 * NULL has nothing to do.
 */
#ifndef HD_MODELS_WORKLOAD_GUEST_DEVICE_H
#define HD_MODELS_WORKLOAD_GUEST_DEVICE_H

#include "models/workload/guest.h"

struct guest_cpu;

struct guest_device_ops {
  /* ---- building; no time passes ---- */
  uint64_t (*memory)(
      const struct guest_config *c); /* bytes of guest memory; pure */
  size_t (*pages)(const struct guest_config *c); /* device pages; pure */
  /* Makes the rings; they take guest memory from `base` on, memory() bytes. */
  void (*create)(struct guest *g, uint64_t base);
  void (*destroy)(struct guest *g);
  /* Where the write-backs of queue pair q are observed. NULL: the function's
   * owner knows (virtio). */
  void (*set_observer)(struct guest *g, unsigned q, uint16_t observer);

  /* Adds the driver's part of queue pair q to the footprint of its vCPU. */
  void (*footprint)(struct guest *g, unsigned q, struct hd_task *t);

  /* ---- the driver's life ---- */
  /* From MSG_VM_BOOT until there may be work; on vCPU 0. */
  void (*probe)(struct guest_cpu *cpu);
  /* A device's write has become visible. True: ends the waiting of a vCPU that
   * polls. */
  bool (*memory_written)(struct guest_cpu *cpu,
                         const struct guest_memory_msg *m);
  /* A GUEST_DRIVER message. True: wake the vCPU. */
  bool (*message)(struct guest_cpu *cpu, const struct guest_msg *m);
  /* Work that cpu->scheduled announced. */
  void (*deferred)(struct guest_cpu *cpu);
  /* The vCPU is about to idle. Takes no time. */
  void (*before_idle)(struct guest_cpu *cpu);
};

/* The driver that a guest of this configuration has. */
const struct guest_device_ops *guest_device_of(const struct guest_config *c);

/* ---- boot.c, for drivers ---- */
/* Trapped accesses: exits, and the host software's emulation. */
void boot_trap(struct guest_cpu *cpu, int64_t accesses);

#endif
