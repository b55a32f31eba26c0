/*
 * posted.c - posted interrupts (VT-d 4.0, 5.2).
 *
 * The unit holds the truth of each descriptor; its events (end of an atomic
 * update, arrival of a vCPU's change of state, arrival of a notification at the
 * core) are in one order, so that no post falls between two states:
 *
 *   state      post, ON clear                     change to this state
 *   RUNNING    ON set, notification               pending bits are sent at
 *                                                 once, ON cleared
 *   PREEMPTED  bit pending (notification          -
 *              suppressed)
 *   BLOCKED    ON set, wake-up to the scheduler   wake-up if bits are pending,
 *                                                 or were sent too late for the
 *                                                 vCPU to see before it blocked
 *
 * A post with ON set only sets its bit. A notification takes the bits that are
 * pending when it reaches the core. A wake-up may be one too many, never one
 * too few.
 */
#include "models/interrupt/internal.h"

static bool any_pending(const struct posted_descriptor *d)
{
  return (d->pending[0] | d->pending[1] | d->pending[2] | d->pending[3]) != 0;
}

static uint32_t index_of(const struct interrupt_unit *u,
                         const struct posted_descriptor *d)
{
  return (uint32_t)(d - u->descriptors);
}

/* ---- signals -------------------------------------------------------- */

/* Sends the pending bits to the vCPU. */
static void harvest(struct interrupt_unit *u, struct posted_descriptor *d)
{
  struct interrupt_msg *m = hd_msg_new(&u->base, MSG_IRQ_NOTIFY);
  m->vcpu = index_of(u, d);
  m->state = PID_RUNNING;
  for (int i = 0; i < 4; i++) {
    m->vectors[i] = d->pending[i];
    d->pending[i] = 0;
  }
  d->outstanding = false;
  d->epoch++;
  d->notified = hd_now(&u->base) + d->notify->latency;
  hd_send(d->notify, d->notify->latency, m);
}

static void begin_notification(struct interrupt_unit *u,
                               struct posted_descriptor *d)
{
  struct interrupt_msg *timer = hd_msg_new(&u->base, MSG_TIMER);
  timer->vcpu = index_of(u, d);
  timer->state = d->epoch;
  interrupt_count(u, &u->count.notified);
  d->outstanding = true;
  hd_schedule(&u->base, u->params.notify_latency - d->notify->latency, timer);
}

/* The host takes the bits out of the descriptor when it enters the vCPU (KVM:
 * sync_pir_to_irr); they go with the wake-up and come with the core. A vCPU
 * that halt-polls looks at its descriptor and sees them sooner than the handler
 * of the wake-up vector would. */
static void wake(struct interrupt_unit *u, struct posted_descriptor *d)
{
  HD_REQUIRE(&u->base, u->to_scheduler != NULL, "no scheduler for wake-ups");
  struct interrupt_msg *m = hd_msg_new(&u->base, MSG_IRQ_WAKE);
  m->vcpu = index_of(u, d);
  m->state = d->state;
  m->extra = u->params.wakeup_latency - u->to_scheduler->latency;
  for (int i = 0; i < 4; i++) {
    m->vectors[i] = d->pending[i];
    d->pending[i] = 0;
  }
  interrupt_count(u, &u->count.woken);
  d->outstanding = true;
  hd_send(u->to_scheduler, u->to_scheduler->latency, m);
}

void interrupt_notified(struct interrupt_unit *u, struct interrupt_msg *timer)
{
  struct posted_descriptor *d = &u->descriptors[timer->vcpu];
  /* After a change of state the bits have been sent, or wait for the next. */
  if (timer->state == d->epoch)
    harvest(u, d);
  hd_msg_free(&u->base, timer);
}

/* ---- posts ---------------------------------------------------------- */

/* One update at a time: the line with the descriptor is owned exclusively. */
static void begin_update(struct interrupt_unit *u, struct posted_descriptor *d,
                         struct pcie_tlp *tlp)
{
  hd_time delay = hd_time_max(tlp->entered - hd_now(&u->base), 0);
  if (d->state == PID_RUNNING)
    hd_channel_fetch(hd_channel_hint(d->notify)); /* will be told */
  d->updating = true;
  interrupt_access(u, UPDATE_DESCRIPTOR, true, d->address, 8, tlp, delay);
}

void interrupt_post(struct interrupt_unit *u, struct pcie_tlp *tlp,
                    hd_time delay)
{
  struct posted_descriptor *d = &u->descriptors[tlp->length];
  tlp->entered = hd_now(&u->base) + delay;
  u->queued++;
  if (!d->updating) {
    begin_update(u, d, tlp);
    return;
  }
  tlp->msg.next = NULL;
  if (d->first)
    d->last->next = &tlp->msg;
  else
    d->first = &tlp->msg;
  d->last = &tlp->msg;
}

static void set_pending(struct interrupt_unit *u, struct posted_descriptor *d,
                        uint64_t vector)
{
  interrupt_count(u, &u->count.posted);
  d->pending[vector >> 6] |= UINT64_C(1) << (vector & 63);
  if (d->state == PID_PREEMPTED)
    interrupt_count(u, &u->count.suppressed);
  else if (d->outstanding)
    interrupt_count(u, &u->count.coalesced);
  else if (d->state == PID_RUNNING)
    begin_notification(u, d);
  else
    wake(u, d);
}

void interrupt_posted(struct interrupt_unit *u, struct pcie_tlp *tlp)
{
  struct posted_descriptor *d = &u->descriptors[tlp->length];
  set_pending(u, d, tlp->data & 255);
  u->queued--;
  u->ended++;
  hd_msg_free(&u->base, tlp);
  d->updating = false;
  if (d->first) {
    struct hd_msg *next = d->first;
    d->first = next->next;
    begin_update(u, d, (struct pcie_tlp *)next);
  }
}

/* ---- the vCPU's state ----------------------------------------------- */

/* A vCPU that blocks may not have seen bits that were still on their way to it
 * when it sent its state. */
static bool sent_too_late(const struct interrupt_unit *u,
                          const struct posted_descriptor *d)
{
  return d->notified >= 0 &&
         d->notified >= hd_now(&u->base) - u->params.state_latency;
}

void interrupt_state_changed(struct interrupt_unit *u, struct interrupt_msg *m)
{
  HD_REQUIRE(&u->base, m->vcpu < u->n_descriptors, "unknown vCPU %u", m->vcpu);
  struct posted_descriptor *d = &u->descriptors[m->vcpu];
  d->state = (uint8_t)m->state;
  d->epoch++; /* a notification on its way finds no guest any more */
  hd_msg_free(&u->base, m);
  if (d->state == PID_RUNNING) {
    d->outstanding = false;
    if (any_pending(d))
      harvest(u, d);
  } else if (d->state == PID_BLOCKED) {
    d->outstanding = false;
    if (any_pending(d) || sent_too_late(u, d))
      wake(u, d);
  }
}
