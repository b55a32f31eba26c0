/* queues.c - see queues.h. */
#include "models/lifecycle/queues.h"

static void append(struct lifecycle_queue *q, struct hd_msg *m)
{
  m->next = NULL;
  if (q->first)
    q->last->next = m;
  else
    q->first = m;
  q->last = m;
}

static struct lifecycle_msg *take(struct lifecycle_queue *q)
{
  struct lifecycle_msg *m = (struct lifecycle_msg *)q->first;
  q->first = m->msg.next;
  q->taken = true;
  q->taken_since = hd_now(&q->base);
  m->waited = q->taken_since - m->since;
  q->waited += m->waited;
  return m;
}

static void leave(struct lifecycle_queue *q)
{
  q->taken = false;
  q->served++;
  q->busy += hd_now(&q->base) - q->taken_since;
}

static void arrive(struct lifecycle_queue *q, struct hd_msg *msg)
{
  struct lifecycle_msg *m = (struct lifecycle_msg *)msg;
  m->since = hd_now(&q->base);
  q->arrived++;
  append(q, msg);
}

static void answer(struct lifecycle_msg *m)
{
  m->msg.kind = LIFECYCLE_REPLY;
  hd_send(m->reply, m->reply->latency, m);
}

/* ---- a lock -------------------------------------------------------------- */

static void give(struct lifecycle_queue *q)
{
  if (q->taken || q->first == NULL)
    return;
  struct lifecycle_msg *m = take(q);
  q->holder = m->reply;
  answer(m);
}

static void lock_handle(struct hd_component *self, struct hd_msg *m)
{
  struct lifecycle_queue *q = (struct lifecycle_queue *)self;
  if (m->kind == LIFECYCLE_REQUEST) {
    arrive(q, m);
  } else {
    HD_REQUIRE(self,
               q->taken && q->holder == ((struct lifecycle_msg *)m)->reply,
               "a lock is released by somebody who does not hold it");
    leave(q);
    hd_msg_free(self, m);
  }
  give(q);
}

void lifecycle_lock_initialize(struct lifecycle_queue *q, struct hd_engine *e,
                               const char *path, const char *host)
{
  static const struct hd_component_ops ops = {.kind = "lock",
                                              .handle = lock_handle};
  *q = (struct lifecycle_queue){0};
  hd_component_initialize(&q->base, e, &ops, path, host);
}

/* ---- a server ------------------------------------------------------------ */

static void serve(struct lifecycle_queue *q)
{
  if (q->taken || q->first == NULL)
    return;
  struct lifecycle_msg *m = take(q);
  m->msg.kind = LIFECYCLE_SERVED;
  hd_schedule(&q->base, m->work, m);
}

static void server_handle(struct hd_component *self, struct hd_msg *m)
{
  struct lifecycle_queue *q = (struct lifecycle_queue *)self;
  if (m->kind == LIFECYCLE_REQUEST) {
    arrive(q, m);
  } else {
    leave(q);
    answer((struct lifecycle_msg *)m);
  }
  serve(q);
}

void lifecycle_server_initialize(struct lifecycle_queue *q, struct hd_engine *e,
                                 const char *path, const char *host)
{
  static const struct hd_component_ops ops = {.kind = "server",
                                              .handle = server_handle};
  *q = (struct lifecycle_queue){0};
  hd_component_initialize(&q->base, e, &ops, path, host);
}

const char *lifecycle_queue_check(const struct lifecycle_queue *q)
{
  if (q->taken)
    return "is still held";
  return q->arrived == q->served && q->first == NULL ? NULL
                                                     : "has requests waiting";
}
