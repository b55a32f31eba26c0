/* migration_plug_virtio.c - a function of a virtio accelerator that is
 * unplugged. The network steers the guest's frames to its port or away. */
#include "models/hypervisor/migration_accelerator.h"
#include "models/hypervisor/migration_plug.h"

static bool command(struct migration_plug *x, struct migration_agent *a,
                    struct virtio_admin *c)
{
  return migration_accelerator_command(a, x->config.device_index,
                                       x->config.pf_requester, c);
}

static void simple(struct migration_plug *x, struct migration_agent *a,
                   enum virtio_admin_type type)
{
  struct virtio_admin c = {.type = type, .result = migration_plug_index(x)};
  bool ok = command(x, a, &c);
  HD_REQUIRE(migration_agent_component(a), ok,
             "the accelerator refuses command %d to a function", (int)type);
}

static bool add(struct migration_plug *x, struct migration_agent *a)
{
  struct virtio_admin c = x->config.add;
  if (!command(x, a, &c))
    return false;
  x->index = c.result;
  return true;
}

static void reset(struct migration_plug *x, struct migration_agent *a)
{
  simple(x, a, VIRTIO_ADMIN_STOP);
}

static void start(struct migration_plug *x, struct migration_agent *a)
{
  simple(x, a, VIRTIO_ADMIN_START);
}

/* With its queues all that the driver had told of them is forgotten. */
static void stop(struct migration_plug *x, struct migration_agent *a)
{
  simple(x, a, VIRTIO_ADMIN_REMOVE_FUNCTION);
}

const struct migration_plug_kind migration_plug_virtio = {
    .add = add, .reset = reset, .start = start, .stop = stop};
