/* internal.h - the parts of a life-cycle run; for models/lifecycle only. */
#ifndef HD_MODELS_LIFECYCLE_INTERNAL_H
#define HD_MODELS_LIFECYCLE_INTERNAL_H

#include <gsl/gsl_rng.h>

#include "models/lifecycle/lifecycle.h"
#include "models/lifecycle/worker.h"

/* A futex or an atomic operation that misses the cache. */
#define LIFECYCLE_LOCK_LATENCY (100 * HD_NS)
/* A write across PCIe and the command's fetch. */
#define LIFECYCLE_DEVICE_LATENCY (1 * HD_US)
/* A mailbox: descriptor and message by DMA, interrupt of the other side. */
#define LIFECYCLE_MAIL_LATENCY (5 * HD_US)

/* The network driver of the host: one thread for mailboxes and resets. */
struct host_driver {
  struct worker worker; /* first member */
  const struct lifecycle_config *config;
  struct worker_line admin;
  struct hd_msg *first, *last;
  uint64_t arrived, served;
};

void host_driver_initialize(struct host_driver *d, struct hd_engine *e,
                            const char *host, const struct lifecycle_config *c,
                            const struct hd_window *window,
                            struct scheduler *s);
void host_driver_connect(struct host_driver *d, struct lifecycle_queue *admin);

struct starter {
  struct worker worker; /* first member */
  const struct lifecycle_config *config;
  struct lifecycle_queue *lock;
  struct worker_line lock_line, admin, memory, driver;
  struct hd_channel *to_conductor;
  gsl_rng *rng;
  int64_t starts;      /* that it makes, one after another */
  uint32_t resetting;  /* resets that the host's driver has not finished */
  hd_time asked, mark; /* of this start: asked for; last mark */
  uint32_t faults;     /* fast-path pages not mapped yet */
  hd_time spent[LIFECYCLE_STAGE_COUNT];
  /* Over all its starts. */
  hd_time waits[LIFECYCLE_WAIT_COUNT], sum, ready;
  struct hd_histogram total, stop, stages[LIFECYCLE_STAGE_COUNT];
};

void starter_initialize(struct starter *s, struct hd_engine *e, size_t index,
                        const char *host, const struct lifecycle_config *c,
                        const struct hd_window *window,
                        struct scheduler *scheduler);
void starter_terminate(struct starter *s);

/* One administration command, or several, one after another; asleep until the
 * last has been polled for. Returns how long they waited for their turns. */
hd_time lifecycle_command(struct worker *w, const struct worker_line *admin,
                          const struct lifecycle_config *c, int64_t n);

/* -- starter_memory.c ------------------------------------------------------ */
void starter_map_memory(struct starter *s);
void starter_map_image(struct starter *s);

/* -- starter_device.c: the steps of a start that have the device in them ----
 */
void starter_compose(struct starter *s);
void starter_open(struct starter *s);
void starter_reset(struct starter *s);
void starter_drive(struct starter *s);
void starter_close(struct starter *s);

/* The time since the last mark was spent on `stage`. */
void starter_mark(struct starter *s, enum lifecycle_stage stage);

#endif
