/* spdk_vhost.c - a poll-mode thread of SPDK vhost. */
#include "models/vhost_block/spdk_vhost.h"

#include <stdlib.h>

static void work(struct spdk_thread *s, int64_t cycles)
{
  host_thread_work(&s->thread, cycles);
}

static hd_time now_of(const struct spdk_thread *s)
{
  return host_thread_now(&s->thread);
}

static void signal_if_due(struct spdk_thread *s, struct block_guest *g,
                          uint16_t queue)
{
  if (!block_guest_signal_due(g, queue))
    return;
  work(s, s->params->spdk_signal);
  block_guest_signal(g, queue);
}

/* ---- guest to drive ------------------------------------------------------ */

static bool poll_virtqueue(struct spdk_thread *s, struct block_guest *g,
                           uint16_t queue)
{
  const struct vhost_block_params *p = s->params;
  bool refused = false;
  int64_t n = 0;
  work(s, p->spdk_poll_virtqueue);
  for (; n < p->spdk_burst; n++) {
    struct host_command *c;
    enum block_take taken = block_guest_take(g, queue, &c);
    if (taken == BLOCK_NONE)
      break;
    work(s, p->spdk_virtio);
    if (taken == BLOCK_REFUSED) {
      block_guest_refuse(g);
      refused = true;
      continue;
    }
    work(s, p->spdk_bdev + p->spdk_submit);
    host_queue_submit(g->drive, c, now_of(s));
  }
  if (refused)
    signal_if_due(s, g, queue);
  return n > 0;
}

/* ---- drive to guest ------------------------------------------------------ */

static void complete(struct spdk_thread *s, struct host_command *c)
{
  const struct vhost_block_params *p = s->params;
  work(s, p->spdk_complete + p->spdk_bdev_complete + p->spdk_virtio_complete);
  s->handled += hd_window_contains(s->thread.vcpu.window, now_of(s));
  struct block_guest *g = c->guest;
  block_guest_finish(g, c);
  work(s, virtio_dirty_take_unpaid(&g->dirty) * p->log_page);
}

static void signal_guests(struct spdk_thread *s)
{
  for (uint32_t i = 0; i < s->n_guests; i++)
    for (uint16_t q = 0; q < s->guests[i]->n_queues; q++)
      signal_if_due(s, s->guests[i], q);
}

static bool poll_drive(struct spdk_thread *s, struct host_queue *q)
{
  work(s, s->params->spdk_poll_drive);
  uint32_t n = host_queue_harvest(q, now_of(s));
  for (struct host_command *c; (c = host_queue_take(q)) != NULL;)
    complete(s, c);
  host_queue_announce(q, &s->thread);
  host_queue_tell(q, &s->thread);
  if (n > 0)
    signal_guests(s);
  return n > 0;
}

/* ---- the thread ---------------------------------------------------------- */

static bool turn(struct spdk_thread *s)
{
  bool found = false;
  s->activity = false;
  for (uint32_t i = 0; i < s->n_guests; i++)
    block_guest_obey(s->guests[i]);
  for (uint32_t i = 0; i < s->n_guests; i++)
    for (uint16_t q = 0; q < s->guests[i]->n_queues; q++)
      if (poll_virtqueue(s, s->guests[i], q)) {
        found = true;
        host_thread_look(&s->thread);
      }
  for (uint32_t i = 0; i < s->n_drives; i++)
    if (poll_drive(s, s->drives[i])) {
      found = true;
      host_thread_look(&s->thread);
    }
  return found;
}

static hd_time empty_turn(const struct spdk_thread *s)
{
  int64_t cycles = s->n_virtqueues * s->params->spdk_poll_virtqueue +
                   s->n_drives * s->params->spdk_poll_drive;
  return hd_time_max(hd_clock_span(&s->thread.vcpu.clock, cycles), 1);
}

static void body(struct vcpu *v)
{
  struct spdk_thread *s = v->guest;
  hd_time length = empty_turn(s);
  for (uint32_t i = 0; i < s->n_guests; i++)
    block_guest_disable(s->guests[i]);
  for (;;)
    if (!turn(s))
      host_thread_poll_in_vain(&s->thread, &s->activity, length);
}

static struct block_guest *guest_of(const struct spdk_thread *s, uint16_t vm)
{
  uint32_t i = vm < s->vms ? s->by_vm[vm] : 0;
  HD_REQUIRE(&s->thread.vcpu.task.base, i > 0, "a view of guest %u", vm);
  return s->guests[i - 1];
}

static bool message(struct vcpu *v, struct hd_msg *m)
{
  struct spdk_thread *s = v->guest;
  if (m->kind == MSG_VIRTQ_CONTROL) {
    block_guest_ask(guest_of(s, ((struct virtq_control_msg *)m)->vm), m);
    s->activity = true;
    return true;
  }
  if (m->kind == MSG_VIRTQ_VIEW) {
    const struct virtio_view_msg *view = (const struct virtio_view_msg *)m;
    struct block_guest *g = guest_of(s, view->vm);
    block_guest_view(g, view);
    s->activity |= block_guest_pending(g);
  } else {
    HD_REQUIRE(&v->task.base, m->kind == MSG_GUEST_MEMORY, "message of kind %u",
               m->kind);
    host_queue_written((const struct guest_memory_msg *)m);
    s->activity = true;
  }
  hd_msg_free(&v->task.base, m);
  return true;
}

/* ---- life ---------------------------------------------------------------- */

void spdk_thread_initialize(struct spdk_thread *s, struct hd_engine *e,
                            const char *path, const char *host,
                            const struct vhost_block_params *p,
                            const struct cpu_params *cpu, uint32_t guests,
                            uint32_t vms, uint32_t drives,
                            const struct hd_window *window)
{
  static const struct vcpu_ops ops = {.main = body, .message = message};
  *s = (struct spdk_thread){
      .params = p,
      .guests = hd_array(NULL, guests, sizeof *s->guests, path),
      .drives = hd_array(NULL, drives, sizeof *s->drives, path),
      .by_vm = hd_array(NULL, vms, sizeof *s->by_vm, path),
      .vms = vms};
  host_thread_initialize(&s->thread, e, path, host, cpu, p->thread_switch,
                         window, &ops, s);
  s->thread.dedicated = true;
}

void spdk_thread_terminate(struct spdk_thread *s)
{
  free(s->guests);
  free(s->drives);
  free(s->by_vm);
}

void spdk_thread_add_guest(struct spdk_thread *s, struct block_guest *g)
{
  s->guests[s->n_guests++] = g;
  s->by_vm[g->vm] = s->n_guests;
  s->n_virtqueues += g->n_queues;
}

void spdk_thread_add_drive(struct spdk_thread *s, struct host_queue *q)
{
  s->drives[s->n_drives++] = q;
}
