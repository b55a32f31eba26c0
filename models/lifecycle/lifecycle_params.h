/* lifecycle_params.h - section "lifecycle": starting machines with a device. */
#ifndef HD_MODELS_LIFECYCLE_LIFECYCLE_PARAMS_H
#define HD_MODELS_LIFECYCLE_LIFECYCLE_PARAMS_H

#include <stdbool.h>

#include "sim/engine/param.h"

enum lifecycle_mode { LIFECYCLE_OFF, LIFECYCLE_SEQUENTIAL, LIFECYCLE_STORM };
enum lifecycle_target { LIFECYCLE_CONTAINER, LIFECYCLE_VM };
enum lifecycle_network { LIFECYCLE_NO_NETWORK, LIFECYCLE_DEVICE };
enum lifecycle_arrival { LIFECYCLE_TOGETHER, LIFECYCLE_POISSON };
enum lifecycle_page { LIFECYCLE_4K, LIFECYCLE_2M, LIFECYCLE_1G };
enum lifecycle_pause { LIFECYCLE_SPIN, LIFECYCLE_SLEEP, LIFECYCLE_TICK };

struct lifecycle_params {
  int mode;    /* enum lifecycle_mode */
  int machine; /* enum lifecycle_target */
  int network; /* enum lifecycle_network */
  int64_t starts;
  int arrival;           /* storm: enum lifecycle_arrival */
  double arrival_rate;   /* poisson: starts a second */
  int64_t restart_gap;   /* ps, sequential: mean, from one's end to the next */
  bool create;           /* devices are created on the way */
  int64_t base_work;     /* ps on a core: all that has no device in it */
  int64_t runtime_work;  /* ps on a core: EAL, or the guest's probing */
  int64_t runtime_sleep; /* ps, while it is at that */
  int64_t scan_cost;     /* ps on a core, each PCI function of the host */
  int64_t scanned_functions; /* virtual functions that are there to be seen */
  double jitter;             /* standard deviation over mean of those three */
  int64_t memory;            /* bytes pinned and mapped */
  int64_t image;             /* bytes likewise, in pages of 4 KiB */
  int page_size;             /* enum lifecycle_page, of the memory */
  int64_t clear_rate;        /* b/s, one thread */
  int64_t clear_bandwidth;   /* b/s, all threads together */
  int64_t pin_cost;          /* ps, each page of 4 KiB */
  int64_t pin_cost_large;    /* ps, each larger page */
  int64_t attach_cost;       /* ps */
  bool shared_set;           /* functions share the lock of one device set */
  int64_t tick;              /* ps, the host's timer tick */
  int64_t timer_slack;     /* ps, by which timers of high resolution are late */
  int64_t resets;          /* reset ioctls after the open */
  int64_t interface_reset; /* ps, ADI: until the interface says it is reset */
  int64_t reset_commands;  /* administration commands of a reset */
  int64_t create_commands; /* and of a creation */
  int64_t reset_poll;      /* ps, driver, between looks at the reset's state */
  int64_t messages;        /* mailbox exchanges of a driver's start */
  int64_t queue_messages;  /* more of them, each queue pair */
  int64_t message_poll;    /* ps, driver, between looks for an answer */
  int message_wait;        /* enum lifecycle_pause */
  int64_t message_work;    /* ps on a core, host's driver, each message */
  int64_t message_commands; /* administration commands of a message */
  int64_t queue_pairs;
  int64_t fault_cost;  /* ps on a core, mapping one page of the fast path */
  int64_t queue_setup; /* ps on a core, each queue pair */
};

extern const struct hd_param_table lifecycle_param_table;

#endif
