/*
 * admin.c - what administration commands do. One is fetched (64 B and its
 * buffer), executed, and answered (pcie/admin_queue.h); a stop is answered
 * later, when nothing of its interface is inside any more.
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

static bool apply(struct storage *n, struct storage_admin *c)
{
  if (c->type == STORAGE_ADD_INTERFACE)
    return storage_add_interface(n, &c->interface, &c->result);
  struct storage_function *f = function_of(n, c->result);
  return f != NULL && apply_to(n, c, f);
}

/* ---- answers ------------------------------------------------------------- */

static void answer_stopped(struct storage *n, struct storage_function *f)
{
  while (f->inside == 0 && f->stopping != NULL) {
    struct admin_job *job = f->stopping;
    f->stopping = job->next;
    admin_queue_answer(&n->admin, job);
  }
}

void storage_left(struct storage *n, struct storage_function *f, uint64_t count)
{
  f->inside -= count;
  answer_stopped(n, f);
}

/* ---- the queue ----------------------------------------------------------- */

static void work(struct hd_component *device)
{
  struct storage *n = (struct storage *)device;
  hd_schedule(device, n->params.admin_cost,
              storage_timer(n, STORAGE_TIMER_ADMIN, NULL));
}

static bool execute(struct hd_component *device, struct admin_job *job)
{
  struct storage *n = (struct storage *)device;
  struct storage_admin *c = job->command;
  struct storage_function *f = function_of(n, c->result);
  c->failed = job->dma.status != PCIE_SC || !apply(n, c);
  if (c->type != STORAGE_STOP_QUEUES || c->failed)
    return true;
  job->next = f->stopping;
  f->stopping = job;
  answer_stopped(n, f);
  return false;
}

const struct admin_queue_kind storage_admin_queue = {.command =
                                                         STORAGE_SQ_ENTRY,
                                                     .answer = STORAGE_CQ_ENTRY,
                                                     .work = work,
                                                     .execute = execute};

void storage_admin_arrived(struct storage *n, struct storage_admin *c)
{
  admin_queue_arrived(
      &n->admin, c,
      (struct admin_place){c->address, c->bytes, c->requester, c->observer});
}
