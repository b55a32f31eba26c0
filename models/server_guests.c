/*
 * server_guests.c - a server's guests: their vCPUs, memory and devices, as
 * planned.
 */
#include <stdio.h>
#include <stdlib.h>

#include "models/server_guest_config.h"
#include "models/server_internal.h"
#include "models/server_peers.h"

/* Host physical address of the vCPUs' posted-interrupt descriptors. */
#define HPA_POSTED_DESCRIPTORS (UINT64_C(128) << 20)

struct guest_config server_guest_config(const struct server_config *c,
                                        const struct vm_group *g)
{
  bool virtio = plan_is_virtio(plan_design(c, g));
  return (struct guest_config){.vcpus = (uint32_t)g->vcpus,
                               .queue_pairs = (uint32_t)g->queue_pairs,
                               .workload = g->workload,
                               .udp_stream = &g->udp_stream,
                               .ping = &g->ping,
                               .dpdk_forward = &g->dpdk_forward,
                               .block_jobs = &g->block_jobs,
                               .web_server = &g->web_server,
                               .pcap_replay = &g->pcap_replay,
                               .nginx = &c->nginx,
                               .tcp = &c->tcp,
                               .costs = &c->guest,
                               .cpu = &c->cpu,
                               .nic = &c->nic,
                               .itr = c->nic.itr,
                               .netdev = virtio ? NETDEV_VIRTIO : NETDEV_NATIVE,
                               .blockdev = !plan_is_block(g) ? BLOCKDEV_NONE
                                           : virtio          ? BLOCKDEV_VIRTIO
                                                             : BLOCKDEV_NVME,
                               .block_costs = &c->guest_block,
                               .virtio = &c->virtio,
                               .storage = &c->storage,
                               .accelerator_jobs = &g->accelerator_jobs,
                               .accelerator_costs = &c->guest_accelerator,
                               .memory_size = (uint64_t)g->memory};
}

/* A process on the host pays for no exits, and its core halts by itself. Its
 * interrupts' handler runs on a housekeeping core (scheduler.h). */
static struct cpu_params host_view_of(const struct cpu_params *cpu)
{
  struct cpu_params p = *cpu;
  p.exit_cost = p.exit_hlt = p.exit_interrupt = p.exit_ept = p.exit_trap = 0;
  p.exit_ipi = p.exit_kick = p.inject_cost = p.irq_entry_cost = 0;
  p.halt_poll = 0;
  return p;
}

/* What the guest, or the client to it, sends of its group's capture. */
static struct replay_plan replay_plan_of(const struct server *s,
                                         const struct guest_plan *p)
{
  const struct vm_group *g = &s->config->groups[p->group];
  const struct pcap_replay_params *r = &g->pcap_replay;
  if (g->workload != WORKLOAD_PCAP_REPLAY)
    return (struct replay_plan){.capture = NULL};
  uint32_t member = p->vm;
  for (size_t i = 0; i < p->group; i++)
    member -= (uint32_t)s->config->groups[i].count;
  bool flows = r->spread == REPLAY_FLOWS;
  return (struct replay_plan){.capture = s->captures[p->group],
                              .speed = r->speed,
                              .loops = r->loops,
                              .offset = (hd_time)member * r->stagger,
                              .part = flows ? member : 0,
                              .parts = flows ? (uint32_t)g->count : 1};
}

static struct guest_config config_of(struct server *s,
                                     const struct guest_plan *p)
{
  struct guest_config c =
      server_guest_config(s->config, &s->config->groups[p->group]);
  c.vm = p->vm;
  c.group = p->group;
  c.port = p->port;
  c.host = IO_STACK_HOST;
  c.udp_stream = &s->streams[p->group];
  c.replay = replay_plan_of(s, p);
  c.blocks = p->blocks;
  c.packets = &s->packets;
  c.block_pool = &s->requests;
  c.accelerator_pool = &s->jobs;
  c.bare = p->bare;
  if (p->bare)
    c.cpu = &s->host_cpu;
  c.window = &s->window;
  c.memory_base = p->iova;
  c.nic_device = machine_device(&s->home, p);
  uint16_t peer;
  if (peers_guest(s->config, p, &peer))
    c.peer = packet_peer_of(peer);
  c.stand_in = p->stand_in;
  return c;
}

static struct guest *make_guest(struct server *s, const struct guest_plan *p)
{
  char path[32];
  snprintf(path, sizeof path, "server/vm%05u", p->vm);
  struct guest_config config = config_of(s, p);
  config.path = path;
  config.n_sources = peers_sources(s->config, p, NULL);
  uint16_t *sources =
      hd_array(NULL, config.n_sources, sizeof *sources, "a peer");
  (void)peers_sources(s->config, p, sources);
  config.sources = sources;
  struct guest *guest = guest_create(s->engine, &config);
  free(sources);
  bool drive = p->device == DEVICE_DRIVE;
  uint32_t first_vector = p->first_vector + (drive && server_has_own_vector(p));
  struct guest_registers registers = {.first_queue = p->first_queue,
                                      .first_vector = first_vector,
                                      .lazy_pages = !p->virtual_function,
                                      .direct = p->virtual_function};
  guest_set_registers(guest, &registers);
  return guest;
}

static void attach_vcpus(struct server *s, const struct guest_plan *p,
                         struct guest *g)
{
  for (size_t i = 0; i < guest_vcpus(g); i++) {
    struct vcpu *v = guest_vcpu(g, i);
    uint64_t descriptor = 64 * (uint64_t)scheduler_vcpus(s->home.scheduler);
    vcpu_attach(v, s->home.scheduler, s->home.interrupts,
                HPA_POSTED_DESCRIPTORS + descriptor);
    v->to_root = root_complex_connect_cpu(s->home.io.root, &v->task.base,
                                          &v->root_reply);
    v->root_distance = p->remote ? s->config->memory.numa_latency / 2 : 0;
  }
}

/* Of a process on the host the host's handler takes the interrupt. */
static void route_vector(struct server *s, const struct guest_plan *p,
                         unsigned queue, const struct vcpu *v)
{
  (p->bare ? interrupt_unit_set_host_entry : interrupt_unit_set_entry)(
      s->home.interrupts, server_queue_handle(p, queue), p->requester,
      vcpu_interrupt_index(v, 0), (uint8_t)GUEST_VECTOR(1 + queue));
}

/* What a device writes for a queue is seen by the vCPU that looks at it; queues
 * on one vCPU share an observer. Its vectors are routed there as well. */
static void route_queues(struct server *s, const struct guest_plan *p,
                         struct guest *g, uint16_t region)
{
  unsigned pairs = (unsigned)s->config->groups[p->group].queue_pairs;
  uint16_t observers[64];
  for (unsigned q = 0; q < pairs; q++) {
    struct vcpu *v = guest_vcpu_of_queue(g, q);
    unsigned same = 0;
    while (same < q && guest_vcpu_of_queue(g, same) != v)
      same++;
    observers[q] = same < q ? observers[same]
                            : memory_add_observer(s->home.io.memory, region,
                                                  &v->task.base);
    if (!guest_virtio_function(g))
      guest_set_observer(g, q, observers[q]);
    server_set_observer(s, p, q, observers[q]);
    route_vector(s, p, q, v);
  }
  if (server_has_own_vector(p))
    interrupt_unit_set_entry(s->home.interrupts, p->first_handle, p->requester,
                             vcpu_interrupt_index(guest_vcpu(g, 0), 0),
                             (uint8_t)GUEST_VECTOR(0));
}

static struct client_web web_load_of(const struct server_config *c,
                                     const struct vm_group *g)
{
  const struct web_server_params *w = &g->web_server;
  return (struct client_web){.concurrency = w->concurrency,
                             .requests = w->requests,
                             .request_bytes = (uint32_t)c->nginx.request_bytes,
                             .response_bytes =
                                 (uint32_t)(c->nginx.header_bytes + w->file),
                             .tcp = &c->tcp,
                             .costs = &c->apache_bench};
}

static void announce_to_client(struct server *s, const struct guest_plan *p)
{
  const struct vm_group *g = &s->config->groups[p->group];
  struct client_vm cv = {.group = p->group};
  for (unsigned port = 0; port < s->home.n_ports; port++) {
    if (g->workload == WORKLOAD_DPDK_FORWARD && port == p->port) {
      cv.forward_rate = g->dpdk_forward.rate;
      cv.forward_payload = (uint32_t)g->dpdk_forward.payload;
      cv.forward_streams = (uint32_t)g->dpdk_forward.streams;
      cv.queue_pairs = (uint32_t)g->queue_pairs;
      cv.forward_poisson = g->dpdk_forward.poisson;
    }
    if (g->workload == WORKLOAD_WEB_SERVER && port == p->port) {
      cv.web = web_load_of(s->config, g);
      cv.queue_pairs = (uint32_t)g->queue_pairs;
    }
    if (g->workload == WORKLOAD_PCAP_REPLAY && port == p->port &&
        g->pcap_replay.direction == REPLAY_RX) {
      cv.replay = replay_plan_of(s, p);
      cv.replay_late = g->pcap_replay.late;
      cv.queue_pairs = (uint32_t)g->queue_pairs;
    }
    client_add_vm(s->client[port], p->vm, &cv);
    cv = (struct client_vm){.group = p->group};
  }
}

static void make_one(struct server *s, size_t i)
{
  const struct guest_plan *p = &s->plan.guests[i];
  struct guest *g = s->guests[i] = make_guest(s, p);
  uint16_t region = machine_add_memory(&s->home, p);
  attach_vcpus(s, p, g);
  server_make_function(s, p, g);
  if (!p->software)
    route_queues(s, p, g, region);
  announce_to_client(s, p);
  s->devices[i] = server_device_of(s, p, g);
}

void server_make_guests(struct server *s)
{
  s->guests = calloc(s->plan.n_guests, sizeof(struct guest *));
  s->devices = calloc(s->plan.n_guests, sizeof *s->devices);
  s->observers = calloc(s->plan.n_guests, sizeof(uint16_t *));
  HD_REQUIRE(NULL, s->guests && s->devices && s->observers,
             "out of memory for guests");
  s->host_cpu = host_view_of(&s->config->cpu);
  for (size_t i = 0; i < s->config->n_groups; i++) {
    s->streams[i] = s->config->groups[i].udp_stream;
    s->streams[i].streams = plan_streams(&s->config->groups[i]);
  }
  for (size_t i = 0; i < s->plan.n_guests; i++)
    make_one(s, i);
}
