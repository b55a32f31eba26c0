/*
 * iommu_trace.h - a stream of I/O virtual addresses into a remapping unit of
 * given geometry: no device, no link, only the unit, its tables and memory.
 *
 * Accesses come in packets. All accesses of a packet are issued at the same
 * time, and the packet is done when all are answered; `depth` packets are
 * under way at any time, as long as the stream lasts. An access reaches the
 * unit 1 ps after it is issued, so the time between is the unit's own.
 *
 * Each domain of the stream is a domain of the unit. Scalable mode: one
 * requester, and the domain's number is the PASID. Legacy mode: the domain's
 * number is the requester ID. Domain IDs are the ranks of the numbers, from 1.
 *
 * Times are picoseconds. One run a process, as for every engine.
 */
#ifndef HD_MODELS_IOMMU_TRACE_H
#define HD_MODELS_IOMMU_TRACE_H

#include "models/iommu/iommu.h"
#include "models/iommu_trace/trace_map.h"
#include "sim/measure/histogram.h"

struct iommu_trace_access {
  uint64_t iova;
  uint32_t domain;
  bool first; /* of its packet */
};

/* Accesses of a packet, at most: each is a message while it is under way. */
#define IOMMU_TRACE_PACKET_MAX 65536
#define IOMMU_TRACE_DEPTH_MAX 1048576

/* Fills `accesses` with up to `count` of the stream; returns how many, 0 at
 * its end. */
typedef size_t (*iommu_trace_source)(void *context,
                                     struct iommu_trace_access *accesses,
                                     size_t count);

struct iommu_trace_config {
  const struct iommu_params *iommu; /* not IOMMU_OFF */
  const struct memory_params *memory;
  const struct trace_map *map;     /* the pages of the stream */
  uint64_t arena_base, arena_size; /* host memory for the tables */
  hd_time memory_latency;          /* unit <-> memory, each way */
  int64_t depth;                   /* packets, 1 to IOMMU_TRACE_DEPTH_MAX */
  uint64_t seed;
  hd_time window; /* the engine's */
  const char *reproduce;
  iommu_trace_source source;
  void *source_context;
  /* NULL, or called for each answer: the access' number in the stream, from 0,
   * and its time in the unit. */
  void (*answered)(void *context, uint64_t number, hd_time latency);
  void *answered_context;
};

struct iommu_trace_results {
  uint64_t accesses, packets, domains;
  struct iommu_stats iommu;
  struct memory_stats memory;
  hd_time duration;            /* from the first issue to the last answer */
  struct hd_histogram latency; /* of accesses, in the unit */
  struct hd_histogram packet_latency; /* from issue to the last answer */
  struct hd_engine_report engine;
};

enum iommu_trace_status {
  IOMMU_TRACE_DONE,
  IOMMU_TRACE_NO_ROOM, /* the tables need more than the arena; nothing ran */
  IOMMU_TRACE_UNMAPPED /* the stream had a page that the map has not */
};

/* Runs the stream to its end. Results are to be terminated whatever the
 * status. Broken invariants end the process (engine.h). */
enum iommu_trace_status iommu_trace_run(const struct iommu_trace_config *config,
                                        struct iommu_trace_results *results);
void iommu_trace_results_terminate(struct iommu_trace_results *results);

/* Look-ups of the IOTLB: accesses whose domain the context and PASID caches
 * knew. */
uint64_t iommu_trace_iotlb_lookups(const struct iommu_params *params,
                                   const struct iommu_stats *stats);

#endif
