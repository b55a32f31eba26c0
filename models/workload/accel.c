/* accel.c - a guest's accelerator threads: buffers, building, books. */
#include "models/workload/accel.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/engine/rng.h"

/* ---- memory -------------------------------------------------------------- */

static uint32_t source_bytes(const struct guest_config *c)
{
  const struct accelerator_kind *k =
      &accelerator_kinds[c->accelerator_jobs->algorithm];
  return k->input != 0 ? k->input
                       : accelerator_jobs_largest(c->accelerator_jobs);
}

/* Compressed data may grow: a bound as that of cpaDcDeflateCompressBound(). */
static uint32_t destination_bytes(const struct guest_config *c)
{
  const struct accelerator_kind *k =
      &accelerator_kinds[c->accelerator_jobs->algorithm];
  uint32_t source = source_bytes(c);
  if (k->service == ACCELERATOR_DC)
    return source + source / 8 + 64;
  return k->input != 0 ? k->output : source + k->appended;
}

static uint64_t list_bytes(const struct guest_config *c)
{
  uint64_t pieces = (uint64_t)c->accelerator_jobs->pieces;
  return pieces > 0 ? (pieces + 1) * ACCELERATOR_LIST_ENTRY : 0;
}

/* Source, destination, and both scatter lists. */
static uint64_t slot_bytes(const struct guest_config *c)
{
  return guest_page_round(source_bytes(c)) +
         guest_page_round(destination_bytes(c)) +
         guest_page_round(2 * list_bytes(c));
}

/* Session data is a thread's: one session each. */
static uint64_t thread_bytes(const struct guest_config *c)
{
  return GUEST_PAGE + (uint64_t)c->accelerator_jobs->window * slot_bytes(c);
}

uint64_t accel_buffers(const struct guest_config *c)
{
  return (uint64_t)c->accelerator_jobs->threads * thread_bytes(c);
}

/* ---- building ------------------------------------------------------------ */

/* Equal pieces, one behind the other; the last one has what is left. */
static struct accelerator_buffer make_buffer(struct accelerator_piece *pieces,
                                             uint32_t count, uint64_t address,
                                             uint32_t bytes, uint64_t list)
{
  if (count == 0 || bytes == 0)
    return (struct accelerator_buffer){.address = address};
  count = count < bytes ? count : bytes;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t each = bytes / count;
    pieces[i] = (struct accelerator_piece){address + (uint64_t)i * each, each};
  }
  pieces[count - 1].bytes += bytes % count;
  return (struct accelerator_buffer){list, pieces, count};
}

static void make_slot(const struct guest_config *c, struct accel_thread *t,
                      uint32_t s, uint64_t next)
{
  uint32_t count = (uint32_t)c->accelerator_jobs->pieces;
  struct accelerator_piece *pieces = t->pieces + 2 * (size_t)s * count;
  uint64_t source = guest_take(&next, source_bytes(c));
  uint64_t destination = guest_take(&next, destination_bytes(c));
  t->slots[s] = (struct accel_slot){
      .source = make_buffer(pieces, count, source, source_bytes(c), next),
      .destination = make_buffer(pieces + count, count, destination, t->room,
                                 next + list_bytes(c))};
}

static void create_thread(struct guest *g, uint32_t number, uint64_t base)
{
  const struct guest_config *c = &g->config;
  const struct accelerator_jobs_params *p = c->accelerator_jobs;
  struct accel_thread *t = &g->accel->threads[number];
  uint32_t window = (uint32_t)p->window;
  char purpose[32];
  snprintf(purpose, sizeof purpose, "accelerator%u", number);
  *t = (struct accel_thread){.number = number,
                             .cpu = &g->cpus[guest_plan_stream(c, number)],
                             .driver = &g->accel->drivers[number],
                             .room = destination_bytes(c)};
  t->rng = hd_rng_new(hd_engine_seed(g->engine), c->path, purpose);
  t->content = accelerator_kinds[p->algorithm].content > 0 ? base : 0;
  t->slots = guest_allocate(window, sizeof *t->slots);
  t->unused = guest_allocate(window, sizeof *t->unused);
  t->pieces =
      guest_allocate(2 * (size_t)window * (size_t)p->pieces, sizeof *t->pieces);
  for (uint32_t s = 0; s < window; s++) {
    make_slot(c, t, s, base + GUEST_PAGE + s * slot_bytes(c));
    t->unused[window - 1 - s] = (uint16_t)s;
  }
}

void accel_create_threads(struct guest *g, uint64_t base)
{
  for (uint32_t i = 0; i < g->accel->n_threads; i++)
    create_thread(g, i, base + i * thread_bytes(&g->config));
}

void accel_destroy_threads(struct guest *g)
{
  for (uint32_t i = 0; i < g->accel->n_threads; i++) {
    struct accel_thread *t = &g->accel->threads[i];
    gsl_rng_free(t->rng);
    free(t->slots);
    free(t->unused);
    free(t->pieces);
  }
}

/* ---- books --------------------------------------------------------------- */

uint64_t guest_accelerator_inside(const struct guest *g)
{
  uint64_t n = 0;
  for (uint32_t i = 0; g->accel && i < g->accel->n_threads; i++)
    n += g->accel->threads[i].in_flight;
  return n;
}

static uint32_t slots_used(const struct guest *g, const struct accel_thread *t)
{
  uint32_t n = 0;
  for (int64_t s = 0; s < g->config.accelerator_jobs->window; s++)
    n += t->slots[s].request != NULL;
  return n;
}

static const char *check_thread(const struct guest *g,
                                const struct accel_thread *t)
{
  const struct accelerator_driver *d = t->driver;
  if (t->submitted - t->finished != t->in_flight)
    return "accelerator thread: requests submitted are not finished or in "
           "flight";
  if (t->most_in_flight > g->config.accelerator_jobs->window)
    return "accelerator thread: more requests in flight than its window";
  if (d->put != t->submitted || d->taken != t->finished + t->n_done)
    return "accelerator thread: its ring has other requests than it submitted";
  if (d->announced > d->put || d->shown > d->announced || d->taken > d->shown)
    return "accelerator thread: its ring's counters are out of order";
  if (slots_used(g, t) != t->in_flight)
    return "accelerator thread: slots in use are not the requests in flight";
  return NULL;
}

const char *accel_check(const struct guest *g)
{
  const char *wrong = NULL;
  for (uint32_t i = 0; !wrong && i < g->accel->n_threads; i++)
    wrong = check_thread(g, &g->accel->threads[i]);
  return wrong;
}
