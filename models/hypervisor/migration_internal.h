/* migration_internal.h - shared by migration_*.c; not for other models. */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_INTERNAL_H
#define HD_MODELS_HYPERVISOR_MIGRATION_INTERNAL_H

#include "models/hypervisor/migration.h"
#include "models/hypervisor/migration_memory.h"
#include "sim/engine/clock.h"

enum { MIGRATION_SOURCE, MIGRATION_DESTINATION };

/* ---- between the tasks --------------------------------------------------- */

enum migration_word {
  /* source -> destination, on the management network */
  MIGRATION_PREPARE, /* create queues, if that is done before the rounds */
  MIGRATION_CANCEL,  /* forget all */
  /* source -> destination, at the end of flows, in their order */
  MIGRATION_PAGES,  /* chunk */
  MIGRATION_IMAGE,  /* device state that is sent before the VM is stopped */
  MIGRATION_COMMIT, /* everything has been sent: take over */
  /* destination -> source */
  MIGRATION_TAKEN,   /* chunk is free again */
  MIGRATION_READY,   /* to PREPARE */
  MIGRATION_RUNNING, /* to COMMIT: the VM runs; times are set */
  MIGRATION_PLUGGED, /* the devices that were unplugged are back */
  MIGRATION_CANNOT   /* reason and device are set; nothing is left there */
};

/* (page, version) pairs. Belong to whoever holds the message. */
struct migration_chunk {
  uint32_t n;
  uint32_t *page, *version;
};
enum { MIGRATION_CHUNKS = 8 }; /* under way at a time */

/* MSG_MIGRATION_CONTROL */
struct migration_control_msg {
  struct hd_msg msg;
  enum migration_word word;
  uint32_t device;
  struct migration_chunk *chunk;
  int64_t bytes; /* IMAGE, COMMIT */
  const char *reason;
  hd_time arrived, state, create, resume; /* RUNNING: COMMIT's arrival, and
                                             what followed it took */
  hd_time at;                             /* RUNNING, PLUGGED: since when */
};
_Static_assert(sizeof(struct migration_control_msg) <= HD_MSG_BYTES,
               "too large");

/* ---- tasks --------------------------------------------------------------- */

/* The commands of one kind to all queues of one device. */
struct migration_batch {
  uint32_t device, n;
  enum migration_verb verb;
  hd_time *done, *least; /* by queue: its end, NEVER: not answered yet; and
                            the earliest it may be */
  hd_time latency;
  bool refused;
};

/* What both tasks are. */
struct migration_thread {
  struct hd_task task; /* base */
  struct migration *migration;
  unsigned side;
  struct hd_channel *control, *data; /* to the other task */
  struct migration_batch batch;
  bool guest_waits, guest_ok;
  bool plug_waits;
  enum migration_verb guest_verb;
  struct hd_msg *first, *last; /* control messages not looked at yet */
};

struct migration_source {
  struct migration_thread thread;
  struct migration_memory memory;
  struct migration_chunk *free[MIGRATION_CHUNKS];
  unsigned n_free;
  enum migration_phase phase;
  bool paused;           /* the guest, or about to be */
  uint32_t suspended;    /* slots [0, suspended) are, or might be */
  bool ready;            /* READY has come */
  hd_time dirtied_to;    /* loads are accounted up to here */
  hd_time synced_at;     /* last sync */
  double rate;           /* pages/s found by it */
  double found, found_s; /* pages and seconds of all syncs so far */
  gsl_rng **rng;         /* one a load: the guest's, then the slots' */
  double relayed;        /* buffers */
  hd_time window_start;  /* of the bandwidth limit */
  int64_t window_sent;
  int64_t image_sent;      /* bytes of state sent in pre-copy */
  bool forced;             /* stopped without having converged */
  unsigned dirty_too_fast; /* syncs, see auto-converge */
  uint64_t series_seen, series_stride;
  char reason[200]; /* of a failure under way; empty: none */
};

struct migration_destination {
  struct migration_thread thread;
  uint32_t *version;
  bool cancelled;
  uint32_t created; /* slots [0, created) have their queues */
};

/* One device as it is migrated: itself, or its stand-in. */
struct migration_slot {
  const char *name;
  const struct migration_device_ops *ops;
  void *side[2];
  bool stands_in;
  enum migration_tracking tracking;
  uint32_t queues;              /* commands of one kind that it takes */
  int64_t state;                /* bytes of its image */
  struct migration_ring *rings; /* written at the source, read there */
  uint32_t commanded;           /* queues that were told to suspend */
  bool dma;                     /* may write guest memory */
};

struct migration {
  struct migration_config config;
  struct migration_source source;
  struct migration_destination destination;
  struct migration_device *devices;
  struct migration_slot *slots; /* one a device */
  uint32_t n_pages;
  uint32_t leaf;         /* pages of an IOMMU leaf */
  struct hd_clock clock; /* the migration thread's */
  struct migration_chunk chunks[MIGRATION_CHUNKS];
  uint32_t chunk_pages;
  struct migration_report report;
};

static inline hd_time migration_now(const struct migration_thread *t)
{
  return hd_now(&t->task.base);
}

static inline struct migration *migration_of(const struct migration_source *s)
{
  return s->thread.migration;
}

/* migration_slot.c: fills the slot from the device, or from its stand-in. */
void migration_slot_fill(struct migration *m, uint32_t device, bool stand_in);

/* migration_thread.c: messages. Either task calls them with its own. */

/* Sends on the management network, or behind a flow that has just ended. */
void migration_tell(struct migration_thread *t,
                    const struct migration_control_msg *what);
void migration_follow(struct migration_thread *t,
                      const struct migration_control_msg *what);
/* Waits for any message until `until` and does what it asks for, or queues it
 * if it is a control message; false: `until` was reached. */
bool migration_wait(struct migration_thread *t, hd_time until);
/* The next control message, owned by the caller; NULL: `until` was reached. */
struct migration_control_msg *migration_receive(struct migration_thread *t,
                                                hd_time until);
/* Pauses or resumes the guest of this side; false: it refused. */
bool migration_guest(struct migration_thread *t, enum migration_verb verb);

/* migration_commands.c: a command to each queue of a slot; NULL, or why not. */
const char *migration_command(struct migration_thread *t, uint32_t slot,
                              enum migration_verb verb);
void migration_answered(struct migration_thread *t,
                        const struct migration_answer_msg *a);

/* migration_source.c */
void migration_source_main(struct hd_task *t);
/* Looks at all messages that have arrived, without waiting. */
void migration_source_poll(struct migration_source *s);
/* Waits for the word; false: something failed, see s->reason. */
bool migration_source_await(struct migration_source *s,
                            enum migration_word word,
                            struct migration_control_msg *copy);
/* Notes why this cannot go on, if nothing was noted before; returns false. */
bool migration_source_fail(struct migration_source *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* migration_tracking.c */
void migration_tracking_start(struct migration_source *s);
void migration_tracking_stop(struct migration_source *s);
/* Brings dirtying up to date with local time and with the messages. */
void migration_tracking_update(struct migration_source *s);
void migration_tracking_message(struct migration_source *s,
                                const struct migration_dirty_msg *d);
/* Takes time; afterwards all that was dirty when it began is to be sent. */
void migration_tracking_sync(struct migration_source *s);

/* migration_copy.c: false: the link was cut, or the destination cannot. */
bool migration_copy_pages(struct migration_source *s, bool limited);
bool migration_copy_state(struct migration_source *s, int64_t bytes,
                          struct migration_control_msg *then);

/* migration_rounds.c: pre-copy; false: failed or gave up. */
bool migration_rounds(struct migration_source *s);

/* migration_handover.c */
bool migration_hand_over(struct migration_source *s);
/* The VM goes on at the source. */
void migration_recover(struct migration_source *s);

/* migration_unplug.c */
const char *migration_unplug_needed(const struct migration *m, uint32_t *which);
bool migration_unplug(struct migration_source *s);
bool migration_plug(struct migration_thread *t); /* anything to be plugged? */

/* migration_destination.c */
void migration_destination_main(struct hd_task *t);

/* migration_series.c */
void migration_series_add(struct migration_source *s);
void migration_series_phase(struct migration_source *s,
                            enum migration_phase phase);

#endif
