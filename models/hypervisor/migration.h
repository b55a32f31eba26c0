/*
 * migration.h - live migration of one VM between two hosts of a simulation.
 *
 * Two tasks: the migration thread at the source, and the incoming side at the
 * destination. Pages travel as flows on the link between the hosts (flow.h);
 * control messages travel on the management network, which a cut of that link
 * does not touch (as libvirt's). One object migrates one VM once.
 *
 * Phases: setup (tracking on, destination prepared) - pre-copy rounds, each
 * ended by a dirty sync, until the rest fits the downtime limit - VM stopped -
 * devices suspended - rest of the pages and device states sent - destination
 * loads, creates and configures queues unless that was done before, resumes the
 * devices and the VM - network switched over. Only the answer that the VM runs
 * there makes the source forget it; everything else makes it go on at the
 * source. So it always runs at exactly one of them, or, stopped, at none.
 *
 * Memory is modelled as a version number a page at each side, not as contents.
 * At the hand-over all versions must be equal, or the run fails (checked
 * always). See migration_memory.h for dirtying.
 *
 * Time in picoseconds, memory in bytes, pages of 4 KiB. The guest and devices
 * are reached through ops. They are called on one of the two tasks, at its
 * local time; they may advance it and send on channels of that task, and must
 * not share mutable state with other actors. What takes another actor is
 * answered later: return MIGRATION_LATER and let it send MSG_MIGRATION_ANSWER.
 */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_H
#define HD_MODELS_HYPERVISOR_MIGRATION_H

#include "models/hypervisor/migration_params.h"
#include "sim/engine/engine.h"
#include "sim/engine/flow.h"

#define MIGRATION_PAGE INT64_C(4096)

struct migration; /* opaque */

/* ---- messages ------------------------------------------------------------ */

/* Numbered apart from models/messages.h. */
enum migration_msg_kind {
  MSG_MIGRATION_START = 0x4d00, /* anyone -> source: begin */
  MSG_MIGRATION_DIRTY,          /* device or guest -> source: pages written */
  MSG_MIGRATION_ANSWER,         /* guest or device -> the task that asked */
  MSG_MIGRATION_CONTROL         /* between the two tasks */
};

/* MSG_MIGRATION_DIRTY, on a channel of migration_dirty_channel(). `device` is
 * its index, or MIGRATION_CPU. Only while tracking is on. All of a device's
 * must arrive before its answer that the last queue is suspended. */
#define MIGRATION_CPU UINT32_MAX
enum { MIGRATION_DIRTY_RUNS = 14 };
struct migration_dirty_msg {
  struct hd_msg msg;
  uint32_t device;
  uint16_t runs;
  bool unlogged; /* fault injection: the tracker misses it */
  struct {
    uint32_t first, count; /* pages */
  } run[MIGRATION_DIRTY_RUNS];
};
_Static_assert(sizeof(struct migration_dirty_msg) <= HD_MSG_BYTES, "too large");

/* What a queue needs to go on elsewhere; its meaning is the device's. */
struct migration_ring {
  uint64_t words[6];
};

enum migration_verb {
  MIGRATION_SUSPEND,
  MIGRATION_CREATE,
  MIGRATION_RESUME,
  MIGRATION_TAKE_OUT, /* unplug */
  MIGRATION_PUT_IN    /* plug */
};

/* MSG_MIGRATION_ANSWER: completes an operation that returned MIGRATION_LATER.
 * device: index; MIGRATION_CPU: the guest, whose verbs are SUSPEND (pause) and
 * RESUME. An answer that nobody waits for any more is ignored. */
struct migration_answer_msg {
  struct hd_msg msg;
  uint32_t device, queue;
  enum migration_verb verb;
  bool ok;
  struct migration_ring ring; /* suspend only */
};
_Static_assert(sizeof(struct migration_answer_msg) <= HD_MSG_BYTES,
               "too large");

enum migration_answer { MIGRATION_DONE, MIGRATION_LATER, MIGRATION_REFUSED };

/* ---- guests and devices -------------------------------------------------- */

/* Writes to random pages: `rate` page writes a second, as Poisson processes, to
 * `pages` pages from `first` on. A share hot_pages of these, the first ones,
 * gets a share hot_writes of the writes. rate 0: none. */
struct migration_load {
  double rate;
  uint32_t first, pages;
  double hot_pages, hot_writes; /* 0 and 0: uniform */
};

/* `guest` is migration_config.guest[side]: 0 source, 1 destination. */
struct migration_guest_ops {
  enum migration_answer (*pause)(void *guest, struct hd_task *thread);
  enum migration_answer (*resume)(void *guest, struct hd_task *thread);
  /* Optional. A function of time only, not of other actors' state. */
  void (*load)(void *guest, hd_time now, struct migration_load *load);
  /* Optional: `share` of its CPU time is taken away (auto-converge); what it
   * does to the load is taken care of here. */
  void (*throttle)(void *guest, struct hd_task *thread, double share);
  /* Optional: the switch sends frames to the destination from now on. */
  void (*switched)(void *guest, struct hd_task *thread);
};

/* Operations on a queue, unplug and plug may answer later; all others are
 * immediate. */
struct migration_device_ops {
  const char *kind;
  /* false: its host makes queues anew from ring states (vDPA): create, config,
   * resume. true: it takes a state image (VFIO): one suspension and one
   * resumption for the whole device (queue 0), the image is its configuration.
   */
  bool image;
  /* Host software: its queues' commands cost nothing beside what the operations
   * themselves take, it needs no configuration, and its writes are logged. */
  bool software;
  /* Optional: why it cannot migrate; NULL: it can. */
  const char *(*refusal)(void *device);
  /* > 0, constant; asked for when the object is created. */
  uint32_t (*queues)(void *device);
  /* Optional: bytes of its state; else 0, or device_state with `image`. */
  int64_t (*state_bytes)(void *device);
  /* Optional: how its writes are found when the scenario asks for `wanted`;
   * NONE: not at all. Else as wanted. */
  enum migration_tracking (*tracking)(void *device,
                                      enum migration_tracking wanted);
  /* Optional: tracking on, at the source; must be in force within setup_cost,
   * before the first page is read. Off when it is suspended, or at the end. */
  void (*track)(void *device, struct hd_task *thread,
                enum migration_tracking how, bool on);
  /* Optional: DMA as a load, until it is suspended. See guest's. */
  void (*load)(void *device, hd_time now, struct migration_load *load);
  /* Source. No DMA after it is done; *ring is the queue's state. */
  enum migration_answer (*suspend)(void *device, struct hd_task *thread,
                                   uint32_t queue, struct migration_ring *ring);
  /* Destination; MIGRATION_REFUSED: out of resources. Not with `image`. */
  enum migration_answer (*create)(void *device, struct hd_task *thread,
                                  uint32_t queue);
  /* Destination, or the source again after a failure, of the queues that were
   * told to suspend; *ring is zero if it never answered. */
  enum migration_answer (*resume)(void *device, struct hd_task *thread,
                                  uint32_t queue,
                                  const struct migration_ring *ring);
  /* Optional. Destination: the migration failed, forget all queues. */
  void (*destroy)(void *device, struct hd_task *thread);
  /* For devices with a stand-in. Source, then the side where the VM runs. They
   * are not refused. */
  enum migration_answer (*unplug)(void *device, struct hd_task *thread);
  enum migration_answer (*plug)(void *device, struct hd_task *thread);
};

struct migration_device {
  const char *name; /* not copied */
  const struct migration_device_ops *ops;
  void *side[2]; /* the device at the source, at the destination */
  /* Software device that replaces one that cannot migrate; ops NULL: none. */
  const struct migration_device_ops *stand_in;
  void *stand_in_side[2];
};

/* ---- building ------------------------------------------------------------ */

struct migration_config {
  const struct migration_params *params; /* must live as long */
  int64_t cpu_hz;                        /* of the migration thread's core */
  const char *host[2];                   /* source, destination */
  struct hd_link *link;                  /* joins them */
  int64_t memory;                        /* bytes, whole pages */
  double zero_share; /* of the memory's end, never written so far */
  const struct migration_guest_ops *guest_ops;
  void *guest[2];
  const struct migration_device *devices; /* copied */
  uint32_t n_devices;
  hd_time start; /* HD_TIME_NEVER: with MSG_MIGRATION_START */
  /* Optional: called on the source's task when all is over, once. */
  void (*finished)(void *ctx, struct hd_task *thread);
  void *finished_ctx;
};

/* Registers the tasks PATH/source and PATH/destination. */
struct migration *migration_create(struct hd_engine *e, const char *path,
                                   const struct migration_config *config);
void migration_destroy(struct migration *m);
/* For channels to and from ops' components; side 0 or 1. */
struct hd_component *migration_component(struct migration *m, unsigned side);
/* For MSG_MIGRATION_DIRTY; passive, costs no wake-up. latency > 0. */
struct hd_channel *migration_dirty_channel(struct migration *m,
                                           struct hd_component *from,
                                           hd_time latency);

/* ---- results ------------------------------------------------------------- */

enum migration_outcome {
  MIGRATION_PENDING, /* not over when the run ended */
  MIGRATION_COMPLETED,
  MIGRATION_IMPOSSIBLE,    /* a device cannot migrate; nothing was done */
  MIGRATION_NOT_CONVERGED, /* gave up after max_rounds */
  MIGRATION_FAILED         /* link, resources or device; the VM goes on */
};

enum migration_phase {
  MIGRATION_IDLE,
  MIGRATION_UNPLUG,
  MIGRATION_SETUP,
  MIGRATION_PRECOPY,
  MIGRATION_STOPPED,
  MIGRATION_RECOVERY, /* back at the source */
  MIGRATION_OVER,
  MIGRATION_PHASES
};
const char *migration_phase_name(enum migration_phase phase);

struct migration_sample {
  hd_time when;
  enum migration_phase phase;
  uint64_t sent;      /* bytes so far */
  uint64_t remaining; /* pages still to be sent, known so far */
  double dirty_rate;  /* pages/s found at the last sync */
};
enum { MIGRATION_SAMPLES = 512 };

/* The first rounds, one by one. */
struct migration_round {
  hd_time begin, end;    /* of the copy, without the sync */
  uint64_t pages, bytes; /* sent */
  uint64_t remaining;    /* pages to be sent after the sync */
};
enum { MIGRATION_ROUNDS = 64 };

/* Where the time goes in which the VM stands still. They add up to `total`. */
struct migration_downtime {
  hd_time stop;    /* stopping vCPUs */
  hd_time suspend; /* devices */
  hd_time state;   /* ring states and images: read, sent, loaded */
  hd_time copy;    /* last sync and last pages */
  hd_time create;  /* queues and configuration at the destination */
  hd_time resume;  /* devices and vCPUs */
  hd_time total;   /* source's pause to destination's (or source's) resume */
};

struct migration_report {
  enum migration_outcome outcome;
  char status[320];
  bool at_destination; /* where the VM runs */
  hd_time begin, end;  /* until the VM runs and its devices are plugged */
  hd_time paused_at, resumed_at; /* 0: never */
  struct migration_downtime downtime;
  hd_time switch_over;  /* from resumed_at to the network's switch-over */
  hd_time silence;      /* total + switch_over: what a client sees, without
                           its own path */
  hd_time unplug, plug; /* on the stand-in in between */
  struct migration_round round[MIGRATION_ROUNDS];
  uint64_t rounds;                                         /* of pre-copy */
  uint64_t bytes, bytes_pages, bytes_headers, bytes_state; /* sent */
  uint64_t pages, zero_pages;                              /* sent */
  uint64_t final_pages; /* sent while the VM stood still */
  double dirty_rate;    /* pages/s: found dirty, mean over the rounds */
  double bandwidth;     /* bit/s of the last round */
  double throttle;      /* share of the guest's CPU taken at the end */
  hd_time thread_cpu;   /* the migration thread, on all its channels */
  hd_time relay_cpu;    /* of the relay of used rings */
  struct migration_sample samples[MIGRATION_SAMPLES];
  uint32_t n_samples;
};
/* Valid after `finished`, or after the run. Lives with the object. */
const struct migration_report *migration_get_report(const struct migration *m);

/* Versions of a page at a side; after the run, for tests. */
uint32_t migration_version(const struct migration *m, unsigned side,
                           uint32_t page);

#endif
