/*
 * machine.h - one computer of a simulation: an IO stack with its devices,
 * memory, cores, the interrupt unit, and the wires at its network ports.
 *
 *   scheduler -- vCPUs (the server's)
 *      |
 *   root complex -- IOMMU -- memory
 *      |      \-- interrupt unit
 *    links -- devices -- wires
 *
 * Guests, host software and clients are the server's (server.c). Which devices
 * exist follows from the plan. For models/ only.
 */
#ifndef HD_MODELS_MACHINE_H
#define HD_MODELS_MACHINE_H

#include "models/accelerator/accelerator.h"
#include "models/cpu/scheduler.h"
#include "models/interrupt/interrupt.h"
#include "models/io_stack.h"
#include "models/network/network.h"
#include "models/nic/nic.h"
#include "models/server_plan.h"
#include "models/storage/storage.h"
#include "models/virtio_device/virtio_device.h"

struct machine {
  const struct server_config *config;
  struct io_stack io;
  struct interrupt_unit *interrupts;
  struct scheduler *scheduler;
  struct nic *nic;                 /* NULL: none */
  struct virtio_device *virtio[2]; /* accelerators, by enum virtio_kind */
  struct storage *drive[PLAN_MAX_DRIVES]; /* n_drives of them */
  unsigned n_drives;
  struct accelerator *endpoint[PLAN_MAX_ENDPOINTS]; /* n_endpoints of them */
  unsigned n_endpoints;
  /* Devices' indices below the root complex; drives follow one another, and so
   * do endpoints. */
  uint16_t device[DEVICE_KINDS];
  struct wire *wire[PLAN_MAX_PORTS]; /* by network port */
  unsigned n_ports;
};

/* Builds the machine `host` with what the plan's guests need. Pointers must
 * outlive it; it must not move. */
void machine_initialize(struct machine *m, const struct server_plan *plan,
                        const struct server_config *c, struct hd_engine *e,
                        const char *host, struct packet_pool *packets,
                        struct hd_window *window);
/* Adds a guest's memory, at its socket; returns the region. In the order of
 * guests. */
uint16_t machine_add_memory(struct machine *m, const struct guest_plan *p);
/* Index below the root complex of the device that serves a guest. */
uint16_t machine_device(const struct machine *m, const struct guest_plan *p);
/* After the engine has been destroyed. */
void machine_terminate(struct machine *m);

/* Stops the run (hd_fail) when something does not balance. */
void machine_check(const struct machine *m);
/* Packets in its devices and wires. Received packets that devices have handed
 * over, in all, count until somebody subtracts what guests have seen. */
uint64_t machine_packets(const struct machine *m);
/* Block requests in its devices: fetched, and not completed. */
uint64_t machine_requests(const struct machine *m);
/* Sets the metrics of devices, wires, cores and interrupts, and adds drops. */
void machine_metrics(const struct machine *m, double *metric);
void machine_resources(const struct machine *m, struct server_results *r);

#endif
