/*
 * memory.h - memory as a device sees it: the last-level cache with DDIO and the
 * DRAM channels of the IO stack's socket, and of another socket.
 *
 * The LLC is a real tag store (set-associative, LRU within the allowed ways).
 * Device writes update a present line in place and otherwise allocate in the
 * DDIO ways only; device reads do not allocate. Interrupt-table reads do
 * allocate (in any way), page-walk reads if the IOMMU says so. A line that a
 * core has written may still be the core's: a device's access snoops it. Misses
 * go to DRAM: channels interleaved by line, each with a service rate, a latency
 * and refresh. The other socket has an LLC and DRAM of the same kind, which an
 * access reaches numa_latency / 2 later, and the same on its way back.
 */
#ifndef HD_MODELS_MEMORY_MEMORY_H
#define HD_MODELS_MEMORY_MEMORY_H

#include "models/pcie/tlp.h"
#include "sim/engine/param.h"
#include "sim/measure/gauge.h"

struct memory_params {
  int64_t llc_size; /* bytes per socket */
  int64_t llc_ways;
  int64_t ddio_ways;     /* 0: device writes go to DRAM */
  int64_t llc_latency;   /* ps: from the IO stack, hit */
  int64_t snoop_latency; /* ps: added when a core may have a newer copy */
  int64_t dram_latency;  /* ps: added by a miss, idle */
  int64_t evict_latency; /* ps: added to a write that evicts a dirty line */
  int64_t merge_latency; /* ps: added to a write of a part of a line */
  int64_t dram_channels;
  int64_t dram_rate;                          /* bit/s per channel */
  int64_t refresh_interval, refresh_duration; /* ps; per channel */
  int64_t write_latency;   /* ps: posted write accepted -> globally visible */
  int64_t visible_latency; /* ps: written line -> seen by a polling core */
  int64_t numa_latency; /* ps: added to the other socket's memory, both ways */
  int64_t size;         /* bytes of DRAM */
};

extern const struct hd_param_table memory_param_table;

/* A read or write other than a TLP. Answered on `reply` as MSG_MEMORY_DONE
 * with the same message. A write is answered, too: when its line is owned.
 * msg.tag: 0, MEMORY_UNCACHED (a walker that does not snoop: served by DRAM
 * whatever the LLC holds, and the LLC is left as it is) or MEMORY_NO_ALLOCATE
 * (missing lines are not put into the LLC). */
enum { MEMORY_UNCACHED = 1, MEMORY_NO_ALLOCATE = 2 };
struct memory_request {
  struct hd_msg msg;
  uint64_t address; /* host physical */
  uint32_t length;  /* bytes */
  bool write, hit;  /* hit: filled in: all lines were in the LLC */
  struct hd_channel *reply;
  void *context;
  uint64_t data;
};

/* MSG_GUEST_MEMORY: a device write with an observer, now visible. */
struct guest_memory_msg {
  struct hd_msg msg;
  uint64_t address; /* host physical */
  uint64_t data;    /* as in the TLP */
  void *object;     /* as in the TLP */
  uint32_t length;
  uint16_t observer;
};

struct memory; /* is a struct hd_component */

struct memory *memory_create(struct hd_engine *e, const char *path,
                             const char *host,
                             const struct memory_params *params,
                             const struct hd_window *window);
void memory_destroy(struct memory *m);
struct hd_component *memory_component(struct memory *m);

/* Times are those of node.h; an answer is no earlier than its channel allows. A
 * device write is not answered: the memory frees its TLP. Writes that come from
 * one root port become visible in their order, and a read waits until those
 * before it are (PCIe 2.4.1), unless ordering is relaxed. Nobody owns addresses
 * outside all regions: such a write is dropped, such a read answered PCIE_UR.
 */
#define MEMORY_NO_REGION 0xffffu

/* Regions: who owns which host physical memory. Regions do not overlap; added
 * in increasing order of base before the run. Returns the region's index,
 * which is the `owner` of TLPs that hit it. */
uint16_t memory_add_region(struct memory *m, uint64_t base, uint64_t size);
/* The region is the other socket's memory. Before memory_warm() and the run. */
void memory_set_remote(struct memory *m, uint16_t region);
/* Adds an observer: software that sees device writes to the region. Returns
 * its index, for pcie_tlp.observer. Opens a channel with visible_latency. */
uint16_t memory_add_observer(struct memory *m, uint16_t region,
                             struct hd_component *software);
/* Channel on which `c` sends MSG_MEMORY_ACCESS, and *reply for answers. */
struct hd_channel *memory_connect(struct memory *m, struct hd_component *c,
                                  hd_time latency, struct hd_channel **reply);
/* For a client that has the memory to itself: serves what would arrive at
 * `arrival`, without a message. Returns when the answer would reach the client,
 * and makes `q` that answer. Calls and messages must come in the order of their
 * arrival. */
hd_time memory_serve(struct memory *m, struct memory_request *q,
                     hd_time arrival);
/* The root complex's answer channel, once. */
void memory_set_root_complex(struct memory *m, struct hd_channel *answer);

/* Warms lines as a CPU (all ways) or a device (DDIO ways) would; build time. */
void memory_warm(struct memory *m, uint64_t base, uint64_t size, bool device);

struct memory_stats { /* within the window */
  uint64_t reads, writes, lines, hits, ddio_allocations, evictions;
  double dram_utilization; /* of the socket where it is greater */
};
void memory_get_stats(const struct memory *m, struct memory_stats *s);
/* Bytes devices have written to / read from the region since the start. */
uint64_t memory_region_written(const struct memory *m, uint16_t region);
uint64_t memory_region_read(const struct memory *m, uint16_t region);
/* Device accesses outside all regions since the start. */
uint64_t memory_stray(const struct memory *m);
const char *memory_check(const struct memory *m);

#endif
