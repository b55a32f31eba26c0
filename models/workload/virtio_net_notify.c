/*
 * virtio_net_notify.c - what the driver tells the device: published chains,
 * kicks, and when it wants to be interrupted (virtio 1.2: 2.7.13, 2.7.10,
 * 2.8.10, 4.1.5.2).
 */
#include "models/workload/virtio_net.h"

/* ---- wiring -------------------------------------------------------------- */

static void attach(struct virtio_queue *q, struct hd_component *backend,
                   hd_time kick_latency)
{
  struct hd_component *driver = &q->cpu->vcpu.task.base;
  q->link.visible = hd_channel_open(driver, backend, VIRTIO_VISIBLE_LATENCY);
  if (kick_latency > 0)
    q->link.kick = hd_channel_open(driver, backend, kick_latency);
}

void guest_attach_backend_pair(struct guest *g, unsigned pair,
                               struct hd_component *backend,
                               hd_time kick_latency)
{
  struct virtio_queue *rx = virtio_queue_at(g, virtio_rx_queue(pair));
  struct virtio_queue *tx = virtio_queue_at(g, virtio_tx_queue(pair));
  attach(rx, backend, kick_latency);
  tx->link = rx->link;
}

void guest_attach_backend(struct guest *g, struct hd_component *backend,
                          hd_time kick_latency)
{
  for (unsigned pair = 0; pair < g->config.queue_pairs; pair++)
    guest_attach_backend_pair(g, pair, backend, kick_latency);
}

/* ---- views ----------------------------------------------------------------
 */

static struct virtio_view_msg *view_message(struct guest_cpu *cpu,
                                            const struct virtio_queue *q,
                                            const struct virtq_view *view,
                                            bool kick)
{
  struct virtio_view_msg *m =
      hd_msg_new_zero(&cpu->vcpu.task.base, MSG_VIRTQ_VIEW);
  m->vm = cpu->guest->config.vm;
  m->queue = q->index;
  m->kick = kick;
  m->view = virtq_view_encode(view);
  return m;
}

/* A device that has been kicked by message looks at the ring when the message
 * has come. Later views follow it, so that they come in order. */
static void show(struct guest_cpu *cpu, struct virtio_queue *q,
                 const struct virtq_view *view)
{
  HD_REQUIRE(&cpu->vcpu.task.base, q->link.visible != NULL,
             "virtqueue %u has no back end", q->index);
  hd_time when = vcpu_now(&cpu->vcpu) + q->link.visible->latency;
  hd_send_at(q->link.visible, hd_time_max(when, q->kick_arrives),
             view_message(cpu, q, view, false));
}

/* ---- kicks ----------------------------------------------------------------
 */

/* A notification page per queue if their registers are that far apart. */
size_t virtio_pages(const struct guest_config *c)
{
  return 2u * c->queue_pairs + 2;
}

static void touch_doorbell(struct guest_cpu *cpu, const struct virtio_queue *q)
{
  const struct virtio_function *f = &cpu->guest->virtio->function;
  uint64_t offset =
      f->doorbell % GUEST_PAGE + (uint64_t)q->index * f->doorbell_stride;
  guest_touch(cpu,
              f->doorbell_stride < GUEST_PAGE ? offset / GUEST_PAGE : q->index);
}

static void ring_doorbell(struct guest_cpu *cpu, struct virtio_queue *q,
                          const struct virtq_view *view)
{
  const struct virtio_function *f = &cpu->guest->virtio->function;
  touch_doorbell(cpu, q);
  vcpu_mmio_write(&cpu->vcpu, f->device,
                  f->doorbell + (uint64_t)q->index * f->doorbell_stride,
                  virtq_view_encode(view), NULL);
}

static void kick_by_exit(struct guest_cpu *cpu, struct virtio_queue *q,
                         const struct virtq_view *view)
{
  HD_REQUIRE(&cpu->vcpu.task.base, q->link.kick != NULL,
             "virtqueue %u has no back end to kick", q->index);
  vcpu_exit(&cpu->vcpu, EXIT_KICK);
  hd_send(q->link.kick, q->link.kick->latency,
          view_message(cpu, q, view, true));
  q->kick_arrives = vcpu_now(&cpu->vcpu) + q->link.kick->latency;
}

static uint64_t *counter(struct guest_cpu *cpu, bool kick)
{
  struct guest_counters *c = &cpu->counters;
  if (!kick)
    return &c->kicks_suppressed;
  return cpu->guest->virtio->function.notify == VIRTIO_NOTIFY_EXIT
             ? &c->kick_exits
             : &c->kick_doorbells;
}

void virtio_publish(struct guest_cpu *cpu, struct virtio_queue *q)
{
  struct virtq_view view = virtq_driver_publish(&q->driver);
  bool kick = virtq_driver_kick_due(&q->driver);
  if (guest_in_window(cpu))
    ++*counter(cpu, kick);
  if (!kick)
    show(cpu, q, &view);
  else if (cpu->guest->virtio->function.notify == VIRTIO_NOTIFY_EXIT)
    kick_by_exit(cpu, q, &view);
  else
    ring_doorbell(cpu, q, &view);
}

/* ---- callbacks ------------------------------------------------------------
 */

bool virtio_enable(struct guest_cpu *cpu, struct virtio_queue *q,
                   uint32_t after, bool tell)
{
  uint32_t entries =
      q->ring.packed && q->transmit ? after * cpu->guest->virtio->slots : after;
  bool there = virtq_driver_enable_callback(&q->driver, entries);
  cpu->guest->virtio->looks[cpu->number].fresh = true;
  if (tell) {
    struct virtq_view view = virtq_driver_view(&q->driver);
    show(cpu, q, &view);
  }
  return there;
}

void virtio_disable(struct guest_cpu *cpu, struct virtio_queue *q)
{
  if (!virtq_driver_disable_callback(&q->driver))
    return;
  struct virtq_view view = virtq_driver_view(&q->driver);
  show(cpu, q, &view);
}
