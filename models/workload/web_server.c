/* web_server.c - the web server's worker processes, see web_server.h. */
#include "models/workload/web_server.h"

/* Linux's minimal preemption granularity with some CPUs (from memory). */
#define SLICE (3 * HD_MS)

/* ---- events ------------------------------------------------------------- */

static void accept_one(struct guest_cpu *cpu, struct web_worker *worker)
{
  struct web_cpu *w = cpu->web;
  vcpu_run(&cpu->vcpu, cpu->guest->config.nginx->accept);
  bool enabled = guest_irq_save(cpu);
  struct web_socket *s = web_pop(&w->listening);
  s->worker = worker;
  if (tcp_readable(&s->tcp) > 0)
    web_push(&worker->ready, s);
  guest_irq_restore(cpu, enabled);
}

/* Cycles from the request's arrival to sendfile()'s transmission. */
static int64_t serving(const struct guest_config *c)
{
  const struct nginx_params *k = c->nginx;
  int64_t pages = (c->web_server->file + GUEST_PAGE - 1) / GUEST_PAGE;
  return k->open + k->send + pages * k->page;
}

static void respond(struct guest_cpu *cpu, struct web_socket *s)
{
  const struct guest_config *c = &cpu->guest->config;
  vcpu_run(&cpu->vcpu, serving(c));
  bool enabled = guest_irq_save(cpu);
  tcp_write(&s->tcp, (uint32_t)(c->nginx->header_bytes + c->web_server->file));
  web_transmit(cpu, s);
  guest_irq_restore(cpu, enabled);
  vcpu_run(&cpu->vcpu, c->nginx->close);
  enabled = guest_irq_save(cpu);
  tcp_close(&s->tcp);
  s->closed = true;
  web_transmit(cpu, s);
  web_reap(cpu->web, s);
  guest_irq_restore(cpu, enabled);
}

/* A part of a request: wait for the rest. */
static void serve(struct guest_cpu *cpu, struct web_worker *worker)
{
  const struct nginx_params *k = cpu->guest->config.nginx;
  struct web_socket *s = web_pop(&worker->ready);
  vcpu_run(&cpu->vcpu, k->request);
  tcp_read(&s->tcp, tcp_readable(&s->tcp));
  if (s->tcp.read >= k->request_bytes)
    respond(cpu, s);
}

/* ---- workers ------------------------------------------------------------ */

static uint32_t waiting(const struct web_list *l)
{
  uint32_t n = 0;
  for (const struct web_socket *s = l->first; s; s = s->next)
    n++;
  return n;
}

/* epoll_wait() and the events it returns, one connection to accept at most. */
static void go_round(struct guest_cpu *cpu, struct web_worker *worker)
{
  struct web_cpu *w = cpu->web;
  vcpu_run(&cpu->vcpu, cpu->guest->config.nginx->events);
  worker->woken = false;
  uint32_t events = waiting(&worker->ready);
  if (w->listening.first)
    accept_one(cpu, worker);
  for (; events > 0; events--)
    serve(cpu, worker);
}

static bool runnable(const struct web_cpu *w, uint32_t i)
{
  const struct web_worker *worker = &w->workers[i];
  bool listens = worker->woken || i == w->running;
  return worker->ready.first || (w->listening.first && listens);
}

/* Index of the worker that runs; w->count: none. */
static uint32_t pick(const struct web_cpu *w, hd_time now)
{
  bool was = w->running < w->count;
  if (was && now < w->slice_end && runnable(w, w->running))
    return w->running;
  for (uint32_t i = 1; i <= w->count; i++) {
    uint32_t k = (w->running + i) % w->count;
    if (runnable(w, k))
      return k;
  }
  return w->count;
}

/* What a worker was woken for has been taken by another. */
static void forget_wakes(struct web_cpu *w)
{
  for (uint32_t i = 0; i < w->count; i++)
    w->workers[i].woken = false;
}

void web_server_run(struct guest_cpu *cpu)
{
  struct web_cpu *w = cpu->web;
  for (;;) {
    guest_soft_interrupts(cpu);
    web_expire(cpu);
    uint32_t next = pick(w, vcpu_now(&cpu->vcpu));
    if (next == w->count) {
      forget_wakes(w);
      w->running = w->count;
      guest_wait(cpu, w->timer);
      continue;
    }
    if (next != w->running) {
      w->running = next;
      vcpu_run(&cpu->vcpu, cpu->guest->config.costs->thread_switch);
      w->slice_end = vcpu_now(&cpu->vcpu) + SLICE;
    }
    go_round(cpu, &w->workers[next]);
  }
}
