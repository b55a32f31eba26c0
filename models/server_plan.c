#include "models/server_plan.h"

#include <stdlib.h>

enum design plan_design(const struct server_config *c, const struct vm_group *g)
{
  return g->design == DESIGN_INHERIT ? (enum design)c->scenario.design
                                     : (enum design)g->design;
}

int64_t plan_streams(const struct vm_group *g)
{
  return g->udp_stream.streams ? g->udp_stream.streams : g->queue_pairs;
}

bool plan_is_bench(const struct server_config *c)
{
  return c->bench.mode != BENCH_NONE;
}

bool plan_has_iommu(const struct server_config *c)
{
  return c->iommu.mode != IOMMU_OFF;
}

unsigned plan_page_shift(const struct server_config *c)
{
  static const unsigned shifts[] = {
      [IOMMU_4K] = 12, [IOMMU_2M] = 21, [IOMMU_1G] = 30};
  return shifts[c->iommu.page_size];
}

static bool take_devices(const struct server_config *c, struct server_plan *p,
                         struct server_shortage *s)
{
  nic_resources_initialize(&p->resources, &c->nic);
  p->has[DEVICE_NIC] = true;
  for (size_t i = 0; i < c->n_groups; i++) {
    const struct vm_group *g = &c->groups[i];
    bool vf = plan_design(c, g) == DESIGN_SRIOV;
    struct nic_need need = nic_need_of(vf, g->queue_pairs);
    enum nic_resource which = NIC_INTERFACES;
    if (!nic_resources_take(&p->resources, &need, g->count, &which, &s->have,
                            &s->need)) {
      s->resource = nic_resource_names[which];
      return false;
    }
    p->n_guests += (size_t)g->count;
    p->guest_memory += (uint64_t)(g->count * g->memory);
  }
  return true;
}

/* In GiB, rounded so that the message stays true. */
static bool take_memory(const struct server_config *c,
                        const struct server_plan *p, struct server_shortage *s)
{
  const int64_t gib = INT64_C(1) << 30;
  int64_t have = c->memory.size - c->host.memory_reserved;
  if ((int64_t)p->guest_memory <= have)
    return true;
  *s = (struct server_shortage){"GiB of memory", have / gib,
                                ((int64_t)p->guest_memory + gib - 1) / gib};
  return false;
}

static uint64_t align_up(uint64_t x, uint64_t to)
{
  return (x + to - 1) / to * to;
}

uint64_t plan_bench_base(const struct server_config *c)
{
  return align_up((uint64_t)c->host.memory_reserved, UINT64_C(1) << 30);
}

static bool bench_feasible(const struct server_config *c,
                           struct server_shortage *s)
{
  const uint64_t gib = UINT64_C(1) << 30;
  uint64_t need = plan_bench_base(c) + PLAN_BENCH_SPAN;
  if (need > (uint64_t)c->memory.size) {
    *s = (struct server_shortage){"GiB of memory", c->memory.size >> 30,
                                  (int64_t)((need + gib - 1) / gib)};
    return false;
  }
  if (c->bench.numa == BENCH_REMOTE && c->host.sockets < 2) {
    *s = (struct server_shortage){"sockets", c->host.sockets, 2};
    return false;
  }
  return true;
}

static void number_guests(const struct server_config *c, struct server_plan *p)
{
  const uint64_t gib = UINT64_C(1) << 30;
  uint64_t hpa = align_up((uint64_t)c->host.memory_reserved, gib);
  uint32_t queue = (uint32_t)c->nic.pf_queues;
  uint32_t vector = (uint32_t)(c->nic.pf_vectors + c->nic.rdma_vectors);
  uint16_t vf = 0;
  uint16_t vm = 0;
  for (uint16_t i = 0; i < c->n_groups; i++) {
    const struct vm_group *g = &c->groups[i];
    bool is_vf = plan_design(c, g) == DESIGN_SRIOV;
    for (int64_t k = 0; k < g->count; k++, vm++) {
      uint16_t pf = (uint16_t)(PLAN_PF_REQUESTER + g->port);
      p->guests[vm] = (struct guest_plan){
          .vm = vm,
          .group = i,
          .virtual_function = is_vf,
          .first_queue = queue,
          .first_vector = vector,
          .requester = is_vf ? (uint16_t)(PLAN_VF_REQUESTER + vf) : pf,
          .pasid = is_vf || !plan_has_iommu(c) ? 0 : PLAN_FIRST_PASID + vm,
          .iova = plan_has_iommu(c) ? PLAN_GUEST_MEMORY : hpa,
          .hpa = hpa};
      vf = (uint16_t)(vf + is_vf);
      queue += (uint32_t)g->queue_pairs;
      vector += (uint32_t)g->queue_pairs + 1;
      hpa = align_up(hpa + (uint64_t)g->memory, gib);
    }
  }
}

bool server_plan_make(const struct server_config *c, struct server_plan *p,
                      struct server_shortage *s)
{
  *p = (struct server_plan){0};
  if (!take_devices(c, p, s) || !take_memory(c, p, s))
    return false;
  p->guests = calloc(p->n_guests, sizeof *p->guests);
  HD_REQUIRE(NULL, p->guests != NULL, "out of memory for the plan");
  number_guests(c, p);
  return true;
}

void server_plan_free(struct server_plan *p)
{
  free(p->guests);
  *p = (struct server_plan){0};
}

bool server_feasible(const struct server_config *c, struct server_shortage *s)
{
  if (plan_is_bench(c))
    return bench_feasible(c, s);
  struct server_plan p;
  bool ok = server_plan_make(c, &p, s);
  server_plan_free(&p);
  return ok;
}
