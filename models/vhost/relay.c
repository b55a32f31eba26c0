/* relay.c - the relay thread of Un-IOV. */
#include "models/vhost/relay.h"

#include <stdlib.h>

static bool counts(const struct relay *r)
{
  return hd_window_contains(r->thread.vcpu.window, host_thread_now(&r->thread));
}

/* ---- the thread ------------------------------------------------------------
 */

static void ring_doorbell(struct relay *r, const struct relay_queue *q)
{
  const struct virtio_function *f = r->guests[q->vm].function;
  vcpu_mmio_write(&r->thread.vcpu, f->device,
                  f->doorbell + (uint64_t)q->number * f->doorbell_stride,
                  q->view, NULL);
  r->doorbells += counts(r);
}

static void serve_kicks(struct relay *r)
{
  while (r->first) {
    struct relay_queue *q = r->first;
    r->first = q->next;
    host_thread_work(&r->thread, r->params->relay_kick);
    q->pending = false;
    ring_doorbell(r, q);
    host_thread_look(&r->thread);
  }
}

static void body(struct vcpu *v)
{
  struct relay *r = v->guest;
  for (;;) {
    if (!r->first) {
      vcpu_idle(v, HD_TIME_NEVER);
      continue;
    }
    r->wakeups += counts(r);
    host_thread_work(&r->thread, r->params->relay_wakeup);
    serve_kicks(r);
  }
}

/* ---- messages -------------------------------------------------------------
 */

static void kicked(struct relay *r, const struct virtio_view_msg *m)
{
  struct relay_queue *q = &r->guests[m->vm].queues[m->queue];
  r->kicks += counts(r);
  q->vm = m->vm;
  q->number = m->queue;
  q->view = m->view;
  if (q->pending)
    return;
  q->pending = true;
  q->next = NULL;
  if (r->first)
    r->last->next = q;
  else
    r->first = q;
  r->last = q;
}

static bool message(struct vcpu *v, struct hd_msg *msg)
{
  struct relay *r = v->guest;
  struct virtio_view_msg *m = (struct virtio_view_msg *)msg;
  HD_REQUIRE(&v->task.base,
             msg->kind == MSG_VIRTQ_VIEW && m->vm < r->n_guests &&
                 r->guests[m->vm].known &&
                 m->queue < r->guests[m->vm].function->n_queues,
             "message of kind %u", msg->kind);
  if (!m->kick) {
    hd_send(r->to_device, r->to_device->latency, m);
    return false;
  }
  kicked(r, m);
  hd_msg_free(&v->task.base, m);
  return true;
}

/* ---- life -----------------------------------------------------------------
 */

void relay_initialize(struct relay *r, struct hd_engine *e, const char *path,
                      const char *host, const struct vhost_params *p,
                      const struct cpu_params *cpu, uint32_t guests,
                      const struct hd_window *window)
{
  static const struct vcpu_ops ops = {.main = body, .message = message};
  *r = (struct relay){.params = p, .n_guests = guests};
  host_thread_initialize(&r->thread, e, path, host, cpu, p->thread_switch,
                         window, &ops, r);
  r->guests = calloc(guests + 1u, sizeof *r->guests);
  HD_REQUIRE(NULL, r->guests != NULL, "out of memory for %s", path);
}

void relay_attach_device(struct relay *r, struct hd_component *device)
{
  r->to_device = hd_channel_open(host_thread_component(&r->thread), device,
                                 VIRTIO_VISIBLE_LATENCY);
}

void relay_add_guest(struct relay *r, struct guest *g, uint16_t vm)
{
  struct virtio_function *f = guest_virtio_function(g);
  HD_REQUIRE(NULL, f != NULL && vm < r->n_guests, "guest %u has no virtio", vm);
  struct relay_guest *rg = &r->guests[vm];
  rg->function = f;
  rg->known = true;
  rg->queues = calloc(f->n_queues + 1u, sizeof *rg->queues);
  HD_REQUIRE(NULL, rg->queues != NULL, "out of memory for the relay");
  f->notify = VIRTIO_NOTIFY_EXIT;
  guest_attach_backend(g, host_thread_component(&r->thread),
                       r->params->kick_latency);
}

void relay_terminate(struct relay *r)
{
  for (uint32_t vm = 0; vm < r->n_guests; vm++)
    free(r->guests[vm].queues);
  free(r->guests);
}
