/* migration_accelerator.c - see migration_accelerator.h. */
#include "models/hypervisor/migration_accelerator.h"

bool migration_accelerator_command(struct migration_agent *a, uint16_t device,
                                   uint16_t requester, struct virtio_admin *c)
{
  c->address = migration_agent_config(a)->admin_ring;
  c->observer = migration_agent_observer(a);
  c->requester = requester;
  migration_agent_command(a, device, VIRTIO_DEVICE_ADMIN_DOORBELL, c);
  return !c->failed;
}

static bool command(const struct migration_accelerator *x,
                    struct migration_agent *a, struct virtio_admin *c)
{
  return migration_accelerator_command(a, x->config.device_index,
                                       x->config.pf_requester, c);
}

static uint32_t function_of(const struct migration_accelerator *x)
{
  return x->config.function ? *x->config.function : x->function;
}

static void join(void *back_end, struct migration_agent *a, struct migration *m)
{
  struct migration_accelerator *x = back_end;
  x->agent = a;
  if (migration_agent_config(a)->side == 0)
    x->log = migration_dirty_channel(
        m, virtio_device_component(x->config.device), MIGRATION_LOG_LATENCY);
}

static void prepare(void *back_end, struct migration_agent *a)
{
  struct migration_accelerator *x = back_end;
  HD_REQUIRE(migration_agent_component(a), command(x, a, &x->config.add),
             "the destination's accelerator refuses the function");
  x->function = x->config.add.result;
}

static bool suspend(void *back_end, struct migration_agent *a, uint32_t queue)
{
  struct migration_accelerator *x = back_end;
  struct migrating_queue *q = &migration_agent_config(a)->queues[queue];
  struct virtio_admin c = {.type = VIRTIO_ADMIN_SUSPEND_QUEUE,
                           .result = function_of(x),
                           .queue = (uint16_t)queue};
  bool ok = command(x, a, &c);
  q->state = c.state;
  q->view = c.view;
  return ok;
}

static bool resume(void *back_end, struct migration_agent *a, uint32_t queue)
{
  const struct migration_accelerator *x = back_end;
  const struct migrating_queue *q = &migration_agent_config(a)->queues[queue];
  struct virtio_admin c = {.type = VIRTIO_ADMIN_RESUME_QUEUE,
                           .result = function_of(x),
                           .queue = (uint16_t)queue,
                           .state = q->state,
                           .view = q->view};
  return command(x, a, &c);
}

/* On the device's actor. */
static void log_pages(void *context, struct hd_component *device,
                      const struct virtio_dirty_run *run, uint16_t runs)
{
  const struct migration_accelerator *x = context;
  migration_agent_log(x->agent, x->log, device, run, runs);
}

static void track(void *back_end, struct migration_agent *a, bool on)
{
  struct migration_accelerator *x = back_end;
  struct virtio_admin c = {.type = VIRTIO_ADMIN_TRACK,
                           .result = function_of(x),
                           .on = on,
                           .log = {.pages = log_pages, .context = x}};
  (void)command(x, a, &c);
}

static void arrive(void *back_end, struct migration_agent *a)
{
  const struct migration_accelerator *x = back_end;
  *migration_agent_config(a)->function = *x->config.twin;
}

const struct migration_back_end_ops migration_accelerator_ops = {
    .join = join,
    .prepare = prepare,
    .suspend = suspend,
    .resume = resume,
    .track = track,
    .arrive = arrive};
