/*
 * virtio_device.c - the device as a component: wiring, dispatch, shared
 * helpers.
 */
#include <stdlib.h>

#include "models/virtio_device/internal.h"

_Static_assert(sizeof(struct virtio_hw_timer_msg) <= HD_MSG_BYTES, "too large");

/* ---- shared helpers ------------------------------------------------------ */

void virtio_hw_identify(const struct virtio_hw_function *f, struct pcie_dma *d)
{
  d->requester = f->config.requester;
  d->observer = PCIE_NO_OBSERVER;
  if (f->config.has_pasid) {
    d->pasid = f->config.pasid;
    d->flags = PCIE_HAS_PASID;
  }
}

void virtio_hw_write(struct virtio_device *n, struct virtio_hw_function *f,
                     struct pcie_dma *d)
{
  if (f->log.on)
    virtio_hw_log(n, f, d->address, d->length);
  pcie_requester_write(n->endpoint.requester, d);
}

hd_time virtio_hw_reserve_pipeline(struct virtio_device *n, hd_time earliest)
{
  hd_time at =
      hd_time_max(hd_time_max(hd_now(&n->base), earliest), n->pipeline_free);
  n->pipeline_free =
      at + hd_clock_take(&n->packet_clock, n->params.packet_cycles);
  hd_busy_add(&n->pipeline_busy, n->window, at, n->pipeline_free);
  return at;
}

struct virtio_hw_timer_msg *virtio_hw_timer(struct virtio_device *n,
                                            enum virtio_hw_timer tag,
                                            void *context)
{
  struct virtio_hw_timer_msg *t = hd_msg_new(&n->base, MSG_TIMER);
  t->msg.tag = tag;
  t->context = context;
  return t;
}

void virtio_hw_fault(struct virtio_device *n, struct virtio_hw_function *f)
{
  if (!virtio_hw_counts(n))
    return;
  n->counts.faults++;
  f->stats.faults++;
}

/* ---- dispatch ------------------------------------------------------------ */

static void handle_timer(struct virtio_device *n, struct hd_msg *msg)
{
  void *context = ((struct virtio_hw_timer_msg *)msg)->context;
  switch ((enum virtio_hw_timer)msg->tag) {
  case VIRTIO_HW_TIMER_RECEIVE:
    virtio_hw_steer(n, (struct packet_msg *)msg);
    return;
  case VIRTIO_HW_TIMER_SERVE:
    virtio_hw_slot(n);
    break;
  case VIRTIO_HW_TIMER_USED:
    virtio_hw_used_due(n, context);
    break;
  case VIRTIO_HW_TIMER_VECTOR:
    virtio_hw_vector_due(n, context);
    break;
  case VIRTIO_HW_TIMER_ADMIN:
    admin_queue_executed(&n->admin);
    break;
  case VIRTIO_HW_TIMER_DIRTY:
    virtio_hw_log_due(n, context);
    break;
  case VIRTIO_HW_TIMER_REQUEST:
    virtio_hw_request_due(n, context);
    break;
  case VIRTIO_HW_TIMER_PAYLOAD:
    virtio_hw_payload_due(n, context);
    break;
  }
  hd_msg_free(&n->base, msg);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct virtio_device *n = (struct virtio_device *)self;
  switch (msg->kind) {
  case MSG_TLP:
  case MSG_TLP_SENT:
    pcie_endpoint_receive(&n->endpoint, (struct pcie_tlp *)msg);
    return;
  case MSG_FRAME:
    virtio_hw_receive_frame(n, (struct packet_msg *)msg);
    return;
  case MSG_STORAGE_STORE:
    store_handle(n->store, msg);
    return;
  case MSG_TIMER:
    handle_timer(n, msg);
    return;
  case MSG_FRAME_SENT:
    virtio_hw_frame_left(n, ((struct packet_msg *)msg)->bytes);
    break;
  case MSG_VIRTQ_VIEW:
    virtio_hw_view_arrived(n, (const struct virtio_view_msg *)msg);
    break;
  default:
    HD_REQUIRE(self, false, "a virtio device got a message of kind %u",
               msg->kind);
  }
  hd_msg_free(self, msg);
}

/* ---- life ---------------------------------------------------------------- */

static const struct hd_component_ops ops = {.kind = "virtio_device",
                                            .handle = handle};

static void make_pools(struct virtio_device *n)
{
  const struct virtio_device_params *p = &n->params;
  size_t work = sizeof(struct virtio_hw_work);
  size_t more = p->max_buffers > VIRTIO_HW_FEW
                    ? (size_t)(p->max_buffers - VIRTIO_HW_FEW)
                    : 0;
  /* an available entry, a descriptor and a table for each chain, or one chain
   * of the longest kind */
  uint32_t batch = 3 * (uint32_t)p->chain_fetch;
  uint32_t longest = VIRTQ_PLAN_CHAIN((uint32_t)p->max_buffers);
  n->plan_capacity = batch > longest ? batch : longest;
  hd_pool_initialize(&n->works, work);
  hd_pool_initialize(&n->large_works,
                     work + more * sizeof(struct virtq_buffer));
  hd_pool_initialize(&n->pieces, sizeof(struct virtio_hw_piece));
  hd_pool_initialize(&n->reads, sizeof(struct virtio_hw_read));
  hd_pool_initialize(&n->fetches,
                     sizeof(struct virtio_hw_fetch) +
                         n->plan_capacity *
                             (sizeof(struct virtq_access) + sizeof(hd_time)));
  admin_queue_initialize(&n->admin, &n->base, &virtio_hw_admin_queue);
}

struct virtio_device *virtio_device_create(
    struct hd_engine *e, const char *path, const char *host,
    enum virtio_kind kind, const struct virtio_device_params *params,
    const struct pcie_params *pcie, const struct hd_window *window)
{
  const char *problem = virtio_device_params_problem(params);
  HD_REQUIRE(NULL, problem == NULL, "%s: %s", path, problem);
  struct virtio_device *n = hd_array(NULL, 1, sizeof *n, path);
  hd_component_initialize(&n->base, e, &ops, path, host);
  n->kind = kind;
  n->params = *params;
  pcie_endpoint_initialize(&n->endpoint, &n->base, &virtio_hw_registers, pcie,
                           params->doorbell_latency);
  n->window = window;
  n->n_functions = (size_t)(params->functions - params->pf_functions);
  n->functions =
      hd_array(NULL, n->n_functions, sizeof(struct virtio_hw_function *), path);
  n->queues = hd_array(NULL, (size_t)params->queues,
                       sizeof(struct virtio_hw_queue *), path);
  n->vectors =
      hd_array(NULL, (size_t)params->vectors, sizeof *n->vectors, path);
  n->scratch =
      hd_array(NULL, (size_t)params->max_buffers, sizeof *n->scratch, path);
  make_pools(n);
  n->packet_clock = n->schedule_clock = hd_clock_at(params->clock);
  return n;
}

void virtio_device_destroy(struct virtio_device *n)
{
  virtio_hw_free_functions(n);
  pcie_endpoint_terminate(&n->endpoint);
  if (n->store != NULL)
    store_destroy(n->store);
  hd_pool_terminate(&n->works);
  hd_pool_terminate(&n->large_works);
  hd_pool_terminate(&n->pieces);
  hd_pool_terminate(&n->reads);
  hd_pool_terminate(&n->fetches);
  admin_queue_terminate(&n->admin);
  free(n->functions);
  free(n->route);
  free(n->queues);
  free(n->vectors);
  free(n->scratch);
  free(n);
}

struct hd_component *virtio_device_component(struct virtio_device *n)
{
  return &n->base;
}

void virtio_device_attach_link(struct virtio_device *n, struct pcie_link *l)
{
  pcie_endpoint_attach(&n->endpoint, l, n->window);
  admin_queue_attach(&n->admin, n->endpoint.requester);
}

void virtio_device_attach_wire(struct virtio_device *n, struct wire *w,
                               struct packet_pool *packets)
{
  HD_REQUIRE(NULL, n->kind == VIRTIO_NET, "%s has no port", n->base.path);
  n->to_wire = wire_connect(w, 0, &n->base);
  n->packets = packets;
}

void virtio_device_attach_store(struct virtio_device *n,
                                const struct storage_params *drive)
{
  HD_REQUIRE(NULL, n->kind == VIRTIO_BLK, "%s has no store", n->base.path);
  n->drive = *drive;
  n->drive_clock = hd_clock_at(drive->clock);
  n->store = store_create(&n->base, &virtio_hw_store_client, drive, n->window);
}
