/*
 * accelerator.c - the device as a component: wiring, dispatch, shared helpers.
 */
#include <stdlib.h>

#include "models/accelerator/internal.h"

_Static_assert(sizeof(struct accelerator_timer_msg) <= HD_MSG_BYTES,
               "too large");

/* ---- shared helpers ------------------------------------------------------ */

void accelerator_identify(const struct accelerator_function *f,
                          struct pcie_dma *d)
{
  d->requester = f->config.requester;
  d->observer = PCIE_NO_OBSERVER;
  if (f->config.has_pasid) {
    d->pasid = f->config.pasid;
    d->flags = PCIE_HAS_PASID;
  }
}

struct accelerator_timer_msg *accelerator_timer(struct accelerator *n,
                                                enum accelerator_timer tag,
                                                void *context)
{
  struct accelerator_timer_msg *t = hd_msg_new(&n->base, MSG_TIMER);
  t->msg.tag = tag;
  t->context = context;
  return t;
}

void accelerator_fault(struct accelerator *n, struct accelerator_function *f)
{
  if (!accelerator_counts(n))
    return;
  n->counts.faults++;
  f->stats.faults++;
}

/* ---- dispatch ------------------------------------------------------------ */

static void handle_timer(struct accelerator *n, struct hd_msg *msg)
{
  void *context = ((struct accelerator_timer_msg *)msg)->context;
  switch (msg->tag) {
  case ACCELERATOR_TIMER_FETCH:
    accelerator_arbiter_free(n);
    break;
  case ACCELERATOR_TIMER_ENGINE:
    accelerator_begin(n, context);
    break;
  case ACCELERATOR_TIMER_SLICE:
    accelerator_slice_due(n, context);
    break;
  case ACCELERATOR_TIMER_INTERRUPT:
    accelerator_interrupt_due(n, context);
    break;
  case ACCELERATOR_TIMER_ADMIN:
    admin_queue_executed(&n->admin);
    break;
  default:
    HD_REQUIRE(&n->base, false, "unknown timer %u", msg->tag);
  }
  hd_msg_free(&n->base, msg);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct accelerator *n = (struct accelerator *)self;
  switch (msg->kind) {
  case MSG_TLP:
  case MSG_TLP_SENT:
    pcie_endpoint_receive(&n->endpoint, (struct pcie_tlp *)msg);
    break;
  case MSG_TIMER:
    handle_timer(n, msg);
    break;
  default:
    HD_REQUIRE(self, false, "an accelerator got a message of kind %u",
               msg->kind);
  }
}

/* ---- life ---------------------------------------------------------------- */

static const struct hd_component_ops ops = {.kind = "accelerator",
                                            .handle = handle};

static void make_tables(struct accelerator *n)
{
  const struct accelerator_params *p = &n->params;
  size_t banks = (size_t)p->banks;
  n->n_functions = banks; /* each has at least one */
  n->functions =
      hd_array(NULL, banks, sizeof(struct accelerator_function *), "banks");
  n->banks = hd_array(NULL, banks, sizeof(struct accelerator_bank *), "banks");
  n->n_engines = (size_t)(p->sym_engines + p->asym_engines + p->dc_engines);
  n->engines = hd_array(NULL, n->n_engines, sizeof *n->engines, "engines");
  accelerator_engines_initialize(n);
  accelerator_slices_initialize(n);
}

struct accelerator *accelerator_create(struct hd_engine *e, const char *path,
                                       const char *host,
                                       const struct accelerator_params *params,
                                       const struct pcie_params *pcie,
                                       const struct hd_window *window)
{
  struct accelerator *n = hd_array(NULL, 1, sizeof *n, path);
  hd_component_initialize(&n->base, e, &ops, path, host);
  n->params = *params;
  pcie_endpoint_initialize(&n->endpoint, &n->base, &accelerator_registers, pcie,
                           params->register_latency);
  n->window = window;
  n->fetch_clock = hd_clock_at(params->clock);
  make_tables(n);
  hd_pool_initialize(&n->works, sizeof(struct accelerator_work));
  hd_pool_initialize(&n->segments, sizeof(struct accelerator_segment));
  hd_pool_initialize(&n->fetches, sizeof(struct accelerator_fetch));
  admin_queue_initialize(&n->admin, &n->base, &accelerator_admin_queue);
  return n;
}

void accelerator_destroy(struct accelerator *n)
{
  accelerator_free_interfaces(n);
  pcie_endpoint_terminate(&n->endpoint);
  hd_pool_terminate(&n->works);
  hd_pool_terminate(&n->segments);
  hd_pool_terminate(&n->fetches);
  admin_queue_terminate(&n->admin);
  free(n->functions);
  free(n->banks);
  free(n->engines);
  free(n);
}

struct hd_component *accelerator_component(struct accelerator *n)
{
  return &n->base;
}

void accelerator_attach_link(struct accelerator *n, struct pcie_link *l)
{
  pcie_endpoint_attach(&n->endpoint, l, n->window);
  admin_queue_attach(&n->admin, n->endpoint.requester);
}
