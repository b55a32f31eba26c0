/* vhost_napi.c - the NAPI thread of a receive queue of the host. */
#include "models/vhost/vhost_net.h"

#include <stdlib.h>

static struct vhost_tap *tap_of(struct vhost_napi *n, const struct packet *p)
{
  if (p->vm >= n->guests || p->queue >= n->pairs)
    return NULL;
  struct vhost_tap *t = &n->taps[(size_t)p->vm * n->pairs + p->queue];
  return t->to_worker ? t : NULL;
}

static void drop_unknown(struct vhost_napi *n, struct packet *p)
{
  n->unknown++;
  n->no_tap +=
      hd_window_contains(n->thread.vcpu.window, host_thread_now(&n->thread));
  packet_free(n->pool, p);
}

/* Driver, bridge, tap device. */
static void forward(struct vhost_napi *n, struct packet *p)
{
  const struct vhost_params *k = n->params;
  host_thread_work(&n->thread, k->receive + k->bridge);
  n->handled +=
      hd_window_contains(n->thread.vcpu.window, host_thread_now(&n->thread));
  struct vhost_tap *t = tap_of(n, p);
  if (!t) {
    drop_unknown(n, p);
    return;
  }
  bool first = t->woken != n->polls;
  t->woken = n->polls;
  host_thread_work(&n->thread, k->tun_enqueue + (first ? k->tun_wake : 0));
  struct host_packets_msg *m =
      hd_msg_new_zero(host_thread_component(&n->thread), MSG_HOST_FRAME);
  m->list = p;
  m->count = 1;
  n->forwarded++;
  hd_send(t->to_worker, t->to_worker->latency, m);
}

static struct packet *next_packet(struct vhost_napi *n)
{
  if (n->rxq->list.count == 0)
    host_thread_look(&n->thread);
  return host_packets_pop(&n->rxq->list);
}

/* A poll; the vector is enabled if it has found less than its budget. */
static void poll(struct vhost_napi *n)
{
  int64_t budget = n->params->napi_budget;
  uint32_t done = 0;
  struct packet *p;
  n->polls++;
  host_thread_work(&n->thread, n->params->napi_entry);
  while (done < budget && (p = next_packet(n)) != NULL) {
    forward(n, p);
    done++;
  }
  host_rxq_give_back(&n->thread, n->rxq, done);
  if (done < budget)
    host_rxq_enable(&n->thread, n->rxq, n->params->itr);
  else
    n->scheduled = true;
  host_thread_look(&n->thread);
}

static void body(struct vcpu *v)
{
  struct vhost_napi *n = v->guest;
  host_rxq_start(&n->thread, n->rxq);
  host_rxq_enable(&n->thread, n->rxq, n->params->itr);
  for (;;) {
    while (!n->scheduled)
      vcpu_idle(v, HD_TIME_NEVER);
    n->scheduled = false;
    poll(n);
  }
}

static void interrupt(struct vcpu *v, unsigned vector)
{
  struct vhost_napi *n = v->guest;
  (void)vector;
  n->scheduled = true;
}

static bool message(struct vcpu *v, struct hd_msg *m)
{
  struct vhost_napi *n = v->guest;
  HD_REQUIRE(&v->task.base, m->kind == MSG_GUEST_MEMORY, "message of kind %u",
             m->kind);
  host_rxq_written(n->rxq, (const struct guest_memory_msg *)m);
  hd_msg_free(&v->task.base, m);
  return false; /* the interrupt wakes it */
}

/* ---- life -----------------------------------------------------------------
 */

static const struct vcpu_ops ops = {
    .main = body, .interrupt = interrupt, .message = message};

void vhost_napi_initialize(struct vhost_napi *n, struct hd_engine *e,
                           const char *path, const char *host,
                           const struct vhost_params *p,
                           const struct cpu_params *cpu, struct host_rxq *rxq,
                           uint32_t guests, uint32_t pairs,
                           struct packet_pool *pool,
                           const struct hd_window *window)
{
  *n = (struct vhost_napi){
      .params = p, .rxq = rxq, .pool = pool, .guests = guests, .pairs = pairs};
  host_thread_initialize(&n->thread, e, path, host, cpu, p->thread_switch,
                         window, &ops, n);
  n->taps = calloc((size_t)guests * pairs + 1, sizeof *n->taps);
  HD_REQUIRE(NULL, n->taps != NULL, "out of memory for %s", path);
}

void vhost_napi_terminate(struct vhost_napi *n)
{
  free(n->taps);
}

void vhost_napi_add(struct vhost_napi *n, struct vhost_worker *w)
{
  size_t i = (size_t)w->pair->vm * n->pairs + w->pair->number;
  n->taps[i].to_worker =
      hd_channel_open(host_thread_component(&n->thread),
                      host_thread_component(&w->thread), HOST_LINE_LATENCY);
}
