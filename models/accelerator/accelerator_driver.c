#include "models/accelerator/accelerator_driver.h"

#include <stdlib.h>
#include <string.h>

#include "sim/engine/engine.h"

static struct accelerator_request **slots(uint32_t size)
{
  struct accelerator_request **s = calloc(size, sizeof *s);
  HD_REQUIRE(NULL, s != NULL, "out of memory for a ring");
  return s;
}

void accelerator_driver_initialize(struct accelerator_driver *d,
                                   const struct accelerator_driver_config *c)
{
  HD_REQUIRE(NULL, c->head_batch >= 1 && c->head_batch < c->size,
             "a head write per %u responses, of %u in the ring", c->head_batch,
             c->size);
  *d = (struct accelerator_driver){.ring = {.requests = c->requests,
                                            .responses = c->responses,
                                            .size = c->size,
                                            .slot = slots(c->size),
                                            .observer = c->observer,
                                            .service = (uint8_t)c->service},
                                   .bank = c->bank,
                                   .head_batch = c->head_batch,
                                   .write = c->write,
                                   .context = c->context,
                                   .shown_at = slots(c->size)};
}

void accelerator_driver_terminate(struct accelerator_driver *d)
{
  free(d->ring.slot);
  free(d->shown_at);
}

void accelerator_driver_reset(struct accelerator_driver *d)
{
  memset(d->ring.slot, 0, d->ring.size * sizeof(struct accelerator_request *));
  d->put = d->announced = d->shown = d->taken = d->told = 0;
}

/* ---- requests ------------------------------------------------------------ */

bool accelerator_driver_put(struct accelerator_driver *d,
                            struct accelerator_request *r)
{
  if (accelerator_driver_in_flight(d) == d->ring.size - 1)
    return false;
  d->ring.slot[d->put++ % d->ring.size] = r;
  return true;
}

void accelerator_driver_announce(struct accelerator_driver *d)
{
  if (d->announced == d->put)
    return;
  d->announced = d->put;
  d->write(d->context, ACCELERATOR_TAIL(d->bank),
           (uint32_t)(d->put % d->ring.size));
}

/* ---- responses ----------------------------------------------------------- */

void accelerator_driver_shown(struct accelerator_driver *d, void *object,
                              uint64_t data)
{
  uint32_t slot = (uint32_t)(d->shown++ % d->ring.size);
  HD_REQUIRE(NULL, ACCELERATOR_EVENT_SLOT(data) == slot,
             "bank %u: a response in slot %u, expected in slot %u", d->bank,
             ACCELERATOR_EVENT_SLOT(data), slot);
  d->shown_at[slot] = object;
}

struct accelerator_request *
accelerator_driver_take(struct accelerator_driver *d)
{
  if (d->taken == d->shown)
    return NULL;
  struct accelerator_request *r = d->shown_at[d->taken++ % d->ring.size];
  if (d->taken - d->told >= d->head_batch)
    accelerator_driver_tell(d);
  return r;
}

void accelerator_driver_tell(struct accelerator_driver *d)
{
  if (d->told == d->taken)
    return;
  d->told = d->taken;
  d->write(d->context, ACCELERATOR_HEAD(d->bank),
           (uint32_t)(d->taken % d->ring.size));
}

void accelerator_driver_arm(struct accelerator_driver *d)
{
  accelerator_driver_tell(d);
  d->write(d->context, ACCELERATOR_INT(d->bank), ACCELERATOR_INT_ENABLE);
}
