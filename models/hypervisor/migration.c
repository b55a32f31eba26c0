/*
 * migration.c - building and reading a migration; slots.
 */
#include "models/hypervisor/migration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/hypervisor/migration_internal.h"
#include "sim/engine/rng.h"

/* ---- slots --------------------------------------------------------------- */

static void fill(struct migration *m, struct migration_slot *slot,
                 const struct migration_device_ops *ops, void *const side[2])
{
  void *device = side[MIGRATION_SOURCE];
  slot->ops = ops;
  memcpy(slot->side, side, sizeof slot->side);
  slot->queues = ops->image ? 1 : ops->queues(device);
  slot->state = ops->state_bytes ? ops->state_bytes(device)
                : ops->image     ? m->config.params->device_state
                                 : 0;
}

void migration_slot_fill(struct migration *m, uint32_t i, bool stand_in)
{
  const struct migration_device *d = &m->devices[i];
  struct migration_slot *slot = &m->slots[i];
  slot->name = d->name;
  slot->stands_in = stand_in;
  if (stand_in)
    fill(m, slot, d->stand_in, d->stand_in_side);
  else
    fill(m, slot, d->ops, d->side);
}

/* Room for the queues of the devices and of their stand-ins. */
static void make_slots(struct migration *m)
{
  uint32_t most = 1;
  m->slots =
      hd_array(NULL, m->config.n_devices, sizeof *m->slots, "a migration");
  for (uint32_t i = 0; i < m->config.n_devices; i++) {
    uint32_t queues = 0;
    for (int stand_in = m->devices[i].stand_in != NULL; stand_in >= 0;
         stand_in--) {
      migration_slot_fill(m, i, stand_in);
      if (m->slots[i].queues > queues)
        queues = m->slots[i].queues;
    }
    m->slots[i].rings =
        hd_array(NULL, queues, sizeof(struct migration_ring), "a migration");
    most = queues > most ? queues : most;
  }
  for (int side = 0; side < 2; side++) {
    struct migration_thread *t =
        side ? &m->destination.thread : &m->source.thread;
    t->batch.done = hd_array(NULL, most, sizeof(hd_time), "a migration");
    t->batch.least = hd_array(NULL, most, sizeof(hd_time), "a migration");
  }
}

/* ---- building ------------------------------------------------------------ */

static void make_streams(struct migration *m, uint64_t seed, const char *path)
{
  uint32_t n = m->config.n_devices + 1;
  char purpose[32] = "dirty/guest";
  m->source.rng = hd_array(NULL, n, sizeof *m->source.rng, "a migration");
  for (uint32_t i = 0; i < n; i++) {
    if (i > 0)
      snprintf(purpose, sizeof purpose, "dirty/%u", i - 1);
    m->source.rng[i] = hd_rng_new(seed, path, purpose);
  }
}

static void make_chunks(struct migration *m)
{
  m->chunk_pages = (uint32_t)(m->config.params->chunk / MIGRATION_PAGE);
  for (int i = 0; i < MIGRATION_CHUNKS; i++) {
    struct migration_chunk *k = &m->chunks[i];
    k->page = hd_array(NULL, m->chunk_pages, sizeof *k->page, "a migration");
    k->version =
        hd_array(NULL, m->chunk_pages, sizeof *k->version, "a migration");
    m->source.free[m->source.n_free++] = k;
  }
}

static void make_task(struct migration *m, struct hd_engine *e,
                      struct migration_thread *t, unsigned side,
                      const char *path)
{
  char name[256];
  snprintf(name, sizeof name, "%s/%s", path,
           side == MIGRATION_SOURCE ? "source" : "destination");
  hd_task_initialize(&t->task, e,
                     side == MIGRATION_SOURCE ? migration_source_main
                                              : migration_destination_main,
                     "migration", name, m->config.host[side]);
  t->migration = m;
  t->side = side;
}

static void join(const struct migration *m, struct migration_thread *from,
                 struct migration_thread *to)
{
  const struct migration_config *c = &m->config;
  from->control =
      hd_channel_open(&from->task.base, &to->task.base,
                      hd_time_max(HD_US, c->params->control_latency));
  from->data = hd_channel_open(&from->task.base, &to->task.base,
                               hd_time_max(1, hd_link_latency(c->link)));
}

static void check_config(const char *path, const struct migration_config *c)
{
  int64_t leaf = c->params->iommu_leaf / MIGRATION_PAGE;
  HD_REQUIRE(NULL,
             c->memory >= MIGRATION_PAGE && c->memory % MIGRATION_PAGE == 0 &&
                 c->memory / MIGRATION_PAGE < UINT32_MAX,
             "%s: %lld bytes of guest memory", path, (long long)c->memory);
  HD_REQUIRE(NULL, leaf > 0 && (leaf & (leaf - 1)) == 0,
             "%s: an IOMMU page of %lld bytes", path,
             (long long)c->params->iommu_leaf);
  HD_REQUIRE(NULL,
             c->cpu_hz > 0 && c->params->chunk >= MIGRATION_PAGE &&
                 c->zero_share >= 0 && c->zero_share <= 1,
             "%s: no clock, no chunk, or a zero share of %g", path,
             c->zero_share);
}

struct migration *migration_create(struct hd_engine *e, const char *path,
                                   const struct migration_config *c)
{
  check_config(path, c);
  struct migration *m = hd_array(NULL, 1, sizeof *m, "a migration");
  m->config = *c;
  m->n_pages = (uint32_t)(c->memory / MIGRATION_PAGE);
  m->leaf = (uint32_t)(c->params->iommu_leaf / MIGRATION_PAGE);
  m->clock = hd_clock_at(c->cpu_hz);
  m->devices = hd_array(NULL, c->n_devices, sizeof *m->devices, "a migration");
  if (c->n_devices)
    memcpy(m->devices, c->devices, c->n_devices * sizeof *m->devices);
  m->config.devices = m->devices;
  make_slots(m);
  make_streams(m, hd_engine_seed(e), path);
  make_chunks(m);
  HD_REQUIRE(
      NULL,
      migration_memory_initialize(&m->source.memory, m->n_pages, c->zero_share),
      "out of memory for the pages of %s", path);
  m->destination.version =
      hd_array(NULL, m->n_pages, sizeof *m->destination.version, "a migration");
  m->source.series_stride = 1;
  make_task(m, e, &m->source.thread, MIGRATION_SOURCE, path);
  make_task(m, e, &m->destination.thread, MIGRATION_DESTINATION, path);
  join(m, &m->source.thread, &m->destination.thread);
  join(m, &m->destination.thread, &m->source.thread);
  snprintf(m->report.status, sizeof m->report.status,
           "not over when the run ended");
  return m;
}

void migration_destroy(struct migration *m)
{
  for (uint32_t i = 0; i < m->config.n_devices; i++)
    free(m->slots[i].rings);
  for (uint32_t i = 0; i <= m->config.n_devices; i++)
    gsl_rng_free(m->source.rng[i]);
  for (int i = 0; i < MIGRATION_CHUNKS; i++) {
    free(m->chunks[i].page);
    free(m->chunks[i].version);
  }
  free(m->source.thread.batch.done);
  free(m->source.thread.batch.least);
  free(m->destination.thread.batch.done);
  free(m->destination.thread.batch.least);
  migration_memory_terminate(&m->source.memory);
  free(m->source.rng);
  free(m->destination.version);
  free(m->slots);
  free(m->devices);
  free(m);
}

struct hd_component *migration_component(struct migration *m, unsigned side)
{
  return side == MIGRATION_SOURCE ? &m->source.thread.task.base
                                  : &m->destination.thread.task.base;
}

struct hd_channel *migration_dirty_channel(struct migration *m,
                                           struct hd_component *from,
                                           hd_time latency)
{
  struct hd_channel *ch =
      hd_channel_open(from, &m->source.thread.task.base, latency);
  hd_channel_set_passive(ch);
  return ch;
}

/* ---- results ------------------------------------------------------------- */

const struct migration_report *migration_get_report(const struct migration *m)
{
  return &m->report;
}

uint32_t migration_version(const struct migration *m, unsigned side,
                           uint32_t page)
{
  return side == MIGRATION_SOURCE ? m->source.memory.version[page]
                                  : m->destination.version[page];
}
