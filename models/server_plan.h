/*
 * server_plan.h - what a configuration amounts to, before anything is built:
 * which guest is what, and which numbers it gets. Pure.
 */
#ifndef HD_MODELS_SERVER_PLAN_H
#define HD_MODELS_SERVER_PLAN_H

#include "models/accelerator/resources.h"
#include "models/nic/resources.h"
#include "models/server.h"
#include "models/storage/resources.h"
#include "models/virtio_device/resources.h"

/* PCI addresses. As in the published testbed, the NIC's first function is
 * 16:00.0, its virtual functions follow on the next bus. Other devices have
 * buses of their own: virtio accelerators 20:00.0 (network) and 40:00.0
 * (block), drives from 60:00.0 on, sixteen buses apart, and accelerators (QAT)
 * from e0:00.0 on, four buses apart. Virtual functions follow their physical
 * function. */
#define PLAN_PF_REQUESTER 0x1600u
#define PLAN_VF_REQUESTER 0x1700u
#define PLAN_VIRTIO_NET_REQUESTER 0x2000u
#define PLAN_VIRTIO_BLK_REQUESTER 0x4000u
#define PLAN_DRIVE_REQUESTER 0x6000u
#define PLAN_DRIVE_STEP 0x1000u
#define PLAN_ACCELERATOR_REQUESTER 0xe000u
#define PLAN_ACCELERATOR_STEP 0x0400u
/* PASIDs of guests; 0 means none, low ones are the host's. */
#define PLAN_FIRST_PASID 0x1000u

/* Guests' memory appears at this guest physical address, above the hole below
 * 4 GiB, so that devices use 64-bit addresses. With the IOMMU off the device
 * must use host physical addresses. */
#define PLAN_GUEST_MEMORY (UINT64_C(4) << 30)

/* Host physical address of the remapping tables, in the host's own memory. */
#define PLAN_TABLES (UINT64_C(512) << 20)

/* Kinds of devices that a machine may have. */
enum device_kind {
  DEVICE_NIC,         /* a network port for each physical function */
  DEVICE_VIRTIO_NET,  /* accelerator; a network port */
  DEVICE_VIRTIO_BLK,  /* accelerator with media */
  DEVICE_DRIVE,       /* NVMe-like; several */
  DEVICE_ACCELERATOR, /* QAT-like; several */
  DEVICE_KINDS
};

enum {
  PLAN_MAX_PORTS = 3, /* of a machine: the NIC's, then the accelerator's */
  PLAN_MAX_DRIVES = 8,
  PLAN_MAX_ENDPOINTS = 8, /* accelerators */
  PLAN_MAX_GUESTS = 65535 /* packets name theirs by 16 bits */
};

struct guest_plan {
  uint16_t vm, group;
  enum device_kind device; /* that serves it */
  uint8_t drive;           /* which of them, also of accelerators */
  uint8_t port;            /* network port of the machine */
  bool software;           /* host software is in between */
  bool stand_in; /* beside its own device it has a virtio-net one on vhost-net,
                    on NIC port `stand_in_port`: it is to migrate */
  uint8_t stand_in_port;
  bool remote; /* vCPUs and memory at another socket than the devices */
  bool virtual_function;
  bool bare;                          /* a process on the host */
  uint32_t first_queue, first_vector; /* the device's numbers */
  uint32_t first_handle;              /* remapping handle of first_vector */
  uint16_t requester, pf_requester;
  uint32_t pasid; /* 0: none */
  uint64_t iova, hpa;
  uint64_t first_block, blocks; /* block devices: its part of the drive */
};

struct server_plan {
  size_t n_guests;
  struct guest_plan *guests; /* owned */
  bool has[DEVICE_KINDS];    /* which devices a machine needs */
  bool software;             /* some guest is served by host software */
  bool bare;                 /* some guest is a process on the host */
  struct resource_pools nic;
  struct resource_pools drive[PLAN_MAX_DRIVES];
  struct resource_pools endpoint[PLAN_MAX_ENDPOINTS];
  size_t n_accelerated;            /* guests with an accelerator */
  size_t n_on_drives;              /* guests with a part of a drive */
  struct resource_pools virtio[2]; /* by enum virtio_kind */
  uint64_t guest_memory;           /* bytes of the host's memory */
};

/* The design of a group, inheritance resolved. */
enum design plan_design(const struct server_config *c,
                        const struct vm_group *g);
/* The group of the VM that is to migrate; NULL: there is no such VM. */
const struct vm_group *plan_moving_group(const struct server_config *c);
/* That VM's device is unplugged meanwhile, and has a stand-in. */
bool plan_stands_in(const struct server_config *c);
/* What serves a group's guests, and whether through host software. */
enum device_kind plan_device(const struct server_config *c,
                             const struct vm_group *g);
bool plan_is_software(enum design d);
/* The guest's driver speaks virtio. */
bool plan_is_virtio(enum design d);
bool plan_is_block(const struct vm_group *g);
/* Its guests use an accelerator. */
bool plan_is_accelerated(const struct vm_group *g);
/* Streams of a UDP sender in the group: 0 stands for one a queue pair. */
int64_t plan_streams(const struct vm_group *g);
/* The machine is the DMA benchmark's, not a server. */
bool plan_is_bench(const struct server_config *c);
bool plan_has_iommu(const struct server_config *c);
unsigned plan_page_shift(const struct server_config *c);

/* Bench: where the benchmark's buffer lies, above what the host keeps, and how
 * much of the address space it spans. */
#define PLAN_BENCH_BUFFER (UINT64_C(64) << 20)
#define PLAN_BENCH_CHUNK (UINT64_C(4) << 20)
#define PLAN_BENCH_SPAN (UINT64_C(512) << 20)
uint64_t plan_bench_base(const struct server_config *c);

/* Remapping handle of vector 0 of a drive. */
uint32_t plan_drive_handles(const struct server_config *c, unsigned drive);

/* Remapping handle of ring bank 0 of an accelerator; bank b's is b further. */
uint32_t plan_endpoint_handles(const struct server_config *c,
                               unsigned endpoint);

/* For the plan's own files. */
struct resource_need plan_virtio_need(const struct server_config *c,
                                      enum virtio_kind kind,
                                      const struct vm_group *g);
uint64_t plan_align(uint64_t x, uint64_t to);
/* Bytes of host memory a guest takes: whole pages of the size the host maps. */
uint64_t plan_footprint(const struct server_config *c,
                        const struct vm_group *g);
void plan_number_guests(const struct server_config *c, struct server_plan *p);
/* False: *s names the numbers that ran out. */
bool plan_numbers_suffice(const struct server_config *c,
                          const struct server_plan *p,
                          struct server_shortage *s);

/* False: *s says which resource ran out; nothing to free. */
bool server_plan_make(const struct server_config *c, struct server_plan *p,
                      struct server_shortage *s);
void server_plan_free(struct server_plan *p);

#endif
