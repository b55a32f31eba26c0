/* guest.c - creation and wiring of a guest. */
#include <stdio.h>
#include <stdlib.h>

#include "models/workload/accel.h"
#include "models/workload/blockdev.h"
#include "models/workload/failover.h"
#include "models/workload/web_server.h"
#include "sim/engine/rng.h"

_Static_assert(sizeof(struct guest_msg) <= HD_MSG_BYTES, "too large");

/* Workloads do not begin all at the same picosecond. */
#define START_JITTER (100 * HD_US)

/* Their vectors, and the mailbox's, are vectors of a CPU: below 256. */
#define MAX_QUEUE_PAIRS (255u - GUEST_VECTOR(0))

void *guest_allocate(size_t n, size_t bytes)
{
  void *p = calloc(n > 0 ? n : 1, bytes);
  HD_REQUIRE(NULL, p != NULL, "out of memory for a guest");
  return p;
}

static void create_cpus(struct guest *g)
{
  const struct guest_config *c = &g->config;
  g->n_cpus = guest_plan_cpus(c);
  g->cpus = guest_allocate(g->n_cpus, sizeof *g->cpus);
  for (size_t i = 0; i < g->n_cpus; i++) {
    struct guest_cpu *cpu = &g->cpus[i];
    char path[256];
    snprintf(path, sizeof path, "%s/vcpu%03zu", c->path, i);
    cpu->guest = g;
    cpu->number = (uint32_t)i;
    cpu->peers = guest_allocate(g->n_cpus, sizeof(struct hd_channel *));
    vcpu_initialize(&cpu->vcpu, g->engine, path, c->host, c->cpu, c->window,
                    &guest_cpu_ops, cpu);
  }
}

const struct guest_device_ops *guest_device_of(const struct guest_config *c)
{
  if (guest_plan_is_accelerated(c))
    return &accel_device_ops;
  if (c->blockdev != BLOCKDEV_NONE)
    return &blockdev_of(c)->device;
  return c->stand_in ? &failover_ops : &netdev_of(c)->device;
}

/* The queue pairs of a network device. */
static void create_packet_queues(struct guest *g, struct guest_netdev *dev)
{
  const struct guest_config *c = &g->config;
  for (uint32_t pair = 0; pair < c->queue_pairs; pair++) {
    uint32_t q = dev->first + pair;
    g->txq[q].index = g->rxq[q].index = q;
    g->txq[q].dev = g->rxq[q].dev = dev;
    g->txq[q].owner = &g->cpus[guest_plan_owner(c, pair)];
    g->txq[q].cleaner = g->rxq[q].cpu =
        dev->number == 0 ? &g->cpus[guest_plan_queue(c, pair)]
                         : g->txq[q].owner;
  }
}

static void create_netdevs(struct guest *g)
{
  const struct guest_config *c = &g->config;
  unsigned n = c->stand_in ? 2 : 1;
  g->n_pairs = n * c->queue_pairs;
  g->txq = guest_allocate(g->n_pairs, sizeof *g->txq);
  g->rxq = guest_allocate(g->n_pairs, sizeof *g->rxq);
  for (unsigned i = 0; i < n; i++) {
    g->netdev[i] =
        (struct guest_netdev){.ops = i == 0 ? netdev_of(c) : &virtio_net_ops,
                              .number = i,
                              .first = i * c->queue_pairs};
    create_packet_queues(g, &g->netdev[i]);
  }
}

/* Rings first, then the buffers of block jobs. */
static void create_device(struct guest *g)
{
  const struct guest_config *c = &g->config;
  uint64_t area = guest_draw_area(g);
  g->device = guest_device_of(c);
  if (c->blockdev != BLOCKDEV_NONE)
    block_create(g, area + g->device->memory(c));
  else if (!guest_plan_is_accelerated(c))
    create_netdevs(g);
  g->device->create(g, area);
  if (c->workload == WORKLOAD_WEB_SERVER)
    web_server_create(g, area + g->device->memory(c));
}

static void create_stream(struct guest *g, uint32_t s, uint32_t payload)
{
  const struct guest_params *k = g->config.costs;
  struct guest_stream *st = &g->streams[s];
  st->number = (uint16_t)s;
  st->payload = payload;
  st->truesize = guest_truesize(k, payload > 0 ? payload : CAPTURE_BYTES_MAX);
  st->cost = guest_send_cycles(k, payload);
  st->queue = &g->txq[s % g->config.queue_pairs];
  st->cpu = &g->cpus[guest_plan_stream(&g->config, s)];
  bool kernels = g->config.workload == WORKLOAD_WEB_SERVER ||
                 guest_is_peer(&g->config); /* nobody blocks on it */
  st->socket.limit = kernels ? INT64_MAX / 2 : k->socket_buffer;
  st->green = true;
}

static void create_streams(struct guest *g)
{
  const struct guest_config *c = &g->config;
  if (g->block || g->accel)
    return;
  g->n_streams = guest_plan_streams(c);
  g->streams = guest_allocate(g->n_streams, sizeof *g->streams);
  int64_t payload = 0;
  if (c->workload == WORKLOAD_UDP_STREAM)
    payload = c->udp_stream->payload;
  else if (c->workload == WORKLOAD_WEB_SERVER)
    payload = PACKET_TCP_MSS;
  else if (c->workload == WORKLOAD_PING)
    payload = c->ping->payload;
  for (uint32_t s = 0; s < g->n_streams; s++)
    create_stream(g, s, (uint32_t)payload);
  if (c->workload == WORKLOAD_UDP_STREAM)
    udp_stream_create(g);
  if (guest_replays_tx(c))
    pcap_replay_create(g);
  if (guest_is_peer(c))
    peer_create(g);
}

void guest_connect(struct guest_cpu *from, struct guest_cpu *to)
{
  if (from != to && !from->peers[to->number])
    from->peers[to->number] = hd_channel_open(
        &from->vcpu.task.base, &to->vcpu.task.base, GUEST_LATENCY);
}

/* A driver starts on vCPU 0, and with virtio-net on every owner. */
static void connect_starts(struct guest *g)
{
  if (g->failover)
    failover_connect(g);
  if (g->config.netdev != NETDEV_VIRTIO)
    return;
  for (uint32_t q = 0; q < g->config.queue_pairs; q++) {
    guest_connect(&g->cpus[0], g->txq[q].owner);
    guest_connect(g->txq[q].owner, &g->cpus[0]);
  }
}

static void connect_cpus(struct guest *g)
{
  if (g->block) {
    block_connect(g);
    return;
  }
  if (g->accel)
    return;
  connect_starts(g);
  for (uint32_t q = 0; q < g->n_pairs; q++)
    guest_connect(g->txq[q].cleaner, g->txq[q].owner);
  for (size_t s = 0; s < g->n_streams; s++) {
    struct guest_stream *st = &g->streams[s];
    guest_connect(st->cpu, st->queue->owner);
    guest_connect(st->queue->owner, st->cpu);
    guest_connect(st->cpu, st->queue->cleaner);
  }
}

static hd_time draw_jitter(const struct guest *g)
{
  gsl_rng *r = hd_rng_new(hd_engine_seed(g->engine), g->config.path, "start");
  hd_time jitter = (hd_time)(gsl_rng_uniform(r) * (double)START_JITTER);
  gsl_rng_free(r);
  return jitter;
}

/* What a vCPU that sends or receives looks at. */
static void declare_footprints(struct guest *g)
{
  for (size_t i = 0; i < g->n_cpus; i++) {
    struct hd_task *t = &g->cpus[i].vcpu.task;
    hd_task_add_footprint(t, &g->cpus[i], sizeof g->cpus[i]);
    hd_task_add_footprint(t, g, offsetof(struct guest, latency));
  }
  for (size_t s = 0; s < g->n_streams; s++)
    hd_task_add_footprint(&g->streams[s].cpu->vcpu.task, &g->streams[s],
                          sizeof g->streams[s]);
  for (unsigned q = 0; g->txq && q < g->config.queue_pairs; q++) {
    struct hd_task *t = &g->txq[q].cleaner->vcpu.task;
    hd_task_add_footprint(t, &g->txq[q], sizeof g->txq[q]);
    hd_task_add_footprint(t, &g->rxq[q], sizeof g->rxq[q]);
    if (g->device->footprint)
      g->device->footprint(g, q, t);
  }
}

struct guest *guest_create(struct hd_engine *e, const struct guest_config *c)
{
  uint32_t pairs = c->stand_in ? 2 * c->queue_pairs : c->queue_pairs;
  HD_REQUIRE(NULL, pairs <= MAX_QUEUE_PAIRS && c->vcpus > 0,
             "%s: %u queue pairs, %u vCPUs", c->path, c->queue_pairs, c->vcpus);
  struct guest *g = guest_allocate(1, sizeof *g);
  g->config = *c;
  g->engine = e;
  create_cpus(g);
  create_device(g);
  create_streams(g);
  connect_cpus(g);
  g->touched = guest_allocate(g->device->pages(c), sizeof *g->touched);
  for (size_t i = 0; c->bare && i < g->device->pages(c); i++)
    g->touched[i] = true;
  declare_footprints(g);
  g->jitter = draw_jitter(g);
  hd_histogram_initialize(&g->latency);
  hd_breakdown_initialize(&g->breakdown);
  return g;
}

void guest_destroy(struct guest *g)
{
  g->device->destroy(g);
  if (g->block)
    block_destroy(g);
  if (g->config.workload == WORKLOAD_UDP_STREAM)
    udp_stream_destroy(g);
  if (guest_replays_tx(&g->config))
    pcap_replay_destroy(g);
  if (guest_is_peer(&g->config))
    peer_destroy(g);
  if (g->config.workload == WORKLOAD_WEB_SERVER)
    web_server_destroy(g);
  for (size_t i = 0; i < g->n_cpus; i++)
    free(g->cpus[i].peers);
  hd_histogram_terminate(&g->latency);
  hd_breakdown_terminate(&g->breakdown);
  free(g->touched);
  free(g->streams);
  free(g->txq);
  free(g->rxq);
  free(g->cpus);
  free(g);
}

size_t guest_vcpus(const struct guest *g)
{
  return g->n_cpus;
}

struct vcpu *guest_vcpu(struct guest *g, size_t i)
{
  return &g->cpus[i].vcpu;
}

struct vcpu *guest_vcpu_of_queue(struct guest *g, unsigned q)
{
  if (g->accel)
    return &g->cpus[guest_plan_queue(&g->config, q)].vcpu;
  return g->block ? &blockdev_queue_at(g, q)->cpu->vcpu : &g->rxq[q].cpu->vcpu;
}

bool guest_polls(const struct guest *g)
{
  return g->config.workload == WORKLOAD_DPDK_FORWARD;
}

void guest_set_observer(struct guest *g, unsigned q, uint16_t observer)
{
  HD_REQUIRE(NULL, g->device->set_observer != NULL,
             "%s: observers of virtqueues are the virtio function's",
             g->config.path);
  g->device->set_observer(g, q, observer);
}

void guest_attach_hypervisor(struct guest *g, struct hd_component *hypervisor)
{
  g->to_hypervisor = hd_channel_open(&g->cpus[0].vcpu.task.base, hypervisor,
                                     GUEST_CONTROL_LATENCY);
}

void guest_set_registers(struct guest *g, const struct guest_registers *r)
{
  g->registers = *r;
}
