/*
 * engine.c - the engine's life: SimGrid, hosts, components, the conductor.
 */
#include "sim/engine/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/engine/internal.h"
#include "sim/engine/rng.h"

struct hd_engine *hd_the_engine;

/* SimGrid reads options from argv; it gets one of its own, never the user's.
 * precision: its default of 1 ns would swallow picoseconds. Stacks are 64 KiB
 * with a guard page. Only critical messages reach the user. */
static void start_simgrid(void)
{
  char *argv[] = {"hdiov-sim",
                  "--cfg=surf/precision:1e-15",
                  "--cfg=contexts/stack-size:64",
                  "--cfg=contexts/factory:raw",
                  "--cfg=network/model:CM02",
                  "--cfg=network/crosstraffic:0",
                  getenv("HDIOV_SIM_SIMGRID_LOG")
                      ? "--log=root.thresh:info"
                      : "--log=root.thresh:critical",
                  NULL};
  int argc = (int)(sizeof argv / sizeof *argv) - 1;
  simgrid_init(&argc, argv);
}

struct hd_engine *hd_engine_create(const struct hd_engine_options *options)
{
  HD_REQUIRE(NULL, hd_the_engine == NULL,
             "SimGrid allows one simulation in a process");
  hd_pages_prepare();
  struct hd_engine *e = calloc(1, sizeof *e);
  HD_REQUIRE(NULL, e != NULL, "out of memory for the engine");
  e->options = *options;
  e->end = HD_TIME_NEVER;
  e->next_heartbeat =
      options->heartbeat ? options->heartbeat_events : UINT64_MAX;
  hd_pool_initialize(&e->messages, HD_MSG_BYTES);
  hd_pool_initialize(&e->channel_pool, sizeof(struct hd_channel));
  hd_the_engine = e;
  return e;
}

static void destroy_actor(struct hd_actor *a)
{
  hd_calendar_terminate(&a->calendar);
  free(a->members);
  free(a);
}

void hd_engine_destroy(struct hd_engine *e)
{
  for (size_t i = 0; i < e->n_actors; i++)
    destroy_actor(e->actors[i]);
  for (size_t i = 0; i < e->n_components; i++)
    free((void *)(uintptr_t)e->components[i]->path);
  free(e->actors);
  free(e->agenda.entries);
  free(e->channels);
  free(e->components);
  free(e->hosts);
  if (e->links)
    e->links_ops->destroy(e);
  hd_pool_terminate(&e->messages);
  hd_pool_terminate(&e->channel_pool);
  free(e);
}

static void *grown(void *array, size_t *capacity, size_t count, size_t size)
{
  if (count < *capacity)
    return array;
  *capacity = *capacity ? *capacity * 2 : 64;
  void *bigger = realloc(array, *capacity * size);
  HD_REQUIRE(NULL, bigger != NULL, "out of memory");
  return bigger;
}

void hd_engine_add_host(struct hd_engine *e, const char *name)
{
  e->hosts = realloc(e->hosts, (e->n_hosts + 1) * sizeof *e->hosts);
  HD_REQUIRE(NULL, e->hosts != NULL, "out of memory for hosts");
  e->hosts[e->n_hosts++] = name;
}

void hd_component_initialize(struct hd_component *c, struct hd_engine *e,
                             const struct hd_component_ops *ops,
                             const char *path, const char *host)
{
  HD_REQUIRE(NULL, !e->running, "component %s added to a running engine", path);
  *c = (struct hd_component){.ops = ops, .engine = e, .host = host};
  c->path = strdup(path);
  HD_REQUIRE(NULL, c->path != NULL, "out of memory for %s", path);
  e->components = grown(e->components, &e->cap_components, e->n_components,
                        sizeof(struct hd_component *));
  e->components[e->n_components++] = c;
}

struct hd_channel *hd_channel_open(struct hd_component *from,
                                   struct hd_component *to, hd_time latency)
{
  struct hd_engine *e = from->engine;
  HD_REQUIRE(NULL, latency > 0, "channel %s -> %s has no latency", from->path,
             to->path);
  HD_REQUIRE(NULL, !e->running, "channel %s -> %s opened while running",
             from->path, to->path);
  struct hd_channel *ch = hd_pool_get(&e->channel_pool);
  *ch = (struct hd_channel){
      .from = from, .to = to, .latency = latency, .ahead = to->ops->ahead};
  e->channels = grown(e->channels, &e->cap_channels, e->n_channels,
                      sizeof(struct hd_channel *));
  e->channels[e->n_channels++] = ch;
  return ch;
}

void hd_channel_set_passive(struct hd_channel *ch)
{
  HD_REQUIRE(NULL, ch->to->is_task && ch->to != ch->from,
             "passive channel to %s, which is no other task", ch->to->path);
  ch->passive = true;
}

/* ---- platform -------------------------------------------------------- */

/* The C interface builds no platform; SimGrid reads one from a file, here an
 * anonymous one in memory. Links only carry flows between machines. */
static void load_platform(struct hd_engine *e)
{
  int fd = memfd_create("platform.xml", 0);
  HD_REQUIRE(NULL, fd >= 0, "memfd_create failed");
  FILE *f = fdopen(dup(fd), "w");
  HD_REQUIRE(NULL, f != NULL, "fdopen failed");
  fprintf(f,
          "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
          "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n"
          "<zone id=\"world\" routing=\"Full\">\n");
  for (size_t i = 0; i < e->n_hosts; i++)
    fprintf(f, "<host id=\"%s\" speed=\"1Gf\"/>\n", e->hosts[i]);
  if (e->links)
    e->links_ops->write(e, f);
  fprintf(f, "</zone>\n</platform>\n");
  fclose(f);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  simgrid_load_platform(path);
  close(fd);
}

/* ---- actors ---------------------------------------------------------- */

static struct hd_actor *self_actor(void)
{
  return sg_actor_self_get_data();
}

static void main_of_actor(int argc, char **argv)
{
  (void)argc;
  (void)argv;
  struct hd_actor *a = self_actor();
  if (!a->task) {
    hd_actor_main_hardware(a);
  } else {
    a->task->body(a->task);
    while (hd_task_wait(a->task, HD_TIME_NEVER)) /* body ended: stay idle */
      HD_REQUIRE(&a->task->base, false, "message to a task that has ended");
  }
}

static hd_time simgrid_now(void)
{
  return (hd_time)llround(simgrid_get_clock() * 1e12);
}

static void main_of_conductor(int argc, char **argv)
{
  (void)argc;
  (void)argv;
  struct hd_engine *e = hd_the_engine;
  for (;;) {
    hd_time now = simgrid_now();
    if (now > e->end)
      return;
    (void)sg_sem_acquire_timeout(e->conductor,
                                 (double)(e->end + HD_NS - now) * 1e-12);
  }
}

static void start_actor(struct hd_engine *e, struct hd_actor *a)
{
  (void)e;
  sg_actor_t actor = sg_actor_init(a->name, sg_host_by_name(a->host));
  a->self = actor;
  sg_actor_set_data(actor, a);
  sg_actor_start_(actor, main_of_actor, 0, NULL);
  sg_actor_daemonize(actor);
}

/* Creation order: by ID, or a permutation of it for tests. */
static void start_actors(struct hd_engine *e)
{
  size_t n = e->n_actors;
  size_t *order = calloc(n, sizeof *order);
  HD_REQUIRE(NULL, order != NULL, "out of memory");
  for (size_t i = 0; i < n; i++)
    order[i] = i;
  for (size_t i = n; e->options.shuffle && i-- > 1;) {
    size_t j = hd_mix64(e->options.shuffle + i) % (i + 1);
    size_t t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  hd_pages_set_large(false);
  for (size_t i = 0; i < n; i++)
    start_actor(e, e->actors[order[i]]);
  hd_pages_set_large(true);
  free(order);
}

void hd_engine_run(struct hd_engine *e, hd_time limit)
{
  HD_REQUIRE(NULL, e->n_hosts > 0 && e->n_components > 0,
             "nothing to simulate");
  e->end = hd_time_min(limit, HD_TIME_NEVER / 4);
  start_simgrid();
  load_platform(e);
  hd_placement_make(e);
  e->running = true;
  e->conductor = sg_sem_init(0);
  if (e->links)
    e->links_ops->start(e);
  start_actors(e);
  sg_actor_t c = sg_actor_init("conductor", sg_host_by_name(e->hosts[0]));
  sg_actor_start_(c, main_of_conductor, 0, NULL);
  simgrid_run();
  sg_sem_destroy(e->conductor);
}

void hd_engine_stop_at(struct hd_component *c, hd_time end)
{
  struct hd_engine *e = c->engine;
  HD_REQUIRE(c, end >= hd_now(c) + HD_ENGINE_STOP_NOTICE,
             "stop asked for at short notice");
  hd_agenda_set_end(e, end);
  sg_sem_release(e->conductor);
}

/* ---- report ---------------------------------------------------------- */

hd_time hd_engine_end(const struct hd_engine *e)
{
  return e->end;
}

void hd_engine_get_report(const struct hd_engine *e, struct hd_engine_report *r)
{
  *r = (struct hd_engine_report){.end = e->end,
                                 .events = e->events,
                                 .wakeups = e->wakeups,
                                 .actors = e->n_actors,
                                 .components = e->n_components,
                                 .messages_live = e->messages.live,
                                 .messages_peak = e->messages.peak};
  uint64_t f = e->options.seed;
  for (size_t i = 0; i < e->n_components; i++) {
    f = hd_mix64(f ^ e->components[i]->hash) + e->components[i]->handled;
  }
  r->fingerprint = hd_mix64(f);
}

uint64_t hd_engine_seed(const struct hd_engine *e)
{
  return e->options.seed;
}
