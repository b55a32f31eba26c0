/*
 * server_guests.c - a server's guests: their vCPUs, memory and devices, as
 * planned.
 */
#include <stdio.h>
#include <stdlib.h>

#include "models/server_internal.h"

/* Host physical address of the vCPUs' posted-interrupt descriptors. */
#define HPA_POSTED_DESCRIPTORS (UINT64_C(128) << 20)

static struct guest *make_guest(struct server *s, const struct guest_plan *p)
{
  const struct server_config *c = s->config;
  const struct vm_group *g = &c->groups[p->group];
  char path[32];
  snprintf(path, sizeof path, "server/vm%05u", p->vm);
  struct guest_config config = {.vm = p->vm,
                                .group = p->group,
                                .port = (uint8_t)g->port,
                                .path = path,
                                .host = IO_STACK_HOST,
                                .vcpus = (uint32_t)g->vcpus,
                                .queue_pairs = (uint32_t)g->queue_pairs,
                                .workload = g->workload,
                                .udp_stream = &s->streams[p->group],
                                .ping = &g->ping,
                                .dpdk_forward = &g->dpdk_forward,
                                .costs = &c->guest,
                                .cpu = &c->cpu,
                                .nic = &c->nic,
                                .itr = c->nic.itr,
                                .packets = &s->packets,
                                .window = &s->window,
                                .memory_base = p->iova,
                                .memory_size = (uint64_t)g->memory,
                                .nic_device = s->home.nic_device};
  struct guest *guest = guest_create(s->engine, &config);
  struct guest_registers registers = {.first_queue = p->first_queue,
                                      .first_vector = p->first_vector,
                                      .lazy_pages = !p->virtual_function};
  guest_set_registers(guest, &registers);
  return guest;
}

static void attach_vcpus(struct server *s, struct guest *g)
{
  for (size_t i = 0; i < guest_vcpus(g); i++) {
    struct vcpu *v = guest_vcpu(g, i);
    uint64_t descriptor = 64 * (uint64_t)scheduler_vcpus(s->home.scheduler);
    vcpu_attach(v, s->home.scheduler, s->home.interrupts,
                HPA_POSTED_DESCRIPTORS + descriptor);
    v->to_root = root_complex_connect_cpu(s->home.io.root, &v->task.base,
                                          &v->root_reply);
  }
}

/* Write-backs of a queue are seen by the vCPU that cleans it; queues on one
 * vCPU share an observer. Its vectors are routed there as well. */
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
    guest_set_observer(g, q, observers[q]);
    interrupt_unit_set_entry(s->home.interrupts, p->first_vector + 1 + q,
                             p->requester, v->index, (uint8_t)(33 + q));
  }
  interrupt_unit_set_entry(s->home.interrupts, p->first_vector, p->requester,
                           guest_vcpu(g, 0)->index, 32);
}

static void announce_to_client(struct server *s, const struct guest_plan *p)
{
  const struct vm_group *g = &s->config->groups[p->group];
  struct client_vm cv = {.group = p->group};
  for (unsigned port = 0; port < s->home.n_ports; port++) {
    if (g->workload == WORKLOAD_DPDK_FORWARD && port == (unsigned)g->port) {
      cv.forward_rate = g->dpdk_forward.rate;
      cv.forward_payload = (uint32_t)g->dpdk_forward.payload;
      cv.forward_streams = (uint32_t)g->dpdk_forward.streams;
      cv.queue_pairs = (uint32_t)g->queue_pairs;
      cv.forward_poisson = g->dpdk_forward.poisson;
    }
    client_add_vm(s->client[port], p->vm, &cv);
    cv = (struct client_vm){.group = p->group};
  }
}

static uint32_t foreign_pasid(const struct server *s,
                              const struct guest_plan *p)
{
  const struct server_config *c = s->config;
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    const struct guest_plan *victim = &s->plan.guests[i];
    if (c->groups[victim->group].port != c->groups[p->group].port &&
        victim->pasid != 0)
      return victim->pasid;
  }
  return 0; /* excluded by server_check_config() */
}

static void misbehave(const struct server *s, const struct guest_plan *p,
                      struct nic_interface *i)
{
  const struct vm_group *g = &s->config->groups[p->group];
  if (g->rogue == ROGUE_OUTSIDE_MEMORY) {
    i->forge = NIC_FORGE_ADDRESS;
    i->forge_address = p->iova + (uint64_t)g->memory + (UINT64_C(1) << 30);
  } else if (g->rogue == ROGUE_FOREIGN_PASID) {
    i->forge = NIC_FORGE_PASID;
    i->pasid = foreign_pasid(s, p);
  }
}

static struct device_plan device_of(const struct server *s,
                                    const struct guest_plan *p, struct guest *g)
{
  const struct vm_group *group = &s->config->groups[p->group];
  struct device_plan d = {
      .guest = g,
      .virtual_function = p->virtual_function,
      .interface = {.vm = p->vm,
                    .port = (uint8_t)group->port,
                    .requester = p->requester,
                    .has_pasid = p->pasid != 0,
                    .pasid = p->pasid,
                    .queue_pairs = (uint16_t)group->queue_pairs,
                    .first_queue = p->first_queue,
                    .first_vector = p->first_vector,
                    .first_handle = p->first_vector,
                    .tx = guest_tx_rings(g),
                    .rx = guest_rx_rings(g)},
      .memory_iova = p->iova,
      .memory_hpa = p->hpa,
      .memory_size = (uint64_t)group->memory,
      .page_shift = plan_page_shift(s->config)};
  misbehave(s, p, &d.interface);
  return d;
}

void server_make_guests(struct server *s)
{
  s->guests = calloc(s->plan.n_guests, sizeof(struct guest *));
  s->devices = calloc(s->plan.n_guests, sizeof *s->devices);
  HD_REQUIRE(NULL, s->guests && s->devices, "out of memory for guests");
  for (size_t i = 0; i < s->config->n_groups; i++) {
    s->streams[i] = s->config->groups[i].udp_stream;
    s->streams[i].streams = plan_streams(&s->config->groups[i]);
  }
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    const struct guest_plan *p = &s->plan.guests[i];
    struct guest *g = s->guests[i] = make_guest(s, p);
    uint16_t region =
        memory_add_region(s->home.io.memory, p->hpa,
                          (uint64_t)s->config->groups[p->group].memory);
    attach_vcpus(s, g);
    route_queues(s, p, g, region);
    announce_to_client(s, p);
    s->devices[i] = device_of(s, p, g);
  }
}
