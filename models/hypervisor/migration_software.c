/* migration_software.c - see migration_software.h. */
#include "models/hypervisor/migration_software.h"

#include <stdlib.h>

#include "models/messages.h"

/* ---- requests ------------------------------------------------------------ */

static bool request(struct migration_agent *a, const struct migration_server *s,
                    const struct virtq_control_msg *what)
{
  struct hd_component *self = migration_agent_component(a);
  struct virtq_control_msg *m = hd_msg_new_zero(self, MSG_VIRTQ_CONTROL);
  struct hd_msg header = m->msg;
  *m = *what;
  m->msg = header;
  m->vm = s->of->config.vm;
  m->reply = s->reply;
  hd_send(s->to, s->to->latency, m);
  m = (struct virtq_control_msg *)migration_agent_await(a, MSG_VIRTQ_CONTROL);
  bool ok = m->ok;
  hd_msg_free(self, m);
  return ok;
}

static const struct migration_server *
server_of(const struct migration_software *x, uint32_t queue)
{
  return &x->servers[queue / x->config.queues_of_server];
}

static bool suspend(void *back_end, struct migration_agent *a, uint32_t queue)
{
  struct migrating_queue *q = &migration_agent_config(a)->queues[queue];
  return request(a, server_of(back_end, queue),
                 &(struct virtq_control_msg){.verb = VIRTQ_CONTROL_STOP,
                                             .queue = (uint16_t)queue,
                                             .state = &q->state});
}

/* At the source the thread still knows. At the destination the driver's latest
 * view is what lies in memory: all vCPUs stand still. */
static bool resume(void *back_end, struct migration_agent *a, uint32_t queue)
{
  const struct migration_agent_config *c = migration_agent_config(a);
  struct migrating_queue *q = &c->queues[queue];
  struct virtq_control_msg start = {.verb = VIRTQ_CONTROL_START,
                                    .queue = (uint16_t)queue};
  if (c->side == 1) {
    q->view = guest_driver_views(c->function, queue);
    start.state = &q->state;
    start.view = &q->view;
  }
  return request(a, server_of(back_end, queue), &start);
}

/* On the thread's actor. */
static void log_pages(void *context, struct hd_component *thread,
                      const struct virtio_dirty_run *run, uint16_t runs)
{
  const struct migration_server *s = context;
  migration_agent_log(s->of->agent, s->log, thread, run, runs);
}

static void track(void *back_end, struct migration_agent *a, bool on)
{
  struct migration_software *x = back_end;
  for (uint32_t i = 0; i < x->n; i++)
    (void)request(
        a, &x->servers[i],
        &(struct virtq_control_msg){.verb = VIRTQ_CONTROL_TRACK,
                                    .queue = x->servers[i].first_queue,
                                    .log = {.pages = on ? log_pages : NULL,
                                            .context = &x->servers[i]}});
}

static void leave(void *back_end, struct migration_agent *a)
{
  struct migration_software *x = back_end;
  for (uint32_t i = 0; i < x->n; i++)
    (void)request(
        a, &x->servers[i],
        &(struct virtq_control_msg){.verb = VIRTQ_CONTROL_LEAVE,
                                    .queue = x->servers[i].first_queue});
}

/* ---- the destination's threads ------------------------------------------- */

static void prepare(void *back_end, struct migration_agent *a)
{
  struct migration_software *x = back_end;
  struct hd_component *self = migration_agent_component(a);
  if (x->config.make_devices)
    x->config.make_devices(x->config.context, a);
  hd_send(x->to_starter, x->to_starter->latency,
          hd_msg_new_zero(self, MSG_VM_BOOT));
}

/* ---- building ------------------------------------------------------------ */

static void join(void *back_end, struct migration_agent *a, struct migration *m)
{
  struct migration_software *x = back_end;
  x->agent = a;
  if (migration_agent_config(a)->side == 0) {
    for (uint32_t i = 0; i < x->n; i++)
      x->servers[i].log = migration_dirty_channel(m, x->servers[i].thread,
                                                  MIGRATION_LOG_LATENCY);
    return;
  }
  x->to_starter = hd_channel_open(migration_agent_component(a),
                                  x->config.starter, MIGRATION_AGENT_LATENCY);
}

void migration_software_initialize(struct migration_software *x,
                                   const struct migration_software_config *c,
                                   uint32_t n)
{
  *x = (struct migration_software){.config = *c, .n = n};
  x->servers = calloc(n, sizeof *x->servers);
  HD_REQUIRE(NULL, x->servers != NULL, "out of memory for a migration");
}

void migration_software_connect(struct migration_software *x,
                                struct migration_agent *a, uint32_t i,
                                struct hd_component *thread)
{
  struct hd_component *self = migration_agent_component(a);
  x->servers[i] = (struct migration_server){
      .thread = thread,
      .to = hd_channel_open(self, thread, MIGRATION_AGENT_LATENCY),
      .reply = hd_channel_open(thread, self, MIGRATION_AGENT_LATENCY),
      .first_queue = (uint16_t)(i * x->config.queues_of_server),
      .of = x};
}

void migration_software_terminate(struct migration_software *x)
{
  free(x->servers);
}

const struct migration_back_end_ops migration_software_ops = {
    .join = join,
    .prepare = prepare,
    .suspend = suspend,
    .resume = resume,
    .track = track,
    .leave = leave};
