/*
 * store_internal.h - the store's state, shared by its files.
 *
 *   store.c         life, internal data path, dispatch, results
 *   media.c         dies and channels
 *   write_cache.c   units, room, destaging
 */
#ifndef HD_MODELS_STORAGE_STORE_INTERNAL_H
#define HD_MODELS_STORAGE_STORE_INTERNAL_H

#include "models/storage/store.h"
#include "sim/engine/clock.h"
#include "sim/engine/pool.h"
#include "sim/engine/rng.h"

/* hd_msg.tag of a MSG_STORAGE_STORE message. */
enum store_timer {
  STORE_TIMER_READ = 1, /* die has read the page */
  STORE_TIMER_MOVED,    /* the channel has moved the bytes */
  STORE_TIMER_PASSED,   /* they have passed the internal data path */
  STORE_TIMER_PROGRAMMED
};

struct cache_unit {
  struct cache_unit *next;  /* free, to be destaged, or of one program */
  struct cache_unit *chain; /* hash bucket */
  uint64_t number;          /* offset / STORE_UNIT */
  bool current;             /* in the map: the newest data of its number */
  bool destaging;
};

/* A read of (a part of) a page, or a program. */
struct store_op {
  struct store_op *next;
  struct store_request *request; /* NULL: destaging */
  struct store_die *die;         /* NULL: found in the cache */
  struct cache_unit *units;      /* destaging */
  uint32_t offset, bytes;        /* in the request */
};

struct store_msg {
  struct hd_msg msg;
  struct store_op *op;
};
_Static_assert(sizeof(struct store_msg) <= HD_MSG_BYTES, "too large");

struct store_fifo {
  struct store_op *first, *last;
};

struct store_channel {
  hd_time free_at;
  struct hd_clock bits; /* 1 cycle = 1 bit */
};

struct store_die {
  struct store_channel *channel;
  struct store_fifo reads, programs; /* waiting */
  struct store_op *active; /* being read or programmed, or read and stalled */
  struct store_op *moving; /* in the cache register, on or for the channel */
  bool stalled;            /* active waits for the cache register */
  struct store_die *next;  /* dies without a program */
};

/* Duration of an operation: constant, or log-normal with that mean. */
struct store_duration {
  hd_time mean;
  double zeta, sigma; /* sigma 0: constant */
  gsl_rng *rng;
};

struct store_totals {            /* since the start */
  uint64_t accepted, programmed; /* bytes */
  size_t waiting_reads;
};

struct store {
  struct hd_component *device;
  const struct store_client *client;
  struct storage_params params;
  const struct hd_window *window;
  struct hd_pool ops;

  /* internal data path */
  struct hd_clock path_bits;
  hd_time path_free;

  /* media */
  struct store_channel *channels;
  struct store_die *dies; /* die d of channel c: d * channels + c */
  size_t n_dies;
  struct store_duration read, program;
  struct store_die *unloaded, *unloaded_end; /* no program; longest first */
  int64_t amplification, owed;               /* programs, in thousandths */

  /* cache */
  struct cache_unit *units, *free;
  struct cache_unit *dirty, *dirty_end;
  struct cache_unit **buckets; /* a power of two */
  size_t mask;
  int64_t n_units, n_free, n_reserved, n_dirty, n_destaging, batch;
  struct store_request *waiting, *waiting_end;

  /* results */
  struct store_stats counts;
  struct store_totals totals;
  struct hd_gauge cached, reads_waiting;
  struct hd_busy die_busy, channel_busy, path_busy;
};

static inline bool store_counts(const struct store *s)
{
  return hd_window_contains(s->window, hd_now(s->device));
}

/* ---- store.c ---- */
void store_timer(struct store *s, enum store_timer tag, struct store_op *op,
                 hd_time at);
struct store_op *store_op_new(struct store *s, struct store_request *r,
                              uint32_t offset, uint32_t bytes);
/* The op's bytes take the internal data path, then arrive. */
void store_deliver(struct store *s, struct store_op *op);

/* ---- media.c ---- */
void store_media_initialize(struct store *s);
void store_media_terminate(struct store *s);
/* The op goes to the die that holds `offset` of the drive, in stripes of `size`
 * over all channels, then over their dies. */
void store_media_read(struct store *s, struct store_op *op, uint64_t offset);
void store_media_program(struct store *s, struct store_op *op,
                         struct store_die *die);
struct store_die *store_die_of(struct store *s, uint64_t offset, int64_t size);
void store_media_due(struct store *s, struct store_op *op, unsigned tag);
/* A die without program, taken from the list; NULL: all have one. */
struct store_die *store_take_unloaded(struct store *s);
const char *store_media_check(const struct store *s);

/* ---- write_cache.c ---- */
void store_cache_initialize(struct store *s);
void store_cache_terminate(struct store *s);
bool store_cache_holds(const struct store *s, uint64_t offset, uint32_t bytes);
bool store_cache_reserve(struct store *s, struct store_request *r);
void store_cache_release(struct store *s, struct store_request *r);
void store_cache_write(struct store *s, const struct store_request *r);
void store_cache_destage(struct store *s);
void store_cache_programmed(struct store *s, struct store_op *op);
const char *store_cache_check(const struct store *s);

#endif
