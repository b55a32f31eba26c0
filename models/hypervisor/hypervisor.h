/*
 * hypervisor.h - the host's management thread: creates virtual devices, opens
 * and maps them, boots guests, answers their trapped accesses (VDCM for HD-IOV,
 * the VMM otherwise), and starts the workloads when all guests are up.
 *
 * SR-IOV: each device is a VF with a requester ID of its own; opening it resets
 * the function. HD-IOV: each device is an interface of the physical function;
 * the host programs its PASID through the administration queue and resets the
 * interface only. Both: guest memory is pinned and mapped in the IOMMU.
 */
#ifndef HD_MODELS_HYPERVISOR_HYPERVISOR_H
#define HD_MODELS_HYPERVISOR_HYPERVISOR_H

#include "models/accelerator/accelerator.h"
#include "models/cpu/scheduler.h"
#include "models/hypervisor/control.h"
#include "models/hypervisor/hypervisor_params.h"
#include "models/iommu/tables.h"
#include "models/nic/nic.h"
#include "models/pcie/root_complex.h"
#include "models/storage/storage.h"
#include "models/virtio_device/virtio_device.h"
#include "models/workload/guest.h"

/* What answers a guest's driver. */
enum virtual_device_kind {
  VIRTUAL_NIC,         /* an interface of the NIC */
  VIRTUAL_STORAGE,     /* queue pairs of a drive */
  VIRTUAL_VIRTIO,      /* a function of a virtio accelerator */
  VIRTUAL_ACCELERATOR, /* ring banks of an accelerator */
  VIRTUAL_SOFTWARE     /* host software: nothing to create in hardware */
};

/* One virtual device to be created, and the guest it is for. */
struct device_plan {
  struct guest *guest; /* NULL: the host's own, for its software */
  enum virtual_device_kind kind;
  bool virtual_function; /* SR-IOV; else an assignable interface, or none */
  bool bare; /* the guest is a process on the host: its memory is the host's,
                nothing is opened */
  uint16_t device;       /* below the root complex */
  uint16_t pf_requester; /* of its physical function */
  uint16_t requester;    /* of its DMA */
  bool has_pasid;
  uint32_t pasid;
  union { /* by kind */
    struct nic_interface nic;
    struct storage_interface storage;
    struct accelerator_interface accelerator;
    struct virtual_function_plan {
      struct virtio_function *function;
      uint32_t first_queue, first_vector; /* the device's numbers */
      uint64_t first_block, blocks;       /* block devices */
    } virtio;
  };
  bool relayed; /* trapped accesses go on to the device (Un-IOV) */
  uint64_t memory_iova, memory_hpa, memory_size;
  unsigned page_shift; /* leaf size of the IOMMU's mapping */
  uint32_t domain;     /* filled in when attached */
  uint32_t interface;  /* filled in: index at the device */
};

struct hypervisor; /* is a struct hd_task */

struct hypervisor_config {
  const struct hypervisor_params *params;
  struct vtd_tables *tables; /* NULL: no IOMMU */
  struct device_plan *plans; /* one per guest, in guest order */
  size_t n_plans;
  struct device_plan *own; /* of the host's software; created first */
  size_t n_own;
  uint64_t admin_ring;      /* address of the admin queues' ring */
  struct hd_window *window; /* set when the workloads start */
  hd_time warmup, duration;
};

struct hypervisor *hypervisor_create(struct hd_engine *e, const char *path,
                                     const char *host,
                                     const struct hypervisor_config *c);
void hypervisor_destroy(struct hypervisor *h);
struct hd_component *hypervisor_component(struct hypervisor *h);

/* Wiring: `observer` is the memory observer that sees admin write-backs. */
void hypervisor_attach(struct hypervisor *h, struct root_complex *rc,
                       struct scheduler *s, uint16_t observer);
/* With an IOMMU: invalidations after the tables have changed go to the unit of
 * the device, a number below the root complex. Devices may share a unit. */
struct iommu;
enum { HYPERVISOR_UNITS = 16 };
void hypervisor_attach_iommu(struct hypervisor *h, uint16_t device,
                             struct iommu *u);
/* Host software that gets MSG_VM_BOOT when the devices of the host's own have
 * been made; before the guests'. */
void hypervisor_add_software(struct hypervisor *h, struct hd_component *c);
/* A host thread that is woken then, too. */
struct vcpu;
void hypervisor_add_thread(struct hypervisor *h, struct vcpu *thread);
/* The source's thread of a migration gets MSG_MIGRATION_START so long after the
 * start of the measurement. */
void hypervisor_set_migration(struct hypervisor *h, struct hd_component *source,
                              hd_time delay);
/* A client that gets MSG_VM_GO. */
void hypervisor_add_client(struct hypervisor *h, struct hd_component *client);

/* HD_TIME_NEVER until the workloads' start is known. */
hd_time hypervisor_workload_start(const struct hypervisor *h);

struct hypervisor_stats {
  uint64_t admin_commands, traps, relayed, pages_pinned, failures;
  hd_time setup; /* from time 0 to the start of the workloads */
};
void hypervisor_get_stats(const struct hypervisor *h,
                          struct hypervisor_stats *s);

#endif
