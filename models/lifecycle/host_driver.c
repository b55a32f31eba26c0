/*
 * host_driver.c - the physical function's driver on the host: messages and
 * resets in order, one at a time, in a thread of its own (ice: the service
 * task).
 */
#include "models/lifecycle/internal.h"

hd_time lifecycle_command(struct worker *w, const struct worker_line *admin,
                          const struct lifecycle_config *c, int64_t n)
{
  hd_time poll = c->hypervisor->admin_poll, waited = 0;
  /* The queue's lock is held until the completion has been polled for. */
  hd_time held = (c->nic->admin_cost + poll - 1) / poll * poll;
  for (int64_t i = 0; i < n; i++)
    waited += worker_call(w, admin, LIFECYCLE_REQUEST, held);
  return waited;
}

static struct lifecycle_msg *take(struct host_driver *d)
{
  struct hd_msg *m = d->first;
  d->first = m->next;
  return (struct lifecycle_msg *)m;
}

static void serve(struct host_driver *d, struct lifecycle_msg *m)
{
  const struct lifecycle_params *p = d->config->params;
  bool reset = m->msg.kind == LIFECYCLE_WAS_RESET;
  m->waited = worker_now(&d->worker) - m->since;
  worker_work(&d->worker, p->message_work);
  (void)lifecycle_command(&d->worker, &d->admin, d->config,
                          reset ? p->reset_commands : p->message_commands);
  m->msg.kind = reset ? LIFECYCLE_RESET_DONE : LIFECYCLE_REPLY;
  d->served++;
  hd_send(m->reply, m->reply->latency, m);
}

static void body(struct worker *w)
{
  struct host_driver *d = (struct host_driver *)w;
  for (;;) {
    while (d->first == NULL)
      vcpu_idle(&w->thread.vcpu, HD_TIME_NEVER);
    serve(d, take(d));
  }
}

static void message(struct worker *w, struct hd_msg *m)
{
  struct host_driver *d = (struct host_driver *)w;
  HD_REQUIRE(worker_component(w),
             m->kind == LIFECYCLE_MAIL || m->kind == LIFECYCLE_WAS_RESET,
             "unexpected message of kind %u", m->kind);
  ((struct lifecycle_msg *)m)->since = m->when;
  m->next = NULL;
  if (d->first)
    d->last->next = m;
  else
    d->first = m;
  d->last = m;
  d->arrived++;
}

void host_driver_initialize(struct host_driver *d, struct hd_engine *e,
                            const char *host, const struct lifecycle_config *c,
                            const struct hd_window *window, struct scheduler *s)
{
  *d = (struct host_driver){.config = c};
  d->worker.body = body;
  d->worker.message = message;
  worker_initialize(&d->worker, e, "host/driver", host, c->cpu, window, s);
}

void host_driver_connect(struct host_driver *d, struct lifecycle_queue *admin)
{
  d->admin = worker_connect(&d->worker, &admin->base, LIFECYCLE_DEVICE_LATENCY);
}
