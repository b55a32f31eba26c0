/*
 * store.h - what is behind a storage device's host interface: the internal data
 * path, the write cache and the media.
 *
 * A library embedded in a device component (not a component), so that an NVMe
 * controller and a virtio accelerator can stand on the same media. Its timers
 * are MSG_STORAGE_STORE messages to the device, which hands them over.
 *
 * Media: channels, each with a bus, each with dies. A read is cut into the
 * pages it touches; page p is on channel p mod channels. A die reads a page,
 * keeps it in its cache register until its channel has moved the bytes asked
 * for, and may read the next page meanwhile. All data then passes the internal
 * data path, one piece after the other.
 *
 * Write cache: units of 4 KiB. A write reserves room before its data is
 * fetched, in order of arrival; it is acknowledged when the data is in. Units
 * are programmed in the background, a program's worth at a time, to the die
 * that has been idle of programs for longest (a log, as flash translation
 * layers keep it); reads go before programs that have not begun. A unit that is
 * written again before it is being programmed stays one unit. Without cache a
 * write programs dies chosen by its address and is acknowledged afterwards.
 */
#ifndef HD_MODELS_STORAGE_STORE_H
#define HD_MODELS_STORAGE_STORE_H

#include "models/storage/storage_messages.h"
#include "models/storage/storage_params.h"
#include "sim/engine/engine.h"
#include "sim/measure/gauge.h"

enum { STORE_UNIT = 4096 }; /* bytes: of cache and mapping */

struct store; /* opaque */

/* A read or write. The device's, from the first call until it is told the end
 * of it. */
struct store_request {
  /* Set by the device: */
  uint64_t offset; /* bytes from the drive's start */
  uint32_t bytes;  /* > 0; at most max_transfer */
  void *context;
  /* The store's: */
  struct store_request *next;
  uint32_t left;  /* programs that are not done (no cache) */
  uint32_t units; /* room reserved */
  hd_time since;  /* when it began to wait for room */
};

/* What the device is told; called from store_handle() only, but for `arrived`,
 * which may be called from store_read(). */
struct store_client {
  /* Data [offset, offset + bytes) of a read is in the device. Once for each
   * piece, in any order; the last one ends the request. */
  void (*arrived)(struct hd_component *device, struct store_request *r,
                  uint32_t offset, uint32_t bytes);
  /* A write that had to wait has room now. */
  void (*ready)(struct hd_component *device, struct store_request *r);
  /* A write that store_write() did not acknowledge at once is done. */
  void (*written)(struct hd_component *device, struct store_request *r);
};

struct store *store_create(struct hd_component *device,
                           const struct store_client *client,
                           const struct storage_params *params,
                           const struct hd_window *window);
void store_destroy(struct store *s);

void store_read(struct store *s, struct store_request *r);
/* Room for a write. False: the client's `ready` comes later. */
bool store_reserve(struct store *s, struct store_request *r);
/* Gives room back: the write does not happen. */
void store_release(struct store *s, struct store_request *r);
/* Takes the internal data path for `bytes` of a write; returns when they have
 * passed. Calls are served in order. */
hd_time store_pass(struct store *s, uint32_t bytes);
/* A write that has room and whose data has passed. True: acknowledged. */
bool store_write(struct store *s, struct store_request *r);
/* Takes a MSG_STORAGE_STORE message. */
void store_handle(struct store *s, struct hd_msg *msg);

struct store_stats {              /* within the window */
  uint64_t media_reads, programs; /* pages; programs incl. amplification */
  uint64_t hits, misses; /* pieces of reads: all in the cache, or not */
  uint64_t rewritten;    /* units written again in the cache */
  uint64_t stalls;       /* writes that waited for room */
  hd_time stall_time;
  double cache_mean;      /* bytes holding data */
  double die_utilization; /* mean over dies: reading or programming */
  double channel_utilization, path_utilization;
  double reads_waiting_mean; /* reads that wait for dies */
};
void store_get_stats(const struct store *s, struct store_stats *st,
                     hd_time end);
/* Bytes of cache that hold data, and bytes reserved for writes under way. */
int64_t store_cached(const struct store *s);
int64_t store_reserved(const struct store *s);
/* Since the start: bytes acknowledged, bytes programmed once or more. */
uint64_t store_accepted(const struct store *s);
uint64_t store_programmed(const struct store *s);
/* Reads and programs at dies or on their way from them. */
size_t store_operations(const struct store *s);
/* NULL, or what does not balance. */
const char *store_check(const struct store *s);

#endif
