/*
 * accel_device.c - the driver of an accelerator's ring banks: rings, registers,
 * start, interrupts.
 *
 * Memory holds for each bank in turn: request entries, response entries. After
 * all of them come the threads' buffers. A bank's registers are one device
 * page.
 */
#include <stdlib.h>

#include "models/workload/accel.h"

/* ---- building ------------------------------------------------------------ */

static enum accelerator_service service_of(const struct guest_config *c)
{
  return accelerator_kinds[c->accelerator_jobs->algorithm].service;
}

static uint64_t request_bytes(const struct guest_config *c)
{
  return (uint64_t)c->accelerator_jobs->ring * accelerator_entry(service_of(c));
}

static uint64_t response_bytes(const struct guest_config *c)
{
  return (uint64_t)c->accelerator_jobs->ring * ACCELERATOR_RESPONSE_BYTES;
}

static uint64_t memory(const struct guest_config *c)
{
  return c->queue_pairs * (guest_page_round(request_bytes(c)) +
                           guest_page_round(response_bytes(c))) +
         accel_buffers(c);
}

static void write_register(void *context, uint64_t address, uint32_t value)
{
  struct accel_thread *t = context;
  const struct guest *g = t->cpu->guest;
  guest_touch(t->cpu, t->number);
  vcpu_mmio_write(&t->cpu->vcpu, g->config.nic_device, address, value, NULL);
}

static void create_bank(struct guest *g, uint32_t b, uint64_t *next)
{
  const struct guest_config *c = &g->config;
  const struct accelerator_jobs_params *p = c->accelerator_jobs;
  struct guest_accel *a = g->accel;
  struct accelerator_driver_config config = {
      .size = (uint32_t)p->ring,
      .head_batch = (uint32_t)p->head_batch,
      .service = service_of(c),
      .write = write_register,
      .context = b < a->n_threads ? &a->threads[b] : NULL};
  config.requests = guest_take(next, request_bytes(c));
  config.responses = guest_take(next, response_bytes(c));
  accelerator_driver_initialize(&a->drivers[b], &config);
  a->rings[b] = a->drivers[b].ring;
}

static void create(struct guest *g, uint64_t base)
{
  const struct guest_config *c = &g->config;
  struct guest_accel *a = g->accel = guest_allocate(1, sizeof *a);
  const char *why = accelerator_jobs_problem(c->accelerator_jobs);
  HD_REQUIRE(NULL, why == NULL, "%s: %s", c->path, why);
  a->n_threads = guest_plan_streams(c);
  HD_REQUIRE(NULL, a->n_threads <= c->queue_pairs && a->n_threads <= c->vcpus,
             "%s: more threads than ring banks or vCPUs", c->path);
  a->polled = c->accelerator_jobs->completion == ACCELERATOR_POLL;
  a->drivers = guest_allocate(c->queue_pairs, sizeof *a->drivers);
  a->rings = guest_allocate(c->queue_pairs, sizeof *a->rings);
  a->threads = guest_allocate(a->n_threads, sizeof *a->threads);
  for (uint32_t b = 0; b < c->queue_pairs; b++)
    create_bank(g, b, &base);
  accel_create_threads(g, base);
}

static void destroy(struct guest *g)
{
  struct guest_accel *a = g->accel;
  accel_destroy_threads(g);
  for (uint32_t b = 0; b < g->config.queue_pairs; b++)
    accelerator_driver_terminate(&a->drivers[b]);
  free(a->threads);
  free(a->drivers);
  free(a->rings);
  free(a);
}

static size_t pages(const struct guest_config *c)
{
  return c->queue_pairs;
}

static void set_observer(struct guest *g, unsigned q, uint16_t observer)
{
  g->accel->rings[q].observer = g->accel->drivers[q].ring.observer = observer;
}

struct accelerator_ring *guest_accelerator_rings(struct guest *g)
{
  return g->accel ? g->accel->rings : NULL;
}

/* ---- start --------------------------------------------------------------- */

static void probe(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  const struct guest_accelerator_params *k = g->config.accelerator_costs;
  if (!g->config.bare)
    boot_trap(cpu, k->boot_traps + g->config.queue_pairs * k->bank_traps);
  vcpu_run(&cpu->vcpu, k->boot_cycles);
  for (uint32_t b = 0; b < g->config.queue_pairs; b++)
    g->accel->drivers[b].bank = g->registers.first_queue + b;
}

/* ---- responses ----------------------------------------------------------- */

static bool memory_written(struct guest_cpu *cpu,
                           const struct guest_memory_msg *m)
{
  struct guest *g = cpu->guest;
  const struct accelerator_request *r = m->object;
  unsigned bank = ACCELERATOR_EVENT_BANK(m->data);
  HD_REQUIRE(&cpu->vcpu.task.base,
             bank < g->accel->n_threads && g->accel->threads[bank].cpu == cpu,
             "a response in bank %u, which is not this vCPU's", bank);
  HD_REQUIRE(&cpu->vcpu.task.base, r->vm == g->config.vm && r->bank == bank,
             "bank %u: a response to a request of guest %u, bank %u", bank,
             r->vm, r->bank);
  accelerator_driver_shown(&g->accel->drivers[bank], m->object, m->data);
  return cpu->polls; /* others are told by an interrupt */
}

void accel_interrupt(struct guest_cpu *cpu, unsigned i)
{
  struct guest_accel *a = cpu->guest->accel;
  HD_REQUIRE(&cpu->vcpu.task.base,
             i >= 1 && i <= a->n_threads && a->threads[i - 1].cpu == cpu,
             "interrupt vector %u is not this vCPU's", i);
  struct accel_thread *t = &a->threads[i - 1];
  vcpu_run(&cpu->vcpu, cpu->guest->config.accelerator_jobs->wake_cycles);
  (void)accel_take(t);
  accelerator_driver_arm(t->driver);
}

const struct guest_device_ops accel_device_ops = {.memory = memory,
                                                  .pages = pages,
                                                  .create = create,
                                                  .destroy = destroy,
                                                  .set_observer = set_observer,
                                                  .probe = probe,
                                                  .memory_written =
                                                      memory_written};
