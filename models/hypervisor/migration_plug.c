/* migration_plug.c - unplugging and plugging, see migration_plug.h. */
#include "models/hypervisor/migration_plug.h"

/* After a device's last command: what it had written before is visible to the
 * guest by then (a DMA write with its translation takes some microseconds). */
#define SETTLE (20 * HD_US)

static void pass(struct migration_agent *a, hd_time t)
{
  hd_task_advance((struct hd_task *)migration_agent_component(a), t);
}

/* ---- unplug -------------------------------------------------------------- */

static void steer(struct migration_plug *x, struct migration_agent *a,
                  bool stand_in)
{
  const struct migration_plug_config *c = &x->config;
  if (c->kind->route)
    c->kind->route(x, a, !stand_in);
  if (!c->announce)
    return;
  c->announce(c->context, migration_agent_config(a)->side, stand_in);
  pass(a, c->announced);
}

static void unplug(void *device, struct migration_agent *a)
{
  struct migration_plug *x = device;
  migration_agent_ask_guest(a, GUEST_UNPLUG);
  steer(x, a, true);
  x->config.kind->stop(x, a);
  pass(a, SETTLE);
  migration_agent_ask_guest(a, GUEST_REMOVE);
  if (x->config.kind->remove)
    x->config.kind->remove(x, a);
}

/* ---- plug ---------------------------------------------------------------- */

/* Nobody uses the rings now: at the destination they become that machine's. */
static void arrive(const struct migration_plug *x,
                   const struct migration_agent *a)
{
  const struct migration_agent_config *g = migration_agent_config(a);
  const struct migration_plug_config *c = &x->config;
  for (unsigned q = 0; c->observer && q < g->pairs; q++)
    guest_set_observer(g->guest, q, c->observer[q]);
  if (!c->twin)
    return;
  *c->function = *c->twin;
  guest_switch_backend(g->guest, c->function, 1);
}

static void plug(void *device, struct migration_agent *a)
{
  struct migration_plug *x = device;
  const struct migration_plug_config *c = &x->config;
  arrive(x, a);
  pass(a, c->create);
  bool ok = c->kind->add(x, a);
  HD_REQUIRE(migration_agent_component(a), ok,
             "the device that is plugged in is refused");
  x->known = true;
  pass(a, c->open);
  c->kind->reset(x, a);
  pass(a, c->reset);
  c->kind->start(x, a);
  migration_agent_ask_guest(a, GUEST_PLUG);
  steer(x, a, false);
}

const struct migration_plug_ops migration_plug_ops = {.unplug = unplug,
                                                      .plug = plug};
