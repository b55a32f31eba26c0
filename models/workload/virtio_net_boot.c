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

static uint64_t offer(const struct guest_config *c)
{
  const struct virtio_params *p = c->virtio;
  return virtio_driver_ring_features(p) | VIRTIO_BIT(VIRTIO_NET_F_MAC) |
         VIRTIO_BIT(VIRTIO_NET_F_STATUS) |
         virtio_when(p->mergeable, VIRTIO_NET_F_MRG_RXBUF) |
         virtio_when(p->control_queue, VIRTIO_NET_F_CTRL_VQ) |
         virtio_when(p->control_queue && c->queue_pairs > 1, VIRTIO_NET_F_MQ);
}

/* DPDK's driver does not know event indices. */
uint64_t virtio_negotiated(const struct guest_config *c, bool stand_in,
                           uint64_t *offered)
{
  *offered = offer(c) | virtio_when(stand_in, VIRTIO_NET_F_STANDBY);
  uint64_t supported = *offered;
  if (c->workload == WORKLOAD_DPDK_FORWARD)
    supported &= ~VIRTIO_BIT(VIRTIO_F_EVENT_IDX);
  const char *why = virtio_params_refused(c->virtio, c->queue_pairs);
  HD_REQUIRE(NULL, why == NULL, "%s: virtio device: %s", c->path, why);
  return virtio_driver_accept(c, VIRTIO_TYPE_NET, *offered, supported);
}

/* ---- start -----------------------------------------------------------------
 */

static void start_queues(struct guest_cpu *cpu, struct virtio_net *v)
{
  for (unsigned pair = 0; pair < cpu->guest->config.queue_pairs; pair++) {
    struct virtio_queue *rx = &v->queues[virtio_rx_queue(pair)];
    if (rx->vq.cpu != cpu)
      continue;
    if (v->polled) {
      virtio_driver_disable(cpu, &rx->vq);
      virtio_driver_disable(cpu, &v->queues[virtio_tx_queue(pair)].vq);
    }
    virtio_rx_start(cpu, rx);
  }
}

static void tell(struct guest_cpu *from, struct guest_cpu *to,
                 enum virtio_driver_message what, struct virtio_net *v)
{
  guest_send(from, to, GUEST_DRIVER, what, 0, v);
}

static bool owns_queues(const struct guest_cpu *cpu, const struct virtio_net *v)
{
  for (unsigned pair = 0; pair < cpu->guest->config.queue_pairs; pair++)
    if (v->queues[virtio_rx_queue(pair)].vq.cpu == cpu)
      return true;
  return false;
}

static void start_all(struct guest_cpu *cpu, struct virtio_net *v)
{
  struct guest *g = cpu->guest;
  for (size_t i = 1; i < g->n_cpus; i++)
    if (owns_queues(&g->cpus[i], v)) {
      v->starting++;
      tell(cpu, &g->cpus[i], VIRTIO_START, v);
    }
  start_queues(cpu, v);
  while (v->starting > 0)
    guest_wait(cpu, HD_TIME_NEVER);
}

void virtio_net_probe(struct guest_cpu *cpu, struct virtio_net *v)
{
  virtio_driver_probe(cpu, &v->driver);
  if (virtio_has(v->driver.function.features, VIRTIO_NET_F_MQ))
    boot_trap(cpu, 1);
  vcpu_run(&cpu->vcpu, cpu->guest->config.virtio->boot_cycles);
  start_all(cpu, v);
}

bool virtio_message(struct guest_cpu *cpu, const struct guest_msg *m)
{
  struct virtio_net *v = m->object;
  switch ((enum virtio_driver_message)m->value) {
  case VIRTIO_START:
    v->start_asked[cpu->number] = true;
    cpu->scheduled = true;
    return true;
  case VIRTIO_STARTED:
    v->starting--;
    return true;
  case VIRTIO_LOOK:
    return virtio_driver_looked(cpu, m);
  }
  return false;
}

void virtio_net_deferred(struct guest_cpu *cpu, struct virtio_net *v)
{
  if (v->start_asked[cpu->number]) {
    v->start_asked[cpu->number] = false;
    start_queues(cpu, v);
    tell(cpu, &cpu->guest->cpus[0], VIRTIO_STARTED, v);
  }
  virtio_poll_due(cpu, v->dev);
}
