/* failover.c - the device and its stand-in, as the guest's one driver. */
#include "models/workload/failover.h"

#include <stdlib.h>

#include "models/workload/virtio_net.h"

static const struct guest_device_ops *first_of(const struct guest_config *c)
{
  return &netdev_of(c)->device;
}

static struct virtio_net *stand_in_of(const struct guest *g)
{
  return (struct virtio_net *)g->netdev[1].virtio;
}

/* ---- building ------------------------------------------------------------ */

static uint64_t memory(const struct guest_config *c)
{
  return first_of(c)->memory(c) + virtio_net_ops.device.memory(c);
}

/* The stand-in's notifications are trapped. */
static size_t pages(const struct guest_config *c)
{
  return first_of(c)->pages(c);
}

static void create(struct guest *g, uint64_t base)
{
  g->failover = guest_allocate(1, sizeof *g->failover);
  g->failover->part = guest_allocate(g->n_cpus, sizeof *g->failover->part);
  first_of(&g->config)->create(g, base);
  virtio_net_create(g, &g->netdev[1],
                    base + first_of(&g->config)->memory(&g->config));
}

static void destroy(struct guest *g)
{
  first_of(&g->config)->destroy(g);
  virtio_net_destroy(g, &g->netdev[1]);
  free(g->failover->part);
  free(g->failover);
}

static void set_observer(struct guest *g, unsigned q, uint16_t observer)
{
  first_of(&g->config)->set_observer(g, q, observer);
}

void failover_connect(struct guest *g)
{
  for (size_t i = 1; i < g->n_cpus; i++) {
    guest_connect(&g->cpus[0], &g->cpus[i]);
    guest_connect(&g->cpus[i], &g->cpus[0]);
  }
}

struct virtio_function *guest_stand_in_function(struct guest *g)
{
  return g->failover ? &g->netdev[1].virtio->function : NULL;
}

unsigned guest_stand_in_pair(const struct guest *g)
{
  return g->netdev[1].first;
}

/* ---- the drivers' life --------------------------------------------------- */

static void probe(struct guest_cpu *cpu)
{
  first_of(&cpu->guest->config)->probe(cpu);
  virtio_net_probe(cpu, stand_in_of(cpu->guest));
}

static bool is_stand_ins(const struct guest *g, const void *object)
{
  const struct virtio_net *v = stand_in_of(g);
  for (unsigned i = 0; i < v->driver.function.n_queues; i++)
    if (object == v->driver.function.queue[i])
      return true;
  return false;
}

/* What a device that is going still writes is handled without its interrupt. */
static bool memory_written(struct guest_cpu *cpu,
                           const struct guest_memory_msg *m)
{
  if (is_stand_ins(cpu->guest, m->object))
    return virtio_memory_written(cpu, m);
  bool wake = first_of(&cpu->guest->config)->memory_written(cpu, m);
  if (!cpu->unplugged)
    return wake;
  cpu->scheduled = true;
  return true;
}

static bool message(struct guest_cpu *cpu, const struct guest_msg *m)
{
  return m->value >= FAILOVER_ASK ? failover_message(cpu, m)
                                  : virtio_message(cpu, m);
}

static void poll_device(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  bool enabled = guest_irq_save(cpu);
  for (unsigned q = 0; q < g->config.queue_pairs; q++)
    if (g->rxq[q].cpu == cpu)
      napi_drain(cpu, q);
  guest_irq_restore(cpu, enabled);
}

static void deferred(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  cpu->scheduled = false;
  failover_serve(cpu);
  if (cpu->unplugged)
    poll_device(cpu);
  if (g->virtio)
    virtio_net_deferred(cpu, (struct virtio_net *)g->virtio);
  virtio_net_deferred(cpu, stand_in_of(g));
}

static void before_idle(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  if (g->virtio)
    virtio_driver_before_idle_of(cpu, g->virtio);
  virtio_driver_before_idle_of(cpu, g->netdev[1].virtio);
}

const struct guest_device_ops failover_ops = {.memory = memory,
                                              .pages = pages,
                                              .create = create,
                                              .destroy = destroy,
                                              .set_observer = set_observer,
                                              .probe = probe,
                                              .memory_written = memory_written,
                                              .message = message,
                                              .deferred = deferred,
                                              .before_idle = before_idle};
