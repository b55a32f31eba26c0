/*
 * internal.h - the controller's state, shared by the files of this folder.
 *
 *   storage.c       component, wiring, dispatch of messages
 *   registers.c     MMIO: decode, doorbells, register reads
 *   arbitration.c   which queue is served next, fetch of submission entries
 *   commands.c      a command's way through the device
 *   payload.c       data between device and host
 *   completions.c   completion entries
 *   interrupts.c    vectors: masking, coalescing
 *   interfaces.c    interfaces and their queues
 *   admin.c         administration queue
 *   stats.c         results and conservation
 *   store.c ...     see store_internal.h
 *
 * A queue's progress is a chain of counters, each never ahead of the one before
 * it, none ever reset but all together:
 *   announced  by doorbells          requested  fetch issued
 *   arrived    entry is here         posted     completion entry written
 *   consumed   driver has told that it has read the completion entry
 */
#ifndef HD_MODELS_STORAGE_INTERNAL_H
#define HD_MODELS_STORAGE_INTERNAL_H

#include "models/pcie/admin_queue.h"
#include "models/pcie/endpoint.h"
#include "models/storage/storage.h"
#include "sim/engine/clock.h"

enum storage_timer {
  STORAGE_TIMER_FETCH = 1, /* struct hd_msg: the arbiter is free again */
  STORAGE_TIMER_COMMAND,   /* command is through the pipeline */
  STORAGE_TIMER_PAYLOAD,   /* a write's data has passed the internal path */
  STORAGE_TIMER_VECTOR,    /* coalescing time over */
  STORAGE_TIMER_ADMIN      /* struct hd_msg: command has been executed */
};

struct storage_timer_msg {
  struct hd_msg msg;
  void *context; /* struct storage_command or struct storage_vector */
};

/* ---- queues and interfaces ----------------------------------------------- */

struct storage_command;

struct storage_queue {
  struct storage_queue *next, *prev; /* round of the arbiter; NULL: not in it */
  int64_t turn;                      /* commands left of its burst */
  struct storage_function *owner;
  struct storage_ring *ring;
  struct storage_vector *vector;
  uint16_t index; /* in its interface */
  bool live;      /* exists: doorbells are taken */
  bool stopped;   /* nothing is fetched */
  bool failed;
  uint32_t epoch; /* resets; what was fetched before is stale */
  uint64_t announced, requested, arrived, posted, consumed;
  uint64_t stranded;     /* fetched in vain: their entries are unknown */
  hd_time *announced_at; /* by slot */
  struct storage_fetch *fetch, *fetch_end; /* under way, in order */
  struct storage_command *commands;        /* inside, doubly linked */
  struct storage_command *held, *held_end; /* wait for room for completions */
};

/* An interface inside the device. Lives until the device ends, since DMA and
 * timers may refer to it after its removal. */
struct storage_function {
  struct storage_interface config;
  bool removed;
  struct storage_queue *queues; /* queue_pairs */
  uint64_t inside;              /* commands, and entries being fetched */
  struct admin_job *stopping;   /* stop commands to answer when inside is 0 */
  struct storage_interface_stats stats;
  struct storage_function *older; /* all that ever were */
};

struct storage_vector {
  struct storage_function *owner; /* NULL: free */
  uint32_t number, handle;
  bool enabled, armed;
  bool due;            /* a message is to be sent as soon as it is enabled */
  uint32_t unsignaled; /* completions since the last message */
  uint64_t unread;     /* completion entries that the driver has not consumed */
  hd_time oldest;      /* when the first unsignaled one was posted */
};

/* ---- work under way ------------------------------------------------------ */

struct storage_command {
  struct pcie_dma list;                /* first member: the PRP list's read */
  struct store_request store;          /* context: this command */
  struct storage_command *next, *prev; /* its queue's */
  struct storage_command *held_next;
  struct storage_queue *queue;
  struct block_request *request; /* NULL: its queue has been reset */
  uint8_t op, status;
  uint32_t bytes;
  uint32_t left; /* payload bytes to be moved */
  uint64_t lba, buffer;
  const uint64_t *pages;
  hd_time announced, translation, passed;
};

/* The part of a command's payload that is in one page of host memory. */
struct storage_segment {
  struct pcie_dma dma; /* first member */
  struct storage_command *command;
  struct storage_segment *next;
};

/* Payload of one direction: segments wait for their turn, so that entries,
 * completions and interrupts do not queue behind more than a window of it. */
struct storage_window {
  struct storage_segment *first, *last;
  int64_t used; /* bytes under way */
};

struct storage_fetch {
  struct pcie_dma dma; /* first member */
  struct storage_queue *queue;
  struct storage_fetch *next; /* its queue's */
  bool done;
  uint64_t first; /* counter of its first entry */
  uint32_t count, epoch;
  hd_time started;
};

struct storage_totals { /* since the start */
  uint64_t announced, completed, forgotten;
  int64_t depth;  /* announced, neither completed nor forgotten */
  int64_t inside; /* commands, reset ones included */
};

struct storage {
  struct hd_component base;
  struct storage_params params;
  const struct hd_window *window;
  struct pcie_endpoint endpoint;
  struct store *store;
  struct hd_pool commands, segments, fetches;

  struct storage_function **functions; /* by interface index; NULL: free */
  size_t n_functions;
  struct storage_function *all;
  struct storage_queue **queues; /* by global number */
  struct storage_vector *vectors;

  /* arbiter and pipeline */
  struct storage_queue *round; /* whose turn it is; NULL: no work */
  struct hd_clock fetch_clock, command_clock;
  hd_time arbiter_free, pipeline_free;
  bool arbiter_waits;
  int64_t fetches_open, slots_free;

  struct storage_window to_host, from_host;
  struct admin_queue admin;

  /* results */
  struct storage_stats counts;
  struct hd_gauge depth, inside;
  struct hd_busy pipeline_busy;
  struct storage_totals totals;
};

static inline bool storage_counts(const struct storage *n)
{
  return hd_window_contains(n->window, hd_now(&n->base));
}

/* Ring slot of a counter. */
static inline uint32_t storage_slot(const struct storage_queue *q,
                                    uint64_t counter)
{
  return (uint32_t)(counter % q->ring->size);
}

/* ---- storage.c ---- */
/* Fills in who does the DMA: requester ID and PASID of the interface. */
void storage_identify(const struct storage_function *f, struct pcie_dma *d);
struct storage_timer_msg *storage_timer(struct storage *n,
                                        enum storage_timer tag, void *context);
void storage_fault(struct storage *n, struct storage_function *f);

/* ---- registers.c ---- */
extern const struct pcie_endpoint_ops storage_registers;

/* ---- arbitration.c ---- */
/* The queue may have work: it takes part in the round from now on. */
void storage_activate(struct storage *n, struct storage_queue *q);
void storage_deactivate(struct storage *n, struct storage_queue *q);
/* Fetches what can be fetched now; call after anything that may allow more. */
void storage_arbitrate(struct storage *n);
void storage_arbiter_free(struct storage *n); /* STORAGE_TIMER_FETCH */

/* ---- commands.c ---- */
void storage_take(struct storage *n, struct storage_queue *q, uint64_t entry,
                  const struct storage_fetch *f);
void storage_command_due(struct storage *n, struct storage_command *c);
void storage_payload_due(struct storage *n, struct storage_command *c);
/* All payload of a write has come, or failed. */
void storage_write_data(struct storage *n, struct storage_command *c);
extern const struct store_client storage_store_client;
/* Something of the command failed; the first error stays. */
static inline void storage_fail(struct storage_command *c,
                                enum block_status status)
{
  if (c->status == BLOCK_OK)
    c->status = (uint8_t)status;
}

/* ---- payload.c ---- */
/* Data [offset, offset + bytes) of a read to the host, or a write's from it. */
void storage_send_payload(struct storage *n, struct storage_command *c,
                          uint32_t offset, uint32_t bytes);
void storage_get_payload(struct storage *n, struct storage_command *c);

/* ---- completions.c ---- */
/* The command is done; it is gone after this, or held. */
void storage_complete(struct storage *n, struct storage_command *c);
/* The driver has consumed entries. */
void storage_post_held(struct storage *n, struct storage_queue *q);

/* ---- interrupts.c ---- */
void storage_signal(struct storage *n, struct storage_vector *v);
void storage_vector_control(struct storage *n, struct storage_vector *v,
                            uint64_t value);
void storage_entries_read(struct storage_vector *v, uint64_t count);
void storage_vector_due(struct storage *n, struct storage_vector *v);
void storage_vector_reset(struct storage_vector *v);

/* ---- interfaces.c ---- */
bool storage_add_interface(struct storage *n, const struct storage_interface *i,
                           uint32_t *index);
void storage_remove_interface(struct storage *n, uint32_t index);
void storage_start_queues(struct storage *n, struct storage_function *f);
void storage_stop_queues(struct storage *n, struct storage_function *f);
void storage_reset_interface(struct storage *n, struct storage_function *f);
void storage_free_interfaces(struct storage *n);

/* ---- admin.c ---- */
void storage_admin_arrived(struct storage *n, struct storage_admin *c);
extern const struct admin_queue_kind storage_admin_queue;
/* `count` fewer commands or entries are inside. */
void storage_left(struct storage *n, struct storage_function *f,
                  uint64_t count);

#endif
