/*
 * admin.c - the administration queue: one command at a time, in order.
 *
 * A command is fetched (64 B and its buffer), executed, and answered. The next
 * one is fetched when this one has been executed. A stop is answered later,
 * when nothing of its interface is inside any more.
 */
#include "models/accelerator/internal.h"

enum { ADMIN_ENTRY = 64, ADMIN_ANSWER = 16 /* bytes */ };

/* ---- effects ------------------------------------------------------------- */

static struct accelerator_function *function_of(const struct accelerator *n,
                                                uint32_t index)
{
  return index < n->n_functions ? n->functions[index] : NULL;
}

static bool apply_to(struct accelerator *n, struct accelerator_admin *c,
                     struct accelerator_function *f)
{
  switch (c->type) {
  case ACCELERATOR_SET_PASID:
    f->config.has_pasid = true;
    f->config.pasid = c->pasid;
    return true;
  case ACCELERATOR_CLEAR_PASID:
    f->config.has_pasid = false;
    return true;
  case ACCELERATOR_START_BANKS:
    accelerator_start_banks(n, f);
    return true;
  case ACCELERATOR_STOP_BANKS:
    accelerator_stop_banks(n, f);
    return true;
  case ACCELERATOR_RESET_INTERFACE:
    accelerator_reset_interface(n, f);
    return true;
  case ACCELERATOR_REMOVE_INTERFACE:
    accelerator_remove_interface(n, c->result);
    return true;
  default:
    return false;
  }
}

static bool execute(struct accelerator *n, struct accelerator_admin *c)
{
  if (c->type == ACCELERATOR_ADD_INTERFACE)
    return accelerator_add_interface(n, &c->interface, &c->result);
  struct accelerator_function *f = function_of(n, c->result);
  return f != NULL && apply_to(n, c, f);
}

/* ---- answers ------------------------------------------------------------- */

static void answer(struct accelerator *n, struct accelerator_job *job)
{
  struct accelerator_admin *c = job->command;
  struct pcie_dma d = {.address = c->address,
                       .length = ADMIN_ANSWER,
                       .requester = c->requester,
                       .observer = c->observer,
                       .object = c};
  pcie_requester_write(n->requester, &d);
  hd_pool_put(&n->jobs, job);
}

static void answer_stopped(struct accelerator *n,
                           struct accelerator_function *f)
{
  while (f->inside == 0 && f->stopping != NULL) {
    struct accelerator_job *job = f->stopping;
    f->stopping = job->next;
    answer(n, job);
  }
}

void accelerator_left(struct accelerator *n, struct accelerator_function *f,
                      uint64_t count)
{
  f->inside -= count;
  answer_stopped(n, f);
}

/* ---- the queue ----------------------------------------------------------- */

static void command_fetched(struct hd_component *device, struct pcie_dma *d)
{
  struct accelerator *n = (struct accelerator *)device;
  (void)d;
  hd_schedule(device, n->params.admin_cost,
              accelerator_timer(n, ACCELERATOR_TIMER_ADMIN, NULL));
}

static void fetch_command(struct accelerator *n)
{
  struct accelerator_job *job = n->job;
  job->dma = (struct pcie_dma){.address = job->command->address,
                               .length = ADMIN_ENTRY + job->command->bytes,
                               .requester = job->command->requester,
                               .observer = PCIE_NO_OBSERVER,
                               .done = command_fetched};
  pcie_requester_read(n->requester, &job->dma);
}

void accelerator_admin_arrived(struct accelerator *n,
                               struct accelerator_admin *c)
{
  struct accelerator_job *job = hd_pool_get(&n->jobs);
  *job = (struct accelerator_job){.command = c};
  bool idle = n->job == NULL;
  if (idle)
    n->job = job;
  else
    n->job_end->next = job;
  n->job_end = job;
  if (idle)
    fetch_command(n);
}

void accelerator_admin_executed(struct accelerator *n)
{
  struct accelerator_job *job = n->job;
  struct accelerator_admin *c = job->command;
  struct accelerator_function *f = function_of(n, c->result);
  c->failed = job->dma.status != PCIE_SC || !execute(n, c);
  n->job = job->next;
  if (c->type == ACCELERATOR_STOP_BANKS && !c->failed) {
    job->next = f->stopping;
    f->stopping = job;
    answer_stopped(n, f);
  } else {
    answer(n, job);
  }
  if (n->job != NULL)
    fetch_command(n);
}
