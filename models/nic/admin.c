/*
 * admin.c - what administration commands do. One is fetched (32 B and its
 * buffer), executed, and written back (pcie/admin_queue.h).
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
  case NIC_ROUTE:
    return nic_route(n, f);
  case NIC_UNROUTE:
    return nic_unroute(n, f);
  default:
    return false;
  }
}

static bool apply(struct nic *n, struct nic_command *c)
{
  if (c->type == NIC_ADD_INTERFACE)
    return nic_add_interface(n, &c->interface, &c->result);
  struct nic_function *f = function_of(n, c->result);
  return f != NULL && apply_to(n, c, f);
}

/* ---- the queue ----------------------------------------------------------- */

static void work(struct hd_component *device)
{
  struct nic *n = (struct nic *)device;
  hd_schedule(device, n->params.admin_cost,
              nic_timer(n, NIC_TIMER_ADMIN, NULL));
}

static bool execute(struct hd_component *device, struct admin_job *job)
{
  struct nic_command *c = job->command;
  c->failed = job->dma.status != PCIE_SC || !apply((struct nic *)device, c);
  return true;
}

const struct admin_queue_kind nic_admin_queue = {.command = COMMAND_BYTES,
                                                 .answer = COMMAND_BYTES,
                                                 .work = work,
                                                 .execute = execute};

void nic_command_arrived(struct nic *n, struct nic_command *c)
{
  admin_queue_arrived(
      &n->admin, c,
      (struct admin_place){c->address, c->bytes, c->requester, c->observer});
}
