/*
 * nvme.c - the NVMe driver: creation, posting, completions, start.
 *
 * Memory holds for each queue pair in turn: submission entries, completion
 * entries.
 */
#include <stdlib.h>

#include "models/workload/nvme.h"

/* ---- building ----------------------------------------------------------- */

static uint32_t ring_size(const struct guest_config *c)
{
  return (uint32_t)c->block_costs->nvme_ring;
}

static uint64_t memory(const struct guest_config *c)
{
  uint64_t size = ring_size(c);
  return c->queue_pairs * (guest_page_round(size * STORAGE_SQ_ENTRY) +
                           guest_page_round(size * STORAGE_CQ_ENTRY));
}

static void create_queue(struct guest *g, unsigned q, uint64_t *next)
{
  uint32_t size = ring_size(&g->config);
  struct nvme_queue *n = &g->nvme->queues[q];
  n->ring = &g->nvme->rings[q];
  *n->ring = (struct storage_ring){
      .size = size,
      .slot = guest_allocate(size, sizeof(struct block_request *)),
      .vector = (uint16_t)q};
  n->ring->submission = guest_take(next, (uint64_t)size * STORAGE_SQ_ENTRY);
  n->ring->completion = guest_take(next, (uint64_t)size * STORAGE_CQ_ENTRY);
  n->request = guest_allocate(size, sizeof(struct block_request *));
  n->tags = guest_allocate(size, sizeof *n->tags);
  for (uint32_t tag = size - 1; tag-- > 0;)
    n->tags[n->n_tags++] = (uint16_t)tag;
}

static void create(struct guest *g, uint64_t base)
{
  size_t n = g->config.queue_pairs;
  g->nvme = guest_allocate(1, sizeof *g->nvme);
  g->nvme->queues = guest_allocate(n, sizeof *g->nvme->queues);
  g->nvme->rings = guest_allocate(n, sizeof *g->nvme->rings);
  for (unsigned q = 0; q < n; q++)
    create_queue(g, q, &base);
}

static void destroy(struct guest *g)
{
  for (size_t q = 0; q < g->config.queue_pairs; q++) {
    free(g->nvme->rings[q].slot);
    free(g->nvme->queues[q].request);
    free(g->nvme->queues[q].tags);
  }
  free(g->nvme->queues);
  free(g->nvme->rings);
  free(g->nvme);
}

static void set_observer(struct guest *g, unsigned q, uint16_t observer)
{
  g->nvme->rings[q].observer = observer;
}

struct storage_ring *guest_storage_rings(struct guest *g)
{
  return g->nvme ? g->nvme->rings : NULL;
}

static struct nvme_queue *queue_of(const struct guest *g,
                                   const struct blockdev_queue *q)
{
  return &g->nvme->queues[q->index];
}

/* ---- device pages: doorbells of a queue pair; a vector ------------------ */

static size_t pages(const struct guest_config *c)
{
  return 2u * c->queue_pairs;
}

static void write_doorbell(struct guest_cpu *cpu,
                           const struct blockdev_queue *q, uint64_t offset,
                           uint64_t value)
{
  const struct guest *g = cpu->guest;
  guest_touch(cpu, q->index);
  vcpu_mmio_write(&cpu->vcpu, g->config.nic_device,
                  STORAGE_SQ_TAIL(g->registers.first_queue + q->index) + offset,
                  value % queue_of(g, q)->ring->size, NULL);
}

/* ---- posting ------------------------------------------------------------ */

static uint32_t room(const struct guest *g, const struct blockdev_queue *q)
{
  return queue_of(g, q)->n_tags;
}

static void post(struct guest *g, struct blockdev_queue *q,
                 struct block_request *r)
{
  struct nvme_queue *n = queue_of(g, q);
  uint32_t slot = (uint32_t)(n->posted % n->ring->size);
  HD_REQUIRE(&q->cpu->vcpu.task.base, n->ring->slot[slot] == NULL,
             "submission queue %u: entry %u has not been fetched", q->index,
             slot);
  r->tag = n->tags[--n->n_tags];
  n->request[r->tag] = r;
  n->ring->slot[slot] = r;
  n->posted++;
}

/* One doorbell for a batch (nvme_queue_rqs()). */
static void announce(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  write_doorbell(cpu, q, 0, queue_of(cpu->guest, q)->posted);
}

/* ---- completion --------------------------------------------------------- */

static bool memory_written(struct guest_cpu *cpu,
                           const struct guest_memory_msg *m)
{
  struct guest *g = cpu->guest;
  unsigned index = STORAGE_EVENT_QUEUE(m->data);
  HD_REQUIRE(&cpu->vcpu.task.base,
             index < g->config.queue_pairs &&
                 blockdev_queue_at(g, index)->cpu == cpu,
             "completion of queue %u is not this vCPU's", index);
  struct blockdev_queue *q = blockdev_queue_at(g, index);
  struct nvme_queue *n = queue_of(g, q);
  struct block_request *r = m->object;
  uint64_t at = n->shown++;
  HD_REQUIRE(&cpu->vcpu.task.base,
             STORAGE_EVENT_SLOT(m->data) == at % n->ring->size &&
                 STORAGE_EVENT_PHASE(m->data) == ((at / n->ring->size + 1) & 1),
             "completion queue %u: entry %u in place of %u", index,
             STORAGE_EVENT_SLOT(m->data), (unsigned)(at % n->ring->size));
  HD_REQUIRE(&cpu->vcpu.task.base,
             r->tag < n->ring->size && n->request[r->tag] == r,
             "completion queue %u: tag %u is not in use, or another request's",
             index, r->tag);
  n->request[r->tag] = NULL;
  block_found(cpu, q, r);
  return cpu->polls; /* others are told by an interrupt */
}

static void release(struct guest *g, struct blockdev_queue *q,
                    struct block_request *r)
{
  struct nvme_queue *n = queue_of(g, q);
  n->tags[n->n_tags++] = r->tag;
  n->taken++;
}

/* One head doorbell for all that has been read (nvme_process_cq()). */
static void taken(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  write_doorbell(cpu, q, STORAGE_CQ_OFFSET, queue_of(cpu->guest, q)->taken);
}

/* ---- start -------------------------------------------------------------- */

static void enable_vectors(struct guest_cpu *cpu)
{
  const struct guest *g = cpu->guest;
  for (unsigned i = 0; i < g->config.queue_pairs; i++) {
    guest_touch(cpu, g->config.queue_pairs + i);
    vcpu_mmio_write(&cpu->vcpu, g->config.nic_device,
                    STORAGE_VECTOR(g->registers.first_vector + i),
                    STORAGE_INT_ENABLE, NULL);
  }
}

static void wait_until(struct guest_cpu *cpu, hd_time when)
{
  while (vcpu_now(&cpu->vcpu) < when)
    guest_wait(cpu, when);
}

/* The controller's registers are the device's: reads stall the vCPU, and the
 * device executes administration commands one after another. */
static void start_device(struct guest_cpu *cpu, int64_t commands)
{
  const struct guest *g = cpu->guest;
  for (int64_t i = 0; i < g->config.block_costs->nvme_registers; i++)
    vcpu_mmio_read(&cpu->vcpu, g->config.nic_device,
                   STORAGE_VECTOR(g->registers.first_vector));
  for (int64_t i = 0; i < commands; i++)
    wait_until(cpu, vcpu_now(&cpu->vcpu) + g->config.storage->admin_cost);
}

/* They are emulated; a command is a tail and a head doorbell. */
static void start_emulated(struct guest_cpu *cpu, int64_t commands)
{
  boot_trap(cpu, cpu->guest->config.block_costs->nvme_registers);
  boot_trap(cpu, 2 * commands);
}

static void probe(struct guest_cpu *cpu)
{
  const struct guest *g = cpu->guest;
  const struct guest_block_params *k = g->config.block_costs;
  int64_t pairs = (int64_t)g->config.queue_pairs;
  int64_t commands = k->nvme_commands + pairs * k->nvme_queue_commands;
  boot_trap(cpu, k->nvme_boot_traps + (1 + pairs) * k->nvme_vector_traps);
  if (g->registers.direct)
    start_device(cpu, commands);
  else
    start_emulated(cpu, commands);
  vcpu_run(&cpu->vcpu, k->nvme_boot_cycles);
  if (!g->block->polled)
    enable_vectors(cpu);
}

/* ---- books -------------------------------------------------------------- */

static const char *check(const struct guest *g, const struct blockdev_queue *q,
                         uint64_t in_ring)
{
  const struct nvme_queue *n = queue_of(g, q);
  uint64_t used = 0;
  for (uint32_t tag = 0; tag < n->ring->size; tag++)
    used += n->request[tag] != NULL;
  if (used != in_ring)
    return "NVMe: tags in use are not the requests in the rings";
  if (used + q->found.count + n->n_tags != n->ring->size - 1)
    return "NVMe: tags are not free, in use or completed";
  if (n->shown != q->completed || n->taken != q->finished)
    return "NVMe: completion entries are not the requests completed";
  return NULL;
}

const struct blockdev_ops nvme_ops = {
    .device = {.memory = memory,
               .pages = pages,
               .create = create,
               .destroy = destroy,
               .set_observer = set_observer,
               .probe = probe,
               .memory_written = memory_written},
    .room = room,
    .post = post,
    .announce = announce,
    .release = release,
    .taken = taken,
    .check = check};
