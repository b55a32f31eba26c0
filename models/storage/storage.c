/*
 * storage.c - the device as a component: wiring, dispatch, shared helpers.
 */
#include <stdlib.h>

#include "models/storage/internal.h"

_Static_assert(sizeof(struct storage_timer_msg) <= HD_MSG_BYTES, "too large");

/* ---- shared helpers ------------------------------------------------------ */

void storage_identify(const struct storage_function *f, struct pcie_dma *d)
{
  d->requester = f->config.requester;
  d->observer = PCIE_NO_OBSERVER;
  if (f->config.has_pasid) {
    d->pasid = f->config.pasid;
    d->flags = PCIE_HAS_PASID;
  }
}

struct storage_timer_msg *storage_timer(struct storage *n,
                                        enum storage_timer tag, void *context)
{
  struct storage_timer_msg *t = hd_msg_new(&n->base, MSG_TIMER);
  t->msg.tag = tag;
  t->context = context;
  return t;
}

void storage_fault(struct storage *n, struct storage_function *f)
{
  if (!storage_counts(n))
    return;
  n->counts.faults++;
  f->stats.faults++;
}

/* ---- dispatch ------------------------------------------------------------ */

static void handle_timer(struct storage *n, struct hd_msg *msg)
{
  void *context = ((struct storage_timer_msg *)msg)->context;
  switch (msg->tag) {
  case STORAGE_TIMER_FETCH:
    storage_arbiter_free(n);
    break;
  case STORAGE_TIMER_COMMAND:
    storage_command_due(n, context);
    break;
  case STORAGE_TIMER_PAYLOAD:
    storage_payload_due(n, context);
    break;
  case STORAGE_TIMER_VECTOR:
    storage_vector_due(n, context);
    break;
  case STORAGE_TIMER_ADMIN:
    admin_queue_executed(&n->admin);
    break;
  default:
    HD_REQUIRE(&n->base, false, "unknown timer %u", msg->tag);
  }
  hd_msg_free(&n->base, msg);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct storage *n = (struct storage *)self;
  switch (msg->kind) {
  case MSG_TLP:
  case MSG_TLP_SENT:
    pcie_endpoint_receive(&n->endpoint, (struct pcie_tlp *)msg);
    break;
  case MSG_STORAGE_STORE:
    store_handle(n->store, msg);
    break;
  case MSG_TIMER:
    handle_timer(n, msg);
    break;
  default:
    HD_REQUIRE(self, false, "a storage device got a message of kind %u",
               msg->kind);
  }
}

/* ---- life ---------------------------------------------------------------- */

static const struct hd_component_ops ops = {.kind = "storage",
                                            .handle = handle};

static void make_tables(struct storage *n)
{
  const char *path = n->base.path;
  size_t pairs = (size_t)n->params.queue_pairs;
  size_t vectors = (size_t)n->params.vectors;
  n->n_functions = pairs; /* each has at least one */
  n->functions = hd_array(NULL, pairs, sizeof(struct storage_function *), path);
  n->queues = hd_array(NULL, pairs, sizeof(struct storage_queue *), path);
  n->vectors = hd_array(NULL, vectors, sizeof *n->vectors, path);
  for (size_t i = 0; i < vectors; i++)
    n->vectors[i].number = (uint32_t)i;
}

struct storage *storage_create(struct hd_engine *e, const char *path,
                               const char *host,
                               const struct storage_params *params,
                               const struct pcie_params *pcie,
                               const struct hd_window *window)
{
  struct storage *n = hd_array(NULL, 1, sizeof *n, path);
  hd_component_initialize(&n->base, e, &ops, path, host);
  n->params = *params;
  pcie_endpoint_initialize(&n->endpoint, &n->base, &storage_registers, pcie,
                           params->doorbell_latency);
  n->window = window;
  make_tables(n);
  n->store = store_create(&n->base, &storage_store_client, params, window);
  hd_pool_initialize(&n->commands, sizeof(struct storage_command));
  hd_pool_initialize(&n->segments, sizeof(struct storage_segment));
  hd_pool_initialize(&n->fetches, sizeof(struct storage_fetch));
  admin_queue_initialize(&n->admin, &n->base, &storage_admin_queue);
  n->fetch_clock = n->command_clock = hd_clock_at(params->clock);
  n->slots_free = params->commands;
  return n;
}

void storage_destroy(struct storage *n)
{
  storage_free_interfaces(n);
  pcie_endpoint_terminate(&n->endpoint);
  store_destroy(n->store);
  hd_pool_terminate(&n->commands);
  hd_pool_terminate(&n->segments);
  hd_pool_terminate(&n->fetches);
  admin_queue_terminate(&n->admin);
  free(n->functions);
  free(n->queues);
  free(n->vectors);
  free(n);
}

struct hd_component *storage_component(struct storage *n)
{
  return &n->base;
}

void storage_attach_link(struct storage *n, struct pcie_link *l)
{
  pcie_endpoint_attach(&n->endpoint, l, n->window);
  admin_queue_attach(&n->admin, n->endpoint.requester);
}
