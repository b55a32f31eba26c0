/*
 * admin.c - the administration queue: one command at a time, in order.
 *
 * A command is fetched (32 B and its buffer), executed, and written back. The
 * next one is fetched when the write-back has been issued.
 */
#include "models/nic/internal.h"

enum { COMMAND_BYTES = 32 };

/* ---- effects
 * ------------------------------------------------------------------ */

static struct nic_function *function_of(const struct nic *n, uint32_t index)
{
  return index < n->n_functions ? n->functions[index] : NULL;
}

static bool apply_to(struct nic *n, struct nic_command *c,
                     struct nic_function *f)
{
  switch (c->type) {
  case NIC_SET_PASID:
    f->config.has_pasid = true;
    f->config.pasid = c->pasid;
    return true;
  case NIC_CLEAR_PASID:
    f->config.has_pasid = false;
    return true;
  case NIC_ENABLE_QUEUES:
    nic_enable_queues(n, f);
    return true;
  case NIC_DISABLE_QUEUES:
    nic_disable_queues(n, f);
    return true;
  case NIC_RESET_INTERFACE:
    nic_reset_interface(n, f);
    return true;
  case NIC_REMOVE_INTERFACE:
    nic_remove_interface(n, c->result);
    return true;
  default:
    return false;
  }
}

static bool execute(struct nic *n, struct nic_command *c)
{
  if (c->type == NIC_ADD_INTERFACE)
    return nic_add_interface(n, &c->interface, &c->result);
  struct nic_function *f = function_of(n, c->result);
  return f != NULL && apply_to(n, c, f);
}

/* ---- the queue
 * ------------------------------------------------------------------ */

static void command_fetched(struct hd_component *device, struct pcie_dma *d)
{
  struct nic *n = (struct nic *)device;
  (void)d;
  hd_schedule(device, n->params.admin_cost,
              nic_timer(n, NIC_TIMER_ADMIN, NULL));
}

static void fetch_command(struct nic *n)
{
  struct nic_job *job = n->job;
  job->dma = (struct pcie_dma){.address = job->command->address,
                               .length = COMMAND_BYTES + job->command->bytes,
                               .requester = job->command->requester,
                               .observer = PCIE_NO_OBSERVER,
                               .done = command_fetched};
  pcie_requester_read(n->requester, &job->dma);
}

void nic_command_arrived(struct nic *n, struct nic_command *c)
{
  struct nic_job *job = hd_pool_get(&n->jobs);
  *job = (struct nic_job){.command = c};
  bool idle = n->job == NULL;
  if (idle)
    n->job = job;
  else
    n->job_end->next = job;
  n->job_end = job;
  if (idle)
    fetch_command(n);
}

void nic_command_executed(struct nic *n)
{
  struct nic_job *job = n->job;
  struct nic_command *c = job->command;
  c->failed = job->dma.status != PCIE_SC || !execute(n, c);
  struct pcie_dma d = {.address = c->address,
                       .length = COMMAND_BYTES,
                       .requester = c->requester,
                       .observer = c->observer,
                       .object = c};
  nic_write(n, &d);
  n->job = job->next;
  hd_pool_put(&n->jobs, job);
  if (n->job != NULL)
    fetch_command(n);
}
