/* web_softirq.c - TCP of the web server, in the poll function's context. */
#include "models/workload/web_server.h"

static int64_t cost(const struct guest *g, const struct web_socket *s,
                    const struct tcp_segment *segment)
{
  const struct nginx_params *k = g->config.nginx;
  if (segment->flags & PACKET_TCP_SYN)
    return k->tcp_segment + k->tcp_syn;
  if (s && !s->tcp.established)
    return k->tcp_segment + k->tcp_establish;
  if (segment->flags & PACKET_TCP_FIN)
    return k->tcp_segment + k->tcp_finish;
  return k->tcp_segment;
}

/* ---- events ------------------------------------------------------------- */

static void wake(struct guest_cpu *cpu)
{
  vcpu_run(&cpu->vcpu, cpu->guest->config.nginx->wake);
}

/* A connection to be accepted wakes one of the workers that wait; those that
 * do not find it when they look for events next. */
static void announce(struct guest_cpu *cpu, struct web_socket *s)
{
  struct web_cpu *w = cpu->web;
  web_push(&w->listening, s);
  for (uint32_t i = 0; i < w->count; i++) {
    struct web_worker *worker = &w->workers[i];
    if (worker->woken || worker->ready.first)
      continue;
    worker->woken = true;
    wake(cpu);
    return;
  }
}

static void notify(struct guest_cpu *cpu, struct web_socket *s)
{
  if (!s->worker || s->queued || s->closed || tcp_readable(&s->tcp) == 0)
    return;
  bool waits = !s->worker->ready.first && !s->worker->woken;
  web_push(&s->worker->ready, s);
  if (waits)
    wake(cpu);
}

/* ---- segments ----------------------------------------------------------- */

static void stray(struct guest_cpu *cpu, const struct packet *p,
                  const struct tcp_segment *segment)
{
  struct tcp_segment answer;
  if (tcp_answer_stray(segment, &answer))
    web_send(cpu, p->queue, p->connection, &answer);
}

static void handle(struct guest_cpu *cpu, const struct packet *p)
{
  struct web_cpu *w = cpu->web;
  struct tcp_segment segment = tcp_segment_of(p);
  struct web_socket *s = web_find(w, p->connection);
  if (!s && segment.flags & PACKET_TCP_SYN)
    s = web_listen(cpu, p);
  if (!s) {
    stray(cpu, p, &segment);
    return;
  }
  bool stood = s->tcp.established;
  tcp_receive(&s->tcp, &segment, vcpu_now(&cpu->vcpu));
  web_transmit(cpu, s);
  if (!stood && s->tcp.established)
    announce(cpu, s);
  notify(cpu, s);
  web_reap(w, s);
}

static void account(struct guest_cpu *cpu, const struct packet *p)
{
  if (!guest_in_window(cpu))
    return;
  cpu->counters.received_packets++;
  cpu->counters.received_bytes += p->payload;
}

void web_softirq(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  while (cpu->tcp.first) {
    struct packet *p = cpu->tcp.first;
    struct tcp_segment segment = tcp_segment_of(p);
    vcpu_run(&cpu->vcpu, cost(g, web_find(cpu->web, p->connection), &segment));
    struct packet copy = *packet_list_pop(&cpu->tcp);
    account(cpu, p);
    packet_free(g->config.packets, p);
    handle(cpu, &copy);
  }
}

/* ---- timers ------------------------------------------------------------- */

static void expire(struct guest_cpu *cpu, hd_time now)
{
  struct web_cpu *w = cpu->web;
  hd_time next = HD_TIME_NEVER;
  for (uint32_t i = 0; i < WEB_SOCKETS; i++)
    for (struct web_socket *s = w->table[i]; s; s = s->chain) {
      if (tcp_deadline(&s->tcp) <= now) {
        tcp_expire(&s->tcp, now);
        web_transmit(cpu, s);
      }
      next = hd_time_min(next, tcp_deadline(&s->tcp));
    }
  w->timer = web_tick(next);
}

void web_expire(struct guest_cpu *cpu)
{
  hd_time now = vcpu_now(&cpu->vcpu);
  if (now < cpu->web->timer)
    return;
  bool enabled = guest_irq_save(cpu);
  expire(cpu, now);
  guest_irq_restore(cpu, enabled);
}
