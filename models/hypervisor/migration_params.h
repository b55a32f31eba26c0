/* migration_params.h - section "migration": what live migration does and what
 * it costs. Defaults are QEMU's and mlx5 vDPA's; see the table for sources. */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_PARAMS_H
#define HD_MODELS_HYPERVISOR_MIGRATION_PARAMS_H

#include "sim/engine/param.h"

/* Who knows which pages a device has written. */
enum migration_tracking {
  MIGRATION_TRACK_NONE,  /* nobody: every pinned page counts as dirty */
  MIGRATION_TRACK_LOG,   /* the device itself, in a bitmap */
  MIGRATION_TRACK_RELAY, /* host software between the rings; costs its CPU */
  MIGRATION_TRACK_IOMMU  /* dirty bits in the IOMMU's leaf entries */
};

enum migration_commands {
  MIGRATION_COMMANDS_SERIAL,  /* each waits for the one before */
  MIGRATION_COMMANDS_PARALLEL /* up to command_slots at a time */
};

enum migration_limit { MIGRATION_LIMIT_ABORT, MIGRATION_LIMIT_FORCE };

enum migration_passthrough {
  MIGRATION_PASSTHROUGH_REFUSE,
  MIGRATION_PASSTHROUGH_UNPLUG,
  MIGRATION_PASSTHROUGH_IMAGE /* VFIO with a state image, if the device can */
};

/* What goes wrong, to see what becomes of the VM. */
enum migration_fault {
  MIGRATION_FAULT_NONE,
  MIGRATION_FAULT_LINK_CUT, /* the link is cut for good */
  MIGRATION_FAULT_NO_ROOM,  /* the destination has no room for queues */
  MIGRATION_FAULT_STUCK     /* the device does not suspend */
};

/* Times in picoseconds, rates in bit/s, sizes in bytes. */
struct migration_params {
  /* which, when, between what */
  bool enabled;
  int64_t vm;                      /* server-wide index */
  int64_t start;                   /* after the start of the measurement */
  int64_t link_rate, link_latency; /* joins the two servers */
  int fault;                       /* enum migration_fault */
  int64_t fault_time;              /* LINK_CUT: after `start` */
  /* what the guest's CPUs write */
  int64_t dirty_rate; /* bit/s of whole pages */
  int64_t working_set;
  double hot_pages, hot_writes; /* share of pages, share of writes to them */
  double zero_share;            /* of the memory: never written so far */
  /* pre-copy */
  int64_t downtime_limit;
  int64_t bandwidth_limit; /* 0: none; not in the stop phase */
  int64_t max_rounds;      /* 0: no limit */
  int on_limit;            /* enum migration_limit */
  bool auto_converge;
  double throttle_initial, throttle_increment, throttle_max;
  int64_t chunk;      /* memory copied between two looks at the world */
  int64_t setup_cost; /* before the first round */
  int64_t sync_cost;  /* per GiB of guest memory */
  int64_t sync_page;  /* per page found dirty: protected again */
  int64_t page_send;  /* cycles of the migration thread */
  int64_t page_check; /* cycles: is it zero? */
  bool zero_detection;
  int64_t page_header; /* bytes a page costs on the wire beside its content */
  int64_t channels;    /* threads that send pages (multifd) */
  int64_t control_latency; /* of the management network */
  /* DMA tracking */
  int tracking;         /* enum migration_tracking */
  int64_t relay_cost;   /* cycles a buffer */
  int64_t iommu_leaf;   /* bytes */
  int64_t harvest_cost; /* per leaf */
  /* device */
  int commands; /* enum migration_commands */
  int64_t command_slots;
  int64_t suspend_service, suspend_latency;
  int64_t resume_service, resume_latency;
  int64_t create_cost; /* per queue, one after the other */
  bool precreate;
  int64_t config_cost; /* per device, in the downtime */
  bool link_notifier;
  int64_t notifier_cost;
  int64_t ring_read; /* per queue */
  int64_t suspend_timeout;
  int64_t device_state; /* bytes of a device that does not say */
  int64_t state_save_rate, state_load_rate;
  bool state_precopy;
  double precopy_share;
  /* VM and network */
  int64_t stop_cost, start_cost;
  int64_t announce_delay, switch_update;
  int passthrough; /* enum migration_passthrough */
  int64_t unplug_delay, plug_delay;
};

extern const struct hd_param_table migration_param_table;

#endif
