/*
 * blockdev.h - a guest's block layer, and the seam between it and the device's
 * driver.
 *
 * A request is made by a job (block_jobs.c), which gets one from the server's
 * pool for one of its slots. It enters the job's queue, waits for room, is
 * posted and announced to the device, is found to be completed, is finished
 * (interrupt handler, or poll), is handed to its job's `done` list, and is
 * reaped and freed by the job:
 *
 *   submitted >= entered >= posted >= found >= finished >= received >= reaped
 *
 * A queue has one owner, a vCPU, which does all from entered to finished. Jobs
 * on other vCPUs pass requests to it and get them back by message; a request
 * that finds no room waits in a list and does not block its job (in Linux it
 * would). A vCPU that hands requests to another one sends it an IPI.
 *
 * What depends on the device is behind struct blockdev_ops. Two drivers
 * implement it: NVMe (nvme*.c) and virtio-blk (virtio_blk*.c). Its functions
 * are called on the queue's owner with interrupts disabled, besides those of
 * guest_device.h. Units: cycles of the vCPU's clock, bytes.
 */
#ifndef HD_MODELS_WORKLOAD_BLOCKDEV_H
#define HD_MODELS_WORKLOAD_BLOCKDEV_H

#include <gsl/gsl_rng.h>

#include "models/workload/guest_device.h"
#include "models/workload/guest_internal.h"

struct block_list {
  struct block_request *first, *last;
  uint32_t count;
};

static inline void block_list_push(struct block_list *l,
                                   struct block_request *r)
{
  r->next = NULL;
  if (l->last)
    l->last->next = r;
  else
    l->first = r;
  l->last = r;
  l->count++;
}

static inline struct block_request *block_list_pop(struct block_list *l)
{
  struct block_request *r = l->first;
  l->first = r->next;
  if (!l->first)
    l->last = NULL;
  l->count--;
  return r;
}

struct blockdev_queue {
  uint16_t index;
  struct guest_cpu *cpu;     /* owner; all below is its own */
  struct block_list waiting; /* entered and not posted */
  struct block_list found;   /* completed and not finished */
  uint64_t entered, posted, completed, finished; /* since the start */
};

struct block_job;

struct block_slot { /* owner of a request */
  struct block_job *job;
  uint64_t buffer, list; /* guest physical */
};

struct block_job {
  uint32_t number;
  struct guest_cpu *cpu;
  struct blockdev_queue *queue;
  struct block_list returning; /* the queue's owner's: finished, on the way to
                                  another vCPU */
  /* the job's vCPU's */
  gsl_rng *rng;
  struct block_slot *slots;
  struct block_slot **unused; /* a stack */
  uint32_t in_flight, most_in_flight;
  struct block_list done;               /* not yet reaped */
  uint64_t at;                          /* sequential: next request's place */
  uint64_t places;                      /* requests that the used span holds */
  uint64_t issued;                      /* reads and writes */
  int64_t writes;                       /* since the last flush */
  uint64_t submitted, received, reaped; /* since the start */
};

/* The jobs of a vCPU take turns: one keeps the vCPU until it blocks or its
 * slice is over. */
struct block_thread {
  struct block_job *running; /* NULL: none */
  hd_time start, slice_end;
};

struct guest_block {
  const struct blockdev_ops *ops;
  struct blockdev_queue *queues; /* queue_pairs */
  struct block_job *jobs;
  size_t n_jobs;
  struct block_thread *threads; /* by vCPU */
  bool polled;                  /* no interrupts */
};

struct blockdev_ops {
  /* create() finds the queues, whose owners are set. */
  struct guest_device_ops device; /* first */
  /* Requests that may be posted now. */
  uint32_t (*room)(const struct guest *g, const struct blockdev_queue *q);
  /* Cycles for posting so many and announcing them together, besides
   * submit_driver. NULL: none. */
  int64_t (*post_cycles)(const struct guest *g, const struct blockdev_queue *q,
                         uint32_t requests);
  /* Puts a request into the ring; there is room. Takes no time. */
  void (*post)(struct guest *g, struct blockdev_queue *q,
               struct block_request *r);
  /* Lets the device know of what has been posted, at least one request. */
  void (*announce)(struct guest_cpu *cpu, struct blockdev_queue *q);
  /* Cycles for taking so many completions, besides complete_driver. NULL: none.
   */
  int64_t (*take_cycles)(const struct guest *g, const struct blockdev_queue *q,
                         uint32_t requests);
  /* The request is the block layer's again. Takes no time. */
  void (*release)(struct guest *g, struct blockdev_queue *q,
                  struct block_request *r);
  /* Completions have been taken, all there were. */
  void (*taken)(struct guest_cpu *cpu, struct blockdev_queue *q);
  /* A handler has begun that found completions; it is over. True: there are
   * more. */
  void (*irq_begin)(struct guest_cpu *cpu, struct blockdev_queue *q);
  bool (*irq_end)(struct guest_cpu *cpu, struct blockdev_queue *q);
  /* The queue will be polled: no interrupts. */
  void (*poll_start)(struct guest_cpu *cpu, struct blockdev_queue *q);
  /* ---- books, after the run ---- */
  /* NULL, or what does not balance: requests in the ring are `in_ring`. */
  const char *(*check)(const struct guest *g, const struct blockdev_queue *q,
                       uint64_t in_ring);
};

extern const struct blockdev_ops nvme_ops, virtio_blk_ops;

static inline const struct blockdev_ops *
blockdev_of(const struct guest_config *c)
{
  return c->blockdev == BLOCKDEV_VIRTIO ? &virtio_blk_ops : &nvme_ops;
}

static inline struct blockdev_queue *blockdev_queue_at(const struct guest *g,
                                                       unsigned q)
{
  return &g->block->queues[q];
}

/* ---- block.c: building, books ---- */
/* Bytes of the jobs' buffers and page lists. Pure. */
uint64_t block_buffers(const struct guest_config *c);
void block_create(struct guest *g, uint64_t buffers);
void block_connect(struct guest *g);
void block_destroy(struct guest *g);
const char *block_check(const struct guest *g);

/* ---- block_queue.c ---- */
/* Requests enter their queue; on its owner. */
void block_enter(struct guest_cpu *cpu, struct blockdev_queue *q,
                 struct block_list *list);
/* Posts what there is room for, of all queues of the vCPU. */
void block_run_all(struct guest_cpu *cpu);
/* For drivers: a request has been completed. Takes no time. */
void block_found(struct guest_cpu *cpu, struct blockdev_queue *q,
                 struct block_request *r);
/* Vector i of the device, see GUEST_VECTOR(). */
void block_interrupt(struct guest_cpu *cpu, unsigned i);
/* For drivers, deferred work: handles what was found without an interrupt. */
void block_service_all(struct guest_cpu *cpu);
/* One poll of a queue; true if it found completions. */
bool block_poll(struct guest_cpu *cpu, struct blockdev_queue *q);
/* GUEST_REQUESTS, GUEST_REQUESTS_DONE; take no time. True: wake the vCPU. */
bool block_requests(struct guest_cpu *cpu, const struct guest_msg *m);
bool block_requests_done(struct guest_cpu *cpu, const struct guest_msg *m);

/* ---- block_jobs.c ---- */
void block_jobs_run(struct guest_cpu *cpu);

#endif
