/*
 * storage.h - an NVMe-like controller: queue pairs in host memory, doorbells,
 * arbitration, a command pipeline, payload by DMA, completions, MSI-X vectors,
 * and an administration queue; behind it a store (store.h). Sections are of
 * NVM Express 1.4.
 *
 * A command's way: the doorbell makes its queue take part in the arbitration
 * (4.13, round robin with a burst); submission entries are read by DMA, many at
 * a time, as the device has room for commands; the command passes the pipeline;
 * its PRP list is read if its data touches more than two pages (4.3); then
 *   write: room in the write cache, payload read from the host, internal data
 *          path, cache (or program, without cache);
 *   read:  pages from the media or the cache, internal data path, payload
 *          written to the host piece by piece;
 * then its completion entry is written behind the payload (4.6) as soon as the
 * completion queue has room, and its vector signalled.
 *
 * Queue pairs belong to interfaces. An interface is a virtual function (its own
 * requester ID) or, with HD-IOV, an assignable interface (the physical
 * function's requester ID and a PASID); the device treats them alike.
 *
 * Errors. Data or a list that cannot be read (IOMMU fault): the command fails
 * with BLOCK_TRANSFER_ERROR and nothing is stored. Payload the IOMMU does not
 * let through is lost without the device knowing, since it is posted.
 * Submission entries that cannot be read: the queue fails, and is not served
 * until its interface is reset.
 */
#ifndef HD_MODELS_STORAGE_STORAGE_H
#define HD_MODELS_STORAGE_STORAGE_H

#include "models/pcie/requester.h"
#include "models/storage/block.h"
#include "models/storage/registers.h"
#include "models/storage/storage_messages.h"
#include "models/storage/store.h"

struct storage; /* is a struct hd_component */

enum { STORAGE_SQ_ENTRY = 64, STORAGE_CQ_ENTRY = 16 /* bytes, 4.2, 4.6 */ };

/* A queue pair in guest memory. Driver and device share it as they share
 * memory: the driver fills a slot before the doorbell that announces it, and
 * may fill it again once the device has fetched it (the slot is NULL then, and
 * a completion's head is past it). At most size - 1 entries hold something. */
struct storage_ring {
  uint64_t submission;         /* IOVA of the first submission entry */
  uint64_t completion;         /* IOVA of the first completion entry */
  uint32_t size;               /* entries of each; 2 to 32768 */
  struct block_request **slot; /* request of each submission entry */
  uint16_t observer;           /* memory observer that sees completions */
  uint16_t vector;             /* index of the interface's vector */
};

/* A completion entry reaches the observer as struct guest_memory_msg: object =
 * the request, whose status is set; data = STORAGE_EVENT(queue of the
 * interface, completion slot, submission queue head, phase). The phase tag is 1
 * in the first pass over the queue and inverts with every pass (4.6). */
#define STORAGE_EVENT(queue, slot, head, phase)                                \
  ((uint64_t)(phase) << 63 | (uint64_t)(queue) << 32 |                         \
   (uint64_t)(head) << 16 | (uint64_t)(slot))
#define STORAGE_EVENT_PHASE(data) ((unsigned)((data) >> 63))
#define STORAGE_EVENT_QUEUE(data) ((unsigned)((data) >> 32 & 0xffff))
#define STORAGE_EVENT_HEAD(data) ((uint32_t)((data) >> 16 & 0xffff))
#define STORAGE_EVENT_SLOT(data) ((uint32_t)((data)&0xffff))

struct storage *storage_create(struct hd_engine *e, const char *path,
                               const char *host,
                               const struct storage_params *params,
                               const struct pcie_params *pcie,
                               const struct hd_window *window);
void storage_destroy(struct storage *n);
struct hd_component *storage_component(struct storage *n);
void storage_attach_link(struct storage *n, struct pcie_link *l);

/* An interface as the host's driver describes it. Numbers of queues and vectors
 * are the device's own (global); the interface's are contiguous. A vector
 * signals when STORAGE_INT_ENABLE has been written to its register; it stays
 * enabled. */
struct storage_interface {
  uint16_t vm;        /* guest; for messages only */
  uint16_t requester; /* requester ID of its DMA and interrupts */
  bool has_pasid;
  uint32_t pasid;
  uint16_t queue_pairs;
  uint16_t vectors;
  uint32_t first_queue;
  uint32_t first_vector;
  uint32_t first_handle;      /* remapping handle of first_vector */
  uint64_t first_block;       /* its namespace: the drive's blocks from here */
  uint64_t blocks;            /* as many; 0: to the end of the drive */
  struct storage_ring *rings; /* queue_pairs; guest's; live on */
};

/* Administration commands: written to STORAGE_ADMIN_DOORBELL by MMIO with the
 * command as `object`. The device fetches 64 B (and `bytes` of buffer) from
 * host memory at `address`, works for admin_cost, does it, writes 16 B back
 * (observer `observer`, object = the command), in order, but for
 * STORAGE_STOP_QUEUES, which is answered when its interface has come to rest.
 */
enum storage_admin_type {
  STORAGE_ADD_INTERFACE, /* interface: copied; result = index */
  STORAGE_SET_PASID,     /* result: index in, pasid in */
  STORAGE_CLEAR_PASID,
  STORAGE_START_QUEUES, /* queues become live */
  STORAGE_STOP_QUEUES,  /* nothing more is fetched; answered when all that has
                           been fetched is completed */
  STORAGE_RESET_INTERFACE, /* queues as new and stopped; nothing that was
                              announced will be completed */
  STORAGE_REMOVE_INTERFACE
};
struct storage_admin {
  enum storage_admin_type type;
  uint64_t address;
  uint32_t bytes;
  uint16_t observer, requester;
  uint32_t result; /* interface index */
  uint32_t pasid;
  bool failed;
  struct storage_interface interface;
};

/* ---- results ------------------------------------------------------------- */

struct storage_interface_stats {   /* within the window */
  uint64_t reads, writes, flushes; /* completed, errors not counted */
  uint64_t read_bytes, written_bytes;
  uint64_t errors;     /* commands completed with one */
  uint64_t faults;     /* DMA answered with an error */
  uint64_t interrupts; /* messages */
};
void storage_get_interface_stats(const struct storage *n, uint32_t index,
                                 struct storage_interface_stats *s);

struct storage_stats { /* within the window */
  uint64_t reads, writes, flushes, errors, read_bytes, written_bytes;
  uint64_t commands;       /* all of them: completed */
  hd_time command_time;    /* doorbell's effect to completion, summed */
  double queue_depth_mean; /* commands announced and not completed */
  uint64_t doorbells, fetches, list_reads, interrupts, faults;
  uint64_t ignored_writes;   /* registers that do not exist, indices out of
                                range */
  uint64_t completions_held; /* waited for room in the completion queue */
  double inside_mean;        /* commands fetched and not completed */
  double pipeline_utilization;
  double tags_mean;
  uint64_t read_requests;
  hd_time read_latency_sum;
  struct store_stats store;
};
void storage_get_stats(const struct storage *n, struct storage_stats *s);
/* Its DMA requester, for statistics. */
const struct pcie_requester *storage_requester(const struct storage *n);
/* Commands since the start: announced = completed + inside, when all that have
 * been announced have been fetched; those of reset interfaces are forgotten. */
uint64_t storage_announced(const struct storage *n);
uint64_t storage_completed(const struct storage *n);
uint64_t storage_forgotten(const struct storage *n);
/* Announced, and neither completed nor forgotten: in rings or in the device. */
uint64_t storage_held(const struct storage *n);
/* The store, for its totals. */
const struct store *storage_store(const struct storage *n);
/* NULL, or what does not balance. */
const char *storage_check(const struct storage *n);

#endif
