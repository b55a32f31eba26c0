/*
 * media.c - dies and channels.
 *
 * A die does one thing at a time: a read, or a program with the transfer of its
 * data before it. Reads that wait go first. What has been read moves to the
 * cache register, if that is empty, and the die goes on; the channel serves its
 * dies' transfers in the order in which they ask.
 */
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>

#include "models/storage/store_internal.h"

/* ---- durations ----------------------------------------------------------- */

static struct store_duration duration_of(const struct store *s, hd_time mean,
                                         double jitter, const char *purpose)
{
  struct store_duration d = {.mean = mean};
  if (jitter <= 0 || mean == 0)
    return d;
  double variance = log1p(jitter * jitter);
  d.sigma = sqrt(variance);
  d.zeta = log((double)mean) - variance / 2;
  d.rng =
      hd_rng_new(hd_engine_seed(s->device->engine), s->device->path, purpose);
  return d;
}

static hd_time draw(const struct store_duration *d)
{
  if (d->rng == NULL)
    return d->mean;
  return llround(gsl_ran_lognormal(d->rng, d->zeta, d->sigma));
}

/* ---- queues -------------------------------------------------------------- */

static void push(struct store_fifo *f, struct store_op *op)
{
  op->next = NULL;
  if (f->first != NULL)
    f->last->next = op;
  else
    f->first = op;
  f->last = op;
}

static struct store_op *pop(struct store_fifo *f)
{
  struct store_op *op = f->first;
  if (op != NULL)
    f->first = op->next;
  return op;
}

static void count_waiting(struct store *s, int change)
{
  s->totals.waiting_reads += (size_t)change;
  hd_gauge_add(&s->reads_waiting, s->window, hd_now(s->device), change);
}

/* ---- channel ------------------------------------------------------------- */

/* The time at which the channel will have moved the bytes. */
static hd_time move_bytes(struct store *s, struct store_channel *c,
                          uint32_t bytes)
{
  hd_time start = hd_time_max(hd_now(s->device), c->free_at);
  c->free_at = start + hd_clock_take(&c->bits, (int64_t)bytes * 8);
  hd_busy_add(&s->channel_busy, s->window, start, c->free_at);
  return c->free_at;
}

/* ---- die ----------------------------------------------------------------- */

static void begin_read(struct store *s, struct store_op *op)
{
  hd_time now = hd_now(s->device), end = now + draw(&s->read);
  hd_busy_add(&s->die_busy, s->window, now, end);
  s->counts.media_reads += store_counts(s);
  store_timer(s, STORE_TIMER_READ, op, end);
}

/* Programs for other data that has to move are done with this one. */
static void begin_program(struct store *s, struct store_op *op)
{
  hd_time start = move_bytes(s, op->die->channel, op->bytes), end = start;
  for (s->owed += s->amplification; s->owed >= 1000; s->owed -= 1000) {
    end += draw(&s->program);
    s->counts.programs += store_counts(s);
  }
  hd_busy_add(&s->die_busy, s->window, start, end);
  store_timer(s, STORE_TIMER_PROGRAMMED, op, end);
}

static void start_die(struct store *s, struct store_die *d)
{
  if (d->active != NULL)
    return;
  d->active = pop(&d->reads);
  if (d->active != NULL) {
    count_waiting(s, -1);
    begin_read(s, d->active);
    return;
  }
  d->active = pop(&d->programs);
  if (d->active != NULL)
    begin_program(s, d->active);
}

/* What has been read goes to the cache register, which is empty. */
static void move_out(struct store *s, struct store_die *d)
{
  d->moving = d->active;
  d->active = NULL;
  d->stalled = false;
  store_timer(s, STORE_TIMER_MOVED, d->moving,
              move_bytes(s, d->channel, d->moving->bytes));
  start_die(s, d);
}

static void unload(struct store *s, struct store_die *d)
{
  d->next = NULL;
  if (s->unloaded != NULL)
    s->unloaded_end->next = d;
  else
    s->unloaded = d;
  s->unloaded_end = d;
}

struct store_die *store_take_unloaded(struct store *s)
{
  struct store_die *d = s->unloaded;
  if (d != NULL)
    s->unloaded = d->next;
  return d;
}

void store_media_due(struct store *s, struct store_op *op, unsigned tag)
{
  struct store_die *d = op->die;
  if (tag == STORE_TIMER_READ) {
    d->stalled = d->moving != NULL;
    if (!d->stalled)
      move_out(s, d);
  } else if (tag == STORE_TIMER_MOVED) {
    d->moving = NULL;
    if (d->stalled)
      move_out(s, d);
  } else {
    d->active = NULL;
    if (op->request == NULL)
      unload(s, d);
    start_die(s, d);
  }
}

/* ---- operations ---------------------------------------------------------- */

struct store_die *store_die_of(struct store *s, uint64_t offset, int64_t size)
{
  return &s->dies[offset / (uint64_t)size % s->n_dies];
}

void store_media_read(struct store *s, struct store_op *op, uint64_t offset)
{
  op->die = store_die_of(s, offset, s->params.page_size);
  push(&op->die->reads, op);
  count_waiting(s, 1);
  start_die(s, op->die);
}

void store_media_program(struct store *s, struct store_op *op,
                         struct store_die *die)
{
  op->die = die;
  push(&die->programs, op);
  start_die(s, die);
}

/* ---- life ---------------------------------------------------------------- */

void store_media_initialize(struct store *s)
{
  const struct storage_params *p = &s->params;
  size_t channels = (size_t)p->channels;
  s->n_dies = channels * (size_t)p->dies;
  s->channels = calloc(channels, sizeof *s->channels);
  s->dies = calloc(s->n_dies, sizeof *s->dies);
  HD_REQUIRE(NULL, s->channels != NULL && s->dies != NULL,
             "out of memory for the media of %s", s->device->path);
  for (size_t c = 0; c < channels; c++)
    s->channels[c].bits = hd_clock_at(p->channel_rate);
  for (size_t d = 0; d < s->n_dies; d++) {
    s->dies[d].channel = &s->channels[d % channels];
    unload(s, &s->dies[d]);
  }
  s->read = duration_of(s, p->read_time, p->read_jitter, "media read");
  s->program =
      duration_of(s, p->program_time, p->program_jitter, "media program");
  s->amplification = llround(p->write_amplification * 1000);
}

void store_media_terminate(struct store *s)
{
  if (s->read.rng != NULL)
    gsl_rng_free(s->read.rng);
  if (s->program.rng != NULL)
    gsl_rng_free(s->program.rng);
  free(s->channels);
  free(s->dies);
}

static size_t length(const struct store_fifo *f)
{
  size_t n = 0;
  for (const struct store_op *op = f->first; op != NULL; op = op->next)
    n++;
  return n;
}

const char *store_media_check(const struct store *s)
{
  size_t waiting = 0, at_dies = 0, unloaded = 0, destages = 0;
  for (size_t i = 0; i < s->n_dies; i++) {
    const struct store_die *d = &s->dies[i];
    waiting += length(&d->reads);
    at_dies += length(&d->reads) + length(&d->programs) + (d->active != NULL) +
               (d->moving != NULL);
    for (const struct store_op *op = d->programs.first; op; op = op->next)
      destages += op->request == NULL;
    destages += d->active != NULL && d->active->request == NULL;
    if (d->active == NULL && (d->reads.first || d->programs.first))
      return "storage: a die is idle though operations wait for it";
    if (d->stalled && (d->active == NULL || d->moving == NULL))
      return "storage: a die waits for a register that is empty";
  }
  for (const struct store_die *d = s->unloaded; d != NULL; d = d->next)
    unloaded++;
  if (waiting != s->totals.waiting_reads ||
      (int64_t)waiting != s->reads_waiting.value)
    return "storage: reads that wait for dies do not balance";
  if (unloaded + destages != s->n_dies)
    return "storage: dies with and without programs do not balance";
  if (at_dies > s->ops.live)
    return "storage: operations at dies do not balance";
  return NULL;
}
