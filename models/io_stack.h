/*
 * io_stack.h - what every machine has between its device and its memory: the
 * engine, the link (with a switch if there is one), the root complex, memory
 * and the IOMMU.
 *
 *   root complex -- IOMMU -- memory
 *      |
 *    link (-- switch -- link) -- device
 *
 * A machine (a server with a NIC, or the DMA benchmark) embeds an io_stack and
 * adds its device and what else there is. For models/ only.
 */
#ifndef HD_MODELS_IO_STACK_H
#define HD_MODELS_IO_STACK_H

#include "models/iommu/iommu.h"
#include "models/memory/memory.h"
#include "models/pcie/root_complex.h"
#include "models/pcie/switch.h"
#include "models/server.h"

/* The simulated computer that carries the stack, for the engine. */
#define IO_STACK_HOST "server"

/* Latency inside the IO stack's chip: a hop on the mesh between the agents
 * (root complex, IOMMU, caching agent) at about 2 GHz, estimated from memory.
 * What a unit itself takes is its own parameter. */
#define IO_STACK_HOP (2 * HD_NS)

struct io_stack {
  const struct server_config *config;
  struct hd_engine *engine;
  struct hd_window window;    /* of measurement; the machine sets it */
  struct pcie_link *link;     /* at the device */
  struct pcie_link *uplink;   /* above the switch; NULL without one */
  struct pcie_switch *fabric; /* NULL: none */
  struct root_complex *root;
  struct memory *memory;     /* region 0: what the host keeps for itself */
  struct vtd_tables *tables; /* NULL: IOMMU off */
  struct iommu *iommu;       /* NULL: IOMMU off */
};

/* Builds all of it; `c` must outlive the stack. The stack must not move. */
void io_stack_initialize(struct io_stack *io, const struct server_config *c,
                         const struct server_options *o);
/* Two steps, since the engine looks at its components while it goes: first the
 * engine, then what the machine has added, then the stack. */
void io_stack_stop(struct io_stack *io);
void io_stack_terminate(struct io_stack *io);

/* Stops the run (hd_fail) when credits, requests or walks do not balance. */
void io_stack_check(const struct io_stack *io);
/* Sets the metrics of link, memory and IOMMU; leaves others alone. */
void io_stack_metrics(const struct io_stack *io, double *metric);
/* Adds how busy the links, the walkers and DRAM were, from the row `all`. */
void io_stack_resources(const struct io_stack *io, struct server_results *r);

/* For whoever fills results (server_results.c): a resource's row, if it is a
 * number; the latency metrics of a distribution. */
void server_add_resource(struct server_results *r, const char *name,
                         double utilization);
void server_latency_metrics(const struct hd_histogram *h, double *metric);
/* From this utilisation on a resource is said to limit a group. */
#define SERVER_LIMITING 0.9

#endif
