/* hypervisor_internal.h - the management thread's state; for its own files. */
#ifndef HD_MODELS_HYPERVISOR_INTERNAL_H
#define HD_MODELS_HYPERVISOR_INTERNAL_H

#include "models/hypervisor/hypervisor.h"
#include "models/hypervisor/migration.h"
#include "models/iommu/iommu.h"

/* Latency of messages between the management thread and others: a wake-up of
 * another host thread (estimated from memory). */
#define CONTROL_LATENCY (1 * HD_US)

struct links {
  struct hd_channel **vcpu; /* to each vCPU of the guest */
  size_t n;
};

struct hypervisor {
  struct hd_task task;
  struct hypervisor_config config;
  struct links *links;
  struct hd_channel *to_root, *root_reply, *to_scheduler;
  struct iommu_link { /* NULL: no IOMMU */
    struct hd_channel *to_unit, *reply;
  } iommu[HYPERVISOR_UNITS]; /* by device */
  struct hd_channel **clients;
  size_t n_clients;
  struct hd_channel **software;
  size_t n_software;
  struct vcpu **threads;
  size_t n_threads;
  struct hd_channel *migration; /* NULL: none */
  hd_time migration_delay;
  uint16_t observer;
  hd_time start;
  struct hypervisor_stats stats;
};

/* hypervisor.c: serves whatever arrives until a message of `kind` does; returns
 * it. */
struct hd_msg *hypervisor_await(struct hypervisor *h, uint32_t kind);

/* hypervisor_devices.c: creates, maps, attaches, opens and starts a device. */
void hypervisor_create_device(struct hypervisor *h, struct device_plan *p);

/* hypervisor_admin.c: administration queues. */
uint32_t hypervisor_add_interface(struct hypervisor *h, struct device_plan *p);
void hypervisor_reset_interface(struct hypervisor *h, struct device_plan *p,
                                uint32_t interface);
void hypervisor_set_pasid(struct hypervisor *h, struct device_plan *p,
                          uint32_t interface);
void hypervisor_start_queues(struct hypervisor *h, struct device_plan *p,
                             uint32_t interface);

#endif
