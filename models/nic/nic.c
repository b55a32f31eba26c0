/*
 * nic.c - the device as a component: wiring, dispatch, shared helpers.
 */
#include <stdlib.h>

#include "models/nic/internal.h"

_Static_assert(sizeof(struct nic_timer_msg) <= HD_MSG_BYTES, "too large");

/* ---- shared helpers ------------------------------------------------------ */

void nic_identify(const struct nic_function *f, struct pcie_dma *d)
{
  d->requester = f->config.requester;
  d->observer = PCIE_NO_OBSERVER;
  if (f->config.has_pasid) {
    d->pasid = f->config.pasid;
    d->flags = PCIE_HAS_PASID;
  }
}

hd_time nic_reserve_pipeline(struct nic *n, hd_time earliest)
{
  hd_time at =
      hd_time_max(hd_time_max(hd_now(&n->base), earliest), n->pipeline_free);
  n->pipeline_free =
      at + hd_clock_take(&n->packet_clock, n->params.packet_cycles);
  hd_busy_add(&n->pipeline_busy, n->window, at, n->pipeline_free);
  return at;
}

void nic_write(struct nic *n, struct pcie_dma *d)
{
  pcie_requester_write(n->endpoint.requester, d);
}

struct nic_timer_msg *nic_timer(struct nic *n, enum nic_timer tag,
                                void *context)
{
  struct nic_timer_msg *t = hd_msg_new(&n->base, MSG_TIMER);
  t->msg.tag = tag;
  t->context = context;
  return t;
}

/* ---- dispatch ------------------------------------------------------------ */

static unsigned port_of(const struct nic *n, const struct hd_msg *msg)
{
  uint64_t sender = msg->order >> 40;
  for (unsigned i = 0; i < NIC_PORTS; i++)
    if (n->ports[i].to_wire != NULL && n->ports[i].to_wire->to->id == sender)
      return i;
  HD_REQUIRE(&n->base, false, "a frame from a wire that is not connected");
  return 0;
}

static void handle_timer(struct nic *n, struct hd_msg *msg)
{
  struct nic_timer_msg *t = (struct nic_timer_msg *)msg;
  switch (msg->tag) {
  case NIC_TIMER_RECEIVE:
    nic_receive_steer(n, (struct packet_msg *)msg);
    return;
  case NIC_TIMER_BRIDGE_SENT:
    nic_bridge_sent(n, (struct packet_msg *)msg);
    return;
  case NIC_TIMER_BRIDGE_ARRIVED:
    nic_bridge_arrived(n, (struct packet_msg *)msg);
    return;
  case NIC_TIMER_TRANSMIT:
    nic_transmit_slot(n);
    break;
  case NIC_TIMER_WRITE_BACK:
    nic_write_back_due(n, t->context);
    break;
  case NIC_TIMER_VECTOR:
    nic_vector_due(n, t->context);
    break;
  case NIC_TIMER_ADMIN:
    admin_queue_executed(&n->admin);
    break;
  default:
    HD_REQUIRE(&n->base, false, "unknown timer %u", msg->tag);
  }
  hd_msg_free(&n->base, msg);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct nic *n = (struct nic *)self;
  struct packet_msg *m = (struct packet_msg *)msg;
  switch (msg->kind) {
  case MSG_TLP:
  case MSG_TLP_SENT:
    pcie_endpoint_receive(&n->endpoint, (struct pcie_tlp *)msg);
    break;
  case MSG_FRAME:
    m->packet->port = (uint8_t)port_of(n, msg);
    nic_receive_frame(n, m);
    break;
  case MSG_FRAME_SENT:
    nic_frame_left(n, port_of(n, msg), m->bytes);
    hd_msg_free(self, msg);
    break;
  case MSG_TIMER:
    handle_timer(n, msg);
    break;
  default:
    HD_REQUIRE(self, false, "a NIC got a message of kind %u", msg->kind);
  }
}

/* ---- life ---------------------------------------------------------------- */

static const struct hd_component_ops ops = {
    .kind = "nic", .handle = handle, .ahead = nic_ahead};

static void initialize_vectors(struct nic *n)
{
  for (uint32_t i = 0; i < n->n_vectors; i++)
    n->vectors[i] =
        (struct nic_vector){.number = i, .armed_for = HD_TIME_NEVER};
}

struct nic *nic_create(struct hd_engine *e, const char *path, const char *host,
                       const struct nic_params *params,
                       const struct pcie_params *pcie,
                       struct packet_pool *packets,
                       const struct hd_window *window)
{
  struct nic *n = hd_array(NULL, 1, sizeof *n, path);
  hd_component_initialize(&n->base, e, &ops, path, host);
  n->params = *params;
  pcie_endpoint_initialize(&n->endpoint, &n->base, &nic_registers, pcie,
                           params->doorbell_latency);
  n->packets = packets;
  n->window = window;
  n->n_functions =
      (size_t)hd_time_max(params->interfaces - params->pf_interfaces, 0);
  n->functions =
      hd_array(NULL, n->n_functions, sizeof(struct nic_function *), path);
  n->tx_queues = hd_array(NULL, (size_t)params->tx_queues,
                          sizeof(struct nic_queue *), path);
  n->rx_queues = hd_array(NULL, (size_t)params->rx_queues,
                          sizeof(struct nic_queue *), path);
  n->n_vectors = (uint32_t)nic_vectors_of(params);
  n->vectors = hd_array(NULL, n->n_vectors, sizeof *n->vectors, path);
  initialize_vectors(n);
  hd_pool_initialize(&n->frames, sizeof(struct nic_frame));
  hd_pool_initialize(&n->fetches, sizeof(struct nic_fetch));
  admin_queue_initialize(&n->admin, &n->base, &nic_admin_queue);
  n->packet_clock = n->schedule_clock = hd_clock_at(params->clock);
  nic_bridge_initialize(n);
  return n;
}

void nic_destroy(struct nic *n)
{
  nic_free_interfaces(n);
  for (unsigned i = 0; i < NIC_PORTS; i++)
    free(n->ports[i].route);
  pcie_endpoint_terminate(&n->endpoint);
  hd_pool_terminate(&n->frames);
  hd_pool_terminate(&n->fetches);
  admin_queue_terminate(&n->admin);
  free(n->functions);
  free(n->tx_queues);
  free(n->rx_queues);
  free(n->vectors);
  free(n);
}

struct hd_component *nic_component(struct nic *n)
{
  return &n->base;
}

void nic_attach_link(struct nic *n, struct pcie_link *l)
{
  pcie_endpoint_attach(&n->endpoint, l, n->window);
  admin_queue_attach(&n->admin, n->endpoint.requester);
}

void nic_attach_wire(struct nic *n, unsigned port, struct wire *w)
{
  HD_REQUIRE(NULL, (int64_t)port < n->params.ports, "%s has no port %u",
             n->base.path, port);
  n->ports[port].to_wire = wire_connect(w, 0, &n->base);
}
