/*
 * migration_destination.c - the incoming side.
 */
#include "models/hypervisor/migration_internal.h"

static struct migration *home_of(const struct migration_destination *d)
{
  return d->thread.migration;
}

/* ---- while the VM runs at the source ------------------------------------- */

static void cannot(struct migration_destination *d, uint32_t device,
                   const char *reason)
{
  const struct migration *m = home_of(d);
  for (uint32_t i = 0; i < m->config.n_devices; i++)
    if (m->slots[i].ops->destroy)
      m->slots[i].ops->destroy(m->slots[i].side[MIGRATION_DESTINATION],
                               &d->thread.task);
  d->cancelled = true;
  if (reason)
    migration_tell(&d->thread,
                   &(struct migration_control_msg){.word = MIGRATION_CANNOT,
                                                   .device = device,
                                                   .reason = reason});
}

static bool create_queues(struct migration_destination *d)
{
  const struct migration *m = home_of(d);
  for (; d->created < m->config.n_devices; d->created++) {
    if (m->slots[d->created].ops->image)
      continue;
    const char *why =
        migration_command(&d->thread, d->created, MIGRATION_CREATE);
    if (why) {
      cannot(d, d->created, why);
      return false;
    }
  }
  return true;
}

static void prepare(struct migration_destination *d)
{
  if (home_of(d)->config.params->precreate && !create_queues(d))
    return;
  migration_tell(&d->thread,
                 &(struct migration_control_msg){.word = MIGRATION_READY});
}

static void take_pages(struct migration_destination *d,
                       struct migration_chunk *k)
{
  for (uint32_t i = 0; i < k->n && !d->cancelled; i++)
    d->version[k->page[i]] = k->version[i];
  migration_follow(&d->thread, &(struct migration_control_msg){
                                   .word = MIGRATION_TAKEN, .chunk = k});
}

static void load_image(struct migration_destination *d, int64_t bytes)
{
  hd_task_advance(
      &d->thread.task,
      hd_time_of_bytes(bytes, home_of(d)->config.params->state_load_rate));
}

/* ---- taking over --------------------------------------------------------- */

/* The source stands still and waits, so that its memory may be looked at. */
static void check_memory(const struct migration_destination *d)
{
  const struct migration *m = home_of(d);
  const uint32_t *source = m->source.memory.version;
  for (uint32_t i = 0; i < m->n_pages; i++)
    HD_REQUIRE(&d->thread.task.base, source[i] == d->version[i],
               "page %u handed over in version %u; the source has %u", i,
               d->version[i], source[i]);
}

/* Queues and configuration of devices whose state is no image. */
static bool make_devices(struct migration_destination *d)
{
  const struct migration *m = home_of(d);
  if (!create_queues(d))
    return false;
  for (uint32_t i = 0; i < m->config.n_devices; i++)
    if (!m->slots[i].ops->image && !m->slots[i].ops->software)
      hd_task_advance(&d->thread.task, m->config.params->config_cost);
  return true;
}

static bool resume_all(struct migration_destination *d)
{
  const struct migration *m = home_of(d);
  for (uint32_t i = 0; i < m->config.n_devices; i++) {
    const char *why = migration_command(&d->thread, i, MIGRATION_RESUME);
    if (why) {
      cannot(d, i, why);
      return false;
    }
  }
  hd_task_advance(&d->thread.task, m->config.params->start_cost);
  if (migration_guest(&d->thread, MIGRATION_RESUME))
    return true;
  cannot(d, MIGRATION_CPU, "could not be started at the destination");
  return false;
}

/* The network follows; then what had been unplugged comes back. */
static void settle_in(struct migration_destination *d)
{
  const struct migration_config *c = &home_of(d)->config;
  struct migration_thread *t = &d->thread;
  hd_task_advance(&t->task,
                  c->params->announce_delay + c->params->switch_update);
  if (c->guest_ops->switched)
    c->guest_ops->switched(c->guest[MIGRATION_DESTINATION], &t->task);
  if (migration_plug(t))
    migration_tell(t, &(struct migration_control_msg){.word = MIGRATION_PLUGGED,
                                                      .at = migration_now(t)});
}

static void take_over(struct migration_destination *d, int64_t image)
{
  struct migration_thread *t = &d->thread;
  struct migration_control_msg k = {.word = MIGRATION_RUNNING,
                                    .arrived = migration_now(t)};
  check_memory(d);
  load_image(d, image);
  hd_time loaded = migration_now(t);
  if (!make_devices(d))
    return;
  hd_time made = migration_now(t);
  if (!resume_all(d))
    return;
  k.at = migration_now(t);
  k.state = loaded - k.arrived;
  k.create = made - loaded;
  k.resume = k.at - made;
  migration_tell(t, &k);
  settle_in(d);
}

/* ---- messages ------------------------------------------------------------ */

static void handle(struct migration_destination *d,
                   const struct migration_control_msg *k)
{
  switch (k->word) {
  case MIGRATION_PREPARE:
    prepare(d);
    break;
  case MIGRATION_PAGES:
    take_pages(d, k->chunk);
    break;
  case MIGRATION_IMAGE:
    load_image(d, k->bytes);
    break;
  case MIGRATION_COMMIT:
    take_over(d, k->bytes);
    break;
  default:
    HD_REQUIRE(&d->thread.task.base, k->word == MIGRATION_CANCEL,
               "unexpected word %d", (int)k->word);
    if (!d->cancelled)
      cannot(d, 0, NULL);
  }
}

void migration_destination_main(struct hd_task *t)
{
  struct migration_destination *d = (struct migration_destination *)t;
  for (;;) {
    struct migration_control_msg *k =
        migration_receive(&d->thread, HD_TIME_NEVER);
    handle(d, k);
    hd_msg_free(&t->base, k);
  }
}
