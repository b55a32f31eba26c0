/*
 * server_plan.h - what a configuration amounts to, before anything is built:
 * which guest is what, and which numbers it gets. Pure.
 */
#ifndef HD_MODELS_SERVER_PLAN_H
#define HD_MODELS_SERVER_PLAN_H

#include "models/nic/resources.h"
#include "models/server.h"

/* PCI addresses, as in the published testbed: the NIC's first function is
 * 16:00.0; virtual functions follow on the next buses. */
#define PLAN_PF_REQUESTER 0x1600u
#define PLAN_VF_REQUESTER 0x1700u
/* PASIDs of guests; 0 means none, low ones are the host's. */
#define PLAN_FIRST_PASID 0x1000u

/* Guests' memory appears at this guest physical address, above the hole below
 * 4 GiB, so that devices use 64-bit addresses. With the IOMMU off the device
 * must use host physical addresses. */
#define PLAN_GUEST_MEMORY (UINT64_C(4) << 30)

/* Host physical address of the remapping tables, in the host's own memory. */
#define PLAN_TABLES (UINT64_C(512) << 20)

enum device_kind {
  DEVICE_NIC, /* one network port a physical function */
  DEVICE_KINDS
};

/* Network ports of a machine, over all its devices. */
enum { PLAN_MAX_PORTS = 4 };

struct guest_plan {
  uint16_t vm, group;
  bool virtual_function;
  uint32_t first_queue, first_vector; /* the device's numbers */
  uint16_t requester;
  uint32_t pasid; /* 0: none */
  uint64_t iova, hpa;
};

struct server_plan {
  size_t n_guests;
  struct guest_plan *guests; /* owned */
  bool has[DEVICE_KINDS];    /* which devices a machine needs */
  struct nic_resources resources;
  uint64_t guest_memory; /* bytes */
};

/* The design of a group, inheritance resolved. */
enum design plan_design(const struct server_config *c,
                        const struct vm_group *g);
/* Streams of a UDP sender in the group: 0 stands for one a queue pair. */
int64_t plan_streams(const struct vm_group *g);
/* The machine is the DMA benchmark's, not a server. */
bool plan_is_bench(const struct server_config *c);
bool plan_has_iommu(const struct server_config *c);
unsigned plan_page_shift(const struct server_config *c);

/* Bench: where the benchmark's buffer lies, above what the host keeps, and how
 * much of the address space it spans. */
#define PLAN_BENCH_BUFFER (UINT64_C(64) << 20)
#define PLAN_BENCH_CHUNK (UINT64_C(4) << 20)
#define PLAN_BENCH_SPAN (UINT64_C(512) << 20)
uint64_t plan_bench_base(const struct server_config *c);

/* False: *s says which resource ran out; nothing to free. */
bool server_plan_make(const struct server_config *c, struct server_plan *p,
                      struct server_shortage *s);
void server_plan_free(struct server_plan *p);

#endif
