/*
 * virtio_driver_notify.c - what a driver tells its device: published chains,
 * kicks, and when it wants to be interrupted (virtio 1.2: 2.7.13, 2.7.10,
 * 2.8.10, 4.1.5.2).
 */

#include "models/workload/virtio_driver.h"

/* ---- wiring -------------------------------------------------------------- */

/* The driver of a queue pair; *pair: which of its own. */
static struct virtio_driver *driver_of(const struct guest *g, unsigned *pair)
{
  const struct guest_netdev *stand_in = &g->netdev[1];
  if (!g->failover || *pair < stand_in->first)
    return g->virtio;
  *pair -= stand_in->first;
  return stand_in->virtio;
}

/* Queues of a pair share channels, so that their views come in order. */
static void attach(struct guest *g, unsigned backend, unsigned pair,
                   struct hd_component *to, hd_time kick_latency)
{
  const struct virtio_driver *v = driver_of(g, &pair);
  unsigned n = v->function.kind == VIRTIO_NET ? 2 : 1;
  struct virtio_driver_queue **queue = &v->queues[pair * n];
  struct hd_component *driver = &queue[0]->cpu->vcpu.task.base;
  struct virtio_link link = {
      .visible = hd_channel_open(driver, to, VIRTIO_VISIBLE_LATENCY)};
  if (kick_latency > 0)
    link.kick = hd_channel_open(driver, to, kick_latency);
  for (unsigned i = 0; i < n; i++)
    queue[i]->link[backend] = link;
}

void guest_attach_backend_pair(struct guest *g, unsigned pair,
                               struct hd_component *backend,
                               hd_time kick_latency)
{
  attach(g, 0, pair, backend, kick_latency);
}

void guest_attach_second_backend_pair(struct guest *g, unsigned pair,
                                      struct hd_component *backend,
                                      hd_time kick_latency)
{
  attach(g, 1, pair, backend, kick_latency);
}

void guest_attach_backend(struct guest *g, struct hd_component *backend,
                          hd_time kick_latency)
{
  for (unsigned pair = 0; pair < g->config.queue_pairs; pair++)
    attach(g, 0, pair, backend, kick_latency);
}

void guest_attach_second_backend(struct guest *g, struct hd_component *backend,
                                 hd_time kick_latency)
{
  for (unsigned pair = 0; pair < g->config.queue_pairs; pair++)
    attach(g, 1, pair, backend, kick_latency);
}

/* The pages of the other device are not mapped yet. */
void guest_switch_backend(struct guest *g, struct virtio_function *f,
                          unsigned backend)
{
  HD_REQUIRE(NULL, f != NULL && backend < VIRTIO_BACKENDS,
             "%s: no back end %u to switch to", g->config.path, backend);
  struct virtio_driver *v = (struct virtio_driver *)f;
  v->backend = backend;
  for (unsigned i = 0; i < v->function.n_queues; i++)
    v->queues[i]->kick_arrives = 0;
  g->mapping++;
}

struct virtq_view guest_driver_views(const struct virtio_function *f,
                                     unsigned queue)
{
  HD_REQUIRE(NULL, f != NULL && queue < f->n_queues, "no virtqueue %u", queue);
  const struct virtio_driver *v = (const struct virtio_driver *)f;
  return virtq_driver_view(&v->queues[queue]->driver);
}

static const struct virtio_link *link_of(const struct virtio_driver_queue *q)
{
  return &q->link[q->of->backend];
}

/* ---- views ----------------------------------------------------------------
 */

static struct virtio_view_msg *view_message(struct guest_cpu *cpu,
                                            const struct virtio_driver_queue *q,
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
static void show(struct guest_cpu *cpu, struct virtio_driver_queue *q,
                 const struct virtq_view *view)
{
  struct hd_channel *visible = link_of(q)->visible;
  HD_REQUIRE(&cpu->vcpu.task.base, visible != NULL,
             "virtqueue %u has no back end", q->index);
  hd_time when = vcpu_now(&cpu->vcpu) + visible->latency;
  hd_send_at(visible, hd_time_max(when, q->kick_arrives),
             view_message(cpu, q, view, false));
}

/* ---- kicks ----------------------------------------------------------------
 */

/* A notification page per queue if their registers are that far apart. */
static void touch_doorbell(struct guest_cpu *cpu,
                           const struct virtio_driver_queue *q)
{
  const struct virtio_function *f = &q->of->function;
  uint64_t offset =
      f->doorbell % GUEST_PAGE + (uint64_t)q->index * f->doorbell_stride;
  guest_touch(cpu,
              f->doorbell_stride < GUEST_PAGE ? offset / GUEST_PAGE : q->index);
}

static void ring_doorbell(struct guest_cpu *cpu, struct virtio_driver_queue *q,
                          const struct virtq_view *view)
{
  const struct virtio_function *f = &q->of->function;
  touch_doorbell(cpu, q);
  vcpu_mmio_write(&cpu->vcpu, f->device,
                  f->doorbell + (uint64_t)q->index * f->doorbell_stride,
                  virtq_view_encode(view), NULL);
}

static void kick_by_exit(struct guest_cpu *cpu, struct virtio_driver_queue *q,
                         const struct virtq_view *view)
{
  vcpu_exit(&cpu->vcpu, EXIT_KICK);
  struct hd_channel *kick = link_of(q)->kick;
  HD_REQUIRE(&cpu->vcpu.task.base, kick != NULL,
             "virtqueue %u has no back end to kick", q->index);
  hd_send(kick, kick->latency, view_message(cpu, q, view, true));
  q->kick_arrives = vcpu_now(&cpu->vcpu) + kick->latency;
}

static uint64_t *counter(struct guest_cpu *cpu,
                         const struct virtio_driver_queue *q, bool kick)
{
  struct guest_counters *c = &cpu->counters;
  if (!kick)
    return &c->kicks_suppressed;
  return q->of->function.notify == VIRTIO_NOTIFY_EXIT ? &c->kick_exits
                                                      : &c->kick_doorbells;
}

void virtio_driver_publish(struct guest_cpu *cpu, struct virtio_driver_queue *q)
{
  struct virtq_view view = virtq_driver_publish(&q->driver);
  bool kick = virtq_driver_kick_due(&q->driver);
  if (guest_in_window(cpu))
    ++*counter(cpu, q, kick);
  if (!kick)
    show(cpu, q, &view);
  else if (q->of->function.notify == VIRTIO_NOTIFY_EXIT)
    kick_by_exit(cpu, q, &view);
  else
    ring_doorbell(cpu, q, &view);
}

/* ---- callbacks ------------------------------------------------------------
 */

bool virtio_driver_enable(struct guest_cpu *cpu, struct virtio_driver_queue *q,
                          uint32_t after, bool tell)
{
  bool there = virtq_driver_enable_callback(&q->driver, after);
  q->of->looks[cpu->number].fresh = true;
  if (tell) {
    struct virtq_view view = virtq_driver_view(&q->driver);
    show(cpu, q, &view);
  }
  return there;
}

void virtio_driver_disable(struct guest_cpu *cpu, struct virtio_driver_queue *q)
{
  if (!virtq_driver_disable_callback(&q->driver))
    return;
  struct virtq_view view = virtq_driver_view(&q->driver);
  show(cpu, q, &view);
}
