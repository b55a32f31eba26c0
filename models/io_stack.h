/*
 * io_stack.h - what every machine has between its devices and its memory: root
 * ports with a link each (and a switch if there is one), the root complex,
 * memory and IOMMU units.
 *
 *   root complex -- IOMMU -- memory
 *      |
 *    link (-- switch -- link) -- device, for each device
 *
 * A machine (a server, or the DMA benchmark) embeds an io_stack and adds its
 * devices and what else there is. Each device has an IO stack of its own: a
 * root port, and an IOMMU unit unless they share one (iommu.units). The
 * remapping structures in memory are the same for all units. For models/
 * only.
 */
#ifndef HD_MODELS_IO_STACK_H
#define HD_MODELS_IO_STACK_H

#include "models/iommu/iommu.h"
#include "models/memory/memory.h"
#include "models/pcie/requester.h"
#include "models/pcie/root_complex.h"
#include "models/pcie/switch.h"
#include "models/server.h"

/* The simulated computer that the guests run on at first, for the engine. */
#define IO_STACK_HOST "server"

/* Latency inside the IO stack's chip: a hop on the mesh between the agents
 * (root complex, IOMMU, caching agent) at about 2 GHz, estimated from memory.
 * What a unit itself takes is its own parameter. */
#define IO_STACK_HOP (2 * HD_NS)

enum { IO_STACK_DEVICES = 16, IO_STACK_PATH = 48 };

struct io_port {       /* a root port, and what is below it */
  struct iommu *iommu; /* NULL: IOMMU off */
  struct pcie_params params;
  struct pcie_link *link;     /* at the device */
  struct pcie_link *uplink;   /* above the switch; NULL without one */
  struct pcie_switch *fabric; /* NULL: none */
};

struct io_stack {
  const struct server_config *config;
  struct hd_engine *engine;
  const char *host;         /* the engine's host; also the root of paths */
  struct hd_window *window; /* of measurement; the machine sets it */
  struct io_port ports[IO_STACK_DEVICES];
  unsigned n_ports;
  struct root_complex *root;
  struct memory *memory;     /* region 0: what the host keeps for itself */
  struct vtd_tables *tables; /* NULL: IOMMU off */
  struct iommu *units[IO_STACK_DEVICES]; /* n_units of them */
  unsigned n_units;
  struct iommu_fault *faults; /* of all units, see io_stack_faults() */
};

/* Starts the engine of a simulation. */
struct hd_engine *io_engine_create(const struct server_config *c,
                                   const struct server_options *o);

/* Builds root complex, memory and IOMMU of `host`, which is added to the
 * engine. All pointers must outlive the stack; the stack must not move. */
void io_stack_initialize(struct io_stack *io, const struct server_config *c,
                         struct hd_engine *e, const char *host,
                         struct hd_window *window);
/* A root port with the link of the next device; devices below the root complex
 * count from 0 in the order of these calls. `name` follows "link" in the
 * link's path. */
struct io_port *io_stack_add_device(struct io_stack *io, const char *name,
                                    const struct pcie_params *params);
/* "HOST/NAME" in the caller's buffer of IO_STACK_PATH bytes. */
const char *io_stack_path(const struct io_stack *io, char *buffer,
                          const char *name);

/* After the engine has been destroyed, which looks at its components while it
 * goes, and after what the machine has added. */
void io_stack_terminate(struct io_stack *io);

/* Stops the run (hd_fail) when credits, requests or walks do not balance. */
void io_stack_check(const struct io_stack *io);
/* Sets the metrics of links (the busiest), memory and IOMMU; leaves others
 * alone. */
void io_stack_metrics(const struct io_stack *io, double *metric);
/* The first faults of all units by time; *total counts those, too, that the
 * units did not log. Returns how many *log has; it is the stack's. */
size_t io_stack_faults(struct io_stack *io, const struct iommu_fault **log,
                       uint64_t *total);
/* With ATS: sets the metrics of the devices' translations, from their sums. */
void io_stack_ats_metrics(const struct io_stack *io,
                          const struct pcie_ats_stats *sum, double *metric);
/* Adds a requester's to the sums. */
void io_stack_add_ats(const struct pcie_requester *r,
                      struct pcie_ats_stats *sum);
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
