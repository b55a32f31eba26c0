/*
 * admin.c - the administration queue: one command at a time, in order.
 *
 * A command is fetched (64 B and its buffer), executed, and answered. The next
 * one is fetched when this one has been executed. A stop is answered later,
 * when nothing of its interface is inside any more.
 */
#include "models/storage/internal.h"

/* ---- effects ------------------------------------------------------------- */

static struct storage_function *function_of(const struct storage *n,
                                            uint32_t index)
{
  return index < n->n_functions ? n->functions[index] : NULL;
}

static bool apply_to(struct storage *n, struct storage_admin *c,
                     struct storage_function *f)
{
  switch (c->type) {
  case STORAGE_SET_PASID:
    f->config.has_pasid = true;
    f->config.pasid = c->pasid;
    return true;
  case STORAGE_CLEAR_PASID:
    f->config.has_pasid = false;
    return true;
  case STORAGE_START_QUEUES:
    storage_start_queues(n, f);
    return true;
  case STORAGE_STOP_QUEUES:
    storage_stop_queues(n, f);
    return true;
  case STORAGE_RESET_INTERFACE:
    storage_reset_interface(n, f);
    return true;
  case STORAGE_REMOVE_INTERFACE:
    storage_remove_interface(n, c->result);
    return true;
  default:
    return false;
  }
}

static bool execute(struct storage *n, struct storage_admin *c)
{
  if (c->type == STORAGE_ADD_INTERFACE)
    return storage_add_interface(n, &c->interface, &c->result);
  struct storage_function *f = function_of(n, c->result);
  return f != NULL && apply_to(n, c, f);
}

/* ---- answers ------------------------------------------------------------- */

static void answer(struct storage *n, struct storage_job *job)
{
  struct storage_admin *c = job->command;
  struct pcie_dma d = {.address = c->address,
                       .length = STORAGE_CQ_ENTRY,
                       .requester = c->requester,
                       .observer = c->observer,
                       .object = c};
  pcie_requester_write(n->requester, &d);
  hd_pool_put(&n->jobs, job);
}

static void answer_stopped(struct storage *n, struct storage_function *f)
{
  while (f->inside == 0 && f->stopping != NULL) {
    struct storage_job *job = f->stopping;
    f->stopping = job->next;
    answer(n, job);
  }
}

void storage_left(struct storage *n, struct storage_function *f, uint64_t count)
{
  f->inside -= count;
  answer_stopped(n, f);
}

/* ---- the queue ----------------------------------------------------------- */

static void command_fetched(struct hd_component *device, struct pcie_dma *d)
{
  struct storage *n = (struct storage *)device;
  (void)d;
  hd_schedule(device, n->params.admin_cost,
              storage_timer(n, STORAGE_TIMER_ADMIN, NULL));
}

static void fetch_command(struct storage *n)
{
  struct storage_job *job = n->job;
  job->dma = (struct pcie_dma){.address = job->command->address,
                               .length = STORAGE_SQ_ENTRY + job->command->bytes,
                               .requester = job->command->requester,
                               .observer = PCIE_NO_OBSERVER,
                               .done = command_fetched};
  pcie_requester_read(n->requester, &job->dma);
}

void storage_admin_arrived(struct storage *n, struct storage_admin *c)
{
  struct storage_job *job = hd_pool_get(&n->jobs);
  *job = (struct storage_job){.command = c};
  bool idle = n->job == NULL;
  if (idle)
    n->job = job;
  else
    n->job_end->next = job;
  n->job_end = job;
  if (idle)
    fetch_command(n);
}

void storage_admin_executed(struct storage *n)
{
  struct storage_job *job = n->job;
  struct storage_admin *c = job->command;
  struct storage_function *f = function_of(n, c->result);
  c->failed = job->dma.status != PCIE_SC || !execute(n, c);
  n->job = job->next;
  if (c->type == STORAGE_STOP_QUEUES && !c->failed) {
    job->next = f->stopping;
    f->stopping = job;
    answer_stopped(n, f);
  } else {
    answer(n, job);
  }
  if (n->job != NULL)
    fetch_command(n);
}
