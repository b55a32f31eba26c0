/*
 * server_numbers.c - the plan's numbers: which queues, vectors, remapping
 * handles, requester IDs, PASIDs, memory and blocks each guest has. Pure.
 */
#include "models/server_plan.h"
#include "models/storage/block.h"
#include "models/storage/store.h"

/* The next free numbers of a device. */
struct numbers {
  uint32_t queue, vector, function;
  uint32_t handles; /* remapping handle of vector 0 */
};

struct numbering {
  struct numbers nic, virtio[2], drive[PLAN_MAX_DRIVES],
      endpoint[PLAN_MAX_ENDPOINTS];
  uint32_t message; /* of the NIC's interrupt store */
  uint64_t hpa;
  uint16_t vm;
  uint8_t next_drive, next_endpoint;
  uint64_t next_block[PLAN_MAX_DRIVES];
};

uint32_t plan_drive_handles(const struct server_config *c, unsigned drive)
{
  return (uint32_t)(c->nic.vectors + 2 * c->virtio_device.vectors +
                    drive * c->storage.vectors);
}

uint32_t plan_endpoint_handles(const struct server_config *c, unsigned endpoint)
{
  return plan_drive_handles(c, (unsigned)c->storage.drives) +
         endpoint * (uint32_t)c->accelerator.banks;
}

/* Virtual functions have all of a function's banks; else the host keeps the
 * first of them. */
static void first_endpoint(const struct server_config *c, struct numbering *n,
                           unsigned endpoint)
{
  n->endpoint[endpoint].handles = plan_endpoint_handles(c, endpoint);
  for (size_t i = 0; i < c->n_groups; i++)
    if (plan_is_accelerated(&c->groups[i]) &&
        plan_design(c, &c->groups[i]) != DESIGN_SRIOV)
      n->endpoint[endpoint].queue = n->endpoint[endpoint].vector =
          (uint32_t)c->accelerator.pf_banks;
}

/* Each device's vectors have remapping handles of their own. */
static struct numbering first_numbers(const struct server_config *c)
{
  struct numbering n = {0};
  n.hpa = plan_align((uint64_t)c->host.memory_reserved, UINT64_C(1) << 30);
  n.nic.queue = (uint32_t)c->nic.pf_queues;
  n.nic.vector = (uint32_t)(c->nic.pf_vectors + c->nic.rdma_vectors);
  uint32_t handle = (uint32_t)c->nic.vectors;
  for (int k = VIRTIO_NET; k <= VIRTIO_BLK; k++) {
    n.virtio[k].handles = handle;
    n.virtio[k].queue = (uint32_t)c->virtio_device.pf_queues;
    n.virtio[k].vector = (uint32_t)c->virtio_device.pf_vectors;
    handle += (uint32_t)c->virtio_device.vectors;
  }
  for (unsigned d = 0; d < (unsigned)c->storage.drives; d++) {
    n.drive[d].handles = plan_drive_handles(c, d);
    n.drive[d].queue = (uint32_t)c->storage.pf_queue_pairs;
    n.drive[d].vector = (uint32_t)c->storage.pf_vectors;
  }
  for (unsigned e = 0; e < (unsigned)c->accelerator.endpoints; e++)
    first_endpoint(c, &n, e);
  return n;
}

static void take_numbers(struct numbers *n, struct guest_plan *p,
                         uint32_t queues, uint32_t vectors)
{
  p->first_queue = n->queue;
  p->first_vector = n->vector;
  p->first_handle = n->handles + n->vector;
  n->queue += queues;
  n->vector += vectors;
  n->function += p->virtual_function;
}

/* Messages of the NIC's interrupt store follow the vectors of its table; their
 * remapping handles follow those of all devices' tables. */
static void store_messages(struct numbering *n, const struct server_config *c,
                           struct guest_plan *p, uint32_t messages)
{
  uint32_t handles =
      plan_endpoint_handles(c, (unsigned)c->accelerator.endpoints);
  p->first_vector = (uint32_t)c->nic.vectors + n->message;
  p->first_handle = handles + n->message;
  n->message += messages;
}

static void number_nic(struct numbering *n, const struct server_config *c,
                       const struct vm_group *g, struct guest_plan *p)
{
  uint32_t pairs = (uint32_t)g->queue_pairs;
  bool stored = nic_stores_messages(&c->nic, p->virtual_function);
  p->pf_requester = (uint16_t)(PLAN_PF_REQUESTER + g->port);
  p->requester = p->virtual_function
                     ? (uint16_t)(PLAN_VF_REQUESTER + n->nic.function)
                     : p->pf_requester;
  p->port = (uint8_t)g->port;
  if (p->software)
    return;
  take_numbers(&n->nic, p, pairs, stored ? 0 : pairs + 1);
  if (stored)
    store_messages(n, c, p, pairs + 1);
}

static void number_virtio(struct numbering *n, enum virtio_kind kind,
                          const struct server_config *c,
                          const struct server_plan *plan,
                          const struct vm_group *g, struct guest_plan *p)
{
  uint32_t base = kind == VIRTIO_NET ? PLAN_VIRTIO_NET_REQUESTER
                                     : PLAN_VIRTIO_BLK_REQUESTER;
  struct resource_need need = plan_virtio_need(c, kind, g);
  p->pf_requester = (uint16_t)base;
  p->requester = (uint16_t)(base + 1 + n->virtio[kind].function);
  p->port = plan->has[DEVICE_NIC] ? (uint8_t)c->nic.ports : 0;
  take_numbers(&n->virtio[kind], p, (uint32_t)need.amount[VIRTIO_DEVICE_QUEUES],
               (uint32_t)need.amount[VIRTIO_DEVICE_VECTORS]);
}

static void number_drive(struct numbering *n, const struct server_config *c,
                         const struct vm_group *g, struct guest_plan *p)
{
  uint8_t d = p->drive = n->next_drive;
  n->next_drive = (uint8_t)((d + 1) % c->storage.drives);
  p->pf_requester = (uint16_t)(PLAN_DRIVE_REQUESTER + d * PLAN_DRIVE_STEP);
  p->requester =
      (uint16_t)(p->pf_requester +
                 (p->virtual_function ? 1 + n->drive[d].function : 0));
  struct resource_need need =
      storage_need_of(p->virtual_function, g->queue_pairs);
  if (!p->software)
    take_numbers(&n->drive[d], p, (uint32_t)g->queue_pairs,
                 (uint32_t)need.amount[STORAGE_VECTORS]);
}

/* A bank's vector has the bank's number. */
static void number_endpoint(struct numbering *n, const struct server_config *c,
                            const struct vm_group *g, struct guest_plan *p)
{
  uint8_t e = p->drive = n->next_endpoint;
  n->next_endpoint = (uint8_t)((e + 1) % c->accelerator.endpoints);
  p->pf_requester =
      (uint16_t)(PLAN_ACCELERATOR_REQUESTER + e * PLAN_ACCELERATOR_STEP);
  p->requester = p->pf_requester;
  uint32_t banks = (uint32_t)g->queue_pairs;
  if (p->virtual_function) {
    p->requester = (uint16_t)(p->pf_requester + 1 + n->endpoint[e].function);
    banks = (uint32_t)c->accelerator.banks_per_function;
  }
  take_numbers(&n->endpoint[e], p, banks, banks);
}

/* Guests of a block device have equal parts of it. */
static void give_blocks(struct numbering *n, const struct server_config *c,
                        const struct server_plan *plan, struct guest_plan *p)
{
  uint64_t media = p->device == DEVICE_DRIVE ? (uint64_t)c->storage.drives : 1;
  uint64_t sharing = (plan->n_guests + media - 1) / media;
  uint64_t units = (uint64_t)c->storage.capacity / STORE_UNIT / sharing;
  p->blocks = units * (STORE_UNIT / BLOCK_BYTES);
  p->first_block = n->next_block[p->drive];
  n->next_block[p->drive] += p->blocks;
}

static bool is_remote(const struct vm_group *g, int64_t member)
{
  return g->numa == VM_REMOTE || (g->numa == VM_ALTERNATE && member % 2 != 0);
}

static void number_guest(struct numbering *n, const struct server_config *c,
                         const struct server_plan *plan, uint16_t group,
                         struct guest_plan *p)
{
  const struct vm_group *g = &c->groups[group];
  enum design d = plan_design(c, g);
  *p = (struct guest_plan){
      .vm = n->vm,
      .group = group,
      .device = plan_device(c, g),
      .software = plan_is_software(d),
      .virtual_function =
          d == DESIGN_SRIOV || d == DESIGN_UN_IOV || d == DESIGN_PASSTHROUGH,
      .bare = d == DESIGN_HOST,
      .iova =
          plan_has_iommu(c) && d != DESIGN_HOST ? PLAN_GUEST_MEMORY : n->hpa,
      .hpa = n->hpa};
  p->stand_in = plan_stands_in(c) && n->vm == c->migration.vm;
  p->stand_in_port = (uint8_t)g->port;
  n->hpa += plan_footprint(c, g);
  if (d == DESIGN_HDIOV && plan_has_iommu(c))
    p->pasid = PLAN_FIRST_PASID + n->vm;
  if (p->device == DEVICE_NIC)
    number_nic(n, c, g, p);
  else if (p->device == DEVICE_DRIVE)
    number_drive(n, c, g, p);
  else if (p->device == DEVICE_ACCELERATOR)
    number_endpoint(n, c, g, p);
  else
    number_virtio(n, p->device == DEVICE_VIRTIO_NET ? VIRTIO_NET : VIRTIO_BLK,
                  c, plan, g, p);
  if (plan_is_block(g))
    give_blocks(n, c, plan, p);
  n->vm++;
}

void plan_number_guests(const struct server_config *c, struct server_plan *p)
{
  struct numbering n = first_numbers(c);
  for (uint16_t i = 0; i < c->n_groups; i++)
    for (int64_t k = 0; k < c->groups[i].count; k++) {
      struct guest_plan *guest = &p->guests[n.vm];
      number_guest(&n, c, p, i, guest);
      guest->remote = is_remote(&c->groups[i], k);
    }
  HD_REQUIRE(NULL, n.hpa <= (uint64_t)c->memory.size,
             "guests' memory ends beyond the host's");
}
