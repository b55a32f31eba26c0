/* migration_plug_nic.c - an interface of the NIC that is unplugged. */
#include "models/hypervisor/migration_plug.h"

static bool command(struct migration_plug *x, struct migration_agent *a,
                    struct nic_command *c)
{
  c->address = migration_agent_config(a)->admin_ring;
  c->observer = migration_agent_observer(a);
  c->requester = x->config.pf_requester;
  migration_agent_command(a, x->config.device_index, NIC_ADMIN_DOORBELL, c);
  return !c->failed;
}

static void simple(struct migration_plug *x, struct migration_agent *a,
                   enum nic_command_type type)
{
  struct nic_command c = {.type = type,
                          .result = migration_plug_index(x),
                          .pasid = x->config.interface.pasid};
  bool ok = command(x, a, &c);
  HD_REQUIRE(migration_agent_component(a), ok,
             "the NIC refuses command %d to an interface", (int)type);
}

/* Its PASID is programmed when the device is opened; the guest's driver adds
 * its MAC address when it is up. */
static bool add(struct migration_plug *x, struct migration_agent *a)
{
  struct nic_command c = {.type = NIC_ADD_INTERFACE,
                          .bytes = 128,
                          .interface = x->config.interface};
  c.interface.pasid = 0;
  c.interface.unrouted = true;
  if (!command(x, a, &c))
    return false;
  x->index = c.result;
  return true;
}

static void reset(struct migration_plug *x, struct migration_agent *a)
{
  simple(x, a, NIC_RESET_INTERFACE);
}

static void start(struct migration_plug *x, struct migration_agent *a)
{
  if (x->config.interface.has_pasid)
    simple(x, a, NIC_SET_PASID);
  simple(x, a, NIC_ENABLE_QUEUES);
}

static void stop(struct migration_plug *x, struct migration_agent *a)
{
  simple(x, a, NIC_DISABLE_QUEUES);
}

static void take_away(struct migration_plug *x, struct migration_agent *a)
{
  simple(x, a, NIC_REMOVE_INTERFACE);
}

static void route(struct migration_plug *x, struct migration_agent *a, bool on)
{
  simple(x, a, on ? NIC_ROUTE : NIC_UNROUTE);
}

const struct migration_plug_kind migration_plug_nic = {.add = add,
                                                       .reset = reset,
                                                       .start = start,
                                                       .stop = stop,
                                                       .remove = take_away,
                                                       .route = route};
