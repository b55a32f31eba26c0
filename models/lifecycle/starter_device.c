/* starter_device.c - the steps of a start that have the device in them. */
#include "models/lifecycle/internal.h"

static bool is_function(const struct starter *s)
{
  return s->config->device == LIFECYCLE_FUNCTION;
}

static void command(struct starter *s, int64_t n)
{
  s->waits[LIFECYCLE_WAIT_ADMIN] +=
      lifecycle_command(&s->worker, &s->admin, s->config, n);
}

/* ---- resets -------------------------------------------------------------- */

/* PCIe: the function is not touched for 100 ms. The host's driver, which has
 * been told by an interrupt, sets it up again meanwhile. */
static void reset_function(struct starter *s)
{
  const struct lifecycle_config *c = s->config;
  s->resetting++;
  struct lifecycle_msg *m =
      hd_msg_new_zero(worker_component(&s->worker), LIFECYCLE_WAS_RESET);
  m->reply = s->driver.back;
  hd_send(s->driver.there, s->driver.there->latency, m);
  worker_tick_sleep(&s->worker, c->hypervisor->flr_wait, c->params->tick);
}

/* Pages of the fast path are mapped on first touch: mailbox, and a vector for
 * it; each queue pair: tail, doorbell, vector. */
static void unmap_pages(struct starter *s)
{
  s->faults = (uint32_t)(2 + 3 * s->config->params->queue_pairs);
}

/* The VDCM's: reset, polled for, set up again, PASID once more. All pages of
 * the fast path are taken from the user. */
static void reset_interface(struct starter *s)
{
  const struct lifecycle_config *c = s->config;
  hd_time poll = c->hypervisor->vsi_reset_poll;
  hd_time polls = (c->params->interface_reset + poll - 1) / poll;
  worker_sleep_until(&s->worker, worker_now(&s->worker) + polls * poll);
  command(s, c->params->reset_commands);
  unmap_pages(s);
}

static void program_pasid(struct starter *s)
{
  command(s, 1);
  starter_mark(s, LIFECYCLE_PASID);
}

static void reset(struct starter *s)
{
  if (is_function(s))
    reset_function(s);
  else
    reset_interface(s);
  starter_mark(s, LIFECYCLE_RESET);
  if (!is_function(s))
    program_pasid(s);
}

/* ---- VFIO ---------------------------------------------------------------- */

void starter_compose(struct starter *s)
{
  const struct lifecycle_config *c = s->config;
  if (is_function(s) || !c->params->create)
    return;
  worker_work(&s->worker, c->hypervisor->vdcm_create_cost);
  command(s, c->params->create_commands);
  starter_mark(s, LIFECYCLE_CREATE);
}

static bool needs_lock(const struct starter *s)
{
  return is_function(s) && s->config->params->shared_set;
}

static void lock_set(struct starter *s)
{
  s->waits[LIFECYCLE_WAIT_LOCK] +=
      worker_call(&s->worker, &s->lock_line, LIFECYCLE_REQUEST, 0);
  starter_mark(s, LIFECYCLE_LOCK_WAIT);
}

/* Linux's vfio_pci_open() resets a function, with the lock held. */
static void open_function(struct starter *s)
{
  if (needs_lock(s))
    lock_set(s);
  worker_work(&s->worker, s->config->hypervisor->vfio_open_cost);
  reset_function(s);
  starter_mark(s, LIFECYCLE_OPEN);
  if (needs_lock(s))
    worker_release(&s->worker, &s->lock_line);
}

/* ice_vdcm_open_device() programs the PASID; only the user resets. */
static void open_interface(struct starter *s)
{
  worker_work(&s->worker, s->config->hypervisor->vfio_open_cost);
  unmap_pages(s);
  starter_mark(s, LIFECYCLE_OPEN);
  program_pasid(s);
}

void starter_open(struct starter *s)
{
  if (is_function(s))
    open_function(s);
  else
    open_interface(s);
}

void starter_reset(struct starter *s)
{
  for (int64_t i = 0; i < s->config->params->resets; i++)
    reset(s);
}

/* Closing resets a function, with the lock held. An interface has its PASID
 * cleared and its transmit queues stopped (ice_vdcm_close_device()). */
void starter_close(struct starter *s)
{
  if (!is_function(s)) {
    command(s, 1 + s->config->params->queue_pairs);
    return;
  }
  if (needs_lock(s))
    (void)worker_call(&s->worker, &s->lock_line, LIFECYCLE_REQUEST, 0);
  reset_function(s);
  if (needs_lock(s))
    worker_release(&s->worker, &s->lock_line);
}

/* ---- the device's driver ------------------------------------------------- */

/* First touches of the fast path: a fault each, an EPT violation in a VM. */
static void touch(struct starter *s)
{
  bool vm = s->config->params->machine == LIFECYCLE_VM;
  const struct cpu_params *cpu = s->config->cpu;
  for (; s->faults > 0; s->faults--) {
    if (vm)
      host_thread_work(&s->worker.thread, cpu->exit_cost + cpu->exit_ept);
    worker_work(&s->worker, s->config->params->fault_cost);
  }
  starter_mark(s, LIFECYCLE_MAP_PAGES);
}

/* Between two looks. */
static void pause(struct starter *s, hd_time time)
{
  const struct lifecycle_params *p = s->config->params;
  switch ((enum lifecycle_pause)p->message_wait) {
  case LIFECYCLE_SPIN:
    worker_spin_until(&s->worker, worker_now(&s->worker) + time);
    break;
  case LIFECYCLE_SLEEP:
    worker_timer_sleep(&s->worker, time, p->timer_slack);
    break;
  case LIFECYCLE_TICK:
    worker_tick_sleep(&s->worker, time, p->tick);
    break;
  }
}

static void await_reset(struct starter *s)
{
  while (s->resetting > 0)
    pause(s, s->config->params->reset_poll);
  starter_mark(s, LIFECYCLE_RESET_POLL);
}

static void exchange(struct starter *s)
{
  worker_ask(&s->worker, &s->driver, LIFECYCLE_MAIL, 0);
  while (!s->worker.replied)
    pause(s, s->config->params->message_poll);
  s->waits[LIFECYCLE_WAIT_DRIVER] += s->worker.waited;
}

void starter_drive(struct starter *s)
{
  const struct lifecycle_params *p = s->config->params;
  touch(s);
  await_reset(s);
  int64_t messages = p->messages + p->queue_messages * p->queue_pairs;
  for (int64_t i = 0; i < messages; i++)
    exchange(s);
  starter_mark(s, LIFECYCLE_MAILBOX);
  worker_work(&s->worker, p->queue_setup * p->queue_pairs);
  starter_mark(s, LIFECYCLE_QUEUES);
}
