/*
 * interfaces.c - interfaces and their banks: made, started, stopped, reset.
 */
#include <stdlib.h>

#include "models/accelerator/internal.h"

enum { RING_MIN = 2, RING_MAX = 65536 };

/* ---- may it be made? ----------------------------------------------------- */

static bool rings_are_sound(const struct accelerator *n,
                            const struct accelerator_interface *i)
{
  if (i->banks == 0 || i->rings == NULL)
    return false;
  for (uint16_t b = 0; b < i->banks; b++) {
    const struct accelerator_ring *r = &i->rings[b];
    if (r->size < RING_MIN || r->size > RING_MAX || r->slot == NULL ||
        r->service >= ACCELERATOR_SERVICES ||
        accelerator_threads(&n->params, r->service) == 0)
      return false;
  }
  return true;
}

static bool banks_are_free(const struct accelerator *n,
                           const struct accelerator_interface *i)
{
  uint64_t end = (uint64_t)i->first_bank + i->banks;
  if (end > (uint64_t)n->params.banks)
    return false;
  for (uint64_t b = i->first_bank; b < end; b++)
    if (n->banks[b] != NULL)
      return false;
  return true;
}

/* ---- making -------------------------------------------------------------- */

static void make_bank(struct accelerator *n, struct accelerator_function *f,
                      uint16_t index)
{
  struct accelerator_bank *k = &f->banks[index];
  k->owner = f;
  k->index = index;
  k->ring = &f->config.rings[index];
  k->service = k->ring->service;
  k->announced_at = hd_array(&n->base, k->ring->size, sizeof *k->announced_at,
                             "an interface");
  n->banks[f->config.first_bank + index] = k;
}

bool accelerator_add_interface(struct accelerator *n,
                               const struct accelerator_interface *i,
                               uint32_t *index)
{
  uint32_t at = 0;
  while (at < n->n_functions && n->functions[at] != NULL)
    at++;
  if (at == n->n_functions || !rings_are_sound(n, i) || !banks_are_free(n, i))
    return false;
  struct accelerator_function *f =
      hd_array(&n->base, 1, sizeof *f, "an interface");
  f->config = *i;
  f->banks = hd_array(&n->base, i->banks, sizeof *f->banks, "an interface");
  for (uint16_t b = 0; b < i->banks; b++)
    make_bank(n, f, b);
  f->older = n->all;
  n->all = f;
  n->functions[at] = f;
  *index = at;
  return true;
}

/* ---- starting and stopping ----------------------------------------------- */

void accelerator_start_banks(struct accelerator *n,
                             struct accelerator_function *f)
{
  for (uint16_t i = 0; i < f->config.banks; i++) {
    f->banks[i].live = true;
    f->banks[i].stopped = false;
    accelerator_activate(n, &f->banks[i]);
  }
  accelerator_arbitrate(n);
}

/* Entries that have not been fetched stay in the ring; tails are noted. */
void accelerator_stop_banks(struct accelerator *n,
                            struct accelerator_function *f)
{
  for (uint16_t i = 0; i < f->config.banks; i++) {
    f->banks[i].stopped = true;
    accelerator_deactivate(n, &f->banks[i]);
  }
}

/* Reads of entries that are under way are of the past epoch: they must not find
 * their way back. Those that are done and wait for others end now. */
static void forget_fetches(struct accelerator *n, struct accelerator_bank *k)
{
  struct accelerator_fetch *f = k->fetch, *next;
  k->fetch = NULL;
  k->epoch++;
  for (; f != NULL; f = next) {
    next = f->next;
    if (!f->done)
      continue;
    n->fetches_open--;
    n->threads_free[k->service] += f->count;
    accelerator_left(n, k->owner, f->count);
    hd_pool_put(&n->fetches, f);
  }
}

/* Requests inside end by themselves. Those that wait for their response entry
 * end now. */
static void reset_bank(struct accelerator *n, struct accelerator_bank *k)
{
  uint64_t left = k->announced - k->posted;
  struct accelerator_work *held = k->held, *next;
  n->totals.forgotten += left;
  n->totals.depth -= (int64_t)left;
  hd_gauge_add(&n->depth, n->window, hd_now(&n->base), -(int64_t)left);
  for (struct accelerator_work *w = k->works; w != NULL; w = w->next)
    w->request = NULL;
  k->works = k->held = k->held_end = NULL;
  forget_fetches(n, k);
  k->announced = k->requested = k->arrived = k->posted = k->consumed = 0;
  k->stranded = 0;
  k->live = k->failed = k->enabled = false;
  for (; held != NULL; held = next) {
    next = held->waiting;
    accelerator_respond(n, held);
  }
}

void accelerator_reset_interface(struct accelerator *n,
                                 struct accelerator_function *f)
{
  accelerator_stop_banks(n, f);
  for (uint16_t i = 0; i < f->config.banks; i++)
    reset_bank(n, &f->banks[i]);
  accelerator_arbitrate(n);
}

void accelerator_remove_interface(struct accelerator *n, uint32_t index)
{
  struct accelerator_function *f = n->functions[index];
  accelerator_reset_interface(n, f);
  for (uint32_t i = 0; i < f->config.banks; i++)
    n->banks[f->config.first_bank + i] = NULL;
  n->functions[index] = NULL;
}

void accelerator_free_interfaces(struct accelerator *n)
{
  while (n->all != NULL) {
    struct accelerator_function *f = n->all;
    n->all = f->older;
    for (uint16_t i = 0; i < f->config.banks; i++)
      free(f->banks[i].announced_at);
    free(f->banks);
    free(f);
  }
}
