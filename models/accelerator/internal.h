/*
 * internal.h - the device's state, shared by the files of this folder.
 *
 *   accelerator.c   component, wiring, dispatch of messages
 *   registers.c     MMIO: decode, tails, heads, interrupt control
 *   arbitration.c   which bank is served next, fetch of request entries
 *   engines.c       engines and their threads
 *   flow.c          a request's way through the device
 *   slices.c        what the algorithms need, slices and their queues
 *   payload.c       data between device and host
 *   responses.c     response entries
 *   interrupts.c    a bank's interrupt: enabling, coalescing
 *   interfaces.c    interfaces and their banks
 *   admin.c         administration commands
 *   stats.c         results and conservation
 *
 * A bank's progress is a chain of counters, each never ahead of the one before
 * it, none ever reset but all together:
 *   announced  by tail writes        requested  fetch issued
 *   arrived    entry is here         posted     response written
 *   consumed   driver has told that it has read the response
 */
#ifndef HD_MODELS_ACCELERATOR_INTERNAL_H
#define HD_MODELS_ACCELERATOR_INTERNAL_H

#include "models/accelerator/accelerator.h"
#include "models/pcie/admin_queue.h"
#include "models/pcie/endpoint.h"
#include "sim/engine/clock.h"

enum accelerator_timer {
  ACCELERATOR_TIMER_FETCH = 1, /* the arbiter is free again */
  ACCELERATOR_TIMER_ENGINE,    /* firmware has taken the request up */
  ACCELERATOR_TIMER_SLICE,     /* slice is done with the request */
  ACCELERATOR_TIMER_INTERRUPT, /* coalescing time over */
  ACCELERATOR_TIMER_ADMIN      /* command has been executed */
};

struct accelerator_timer_msg {
  struct hd_msg msg;
  void *context; /* struct accelerator_work or struct accelerator_bank */
};

/* ---- banks and interfaces ------------------------------------------------ */

struct accelerator_work;

struct accelerator_bank {
  struct accelerator_bank *next, *prev; /* round; NULL: not in it */
  int64_t turn;                         /* requests left of its burst */
  struct accelerator_function *owner;
  struct accelerator_ring *ring;
  enum accelerator_service service;
  uint16_t index; /* in its interface */
  bool live;      /* exists: tails are taken */
  bool stopped;   /* nothing is fetched */
  bool failed;
  uint32_t epoch; /* resets; what was fetched before is stale */
  uint64_t announced, requested, arrived, posted, consumed;
  uint64_t stranded;     /* fetched in vain: their entries are unknown */
  hd_time *announced_at; /* by slot */
  struct accelerator_fetch *fetch, *fetch_end; /* under way, in order */
  struct accelerator_work *works;              /* inside, doubly linked */
  struct accelerator_work *held, *held_end;    /* wait for room */
  /* interrupt */
  bool enabled, armed; /* armed: a timer is under way */
  hd_time since;       /* coalescing time begins */
};

/* An interface inside the device. Lives until the device ends, since DMA and
 * timers may refer to it after its removal. */
struct accelerator_function {
  struct accelerator_interface config;
  struct accelerator_bank *banks; /* config.banks */
  uint64_t inside;                /* requests, and entries being fetched */
  struct admin_job *stopping;     /* stops to answer when inside is 0 */
  struct accelerator_interface_stats stats;
  struct accelerator_function *older; /* all that ever were */
};

/* ---- engines and slices -------------------------------------------------- */

struct accelerator_engine {
  enum accelerator_service service;
  int64_t threads_free;
  hd_time free_at; /* of its processor */
  struct hd_clock clock;
};

struct accelerator_slices { /* all of a kind */
  int64_t count, busy;
  struct accelerator_work *first, *last; /* wait */
  struct hd_gauge waiting;
  struct hd_busy used;
};

enum { ACCELERATOR_STAGES = 3 };

/* What an algorithm does with a request in this device. */
struct accelerator_plan {
  int stages;
  struct {
    enum accelerator_slice slice;
    struct hd_clock bits; /* 1 cycle = 1 bit of source; hz 0: `time` instead */
    hd_time time;
  } stage[ACCELERATOR_STAGES];
  double ratio; /* output over input; 0: as accelerator_kinds says */
};

/* ---- work under way ------------------------------------------------------ */

struct accelerator_list { /* a scatter list's read */
  struct pcie_dma dma;    /* first member */
  struct accelerator_work *work;
};

struct accelerator_work {               /* a request that has been fetched */
  struct accelerator_list lists[2];     /* of source and destination */
  struct accelerator_work *next, *prev; /* its bank's */
  struct accelerator_work *waiting;     /* next in a queue: slices, held */
  struct accelerator_bank *bank;
  struct accelerator_request *request; /* NULL: its bank has been reset */
  struct accelerator_engine *engine;
  const struct accelerator_plan *plan;
  uint8_t algorithm, status, stage;
  uint8_t lists_left;
  uint32_t input, output; /* bytes of source, of destination */
  uint32_t left;          /* bytes to be moved */
  hd_time announced, translation;
};

/* The part of a transfer that is in one page of host memory. */
struct accelerator_segment {
  struct pcie_dma dma; /* first member */
  struct accelerator_work *work;
  struct accelerator_segment *next;
};

/* Data of one direction: segments wait for their turn, so that entries,
 * responses and interrupts do not queue behind more than a window of it. */
struct accelerator_lane {
  struct accelerator_segment *first, *last;
  int64_t used; /* bytes under way */
};

struct accelerator_fetch {
  struct pcie_dma dma; /* first member */
  struct accelerator_bank *bank;
  struct accelerator_fetch *next; /* its bank's */
  bool done;
  uint64_t first; /* counter of its first entry */
  uint32_t count, epoch;
  hd_time started;
};

struct accelerator_totals { /* since the start */
  uint64_t announced, answered, forgotten;
  int64_t depth;  /* announced, neither answered nor forgotten */
  int64_t inside; /* requests, reset ones included */
};

struct accelerator {
  struct hd_component base;
  struct accelerator_params params;
  const struct hd_window *window;
  struct pcie_endpoint endpoint;
  struct hd_pool works, segments, fetches;

  struct accelerator_function **functions; /* by interface index; NULL: free */
  size_t n_functions;
  struct accelerator_function *all;
  struct accelerator_bank **banks; /* by global number */

  /* arbiter, which serves the services in turn */
  struct accelerator_bank *round[ACCELERATOR_SERVICES]; /* NULL: no work */
  int64_t threads_free[ACCELERATOR_SERVICES]; /* less those being fetched for */
  int next_service;
  struct hd_clock fetch_clock;
  hd_time arbiter_free;
  bool arbiter_waits;
  int64_t fetches_open;

  struct accelerator_engine *engines;
  size_t n_engines;
  struct accelerator_slices slices[ACCELERATOR_SLICES];
  hd_time slice_setup;
  struct accelerator_plan plans[ACCELERATOR_ALGORITHMS];

  struct accelerator_lane to_host, from_host;
  struct admin_queue admin;

  /* results */
  struct accelerator_stats counts;
  struct hd_gauge depth, inside;
  struct hd_busy engine_busy[ACCELERATOR_SERVICES];
  struct accelerator_totals totals;
};

static inline bool accelerator_counts(const struct accelerator *n)
{
  return hd_window_contains(n->window, hd_now(&n->base));
}

/* Ring slot of a counter. */
static inline uint32_t accelerator_slot(const struct accelerator_bank *k,
                                        uint64_t counter)
{
  return (uint32_t)(counter % k->ring->size);
}

/* ---- accelerator.c ---- */
/* Fills in who does the DMA: requester ID and PASID of the interface. */
void accelerator_identify(const struct accelerator_function *f,
                          struct pcie_dma *d);
struct accelerator_timer_msg *accelerator_timer(struct accelerator *n,
                                                enum accelerator_timer tag,
                                                void *context);
void accelerator_fault(struct accelerator *n, struct accelerator_function *f);

/* ---- registers.c ---- */
extern const struct pcie_endpoint_ops accelerator_registers;

/* ---- arbitration.c ---- */
/* The bank may have work: it takes part in the round from now on. */
void accelerator_activate(struct accelerator *n, struct accelerator_bank *k);
void accelerator_deactivate(struct accelerator *n, struct accelerator_bank *k);
/* Fetches what can be fetched now; call after anything that may allow more. */
void accelerator_arbitrate(struct accelerator *n);
void accelerator_arbiter_free(struct accelerator *n);

/* ---- engines.c ---- */
void accelerator_engines_initialize(struct accelerator *n);
int64_t accelerator_threads(const struct accelerator_params *p,
                            enum accelerator_service s);
/* A thread for a request of the service, which has one free. */
struct accelerator_engine *accelerator_engine_take(struct accelerator *n,
                                                   enum accelerator_service s);
void accelerator_engine_give(struct accelerator *n,
                             struct accelerator_engine *e);
/* When the engine's firmware has taken one more request up. */
hd_time accelerator_engine_run(struct accelerator *n,
                               struct accelerator_engine *e);

/* ---- flow.c ---- */
void accelerator_take(struct accelerator *n, struct accelerator_bank *k,
                      uint64_t entry, const struct accelerator_fetch *f);
void accelerator_begin(struct accelerator *n, struct accelerator_work *w);
/* All data of the source has come, or failed. */
void accelerator_data(struct accelerator *n, struct accelerator_work *w);
/* A slice is done; the next stage, or the result. */
void accelerator_staged(struct accelerator *n, struct accelerator_work *w);
void accelerator_mark(struct accelerator *n, struct accelerator_work *w,
                      enum hd_stage stage);
/* Something of the request failed; the first error stays. */
static inline void accelerator_fail(struct accelerator_work *w,
                                    enum accelerator_status status)
{
  if (w->status == ACCELERATOR_OK)
    w->status = (uint8_t)status;
}

/* ---- slices.c ---- */
void accelerator_slices_initialize(struct accelerator *n);
/* The work's stage begins as soon as a slice of its kind is free. */
void accelerator_slice_request(struct accelerator *n,
                               struct accelerator_work *w);
void accelerator_slice_due(struct accelerator *n, struct accelerator_work *w);

/* ---- payload.c ---- */
void accelerator_get_data(struct accelerator *n, struct accelerator_work *w);
void accelerator_put_data(struct accelerator *n, struct accelerator_work *w);

/* ---- responses.c ---- */
/* The request is done; its work is gone after this, or held. */
void accelerator_respond(struct accelerator *n, struct accelerator_work *w);
/* The driver has consumed responses. */
void accelerator_post_held(struct accelerator *n, struct accelerator_bank *k);

/* ---- interrupts.c ---- */
/* A response has been posted, or the register written. */
void accelerator_signal(struct accelerator *n, struct accelerator_bank *k);
void accelerator_interrupt_control(struct accelerator *n,
                                   struct accelerator_bank *k, uint64_t value);
void accelerator_interrupt_due(struct accelerator *n,
                               struct accelerator_bank *k);

/* ---- interfaces.c ---- */
bool accelerator_add_interface(struct accelerator *n,
                               const struct accelerator_interface *i,
                               uint32_t *index);
void accelerator_remove_interface(struct accelerator *n, uint32_t index);
void accelerator_start_banks(struct accelerator *n,
                             struct accelerator_function *f);
void accelerator_stop_banks(struct accelerator *n,
                            struct accelerator_function *f);
void accelerator_reset_interface(struct accelerator *n,
                                 struct accelerator_function *f);
void accelerator_free_interfaces(struct accelerator *n);

/* ---- admin.c ---- */
void accelerator_admin_arrived(struct accelerator *n,
                               struct accelerator_admin *c);
extern const struct admin_queue_kind accelerator_admin_queue;
/* `count` fewer requests or entries are inside. */
void accelerator_left(struct accelerator *n, struct accelerator_function *f,
                      uint64_t count);

#endif
