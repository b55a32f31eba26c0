/* server_internal.h - the parts of a server; for server*.c only. */
#ifndef HD_MODELS_SERVER_INTERNAL_H
#define HD_MODELS_SERVER_INTERNAL_H

#include "models/cpu/scheduler.h"
#include "models/hypervisor/hypervisor.h"
#include "models/interrupt/interrupt.h"
#include "models/iommu/iommu.h"
#include "models/memory/memory.h"
#include "models/network/network.h"
#include "models/nic/nic.h"
#include "models/pcie/root_complex.h"
#include "models/pcie/switch.h"
#include "models/server_plan.h"
#include "models/workload/guest.h"

enum { SERVER_MAX_PORTS = 2 };

struct server {
  const struct server_config *config;
  struct server_plan plan;
  struct hd_engine *engine;
  struct hd_window window;
  struct packet_pool packets;
  struct pcie_link *link;     /* at the NIC */
  struct pcie_link *uplink;   /* above the switch; NULL without one */
  struct pcie_switch *fabric; /* NULL: none */
  struct root_complex *root;
  struct memory *memory;
  struct vtd_tables *tables; /* NULL: IOMMU off */
  struct iommu *iommu;       /* NULL: IOMMU off */
  struct interrupt_unit *interrupts;
  struct scheduler *scheduler;
  struct nic *nic;
  struct wire *wire[SERVER_MAX_PORTS];
  struct client *client[SERVER_MAX_PORTS];
  struct guest **guests;
  struct udp_stream_params streams[SERVER_MAX_GROUPS]; /* resolved */
  struct device_plan *devices;
  struct hypervisor *hypervisor;
  /* Merged by server_get_results(): one per row. */
  struct hd_histogram *latency;
  struct hd_breakdown *breakdown;
};

/* Stops the run (hd_fail) when something does not balance. */
void server_check_conservation(const struct server *s);

#endif
