/* machine_results.c - what a machine's devices, wires and cores counted. */
#include <math.h>

#include "models/machine_endpoints.h"
#include "models/server_peers.h"

static double ratio(double a, double b)
{
  return b > 0 ? a / b : NAN;
}

static double seconds(const struct machine *m)
{
  return (double)m->config->run.duration / (double)HD_S;
}

static void set_nic(const struct machine *s, double *m)
{
  struct nic_stats n = {0};
  nic_get_stats(s->nic, &n);
  double time = seconds(s);
  m[METRIC_drops] += (double)(n.rx_dropped + n.tx_faulted);
  m[METRIC_tx_buffer_mean_bytes] = n.tx_buffer_mean;
  m[METRIC_device_queue_mean] = n.queue_length_mean;
  m[METRIC_doorbells_per_s] = (double)n.doorbells / time;
  m[METRIC_descriptor_fetches_per_s] = (double)n.descriptor_fetches / time;
  m[METRIC_write_backs_per_s] = (double)n.write_backs / time;
  m[METRIC_pcie_tags_mean] = n.tags_mean;
  m[METRIC_pcie_read_latency_mean_ns] =
      ratio((double)n.read_latency_sum / 1e3, (double)n.read_requests);
}

/* Accelerators fill in what the NIC has not; drives have no packets. */
static void set_accelerator(const struct machine *s,
                            const struct virtio_device *d, double *m)
{
  struct virtio_device_stats n = {0};
  virtio_device_get_stats(d, &n);
  double time = seconds(s);
  m[METRIC_drops] += (double)(n.rx_dropped + n.tx_faulted);
  if (s->nic)
    return;
  m[METRIC_tx_buffer_mean_bytes] = n.tx_buffer_mean;
  m[METRIC_device_queue_mean] = n.chains_mean;
  m[METRIC_doorbells_per_s] = (double)n.doorbells / time;
  m[METRIC_descriptor_fetches_per_s] = (double)n.descriptor_reads / time;
  m[METRIC_write_backs_per_s] = (double)n.used_writes / time;
  m[METRIC_pcie_tags_mean] = n.tags_mean;
  m[METRIC_pcie_read_latency_mean_ns] =
      ratio((double)n.read_latency_sum / 1e3, (double)n.read_requests);
  m[METRIC_media_utilization] = n.store.die_utilization;
}

static void set_drives(const struct machine *s, double *m)
{
  double time = seconds(s), media = 0, doorbells = 0, fetches = 0, queue = 0;
  for (unsigned i = 0; i < s->n_drives; i++) {
    struct storage_stats d = {0};
    storage_get_stats(s->drive[i], &d);
    media = fmax(media, d.store.die_utilization);
    doorbells += (double)d.doorbells / time;
    fetches += (double)d.fetches / time;
    queue += d.queue_depth_mean;
  }
  m[METRIC_media_utilization] = fmax(media, m[METRIC_media_utilization]);
  if (s->nic)
    return;
  m[METRIC_doorbells_per_s] = doorbells;
  m[METRIC_descriptor_fetches_per_s] = fetches;
  m[METRIC_device_queue_mean] = queue;
}

/* The busiest port's wire stands for the wires. */
static void set_wire(const struct machine *s, double *m)
{
  double tx = 0, rx = 0;
  for (unsigned port = 0; port < s->n_ports; port++) {
    struct wire_stats w = {0};
    wire_get_stats(s->wire[port], &w);
    tx = fmax(tx, w.utilization[0]);
    rx = fmax(rx, w.utilization[1]);
  }
  m[METRIC_wire_tx_utilization] = tx;
  m[METRIC_wire_rx_utilization] = rx;
}

static void set_host(const struct machine *s, double *m)
{
  struct scheduler_stats sched = {0};
  struct interrupt_stats irq = {0};
  scheduler_get_stats(s->scheduler, &sched);
  interrupt_unit_get_stats(s->interrupts, &irq);
  double time = seconds(s);
  m[METRIC_host_cpu_cores] += sched.housekeeping_busy;
  m[METRIC_sched_wait_mean_ns] =
      ratio((double)sched.wait_sum / 1e3, (double)sched.wakes);
  m[METRIC_preemptions_per_s] = (double)sched.preemptions / time;
  m[METRIC_interrupts_coalesced_per_s] = (double)irq.coalesced / time;
  m[METRIC_interrupts_host_per_s] = (double)irq.host / time;
}

static void set_ats(const struct machine *s, double *m)
{
  struct pcie_ats_stats sum = {0};
  if (s->nic)
    io_stack_add_ats(nic_requester(s->nic), &sum);
  for (int kind = VIRTIO_NET; kind <= VIRTIO_BLK; kind++)
    if (s->virtio[kind])
      io_stack_add_ats(virtio_device_requester(s->virtio[kind]), &sum);
  for (unsigned i = 0; i < s->n_drives; i++)
    io_stack_add_ats(storage_requester(s->drive[i]), &sum);
  for (unsigned i = 0; i < s->n_endpoints; i++)
    io_stack_add_ats(accelerator_requester(s->endpoint[i]), &sum);
  io_stack_ats_metrics(&s->io, &sum, m);
}

void machine_metrics(const struct machine *s, double *m)
{
  io_stack_metrics(&s->io, m);
  set_ats(s, m);
  if (s->nic)
    set_nic(s, m);
  for (int kind = VIRTIO_NET; kind <= VIRTIO_BLK; kind++)
    if (s->virtio[kind])
      set_accelerator(s, s->virtio[kind], m);
  if (s->n_drives > 0)
    set_drives(s, m);
  if (s->n_endpoints > 0)
    machine_endpoint_metrics(s, m);
  if (s->n_ports > 0)
    set_wire(s, m);
  set_host(s, m);
}

static void add_nic(const struct machine *s, struct server_results *r)
{
  struct nic_stats n = {0};
  nic_get_stats(s->nic, &n);
  server_add_resource(r, "NIC pipeline", n.pipeline_utilization);
  if (peers_any(s->config))
    server_add_resource(r, "NIC bridge", n.bridge_utilization);
  server_add_resource(r, "read tags",
                      n.tags_mean / (double)s->config->pcie.tags);
}

static void add_accelerators(const struct machine *s, struct server_results *r)
{
  double pipeline = 0, media = 0, controller = 0;
  for (int kind = VIRTIO_NET; kind <= VIRTIO_BLK; kind++) {
    struct virtio_device_stats n = {0};
    if (!s->virtio[kind])
      continue;
    virtio_device_get_stats(s->virtio[kind], &n);
    pipeline = fmax(pipeline, n.pipeline_utilization);
    media = fmax(media, n.store.path_utilization);
    controller = fmax(controller, n.controller_utilization);
    server_add_resource(r, "read tags",
                        n.tags_mean / (double)s->config->pcie.tags);
  }
  server_add_resource(r, "accelerator pipeline", pipeline);
  if (!s->virtio[VIRTIO_BLK])
    return;
  server_add_resource(r, "drive controller", controller);
  server_add_resource(r, "drive data path", media);
}

static void add_drives(const struct machine *s, struct server_results *r)
{
  double pipeline = 0, path = 0, media = 0;
  for (unsigned i = 0; i < s->n_drives; i++) {
    struct storage_stats d = {0};
    storage_get_stats(s->drive[i], &d);
    pipeline = fmax(pipeline, d.pipeline_utilization);
    path = fmax(path, d.store.path_utilization);
    media = fmax(media, d.store.die_utilization);
  }
  server_add_resource(r, "drive controller", pipeline);
  server_add_resource(r, "drive data path", path);
  server_add_resource(r, "media", media);
}

void machine_resources(const struct machine *s, struct server_results *r)
{
  const double *m = r->group[0].metric;
  struct scheduler_stats sched = {0};
  scheduler_get_stats(s->scheduler, &sched);
  if (s->n_ports > 0)
    server_add_resource(
        r, "wire",
        fmax(m[METRIC_wire_tx_utilization], m[METRIC_wire_rx_utilization]));
  io_stack_resources(&s->io, r);
  if (s->nic)
    add_nic(s, r);
  if (s->virtio[VIRTIO_NET] || s->virtio[VIRTIO_BLK])
    add_accelerators(s, r);
  if (s->n_drives > 0)
    add_drives(s, r);
  if (s->n_endpoints > 0)
    machine_endpoint_resources(s, r);
  server_add_resource(r, "host cores",
                      sched.cores_busy / (double)s->config->cpu.cores);
}
