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

/* The VDCM's: reset, polled for, set up again, PASID once more. All pages of
 * the fast path are taken from the user. */
static void reset_interface(struct starter *s)
{
  const struct lifecycle_config *c = s->config;
  hd_time poll = c->hypervisor->vsi_reset_poll;
  hd_time polls = (c->params->interface_reset + poll - 1) / poll;
  worker_sleep_until(&s->worker, worker_now(&s->worker) + polls * poll);
  command(s, c->params->reset_commands);
  /* Mailbox, and a vector for it; each queue pair: tail, doorbell, vector. */
  s->faults = (uint32_t)(2 + 3 * c->params->queue_pairs);
}

static void program_pasid(struct starter *s)
{
  command(s, 1);
  starter_mark(s, LIFECYCLE_PASID);
}

static void reset(struct starter *s, enum lifecycle_stage stage)
{
  if (is_function(s))
    reset_function(s);
  else
    reset_interface(s);
  starter_mark(s, stage);
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

static void lock_set(struct starter *s)
{
  s->waits[LIFECYCLE_WAIT_LOCK] +=
      worker_call(&s->worker, &s->lock_line, LIFECYCLE_REQUEST, 0);
  starter_mark(s, LIFECYCLE_LOCK_WAIT);
}

void starter_open(struct starter *s)
{
  if (is_function(s))
    lock_set(s);
  worker_work(&s->worker, s->config->hypervisor->vfio_open_cost);
  reset(s, LIFECYCLE_OPEN);
  if (is_function(s))
    worker_release(&s->worker, &s->lock_line);
}

void starter_reset(struct starter *s)
{
  for (int64_t i = 0; i < s->config->params->resets; i++)
    reset(s, LIFECYCLE_RESET);
}

/* Closing resets the device, and a function with the lock held. */
void starter_close(struct starter *s)
{
  if (is_function(s)) {
    (void)worker_call(&s->worker, &s->lock_line, LIFECYCLE_REQUEST, 0);
    reset_function(s);
    worker_release(&s->worker, &s->lock_line);
  } else {
    command(s, 1); /* clears the PASID */
    reset_interface(s);
  }
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

static void pause(struct starter *s, hd_time time)
{
  hd_time until = worker_now(&s->worker) + time;
  if (s->config->params->message_spin)
    worker_spin_until(&s->worker, until);
  else
    worker_sleep_until(&s->worker, until);
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
  for (int64_t i = 0; i < p->messages; i++)
    exchange(s);
  starter_mark(s, LIFECYCLE_MAILBOX);
  worker_work(&s->worker, p->queue_setup * p->queue_pairs);
  starter_mark(s, LIFECYCLE_QUEUES);
}
