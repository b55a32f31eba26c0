/*
 * ring.h - the virtqueue as a memory structure (virtio 1.2: 2.7 split, 2.8
 * packed), with the driver's and the device's side of it.
 *
 * Visibility. The simulator's memory holds no bytes, and driver and device run
 * ahead of each other. Ring entries (descriptors, available and used slots,
 * indirect tables, cookies) are arrays that both sides share: an entry is read
 * only after a position that covers it has been seen. Positions, wrap counters
 * and event fields never pass through shared state: a side publishes them as a
 * struct virtq_view, the caller carries it with its own timing (kick, memory
 * update, used-ring write-back), and the other side is given it with
 * virtq_driver_see() or virtq_device_see().
 *
 * Rules for the caller
 *  1. Views of one direction arrive in the order in which they were taken. They
 *     may arrive late, or not at all if a later one does.
 *  2. After publishing, ask virtq_driver_kick_due() (virtq_device_interrupt_
 *     due()) once, and send the signal if it says so.
 *  3. Before sleeping, enable signals, send the view, and sleep only if enable
 *     said that nothing is there.
 *  4. Wake up when a signal arrives, or when a see function returns true. In
 *     hardware a store followed by a load closes the race between "I publish,
 *     you have not asked" and "I ask, you have not published": one of the two
 *     sees the other's store. With delays in both directions neither may, so
 *     every view says how many enables of the other side were known when its
 *     positions were decided upon; a view decided upon in ignorance counts as
 *     found by the sleeper's second look.
 *
 * Units: lengths in bytes, positions in ring entries. Ownership: the driver and
 * device refer to the struct virtq, which outlives them; what cookies point to
 * is the callers'. Memory is allocated by the initialize functions only.
 * Operations are O(1) or O(length of the chains they move), those of reset,
 * detaching and migration O(size); there is no global state.
 *
 * Errors are values of enum virtq_status. What the other side did wrong is kept
 * in `error` and returned from then on, until reset: a device in this state
 * sets DEVICE_NEEDS_RESET (2.1.2), a driver gives the queue up.
 */
#ifndef HD_MODELS_VIRTIO_RING_H
#define HD_MODELS_VIRTIO_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/virtio/features.h"

#define VIRTQ_MAX_SIZE 32768u

#define VIRTQ_STATUS_LIST(X)                                                   \
  X(OK, "done")                                                                \
  X(EMPTY, "nothing there")                                                    \
  X(FULL, "not enough free descriptors")                                       \
  X(SUSPENDED, "the device side is suspended")                                 \
  X(INVALID, "the caller's arguments break the contract")                      \
  X(NO_MEMORY, "out of memory")                                                \
  X(BAD_GEOMETRY, "size, alignment or features that 2.7 or 2.8 forbid")        \
  X(BAD_POSITION, "an index that is out of range or ahead of the ring")        \
  X(BAD_DESCRIPTOR, "a descriptor number beyond the table")                    \
  X(BAD_ID, "an ID beyond the queue, or in flight already or not at all")      \
  X(BAD_FLAGS, "a published packed descriptor without its wrap bits")          \
  X(BAD_INDIRECT, "an indirect table that is nested, misplaced or misshapen")  \
  X(BAD_ORDER, "a device-readable buffer behind a device-writable one")        \
  X(BAD_LENGTH, "a length beyond the buffers, or a chain of 4 GiB or more")    \
  X(LOOP, "a chain that loops")                                                \
  X(TOO_LONG, "a chain longer than the device accepts")

enum virtq_status {
#define X(name, text) VIRTQ_##name,
  VIRTQ_STATUS_LIST(X)
#undef X
};
const char *virtq_status_text(enum virtq_status status);

/* ---- the structure in memory -------------------------------------------- */

/* Descriptor flags: 2.7.5, 2.8.1. */
enum {
  VIRTQ_DESC_NEXT = 1,
  VIRTQ_DESC_WRITE = 2,    /* device-writable */
  VIRTQ_DESC_INDIRECT = 4, /* buffer is a table of descriptors */
  VIRTQ_DESC_AVAIL = 1 << 7,
  VIRTQ_DESC_USED = 1 << 15
};
#define VIRTQ_DESC_BYTES 16u

struct virtq_desc {
  uint64_t address; /* guest physical */
  uint32_t length;
  uint16_t link; /* split: next descriptor; packed: buffer ID */
  uint16_t flags;
};
struct virtq_used_element { /* 2.7.8 */
  uint32_t id, length;
};

/* Addresses are guest physical. */
struct virtq_config {
  uint32_t size;            /* entries; split: a power of two (2.7), packed: any
                               from 1 (2.8.10.1); <= VIRTQ_MAX_SIZE */
  uint64_t features;        /* negotiated: features.h; of the ring's bits */
  uint64_t descriptor_area; /* 16-byte aligned */
  uint64_t driver_area;     /* split: available ring, 2; packed: driver event
                               suppression structure, 4-byte aligned */
  uint64_t device_area;     /* split: used ring; packed: device event
                               suppression structure; 4-byte aligned */
  uint64_t indirect_area;   /* a table for each chain; 16-byte aligned here */
  uint32_t indirect_entries; /* of each table; 0: none */
};
/* Places the areas one after another from `base`, each on a line of its own,
 * and returns the first address behind them. `size`, `features` and
 * `indirect_entries` are set before. */
uint64_t virtq_config_place(struct virtq_config *config, uint64_t base);

struct virtq {
  struct virtq_config config;
  bool packed, event_idx, in_order, indirect;
  struct virtq_desc *desc;         /* [size] */
  uint16_t *avail;                 /* split: [size] */
  struct virtq_used_element *used; /* split: [size] */
  struct virtq_desc *table;        /* [size * indirect_entries] */
  void **cookie;                   /* [size], by chain ID; stands for what the
                                      buffers hold: set by the driver, may be
                                      replaced by the device between popping and
                                      pushing, taken back by the driver */
};
/* OK, BAD_GEOMETRY or NO_MEMORY (nothing is held then). */
enum virtq_status virtq_initialize(struct virtq *q,
                                   const struct virtq_config *config);
void virtq_terminate(struct virtq *q);

/* ---- what the other side can see ---------------------------------------- */

/* Split: a free-running index. Packed: a slot and the wrap counter there. */
struct virtq_position {
  uint16_t index;
  bool wrap; /* split: always false */
};

/* Event suppression: 2.7.7, 2.7.10, 2.8.10. Split rings without EVENT_IDX use
 * ENABLE and DISABLE (the ring's flags), with it always AT (used_event,
 * avail_event). `at` is set in every mode: it tells where the side stood. */
enum virtq_event_mode {
  VIRTQ_EVENT_ENABLE,
  VIRTQ_EVENT_DISABLE,
  VIRTQ_EVENT_AT
};
struct virtq_event {
  enum virtq_event_mode mode;
  struct virtq_position at; /* signal when this entry is published */
};

#define VIRTQ_ENABLES_BITS 14 /* counts are kept modulo 2^14 */

struct virtq_view {
  struct virtq_position position; /* entries before it are published */
  struct virtq_event event;       /* when this side wants to be signalled */
  uint16_t enables;               /* how often it has enabled signals */
  uint16_t known; /* enables of the other side that were known to every decision
                     about entries it asked for: see rule 4 */
};
/* A view in 64 bits, e.g. for the data of a TLP or of a doorbell, and back. */
uint64_t virtq_view_encode(const struct virtq_view *v);
struct virtq_view virtq_view_decode(uint64_t bits);
/* Whether `v` was taken before `seen`, by the same side: all in a view only
 * grows, and signals are disabled after they have been enabled. Drop such a
 * view (rule 1), e.g. the data of a doorbell, which stores to memory overtake.
 * A view with an index that is out of range is not overtaken unless it looks
 * so; virtq_device_see() finds it. */
bool virtq_view_overtaken(const struct virtq *q, const struct virtq_view *seen,
                          const struct virtq_view *v);

/* What both sides keep about signals; the library's. */
struct virtq_side {
  struct virtq_position published; /* own entries the other may see */
  struct virtq_position decided;   /* own entries a signal was decided for */
  struct virtq_position consumed;  /* the other's entries taken */
  struct virtq_view peer;          /* last seen */
  struct virtq_event event;
  uint16_t enables, known;
  bool enabled;   /* asks for signals */
  bool undecided; /* restored: what was signalled is not known */
};

/* ---- driver ------------------------------------------------------------- */

struct virtq_buffer {
  uint64_t address; /* guest physical */
  uint32_t length;
  bool writable; /* by the device */
};

struct virtq_driver_options {
  uint32_t indirect_from; /* chains of at least so many buffers use a table, if
                             negotiated and one is large enough; 0: none do */
};

struct virtq_driver_chain {
  uint32_t writable; /* bytes */
  uint16_t slots;    /* of the ring */
  uint16_t tail;     /* split: last descriptor */
  bool busy;
};

struct virtq_driver { /* fields are the library's */
  struct virtq *q;
  struct virtq_driver_options options;
  struct virtq_side side;
  struct virtq_position next; /* where the next chain goes */
  enum virtq_status error;
  uint32_t free;                    /* slots */
  uint32_t in_flight;               /* chains added and not taken back */
  uint16_t free_head;               /* split: descriptor; packed: ID */
  uint16_t *free_next;              /* [size] */
  struct virtq_driver_chain *chain; /* [size], by ID */
  uint16_t *order;                  /* IN_ORDER: IDs as added, [size] */
  uint32_t order_head;
  uint16_t batch_id; /* IN_ORDER: last chain of the batch being taken */
  uint32_t batch_length;
  bool in_batch;
};
/* OK, INVALID or NO_MEMORY. The queue is as after reset; signals enabled. */
enum virtq_status
virtq_driver_initialize(struct virtq_driver *d, struct virtq *q,
                        const struct virtq_driver_options *options);
void virtq_driver_terminate(struct virtq_driver *d);
/* Queue reset, driver's part: forgets all chains (take them with
 * virtq_driver_detach() before) and clears the entries. Reset both sides. */
void virtq_driver_reset(struct virtq_driver *d);

/* Makes a chain of `count` buffers, readable ones first; not visible before it
 * is published. OK; FULL: nothing changed; INVALID: no buffer, more than the
 * queue's size, wrong order, 4 GiB or more (2.7.4.2, 2.7.5.2, 2.7.5.3.1). */
enum virtq_status virtq_driver_add(struct virtq_driver *d,
                                   const struct virtq_buffer *buffer,
                                   uint32_t count, void *cookie);
/* Lets the device see all chains added so far. Returns the view to send. */
struct virtq_view virtq_driver_publish(struct virtq_driver *d);
/* The view as it stands: published chains, event field. */
struct virtq_view virtq_driver_view(const struct virtq_driver *d);
/* Whether the chains published since the last call need a kick, by the last
 * seen view of the device (2.7.10, 2.8.10). */
bool virtq_driver_kick_due(struct virtq_driver *d);

/* A view of the device has arrived. True: callbacks are enabled, what they wait
 * for is there, and no interrupt need come (rule 4). */
bool virtq_driver_see(struct virtq_driver *d, const struct virtq_view *device);

struct virtq_completion {
  void *cookie;
  uint32_t length; /* written by the device */
  uint16_t id;
};
/* Takes the next used chain: OK, EMPTY or the error. Chains skipped by an
 * in-order batch count as written in full (2.7.9, 2.8.8). */
enum virtq_status virtq_driver_take(struct virtq_driver *d,
                                    struct virtq_completion *c);
/* Whether virtq_driver_take() would find something. */
bool virtq_driver_pending(const struct virtq_driver *d);

/* Asks for an interrupt when `after` + 1 more entries (packed: slots) are used;
 * `after` < size counts with EVENT_IDX only. True: they are there already. The
 * view has changed. */
bool virtq_driver_enable_callback(struct virtq_driver *d, uint32_t after);
/* Asks for none. Returns whether the view has changed; a split ring with
 * EVENT_IDX has no way to say it, its event merely stays behind. */
bool virtq_driver_disable_callback(struct virtq_driver *d);

/* Slots free; a direct chain takes one a buffer, an indirect chain one. */
uint32_t virtq_driver_free(const struct virtq_driver *d);
/* Slots that a chain of `count` buffers would take; 0: cannot be made. */
uint32_t virtq_driver_slots(const struct virtq_driver *d, uint32_t count);
/* For a queue that is dead or reset: takes back any chain in flight. False:
 * none is left. */
bool virtq_driver_detach(struct virtq_driver *d, void **cookie);

/* ---- device: plans of memory accesses ----------------------------------- */

enum virtq_purpose {
  VIRTQ_READ_INDEX,      /* split: available idx; packed: next descriptor */
  VIRTQ_READ_AVAIL,      /* available ring entries */
  VIRTQ_READ_DESCRIPTOR, /* of the table or the packed ring */
  VIRTQ_READ_INDIRECT,   /* a whole indirect table */
  VIRTQ_READ_EVENT,      /* the driver's event field or flags */
  VIRTQ_WRITE_USED,      /* used elements or used descriptors */
  VIRTQ_WRITE_INDEX,     /* split: used idx */
  VIRTQ_WRITE_EVENT      /* the device's event field or flags */
};
struct virtq_access {
  uint64_t address; /* guest physical */
  uint32_t length;
  int32_t after; /* index in the plan of what must be done before; -1: none */
  enum virtq_purpose purpose;
  bool write;
};
/* Functions append to the caller's array and stop when it is full. */
struct virtq_plan {
  struct virtq_access *access;
  uint32_t capacity, count;
};
/* Room that is enough for the reads of any one chain, good or bad, of a device
 * that accepts so many buffers. With less, a long chain may never fit. */
#define VIRTQ_PLAN_CHAIN(max_buffers) ((max_buffers) + 3u)
/* Lines of `line` bytes (a power of two) that the accesses touch, a line in
 * successive accesses of one purpose counted once. */
uint32_t virtq_plan_lines(const struct virtq_plan *plan, uint32_t line);

/* ---- device
 * ------------------------------------------------------------------
 */

struct virtq_device_options { /* numbers >= 1 */
  uint32_t max_buffers;       /* longest chain the device accepts (2.7.4.1) */
  uint32_t avail_batch;       /* most available entries in one read */
  uint32_t descriptor_batch;  /* most consecutive descriptors in one read */
  uint32_t used_batch;        /* most adjacent used entries in one write */
  bool in_order_batch; /* IN_ORDER: one used entry for many chains if the ring's
                          rules allow it */
};

struct virtq_device_chain {
  uint32_t writable, length; /* bytes: of the chain; written */
  uint16_t slots;
  bool busy, done;
};

struct virtq_device { /* fields are the library's */
  struct virtq *q;
  struct virtq_device_options options;
  struct virtq_side side;
  struct virtq_position planned; /* fetched, or being fetched */
  enum virtq_status error;
  struct virtq_device_chain *chain; /* [size], by ID */
  uint16_t *order;                  /* IDs in the order of used entries, [size];
                                       IN_ORDER: as popped, else as pushed */
  uint32_t order_head, order_count;
  uint32_t in_flight; /* chains popped and not yet flushed */
  bool suspended;
};
/* OK, INVALID or NO_MEMORY. As after reset; signals enabled. */
enum virtq_status
virtq_device_initialize(struct virtq_device *d, struct virtq *q,
                        const struct virtq_device_options *options);
void virtq_device_terminate(struct virtq_device *d);
/* Queue reset, device's part: chains in flight are forgotten. */
void virtq_device_reset(struct virtq_device *d);

/* A view of the driver has arrived. True: kicks are enabled, chains are there,
 * and no kick need come (rule 4). A bad index sets the error. */
bool virtq_device_see(struct virtq_device *d, const struct virtq_view *driver);
/* What virtq_device_see() would return for a good view, without taking it: for
 * a device that finds views only when it reads memory, and must look again. */
bool virtq_device_would_miss(const struct virtq_device *d,
                             const struct virtq_view *driver);
/* Published and not popped: split: chains; packed: descriptors. */
uint32_t virtq_device_available(const struct virtq_device *d);
/* Of these, not yet planned. */
uint32_t virtq_device_unplanned(const struct virtq_device *d);

/* Appends the read that tells whether more is available. False: plan full. */
bool virtq_device_plan_index(const struct virtq_device *d,
                             struct virtq_plan *plan);
/* Appends the reads that fetch the next chains, from where the last plan ended
 * (or the last pop, if that is further), at most `max` chains. Returns how many
 * chains it covers; a chain that does not fit is left for the next plan.
 * Adjacent descriptors of these chains are read together as an ideal prefetcher
 * would, up to descriptor_batch. A bad chain is read as far as it can be, and
 * counts; nothing is planned behind it. Pop when the reads are done. */
uint32_t virtq_device_plan_fetch(struct virtq_device *d, uint32_t max,
                                 struct virtq_plan *plan);
/* Append the read of the driver's event data, before an interrupt decision, and
 * the write of the device's own, after enabling or disabling kicks. */
bool virtq_device_plan_read_event(const struct virtq_device *d,
                                  struct virtq_plan *plan);
bool virtq_device_plan_write_event(const struct virtq_device *d,
                                   struct virtq_plan *plan);

struct virtq_chain {
  struct virtq_buffer *buffer; /* the caller's array, filled; readable first */
  uint32_t capacity;           /* of it, >= the device's max_buffers */
  uint32_t readable, writable; /* buffers */
  uint64_t readable_bytes, writable_bytes;
  void *cookie;
  uint16_t id; /* head descriptor (2.7.8) or buffer ID (2.8.5) */
  uint16_t slots;
};
/* Takes the next chain: OK, EMPTY, SUSPENDED, INVALID (no capacity) or the
 * error. The buffers stay valid whatever happens to the ring. */
enum virtq_status virtq_device_pop(struct virtq_device *d,
                                   struct virtq_chain *chain);

/* The chain popped last goes back, untouched: it is the next to be popped, and
 * no reads are planned from there on. For devices that have popped ahead of use
 * and stop. OK or INVALID: it is not the chain popped last. */
enum virtq_status virtq_device_put_back(struct virtq_device *d, uint16_t id);

/* The device is done with chain `id`, having written `length` bytes. Any order;
 * with IN_ORDER what overtook is held back until its turn. OK or INVALID: not
 * in flight, pushed already, or more than the chain holds. */
enum virtq_status virtq_device_push(struct virtq_device *d, uint16_t id,
                                    uint32_t length);
/* Writes used entries for what was pushed, and publishes them: appends the
 * writes to the plan, as far as they fit (split: the last one is the index), or
 * does it all without a plan (NULL). Returns the number of chains; send the
 * view (virtq_device_view()) with the last write. */
uint32_t virtq_device_flush(struct virtq_device *d, struct virtq_plan *plan);
struct virtq_view virtq_device_view(const struct virtq_device *d);
/* Whether the chains published since the last call need an interrupt, by the
 * last seen view of the driver. */
bool virtq_device_interrupt_due(struct virtq_device *d);

/* Asks for a kick at the next chain. True: one is there already. */
bool virtq_device_enable_kick(struct virtq_device *d);
/* As virtq_driver_disable_callback(). */
bool virtq_device_disable_kick(struct virtq_device *d);

/* ---- device: state for migration
 * ---------------------------------------------
 */

struct virtq_in_flight {
  uint32_t writable, length;
  uint16_t id, slots;
  bool done; /* IN_ORDER: pushed, held back by an earlier one */
};
struct virtq_state {
  struct virtq_side side; /* last avail, used, wrap counters, event data */
  uint32_t in_flight;
};
/* No more pops; pushes and flushes go on, for those who drain. */
void virtq_device_suspend(struct virtq_device *d);
void virtq_device_resume(struct virtq_device *d);
/* Reads out a suspended device; `list` gets the chains in flight, in the order
 * of popping with IN_ORDER and of IDs without. OK or INVALID: not suspended, in
 * error, `capacity` too small, or pushed chains not flushed. */
enum virtq_status virtq_device_save(const struct virtq_device *d,
                                    struct virtq_state *state,
                                    struct virtq_in_flight *list,
                                    uint32_t capacity);
/* Makes a device side on the same (migrated) queue go on from there: the chains
 * in flight are its to push. It is not suspended, has kicks disabled on its own
 * side, and must look for chains; its first interrupt decision is yes, unless
 * interrupts are disabled. OK or INVALID (the device is as after reset). Give
 * it the driver's latest view: what was sent to the source may not have
 * arrived. */
enum virtq_status virtq_device_restore(struct virtq_device *d,
                                       const struct virtq_state *state,
                                       const struct virtq_in_flight *list);
/* As the vring base of vhost and vDPA: split: last available index; packed: it
 * and its wrap counter (bit 15), the same of the used ring in the high half. */
uint32_t virtq_state_base(const struct virtq *q, const struct virtq_state *s);

#endif
