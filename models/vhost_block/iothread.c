/* iothread.c - QEMU's iothread with a virtio-blk device. */
#include "models/vhost_block/iothread.h"

static void work(struct iothread *t, int64_t cycles)
{
  host_thread_work(&t->thread, cycles);
}

static hd_time now_of(const struct iothread *t)
{
  return host_thread_now(&t->thread);
}

static bool counts(const struct iothread *t)
{
  return hd_window_contains(t->thread.vcpu.window, now_of(t));
}

static void notify(struct iothread *t, uint16_t queue)
{
  if (!block_guest_signal_due(t->guest, queue))
    return;
  work(t, t->params->io_signal);
  block_guest_signal(t->guest, queue);
}

/* ---- submission ---------------------------------------------------------- */

/* Requests of one system call. */
static int64_t take_batch(struct iothread *t, uint16_t queue,
                          struct host_command **first)
{
  const struct vhost_block_params *p = t->params;
  struct host_command *c, *last = NULL;
  int64_t n = 0;
  enum block_take taken;
  while (n < p->io_batch &&
         (taken = block_guest_take(t->guest, queue, &c)) != BLOCK_NONE) {
    work(t, p->io_virtio);
    if (taken == BLOCK_REFUSED) {
      block_guest_refuse(t->guest);
      continue;
    }
    work(t, p->io_block);
    c->next = NULL;
    if (last)
      last->next = c;
    else
      *first = c;
    last = c;
    n++;
  }
  return n;
}

static void enter_kernel(struct iothread *t, struct host_command *c)
{
  t->stats.batches += counts(t);
  work(t, t->params->io_submit);
  for (struct host_command *next; c != NULL; c = next) {
    next = c->next;
    work(t, t->params->io_kernel);
    host_queue_submit(t->drive, c, now_of(t));
  }
  host_queue_announce(t->drive, &t->thread);
}

/* virtio_blk_handle_vq() */
static bool serve_queue(struct iothread *t, uint16_t queue)
{
  uint64_t before = t->guest->taken;
  for (;;) {
    struct host_command *first = NULL;
    if (take_batch(t, queue, &first) == 0)
      break;
    enter_kernel(t, first);
    host_thread_look(&t->thread);
  }
  if (t->guest->taken == before)
    return false;
  notify(t, queue); /* what has been refused */
  return true;
}

/* ---- completion ---------------------------------------------------------- */

/* The kernel's handler of the drive's interrupt. */
static void interrupt(struct vcpu *v, unsigned vector)
{
  (void)vector;
  struct iothread *t = v->guest;
  uint32_t n = host_queue_harvest(t->drive, now_of(t));
  work(t, n * t->params->io_interrupt);
  host_queue_announce(t->drive, &t->thread);
  host_queue_tell(t->drive, &t->thread);
  if (t->polling && n > 0) /* the polled completion ring has changed */
    hd_schedule(&v->task.base, 0, hd_msg_new(&v->task.base, MSG_TIMER));
}

static bool reap(struct iothread *t)
{
  const struct vhost_block_params *p = t->params;
  struct host_command *c = host_queue_take(t->drive);
  if (!c)
    return false;
  for (; c != NULL; c = host_queue_take(t->drive)) {
    work(t, p->io_complete + p->io_used);
    t->stats.requests += counts(t);
    block_guest_finish(t->guest, c);
    work(t, virtio_dirty_take_unpaid(&t->guest->dirty) * p->log_page);
  }
  for (uint16_t q = 0; q < t->guest->n_queues; q++)
    notify(t, q);
  return true;
}

/* ---- waiting ------------------------------------------------------------- */

static bool is_ready(const struct iothread *t)
{
  return t->drive->ready.count > 0 || block_guest_pending(t->guest) ||
         t->guest->fresh;
}

static bool poll(struct iothread *t)
{
  struct vcpu *v = &t->thread.vcpu;
  hd_time until = vcpu_now(v) + t->poll_now;
  if (t->poll_now == 0)
    return false;
  block_guest_disable(t->guest);
  t->stats.polls += counts(t);
  t->polling = true;
  while (!is_ready(t) && vcpu_spin_for_message(v, until))
    ;
  t->polling = false;
  t->stats.hits += is_ready(t) && counts(t);
  return is_ready(t);
}

static void sleep(struct iothread *t)
{
  if (block_guest_enable(t->guest) || is_ready(t))
    return;
  t->stats.sleeps += counts(t);
  work(t, t->params->io_sleep);
  vcpu_idle(&t->thread.vcpu, HD_TIME_NEVER);
  work(t, t->params->io_wakeup);
}

static void adapt(struct iothread *t, hd_time waited)
{
  hd_time longest = t->params->poll_max, current = t->poll_now;
  if (waited <= current || longest == 0)
    return;
  if (waited > longest)
    t->poll_now = 0;
  else if (current < longest)
    t->poll_now =
        hd_time_min(longest, current > 0 ? 2 * current : t->params->poll_start);
}

static void wait(struct iothread *t)
{
  hd_time start = now_of(t);
  if (!poll(t))
    sleep(t);
  adapt(t, now_of(t) - start);
}

/* ---- the thread ---------------------------------------------------------- */

static bool turn(struct iothread *t)
{
  bool found = false;
  block_guest_obey(t->guest);
  if (block_guest_pending(t->guest))
    block_guest_disable(t->guest);
  for (uint16_t q = 0; q < t->guest->n_queues; q++)
    found |= serve_queue(t, q);
  found |= reap(t);
  if (found)
    host_thread_look(&t->thread);
  return found;
}

static void body(struct vcpu *v)
{
  struct iothread *t = v->guest;
  host_queue_enable(t->drive, &t->thread);
  block_guest_disable(t->guest);
  for (;;)
    if (!turn(t))
      wait(t);
}

/* A completion entry wakes nobody: the drive's interrupt does. */
static bool message(struct vcpu *v, struct hd_msg *m)
{
  struct iothread *t = v->guest;
  bool wake = true;
  if (m->kind == MSG_VIRTQ_CONTROL) {
    block_guest_ask(t->guest, m);
    return true;
  }
  if (m->kind == MSG_VIRTQ_VIEW) {
    wake = block_guest_view(t->guest, (const struct virtio_view_msg *)m) ||
           (t->polling && block_guest_pending(t->guest));
  } else if (m->kind == MSG_GUEST_MEMORY) {
    host_queue_written((const struct guest_memory_msg *)m);
    wake = false;
  }
  hd_msg_free(&v->task.base, m);
  return wake;
}

void iothread_initialize(struct iothread *t, struct hd_engine *e,
                         const char *path, const char *host,
                         const struct vhost_block_params *p,
                         const struct cpu_params *cpu, struct block_guest *g,
                         struct host_queue *drive,
                         const struct hd_window *window)
{
  static const struct vcpu_ops ops = {
      .main = body, .interrupt = interrupt, .message = message};
  *t = (struct iothread){.params = p, .guest = g, .drive = drive};
  host_thread_initialize(&t->thread, e, path, host, cpu, p->thread_switch,
                         window, &ops, t);
}
