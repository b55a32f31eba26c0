/*
 * host_drive.h - the host's driver of one NVMe queue pair of a drive, owned by
 * one thread: rings and page lists in host memory, doorbells by the thread's
 * core, completions seen through a memory observer.
 *
 * Commands' data goes straight to and from the guests' memory; page lists are
 * the host's own. As many commands as the ring has entries but one are with the
 * drive (NVMe 1.4, 4.1.3); further ones wait here, first in, first out.
 *
 * No function takes time but the doorbells (cpu.mmio_write_cost): the owner
 * pays for the rest as its kind of back end does.
 */
#ifndef HD_MODELS_VHOST_BLOCK_HOST_DRIVE_H
#define HD_MODELS_VHOST_BLOCK_HOST_DRIVE_H

#include "models/memory/memory.h"
#include "models/storage/storage.h"
#include "models/vhost/host_thread.h"

struct block_guest;
struct host_queue;

struct host_command {
  struct block_request request; /* first member: as the drive sees it */
  struct host_command *next;
  struct host_queue *queue;
  /* whose it is */
  struct block_guest *guest;
  struct block_request *origin;
  uint16_t virtqueue, chain;
  uint32_t head; /* submission queue head of its completion entry */
};

struct host_commands { /* first in, first out */
  struct host_command *first, *last;
  uint32_t count;
};

struct host_queue_stats { /* within the window */
  uint64_t commands;      /* completed */
  uint64_t doorbells;     /* of both kinds */
  uint64_t waited;        /* commands that found the ring full */
};

struct host_queue {
  struct storage_ring *ring;
  struct hd_component *owner; /* the thread, for failures */
  const struct hd_window *window;
  uint16_t device;         /* below the root complex */
  uint32_t number, vector; /* the device's */
  uint64_t lists;          /* IOVA of the first page list */
  uint32_t max_pages;      /* of a command, after its first */
  struct hd_pool commands;
  uint16_t *tags; /* free ones */
  uint32_t n_tags;
  uint64_t **pages; /* by tag: translated copies; made when first needed */
  /* Since the start: put into the ring; of these told to the drive, known to be
   * fetched; completions read; of these told to the drive. */
  uint64_t submitted, announced, fetched, completed, told;
  struct host_commands waiting; /* for an entry of the ring */
  struct host_commands written; /* completion entries not read yet */
  struct host_commands ready;   /* read, not yet taken */
  uint64_t begun, ended;        /* commands made, and released */
  uint32_t in_hand;             /* of these, neither here nor with the drive */
  struct host_queue_stats stats;
};

/* What the queue pair takes of the drive and of host memory. */
struct host_queue_place {
  uint16_t device;
  uint32_t number, vector;
  uint16_t interface_vector; /* index of the vector in the interface */
  uint32_t size;             /* entries; 2 to 32768 */
  uint64_t base; /* IOVA and address; host_queue_memory() bytes from here */
  int64_t max_transfer; /* bytes of a command, up to 2 MiB */
};
uint64_t host_queue_memory(uint32_t size);
/* `ring` is described here, but for its observer, and lives on. */
void host_queue_initialize(struct host_queue *q, struct storage_ring *ring,
                           const struct host_queue_place *place,
                           struct hd_component *owner,
                           const struct hd_window *window);
void host_queue_terminate(struct host_queue *q);
/* Unmasks its vector. */
void host_queue_enable(struct host_queue *q, struct host_thread *t);

/* A command for `origin`, moved by `first_block` in the drive and by `offset`
 * in memory; stamps go with it. */
struct host_command *host_queue_command(struct host_queue *q,
                                        struct block_request *origin,
                                        uint64_t first_block, uint64_t offset);
/* Into the ring, or behind those that wait. */
void host_queue_submit(struct host_queue *q, struct host_command *c,
                       hd_time now);
/* Tail doorbell if the drive has not been told of entries. */
void host_queue_announce(struct host_queue *q, struct host_thread *t);

/* For ops->message: a completion entry has become visible. */
struct host_queue *host_queue_written(const struct guest_memory_msg *m);
/* Reads all visible entries: their commands are ready, their tags free, and
 * commands that have waited go into the ring. Returns how many were read. */
uint32_t host_queue_harvest(struct host_queue *q, hd_time now);
/* Head doorbell if entries have been read since the last one. */
void host_queue_tell(struct host_queue *q, struct host_thread *t);
/* The next completed command, with status and stamps; NULL: none. */
struct host_command *host_queue_take(struct host_queue *q);
void host_queue_release(struct host_queue *q, struct host_command *c);

/* NULL, or what does not balance. */
const char *host_queue_check(const struct host_queue *q);

#endif
