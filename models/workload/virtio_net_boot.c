/*
 * virtio_net_boot.c - virtio-net: negotiation and the driver's start
 * (virtio 1.2: 3.1.1, 4.1.5.1, 5.1.5).
 *
 * vCPU 0 probes the device by trapped accesses. Then each vCPU that owns queues
 * gives them their receive buffers. The command that activates further queue
 * pairs (5.1.6.5.5) is an access to the control queue's notification, trapped
 * like the others.
 */
#include "models/workload/virtio_net.h"

/* ---- features --------------------------------------------------------------
 */

static uint64_t when(bool offered, unsigned feature)
{
  return offered ? VIRTIO_BIT(feature) : 0;
}

static uint64_t offer(const struct guest_config *c)
{
  const struct virtio_params *p = c->virtio;
  return VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_NET_F_MAC) |
         VIRTIO_BIT(VIRTIO_NET_F_STATUS) |
         when(p->packed, VIRTIO_F_RING_PACKED) |
         when(p->indirect, VIRTIO_F_INDIRECT_DESC) |
         when(p->event_idx, VIRTIO_F_EVENT_IDX) |
         when(p->in_order, VIRTIO_F_IN_ORDER) |
         when(p->mergeable, VIRTIO_NET_F_MRG_RXBUF) |
         when(p->control_queue, VIRTIO_NET_F_CTRL_VQ) |
         when(p->control_queue && c->queue_pairs > 1, VIRTIO_NET_F_MQ);
}

/* DPDK's driver does not know event indices. */
uint64_t virtio_negotiated(const struct guest_config *c, uint64_t *offered)
{
  *offered = offer(c);
  uint64_t supported = *offered;
  if (c->workload == WORKLOAD_DPDK_FORWARD)
    supported &= ~VIRTIO_BIT(VIRTIO_F_EVENT_IDX);
  uint64_t accepted =
      virtio_features_choose(VIRTIO_TYPE_NET, *offered, supported);
  const char *why = virtio_params_refused(c->virtio, c->queue_pairs);
  if (!why)
    why = virtio_offer_refused(VIRTIO_TYPE_NET, *offered);
  if (!why)
    why = virtio_features_refused(VIRTIO_TYPE_NET, *offered, accepted);
  HD_REQUIRE(NULL, why == NULL, "%s: virtio device: %s", c->path, why);
  return accepted;
}

/* ---- status ----------------------------------------------------------------
 */

static void set_status(struct guest_cpu *cpu, uint8_t bit,
                       enum virtio_status_result expected)
{
  struct virtio_status *s = &cpu->guest->virtio->status;
  enum virtio_status_result got =
      virtio_status_write(s, (uint8_t)(s->value | bit));
  HD_REQUIRE(&cpu->vcpu.task.base, got == expected,
             "virtio device refuses status %02x: %s", bit,
             s->refusal ? s->refusal : "wrong order");
}

static void negotiate(struct guest_cpu *cpu)
{
  struct virtio_net *v = cpu->guest->virtio;
  set_status(cpu, VIRTIO_ACKNOWLEDGE, VIRTIO_STATUS_DONE);
  set_status(cpu, VIRTIO_DRIVER, VIRTIO_STATUS_DONE);
  HD_REQUIRE(&cpu->vcpu.task.base,
             virtio_status_accept(&v->status, v->function.features),
             "virtio device does not take features now");
  set_status(cpu, VIRTIO_FEATURES_OK, VIRTIO_STATUS_DONE);
}

/* ---- start -----------------------------------------------------------------
 */

static void start_queues(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  for (unsigned pair = 0; pair < g->config.queue_pairs; pair++) {
    struct virtio_queue *rx = virtio_rxq_of(&g->rxq[pair]);
    if (rx->cpu != cpu)
      continue;
    if (g->virtio->polled) {
      virtio_disable(cpu, rx);
      virtio_disable(cpu, virtio_txq_of(&g->txq[pair]));
    }
    virtio_rx_start(cpu, rx);
  }
}

static void tell(struct guest_cpu *from, struct guest_cpu *to,
                 enum virtio_net_message what)
{
  guest_send(from, to, GUEST_DRIVER, what, 0, NULL);
}

static bool owns_queues(const struct guest_cpu *cpu)
{
  const struct guest *g = cpu->guest;
  for (unsigned pair = 0; pair < g->config.queue_pairs; pair++)
    if (g->rxq[pair].cpu == cpu)
      return true;
  return false;
}

static void start_all(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  for (size_t i = 1; i < g->n_cpus; i++)
    if (owns_queues(&g->cpus[i])) {
      g->virtio->starting++;
      tell(cpu, &g->cpus[i], VIRTIO_NET_START);
    }
  start_queues(cpu);
  while (g->virtio->starting > 0)
    guest_wait(cpu, HD_TIME_NEVER);
}

void virtio_probe(struct guest_cpu *cpu)
{
  const struct guest *g = cpu->guest;
  const struct virtio_params *p = g->config.virtio;
  const struct virtio_function *f = &g->virtio->function;
  negotiate(cpu);
  boot_trap(cpu, p->boot_traps);
  boot_trap(cpu, f->n_queues * p->queue_traps +
                     (1 + g->config.queue_pairs) * p->vector_traps);
  set_status(cpu, VIRTIO_DRIVER_OK, VIRTIO_STATUS_STARTED);
  if (virtio_has(f->features, VIRTIO_NET_F_MQ))
    boot_trap(cpu, 1);
  vcpu_run(&cpu->vcpu, p->boot_cycles);
  start_all(cpu);
}

bool virtio_message(struct guest_cpu *cpu, const struct guest_msg *m)
{
  struct virtio_net *v = cpu->guest->virtio;
  switch ((enum virtio_net_message)m->value) {
  case VIRTIO_NET_START:
    v->start_asked[cpu->number] = true;
    cpu->scheduled = true;
    return true;
  case VIRTIO_NET_STARTED:
    v->starting--;
    return true;
  case VIRTIO_NET_LOOK:
    return virtio_looked(cpu, m->bytes);
  }
  return false;
}

void virtio_deferred(struct guest_cpu *cpu)
{
  struct virtio_net *v = cpu->guest->virtio;
  cpu->scheduled = false;
  if (v->start_asked[cpu->number]) {
    v->start_asked[cpu->number] = false;
    start_queues(cpu);
    tell(cpu, &cpu->guest->cpus[0], VIRTIO_NET_STARTED);
  }
  virtio_poll_due(cpu);
}
