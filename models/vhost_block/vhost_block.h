/*
 * vhost_block.h - the software block back ends of a server: builds threads and
 * the host's queue pairs of the drives, and what joins them to guests,
 * scheduler, interrupts, root complex and memory. As models/vhost/vhost.h does
 * for networks.
 *
 * Life: vhost_block_create() after the guests have been created and their vCPUs
 * attached, before the run. During the run somebody (the hypervisor) adds the
 * host's interface of each drive (STORAGE_ADD_INTERFACE with
 * vhost_block_interface(), STORAGE_START_QUEUES) and, when the drive has
 * answered, sends MSG_VM_BOOT to vhost_block_component(): it starts the
 * threads. Guests may boot before or after.
 *
 * Which thread, which queue pair: guests of SPDK are dealt out to the poll-mode
 * threads one after another; a thread has a queue pair on each drive that its
 * guests use. An iothread has one queue pair. On a drive, those of poll-mode
 * threads come first, then iothreads' in the order of the guests.
 *
 * DMA: the physical function reaches rings and guest memory by host physical
 * addresses (with the IOMMU on, a one-to-one mapping of all of it).
 */
#ifndef HD_MODELS_VHOST_BLOCK_VHOST_BLOCK_H
#define HD_MODELS_VHOST_BLOCK_VHOST_BLOCK_H

#include "models/vhost_block/iothread.h"
#include "models/vhost_block/spdk_vhost.h"

enum vhost_block_kind { VHOST_BLOCK_SPDK, VHOST_BLOCK_IOTHREAD };
enum { VHOST_BLOCK_DRIVES = 64 };

struct vhost_block_guest {
  struct virtio_function *function; /* VIRTIO_BLK; vm and queues from there */
  const struct block_guest_front *front;
  void *guest; /* the front's */
  enum vhost_block_kind kind;
  uint8_t drive;
  uint64_t first_block, blocks; /* its disk: blocks of 512 B of the drive */
  uint64_t guest_offset;        /* host physical - guest physical address */
};
/* Of struct guest. */
extern const struct block_guest_front vhost_block_guest_front;

/* The host's part of a drive: numbers are the device's. */
struct vhost_block_drive {
  uint16_t device;    /* below the root complex */
  uint16_t requester; /* the physical function's */
  uint32_t first_queue, first_vector, first_handle;
  int64_t max_transfer; /* bytes; struct storage_params */
};

struct vhost_block_config {
  const struct vhost_block_params *params; /* all pointers outlive it */
  const struct cpu_params *cpu;
  const char *host;
  const struct hd_window *window;
  struct scheduler *scheduler;
  struct interrupt_unit *interrupts;
  struct root_complex *root;
  struct memory *memory;
  uint16_t region;      /* of `memory`: the host's own */
  uint64_t memory_base; /* in that region; vhost_block_memory() bytes */
  uint64_t descriptors; /* of vCPUs' posted interrupts, as for guests' */
  unsigned side; /* of the guests' vCPUs (vcpu_control.h); 1: guests that may
                    come by live migration */
  const struct vhost_block_drive *drives; /* read by create() only */
  size_t n_drives;
  const struct vhost_block_guest *guests; /* read by create() only */
  size_t n_guests;
};

/* What a configuration takes, before it is built. Pure; reads params, guests.
 */
uint64_t vhost_block_memory(const struct vhost_block_config *c); /* bytes */
/* Queue pairs of a drive, and as many vectors. */
uint16_t vhost_block_queue_pairs(const struct vhost_block_config *c,
                                 uint8_t drive);
uint32_t vhost_block_threads(const struct vhost_block_config *c);
/* Cores of their own: compare with cores - scheduler_cores_reserved() - 1. */
uint32_t vhost_block_dedicated(const struct vhost_block_config *c);

struct vhost_block; /* is a struct hd_component */

struct vhost_block *vhost_block_create(struct hd_engine *e, const char *path,
                                       const struct vhost_block_config *c);
void vhost_block_destroy(struct vhost_block *v);
struct hd_component *vhost_block_component(struct vhost_block *v);
/* The host's interface of a drive; NULL: no guest of ours is on it. */
const struct storage_interface *
vhost_block_interface(const struct vhost_block *v, uint8_t drive);

/* The thread that serves guest `vm`; it takes MSG_VIRTQ_CONTROL. */
struct hd_component *vhost_block_server_of(struct vhost_block *v, uint16_t vm);

/* ---- results ---- */
enum vhost_block_role { VHOST_BLOCK_PMD, VHOST_BLOCK_QEMU };
struct vhost_block_thread_stats { /* within the window, which `end` ends */
  const char *name;               /* its path; lives as long as the engine */
  enum vhost_block_role role;
  double cores;      /* mean */
  uint64_t requests; /* returned to guests after the drive has done them */
  uint64_t sleeps, polls, hits, batches; /* VHOST_BLOCK_QEMU: iothread.h */
};
size_t vhost_block_n_threads(const struct vhost_block *v);
void vhost_block_get_thread_stats(const struct vhost_block *v, size_t i,
                                  hd_time end,
                                  struct vhost_block_thread_stats *st);
/* Of guest `vm`. False: not ours. */
bool vhost_block_get_guest_stats(const struct vhost_block *v, uint16_t vm,
                                 struct block_guest_stats *st);
/* Of all queue pairs of a drive together. */
void vhost_block_get_drive_stats(const struct vhost_block *v, uint8_t drive,
                                 struct host_queue_stats *st);
/* Host cores that all threads have occupied. */
double vhost_block_cores(const struct vhost_block *v, hd_time end);

/* Requests taken from virtqueues and not given back: here or in drives. */
uint64_t vhost_block_requests_inside(const struct vhost_block *v);
/* Commands that the host's queue pairs have announced to a drive and whose
 * completions they have not read: with the drive or on the way. */
uint64_t vhost_block_commands_out(const struct vhost_block *v, uint8_t drive);
/* NULL, or what does not balance. */
const char *vhost_block_check(const struct vhost_block *v);

#endif
