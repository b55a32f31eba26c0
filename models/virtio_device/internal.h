/*
 * internal.h - the accelerator's state, shared by the files of this folder.
 *
 *   virtio_device.c  component, wiring, dispatch of messages
 *   registers.c      MMIO: decode, doorbells; views
 *   reads.c          reads of ring structures, as few at a time as allowed
 *   rings.c          what a queue knows and fetches; its failure
 *   scheduler.c      who is served next: two-level round robin, pipeline
 *   transmit.c       payload reads, frames in order to the wire
 *   receive.c        steering, buffers, payload writes
 *   block.c          a block request's way
 *   block_payload.c  its data
 *   used.c           used entries, interrupt decisions
 *   interrupts.c     vectors: messages, moderation
 *   functions.c      functions and their queues
 *   suspend.c        queues come to rest, and go on
 *   admin.c          administration queue
 *   dirty.c          dirty log
 *   stats.c          results and conservation
 *
 * A queue asks for kicks (the ring library's `enabled`) only while it has
 * nothing fetched and knows of nothing more.
 */
#ifndef HD_MODELS_VIRTIO_DEVICE_INTERNAL_H
#define HD_MODELS_VIRTIO_DEVICE_INTERNAL_H

#include "models/pcie/admin_queue.h"
#include "models/pcie/endpoint.h"
#include "models/round.h"
#include "models/virtio_device/virtio_device.h"
#include "sim/engine/clock.h"

enum {
  VIRTIO_HW_NET_HEADER = 12,   /* struct virtio_net_hdr_mrg_rxbuf, 5.1.6 */
  VIRTIO_HW_BLOCK_HEADER = 16, /* type, reserved, sector; 5.2.6 */
  VIRTIO_HW_FEW = 4,           /* buffers of most chains */
  VIRTIO_HW_USED_WRITES = 16   /* writes of used entries issued together */
};

enum virtio_hw_timer {
  VIRTIO_HW_TIMER_SERVE = 1, /* struct hd_msg: the reserved pipeline slot */
  VIRTIO_HW_TIMER_RECEIVE,   /* struct packet_msg: frame is through */
  VIRTIO_HW_TIMER_USED,      /* a queue's oldest used entry */
  VIRTIO_HW_TIMER_VECTOR,    /* moderation over */
  VIRTIO_HW_TIMER_ADMIN,     /* struct hd_msg: command has been executed */
  VIRTIO_HW_TIMER_DIRTY,     /* a function's log */
  VIRTIO_HW_TIMER_REQUEST,   /* the drive's controller has done its part */
  VIRTIO_HW_TIMER_PAYLOAD    /* a write's data has passed the internal path */
};

struct virtio_hw_timer_msg {
  struct hd_msg msg;
  void *context;
};

/* ---- chains -------------------------------------------------------------- */

struct virtio_hw_queue;

/* A chain that has been popped, and what is done with it. */
struct virtio_hw_work {
  struct store_request store;         /* block; context: this */
  struct virtio_hw_work *next, *prev; /* ready: the queue's; then: of frames */
  struct virtio_hw_queue *queue;
  struct packet *packet;         /* transmit */
  struct block_request *request; /* block */
  uint32_t epoch;                /* of its queue when it was popped */
  uint32_t readable, writable;   /* buffers */
  uint64_t readable_bytes, writable_bytes;
  uint16_t id, slots;
  bool large;    /* which pool it is from */
  bool complete; /* transmit: read */
  bool faulted;
  uint8_t status;      /* block: enum block_status */
  uint32_t left;       /* bytes to be moved */
  hd_time taken;       /* popped */
  hd_time translation; /* greatest of its transfers under way */
  hd_time passed;      /* block: data is through the internal path */
  struct virtq_buffer buffer[VIRTIO_HW_FEW]; /* or more, if large */
};

struct virtio_hw_list {
  struct virtio_hw_work *first, *last;
  uint32_t count;
};

/* A transfer of a chain's payload. */
struct virtio_hw_piece {
  struct pcie_dma dma; /* first member */
  struct virtio_hw_work *work;
  struct virtio_hw_piece *next; /* block: waiting for its turn */
  uint32_t release; /* receive: bytes of packet buffer that it frees */
};

/* Block payload of one direction: pieces wait for their turn, so that ring
 * accesses and interrupts do not queue behind more than a window of it. */
struct virtio_hw_window {
  struct virtio_hw_piece *first, *last;
  int64_t used; /* bytes under way */
};

/* ---- reads of ring structures -------------------------------------------- */

struct virtio_hw_read;
typedef void (*virtio_hw_read_done)(struct virtio_device *n,
                                    struct virtio_hw_read *r);
struct virtio_hw_read {
  struct pcie_dma dma; /* first member */
  struct virtio_hw_read *next;
  struct virtio_hw_queue *queue;
  struct virtio_hw_fetch *fetch;
  virtio_hw_read_done done;
  uint32_t epoch; /* of the queue when it was asked for */
  uint32_t index; /* in the fetch's plan */
};

/* A fetch of chains. */
struct virtio_hw_fetch {
  struct virtio_hw_queue *queue;
  uint32_t epoch, chains;
  uint32_t open; /* reads asked for and not done */
  bool failed;
  hd_time started;
  hd_time translation; /* along the slowest path of dependent reads */
  struct virtq_plan plan;
  hd_time *path;                /* [capacity]: translation up to each access */
  struct virtq_access access[]; /* [capacity] */
};

/* ---- queues and functions ------------------------------------------------ */

struct virtio_hw_queue {
  struct turn turn; /* first member; transmit and block */
  struct virtio_hw_function *owner;
  struct virtq *ring;
  struct virtq_device side;
  struct virtq_view memory; /* the driver's last: what a read would find */
  struct virtio_hw_vector *vector;
  uint16_t index; /* in its function */
  uint16_t observer;
  bool rx;
  bool live, suspending, suspended, failed;
  bool fetching, looking, deciding; /* reads under way */
  bool looked;                      /* for more, since chains came last */
  bool timer_armed;                 /* used entries */
  uint32_t epoch;                   /* resets; what began before is stale */
  uint64_t announced, popped;       /* ring entries: seen; taken */
  hd_time *announced_at;            /* by slot */
  struct virtio_hw_list ready;      /* popped, not used for anything yet */
  uint32_t inside;                  /* chains being worked on */
  uint32_t pushed;                  /* chains done and not told to the driver */
  hd_time oldest;                   /* when the first of them was done */
  struct packet *waiting, *waiting_end; /* receive: for buffers */
  uint32_t n_waiting;
  struct packet *done, *done_end; /* receive: pushed, not told */
  struct admin_job *suspension;   /* to answer when at rest */
};

struct virtio_hw_log {
  struct virtio_dirty_log sink;
  bool on, armed;
  uint16_t runs;
  struct virtio_dirty_run run[VIRTIO_DEVICE_DIRTY_RUNS];
};

/* Lives until the device ends, since DMA and timers may refer to it after its
 * removal. */
struct virtio_hw_function {
  struct turn turn; /* first member */
  struct round queues;
  struct virtio_function config; /* copy; queue and observer arrays are not */
  uint32_t first_queue, first_vector;
  uint64_t first_block, blocks;
  uint16_t served; /* of `queue` */
  bool removed;
  struct virtio_hw_queue *queue; /* config.n_queues */
  struct virtio_hw_log log;
  struct virtio_function_stats stats;
  struct virtio_hw_function *older; /* all that ever were */
};

struct virtio_hw_vector {
  struct virtio_hw_function *owner; /* NULL: free */
  uint32_t handle;
  uint64_t used; /* buffers that an interrupt is due for; 0: none */
  hd_time oldest;
  bool armed;
};

struct virtio_hw_totals {     /* since the start; packets or requests */
  uint64_t fetched, put_back; /* transmit, block */
  uint64_t sent, faulted;     /* transmit: left the device */
  uint64_t arrived, delivered, dropped; /* receive */
  uint64_t finished; /* block: told, or forgotten by a reset */
  int64_t chains;    /* fetched, not completed */
};

struct virtio_device {
  struct hd_component base;
  enum virtio_kind kind;
  struct virtio_device_params params;
  const struct hd_window *window;
  struct pcie_endpoint endpoint;
  struct hd_channel *to_wire;
  struct packet_pool *packets;
  struct hd_pool works, large_works, pieces, reads, fetches;
  struct virtq_buffer *scratch; /* params.max_buffers */
  uint32_t plan_capacity;

  struct virtio_hw_function **functions; /* by index; NULL: free */
  size_t n_functions;
  struct virtio_hw_function *all;
  struct virtio_hw_function **route; /* by guest */
  size_t n_routes;
  struct virtio_hw_queue **queues; /* by global number */
  struct virtio_hw_vector *vectors;

  struct virtio_hw_read *read_first, *read_last; /* wait for their turn */
  int64_t reads_open;

  /* scheduler and pipeline */
  struct round round; /* of functions */
  struct hd_clock packet_clock, schedule_clock;
  hd_time pipeline_free, scheduler_free;
  bool slot_reserved;

  /* network */
  struct virtio_hw_work *frames, *frames_end; /* in order of scheduling */
  int64_t tx_buffered, rx_buffered;
  uint64_t sending; /* frames handed to the wire, not yet sent */

  /* block */
  struct store *store;
  struct storage_params drive;
  struct hd_clock drive_clock;
  hd_time drive_free;
  int64_t requests; /* inside, of reset queues included */
  struct virtio_hw_window to_host, from_host;

  struct admin_queue admin;

  /* results */
  struct virtio_device_stats counts;
  struct hd_gauge chains, tx_fill, requests_inside;
  struct hd_busy pipeline_busy;
  struct hd_busy drive_busy; /* the drive's controller */
  struct virtio_hw_totals totals;
};

static inline bool virtio_hw_counts(const struct virtio_device *n)
{
  return hd_window_contains(n->window, hd_now(&n->base));
}

/* Its queue has been reset since: it touches the host no more. */
static inline bool virtio_hw_stale(const struct virtio_hw_work *w)
{
  return w->epoch != w->queue->epoch;
}

/* Chains are fetched and packets are delivered. */
static inline bool virtio_hw_serves(const struct virtio_hw_queue *q)
{
  return q->live && !q->suspending && !q->suspended;
}

/* ---- virtio_device.c ---- */
/* Fills in who does the DMA: requester ID and PASID of the function. */
void virtio_hw_identify(const struct virtio_hw_function *f, struct pcie_dma *d);
/* A posted write to a guest's memory, into the dirty log if that is on; `d` may
 * be on the stack if nobody waits for it. */
void virtio_hw_write(struct virtio_device *n, struct virtio_hw_function *f,
                     struct pcie_dma *d);
/* Reserves the pipeline: returns the start (>= now, earliest) of its slot. */
hd_time virtio_hw_reserve_pipeline(struct virtio_device *n, hd_time earliest);
struct virtio_hw_timer_msg *virtio_hw_timer(struct virtio_device *n,
                                            enum virtio_hw_timer tag,
                                            void *context);
void virtio_hw_fault(struct virtio_device *n, struct virtio_hw_function *f);

/* ---- registers.c ---- */
extern const struct pcie_endpoint_ops virtio_hw_registers;
void virtio_hw_view_arrived(struct virtio_device *n,
                            const struct virtio_view_msg *m);

/* ---- reads.c ---- */
/* Asks for a read; `done` is called with it once, and owns nothing of it. */
void virtio_hw_read(struct virtio_device *n, struct virtio_hw_queue *q,
                    const struct virtq_access *access, virtio_hw_read_done done,
                    struct virtio_hw_fetch *fetch, uint32_t index);
/* A write of ring structures; the last one of a change carries the view. */
void virtio_hw_ring_write(struct virtio_device *n, struct virtio_hw_queue *q,
                          const struct virtq_access *access, bool tell);

/* ---- rings.c ---- */
/* Shows the device's side a view, unless it has seen a later one. */
void virtio_hw_see(struct virtio_device *n, struct virtio_hw_queue *q,
                   const struct virtq_view *v);
/* Fetches, looks for more, or asks for kicks: call after anything that may
 * change what is due. */
void virtio_hw_fetch(struct virtio_device *n, struct virtio_hw_queue *q);
/* Reads the index, whatever is known. */
void virtio_hw_look(struct virtio_device *n, struct virtio_hw_queue *q);
void virtio_hw_fail(struct virtio_device *n, struct virtio_hw_queue *q);
struct virtio_hw_work *virtio_hw_take_ready(struct virtio_hw_queue *q);
/* All ready chains go back to the ring. */
void virtio_hw_put_back(struct virtio_device *n, struct virtio_hw_queue *q);
void virtio_hw_free_work(struct virtio_device *n, struct virtio_hw_work *w);

/* ---- scheduler.c ---- */
void virtio_hw_activate(struct virtio_device *n, struct virtio_hw_queue *q);
void virtio_hw_deactivate(struct virtio_device *n, struct virtio_hw_queue *q);
/* Serves what can be served now; call after anything that may allow more. */
void virtio_hw_schedule(struct virtio_device *n);
void virtio_hw_slot(struct virtio_device *n); /* VIRTIO_HW_TIMER_SERVE */

/* ---- transmit.c ---- */
void virtio_hw_transmit(struct virtio_device *n, struct virtio_hw_work *w);
void virtio_hw_frame_left(struct virtio_device *n, uint64_t bytes);

/* ---- receive.c ---- */
void virtio_hw_receive_frame(struct virtio_device *n, struct packet_msg *m);
void virtio_hw_steer(struct virtio_device *n, struct packet_msg *m); /* timer */
/* Buffers have come, or none are to be had (`last`: drops what finds none). */
void virtio_hw_receive_waiting(struct virtio_device *n,
                               struct virtio_hw_queue *q, bool last);
enum virtio_hw_drop {
  VIRTIO_HW_DROP_UNROUTED,
  VIRTIO_HW_DROP_PACKET_BUFFER,
  VIRTIO_HW_DROP_NO_BUFFER,
  VIRTIO_HW_DROP_OVERSIZE
};
void virtio_hw_drop(struct virtio_device *n, struct virtio_hw_function *f,
                    struct packet *p, enum virtio_hw_drop reason);
void virtio_hw_drop_waiting(struct virtio_device *n, struct virtio_hw_queue *q,
                            enum virtio_hw_drop reason);

/* ---- block.c ---- */
bool virtio_hw_has_request_slot(const struct virtio_device *n);
void virtio_hw_request(struct virtio_device *n, struct virtio_hw_work *w);
void virtio_hw_request_due(struct virtio_device *n, struct virtio_hw_work *w);
void virtio_hw_payload_due(struct virtio_device *n, struct virtio_hw_work *w);
/* All payload of a write has come, or failed; all of a read has gone. */
void virtio_hw_write_data(struct virtio_device *n, struct virtio_hw_work *w);
void virtio_hw_complete(struct virtio_device *n, struct virtio_hw_work *w);
extern const struct store_client virtio_hw_store_client;
/* The first error stays. */
static inline void virtio_hw_request_failed(struct virtio_hw_work *w,
                                            enum block_status status)
{
  if (w->status == BLOCK_OK)
    w->status = (uint8_t)status;
}

/* ---- block_payload.c ---- */
/* Data [offset, offset + bytes) of a read to the host; a write's from it. */
void virtio_hw_send_payload(struct virtio_device *n, struct virtio_hw_work *w,
                            uint32_t offset, uint32_t bytes);
void virtio_hw_get_payload(struct virtio_device *n, struct virtio_hw_work *w);
/* Address of a byte of the readable or writable part of a chain, and how many
 * bytes are there in its buffer from it on. */
uint64_t virtio_hw_byte(const struct virtio_hw_work *w, bool writable,
                        uint64_t offset, uint32_t *contiguous);

/* ---- used.c ---- */
/* A chain is done, having been written `length` bytes. */
void virtio_hw_push(struct virtio_device *n, struct virtio_hw_queue *q,
                    uint16_t id, uint32_t length);
void virtio_hw_used_due(struct virtio_device *n, struct virtio_hw_queue *q);
/* Writes used entries if it is time; `now`: whatever the batch. */
void virtio_hw_flush(struct virtio_device *n, struct virtio_hw_queue *q,
                     bool now);

/* ---- interrupts.c ---- */
/* `used` more buffers want an interrupt: at once, or as moderation allows. */
void virtio_hw_cause(struct virtio_device *n, struct virtio_hw_vector *v,
                     uint64_t used);
void virtio_hw_vector_due(struct virtio_device *n, struct virtio_hw_vector *v);
void virtio_hw_interrupt(struct virtio_device *n, struct virtio_hw_vector *v);

/* ---- functions.c ---- */
bool virtio_hw_add_function(struct virtio_device *n, struct virtio_admin *c);
void virtio_hw_start(struct virtio_device *n, struct virtio_hw_function *f);
void virtio_hw_stop(struct virtio_device *n, struct virtio_hw_function *f);
void virtio_hw_remove_function(struct virtio_device *n, uint32_t index);
void virtio_hw_free_functions(struct virtio_device *n);
/* The queue takes part from here on. */
void virtio_hw_go_live(struct virtio_device *n, struct virtio_hw_queue *q);

/* ---- suspend.c ---- */
/* False: it cannot be. Else the job is answered when the queue is at rest. */
bool virtio_hw_suspend(struct virtio_device *n, struct virtio_hw_queue *q,
                       struct admin_job *job);
bool virtio_hw_resume(struct virtio_device *n, struct virtio_hw_queue *q,
                      const struct virtio_admin *c);
/* Answers a suspension if nothing of the queue is under way any more. */
void virtio_hw_rest(struct virtio_device *n, struct virtio_hw_queue *q);

/* ---- admin.c ---- */
void virtio_hw_admin_arrived(struct virtio_device *n, struct virtio_admin *c);
extern const struct admin_queue_kind virtio_hw_admin_queue;

/* ---- dirty.c ---- */
void virtio_hw_track(struct virtio_device *n, struct virtio_hw_function *f,
                     bool on, const struct virtio_dirty_log *sink);
void virtio_hw_log(struct virtio_device *n, struct virtio_hw_function *f,
                   uint64_t address, uint32_t bytes);
void virtio_hw_log_flush(struct virtio_device *n, struct virtio_hw_function *f);
void virtio_hw_log_due(struct virtio_device *n, struct virtio_hw_function *f);

#endif
