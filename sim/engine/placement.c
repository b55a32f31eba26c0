/*
 * placement.c - who shares an actor, and how far each actor may run ahead.
 *
 * IDs are ranks of paths. Hardware components on one host that are joined by a
 * channel shorter than the window share an actor (union-find); a task is
 * always alone. One actor is the keeper, which wakes the others (agenda.c).
 */
#include <stdlib.h>
#include <string.h>

#include "sim/engine/internal.h"
#include "sim/engine/rng.h"

static int by_path(const void *a, const void *b)
{
  const struct hd_component *const *x = a, *const *y = b;
  return strcmp((*x)->path, (*y)->path);
}

static void number_components(struct hd_engine *e)
{
  qsort(e->components, e->n_components, sizeof *e->components, by_path);
  for (size_t i = 0; i < e->n_components; i++) {
    struct hd_component *c = e->components[i];
    HD_REQUIRE(c, i == 0 || strcmp(e->components[i - 1]->path, c->path) != 0,
               "two components have the path %s", c->path);
    c->id = (uint32_t)i;
  }
}

static size_t root_of(size_t *parent, size_t i)
{
  while (parent[i] != i)
    i = parent[i] = parent[parent[i]];
  return i;
}

static bool may_merge(const struct hd_engine *e, const struct hd_channel *ch)
{
  return ch->latency < e->options.window && !ch->from->is_task &&
         !ch->to->is_task && strcmp(ch->from->host, ch->to->host) == 0;
}

/* The lower ID becomes the root, so that names do not depend on the order in
 * which channels were opened. */
static size_t *merge(struct hd_engine *e)
{
  size_t *parent = calloc(e->n_components, sizeof *parent);
  HD_REQUIRE(NULL, parent != NULL, "out of memory");
  for (size_t i = 0; i < e->n_components; i++)
    parent[i] = i;
  for (size_t i = 0; i < e->n_channels; i++) {
    if (!may_merge(e, e->channels[i]))
      continue;
    size_t a = root_of(parent, e->channels[i]->from->id);
    size_t b = root_of(parent, e->channels[i]->to->id);
    if (a < b)
      parent[b] = a;
    else
      parent[a] = b;
  }
  return parent;
}

static struct hd_actor *new_actor(struct hd_engine *e, struct hd_component *c)
{
  size_t bytes = (sizeof(struct hd_actor) + HD_LINE - 1) & ~(HD_LINE - 1);
  struct hd_actor *a = aligned_alloc(HD_LINE, bytes);
  HD_REQUIRE(c, a != NULL, "out of memory for an actor");
  *a = (struct hd_actor){.engine = e, .host = c->host, .name = c->path};
  a->reach = a->near = a->far = HD_TIME_NEVER;
  if (c->is_task) {
    a->task = (struct hd_task *)c;
    a->footprint = a->task->footprint;
  }
  hd_calendar_initialize(&a->calendar);
  return a;
}

static void assign(struct hd_engine *e, size_t *parent)
{
  e->actors = calloc(e->n_components + 1, sizeof *e->actors);
  size_t *sizes = calloc(e->n_components, sizeof *sizes);
  HD_REQUIRE(NULL, e->actors && sizes, "out of memory for actors");
  for (size_t i = 0; i < e->n_components; i++)
    sizes[root_of(parent, i)]++;
  for (size_t i = 0; i < e->n_components; i++) {
    struct hd_component *c = e->components[i];
    size_t root = root_of(parent, i);
    if (root == i) { /* roots come first: they are the least of their set */
      struct hd_actor *a = new_actor(e, c);
      a->members = calloc(sizes[i], sizeof(struct hd_component *));
      HD_REQUIRE(c, a->members != NULL, "out of memory for an actor");
      e->actors[e->n_actors++] = a;
      c->exec = &a->exec;
    }
    struct hd_actor *a = hd_actor_of(e->components[root]);
    c->exec = &a->exec;
    a->members[a->n_members++] = c;
  }
  free(sizes);
}

/* The hardware actor with most members, the first of several: the busiest. A
 * model without hardware gets one with no members. */
static void choose_keeper(struct hd_engine *e)
{
  for (size_t i = 0; i < e->n_actors; i++) {
    struct hd_actor *a = e->actors[i];
    if (!a->task && (!e->keeper || a->n_members > e->keeper->n_members))
      e->keeper = a;
  }
  if (e->keeper)
    return;
  e->keeper = new_actor(e, e->components[0]);
  e->keeper->task = NULL;
  e->keeper->name = "keeper";
  e->actors[e->n_actors++] = e->keeper; /* has room for one more */
}

static void note_channel(const struct hd_engine *e, struct hd_channel *ch)
{
  struct hd_actor *from = hd_actor_of(ch->from), *to = hd_actor_of(ch->to);
  ch->actor = to;
  if (from == to)
    return;
  from->reach = hd_time_min(from->reach, ch->latency);
  hd_time *in = from == e->keeper ? &to->near : &to->far;
  *in = hd_time_min(*in, ch->latency);
}

/* Bounded, so that nobody is far ahead when the end is set, see
 * hd_engine_stop_at(). */
static void bound_latencies(struct hd_engine *e)
{
  hd_time most = HD_ENGINE_STOP_NOTICE / 4;
  e->lag = HD_ENGINE_STOP_NOTICE;
  if (e->options.window == 0) { /* no run-ahead: only what is due now */
    most = 1;
    e->lag = 0;
  }
  e->reach = 1;
  for (size_t i = 0; i < e->n_actors; i++) {
    struct hd_actor *a = e->actors[i];
    a->reach = hd_time_min(a->reach, most);
    if (a != e->keeper)
      e->reach = hd_time_max(e->reach, a->reach);
    a->near = hd_time_min(a->near, most);
    a->far = hd_time_min(a->far, most);
  }
}

void hd_placement_make(struct hd_engine *e)
{
  number_components(e);
  size_t *parent = merge(e);
  assign(e, parent);
  free(parent);
  choose_keeper(e);
  for (size_t i = 0; i < e->n_channels; i++)
    note_channel(e, e->channels[i]);
  bound_latencies(e);
  hd_agenda_initialize(e);
}
