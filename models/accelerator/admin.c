/*
 * admin.c - what administration commands do. One is fetched (64 B and its
 * buffer), executed, and answered (pcie/admin_queue.h); a stop is answered
 * later, when nothing of its interface is inside any more.
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

static bool apply(struct accelerator *n, struct accelerator_admin *c)
{
  if (c->type == ACCELERATOR_ADD_INTERFACE)
    return accelerator_add_interface(n, &c->interface, &c->result);
  struct accelerator_function *f = function_of(n, c->result);
  return f != NULL && apply_to(n, c, f);
}

/* ---- answers ------------------------------------------------------------- */

static void answer_stopped(struct accelerator *n,
                           struct accelerator_function *f)
{
  while (f->inside == 0 && f->stopping != NULL) {
    struct admin_job *job = f->stopping;
    f->stopping = job->next;
    admin_queue_answer(&n->admin, job);
  }
}

void accelerator_left(struct accelerator *n, struct accelerator_function *f,
                      uint64_t count)
{
  f->inside -= count;
  answer_stopped(n, f);
}

/* ---- the queue ----------------------------------------------------------- */

static void work(struct hd_component *device)
{
  struct accelerator *n = (struct accelerator *)device;
  hd_schedule(device, n->params.admin_cost,
              accelerator_timer(n, ACCELERATOR_TIMER_ADMIN, NULL));
}

static bool execute(struct hd_component *device, struct admin_job *job)
{
  struct accelerator *n = (struct accelerator *)device;
  struct accelerator_admin *c = job->command;
  struct accelerator_function *f = function_of(n, c->result);
  c->failed = job->dma.status != PCIE_SC || !apply(n, c);
  if (c->type != ACCELERATOR_STOP_BANKS || c->failed)
    return true;
  job->next = f->stopping;
  f->stopping = job;
  answer_stopped(n, f);
  return false;
}

const struct admin_queue_kind accelerator_admin_queue = {.command = ADMIN_ENTRY,
                                                         .answer = ADMIN_ANSWER,
                                                         .work = work,
                                                         .execute = execute};

void accelerator_admin_arrived(struct accelerator *n,
                               struct accelerator_admin *c)
{
  admin_queue_arrived(
      &n->admin, c,
      (struct admin_place){c->address, c->bytes, c->requester, c->observer});
}
