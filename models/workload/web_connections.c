/* web_connections.c - the web server's connections and what they send. */
#include <stdlib.h>

#include "models/workload/web_server.h"

/* ---- lists and the table ------------------------------------------------ */

void web_push(struct web_list *l, struct web_socket *s)
{
  s->next = NULL;
  s->queued = true;
  if (l->first)
    l->last->next = s;
  else
    l->first = s;
  l->last = s;
}

struct web_socket *web_pop(struct web_list *l)
{
  struct web_socket *s = l->first;
  l->first = s->next;
  s->queued = false;
  return s;
}

struct web_socket *web_find(struct web_cpu *w, uint32_t id)
{
  struct web_socket *s = w->table[id % WEB_SOCKETS];
  while (s && s->id != id)
    s = s->chain;
  return s;
}

struct web_socket *web_listen(struct guest_cpu *cpu, const struct packet *p)
{
  struct web_cpu *w = cpu->web;
  struct web_socket *s = hd_pool_get(&w->pool);
  *s = (struct web_socket){.id = p->connection, .queue = p->queue};
  tcp_initialize(&s->tcp, cpu->guest->config.tcp, true);
  s->chain = w->table[s->id % WEB_SOCKETS];
  w->table[s->id % WEB_SOCKETS] = s;
  return s;
}

void web_reap(struct web_cpu *w, struct web_socket *s)
{
  if (!s->closed || !tcp_finished(&s->tcp))
    return;
  struct web_socket **at = &w->table[s->id % WEB_SOCKETS];
  while (*at != s)
    at = &(*at)->chain;
  *at = s->chain;
  hd_pool_put(&w->pool, s);
}

/* ---- sending ------------------------------------------------------------ */

static struct packet *make(struct guest *g, uint16_t queue, uint32_t connection,
                           const struct tcp_segment *s, hd_time begin)
{
  struct packet *p = packet_new(g->config.packets);
  *p = (struct packet){.port = g->config.port,
                       .vm = g->config.vm,
                       .queue = queue,
                       .stream = queue};
  tcp_fill(p, connection, s);
  p->buffer = g->file + (s->length > 0 ? s->sequence - 1 : 0);
  hd_stamps_begin(&p->stamps, begin);
  return p;
}

hd_time web_tick(hd_time deadline)
{
  const hd_time tick = 4 * HD_MS; /* CONFIG_HZ=250 */
  if (deadline == HD_TIME_NEVER)
    return deadline;
  return (deadline + tick - 1) / tick * tick;
}

void web_send(struct guest_cpu *cpu, uint16_t queue, uint32_t connection,
              const struct tcp_segment *s)
{
  struct guest *g = cpu->guest;
  struct guest_stream *stream = &g->streams[queue];
  hd_time begin = vcpu_now(&cpu->vcpu);
  int64_t driver = netdev_tx_cycles(cpu, stream->queue);
  bool direct = netdev_tx_direct(cpu, stream->queue);
  vcpu_run(&cpu->vcpu, g->config.nginx->tcp_send + driver);
  netdev_tx_send(cpu, stream, make(g, queue, connection, s, begin), direct);
}

void web_transmit(struct guest_cpu *cpu, struct web_socket *s)
{
  struct tcp_segment segment;
  uint32_t before = s->tcp.retransmissions;
  while (tcp_output(&s->tcp, vcpu_now(&cpu->vcpu), &segment))
    web_send(cpu, s->queue, s->id, &segment);
  if (guest_in_window(cpu))
    cpu->counters.retransmissions += s->tcp.retransmissions - before;
  hd_time due = web_tick(tcp_deadline(&s->tcp));
  cpu->web->timer = hd_time_min(cpu->web->timer, due);
}

/* ---- life --------------------------------------------------------------- */

static uint64_t response(const struct guest_config *c)
{
  return (uint64_t)(c->web_server->file + c->nginx->header_bytes);
}

/* With the headers of the last segment. */
uint64_t web_server_memory(const struct guest_config *c)
{
  return guest_page_round(response(c) + PACKET_TCP_HEADERS);
}

static void create_cpu(struct guest *g, size_t i)
{
  uint32_t workers = (uint32_t)g->config.web_server->workers;
  struct web_cpu *w = guest_allocate(1, sizeof *w);
  g->cpus[i].web = w;
  hd_pool_initialize(&w->pool, sizeof(struct web_socket));
  w->timer = HD_TIME_NEVER;
  w->count = (workers + (uint32_t)(g->n_cpus - i) - 1) / (uint32_t)g->n_cpus;
  w->count = w->count > 0 ? w->count : 1;
  w->running = w->count;
  w->workers = guest_allocate(w->count, sizeof *w->workers);
}

void web_server_create(struct guest *g, uint64_t address)
{
  g->file = address;
  for (size_t i = 0; i < g->n_cpus; i++)
    create_cpu(g, i);
}

void web_server_destroy(struct guest *g)
{
  for (size_t i = 0; i < g->n_cpus; i++) {
    hd_pool_terminate(&g->cpus[i].web->pool);
    free(g->cpus[i].web->workers);
    free(g->cpus[i].web);
  }
}
