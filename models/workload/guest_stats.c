/* guest_stats.c - results of a guest, and whether its books balance. */
#include "models/workload/accel.h"
#include "models/workload/blockdev.h"

/* ---- results ----------------------------------------------------------- */

static void add_counters(struct guest_stats *s, const struct guest_counters *c)
{
  s->sent_packets += c->sent_packets;
  s->sent_bytes += c->sent_bytes;
  s->received_packets += c->received_packets;
  s->received_bytes += c->received_bytes;
  s->requests += c->requests;
  s->page_faults += c->page_faults;
  s->throttled += c->throttled;
  s->blocked += c->blocked;
  s->dropped += c->dropped;
  s->lost += c->lost;
  s->kick_exits += c->kick_exits;
  s->kick_doorbells += c->kick_doorbells;
  s->kicks_suppressed += c->kicks_suppressed;
  s->reads += c->reads;
  s->writes += c->writes;
  s->flushes += c->flushes;
  s->read_bytes += c->read_bytes;
  s->written_bytes += c->written_bytes;
  s->errors += c->errors;
  s->consumed_bytes += c->consumed_bytes;
  s->produced_bytes += c->produced_bytes;
  s->retransmissions += c->retransmissions;
  if (c->qdisc_max > s->qdisc_max)
    s->qdisc_max = c->qdisc_max;
}

static void add_vcpu(struct guest_stats *s, const struct vcpu_stats *v,
                     bool bare)
{
  for (int i = 0; i < EXIT_REASONS && !bare; i++)
    s->exits[i] += v->exits[i];
  s->interrupts += v->interrupts;
  s->guest_time += v->guest_time;
  s->host_time += v->host_time;
}

static bool sends(const struct guest_cpu *cpu)
{
  switch (cpu->guest->config.workload) {
  case WORKLOAD_UDP_STREAM:
    return cpu->sender.count > 0;
  case WORKLOAD_PCAP_REPLAY:
    return cpu->sender.count > 0 || guest_replays_rx(&cpu->guest->config);
  case WORKLOAD_PING:
    return cpu->number == 0;
  case WORKLOAD_IDLE:
    return guest_is_peer(&cpu->guest->config);
  case WORKLOAD_BLOCK_JOBS:
    return cpu->number < cpu->guest->config.block_jobs->numjobs;
  case WORKLOAD_ACCELERATOR_JOBS:
    return cpu->number < cpu->guest->accel->n_threads;
  default:
    return cpu->guest->config.workload == WORKLOAD_DPDK_FORWARD ||
           cpu->guest->config.workload == WORKLOAD_WEB_SERVER;
  }
}

/* Share of the window so far in which the vCPU ran guest or host code; waiting
 * awake does not count: halt polling, and, with an accelerator, looks at a ring
 * that find nothing. */
static double utilization(const struct guest_cpu *cpu,
                          const struct vcpu_stats *v, hd_time end)
{
  hd_time elapsed = hd_window_elapsed(cpu->guest->config.window, end);
  hd_time busy =
      v->guest_time + v->host_time - v->polled - cpu->counters.polled;
  if (cpu->in_vain)
    busy -=
        hd_window_overlap(cpu->guest->config.window, cpu->in_vain_since, end);
  return elapsed > 0 ? (double)busy / (double)elapsed : 0.0;
}

void guest_get_stats(const struct guest *g, struct guest_stats *s)
{
  hd_time end = hd_engine_end(g->engine);
  *s = (struct guest_stats){0};
  for (size_t i = 0; i < g->n_cpus; i++) {
    const struct guest_cpu *cpu = &g->cpus[i];
    struct vcpu_stats v;
    vcpu_get_stats(&cpu->vcpu, end, &v);
    add_counters(s, &cpu->counters);
    add_vcpu(s, &v, g->config.bare);
    double busy = sends(cpu) ? utilization(cpu, &v, end) : 0.0;
    if (busy > s->send_core_utilization)
      s->send_core_utilization = busy;
  }
  s->replay = g->replayed;
  if (guest_replays_tx(&g->config))
    s->replay.due =
        replay_due(&g->config.replay, g->config.window->start - g->replay_start,
                   g->config.window->end - g->replay_start);
}

const struct hd_histogram *guest_latency(const struct guest *g)
{
  return &g->latency;
}

const struct hd_breakdown *guest_breakdown(const struct guest *g)
{
  return &g->breakdown;
}

/* ---- conservation ------------------------------------------------------ */

static size_t packet_queues(const struct guest *g)
{
  return g->block || g->accel ? 0 : g->n_pairs;
}

uint64_t guest_packets_held(const struct guest *g)
{
  uint64_t n = 0;
  for (size_t q = 0; q < packet_queues(g); q++)
    n += g->txq[q].qdisc.count + g->txq[q].dev->ops->unfetched(&g->txq[q]) +
         g->rxq[q].list.count;
  for (size_t i = 0; i < g->n_cpus; i++) {
    const struct guest_cpu *cpu = &g->cpus[i];
    n += cpu->replies.count + cpu->echoes.count + cpu->burst.count +
         cpu->tcp.count + cpu->passed - cpu->taken;
  }
  return n;
}

uint64_t guest_packets_arrived(const struct guest *g)
{
  uint64_t n = 0;
  for (size_t q = 0; q < packet_queues(g); q++)
    if (g->rxq[q].dev->number == 0)
      n += g->rxq[q].received;
  return n;
}

static const char *check_rings(const struct guest *g)
{
  for (unsigned i = 0; i < g->n_pairs; i++) {
    const struct guest_rxq *r = &g->rxq[i];
    if (r->received - r->handled != r->list.count)
      return "receive ring: packets received are not handled or waiting";
    const char *wrong = r->dev->ops->check(g, i);
    if (wrong)
      return wrong;
  }
  return NULL;
}

static uint64_t bytes_in(const struct guest *g, const struct guest_txq *q,
                         const struct guest_stream *s)
{
  uint64_t bytes = q->dev->ops->posted_bytes(q, s->number);
  for (const struct packet *p = q->qdisc.first; p; p = p->next)
    if (p->stream == s->number)
      bytes += guest_packet_truesize(g, p);
  return bytes;
}

/* Bytes of stream s in its queues' rings and queueing disciplines. */
static uint64_t queued_bytes(const struct guest *g,
                             const struct guest_stream *s)
{
  uint64_t bytes = 0;
  for (size_t q = s->queue->index; q < g->n_pairs; q += g->config.queue_pairs)
    bytes += bytes_in(g, &g->txq[q], s);
  return bytes;
}

static const char *check_stream(const struct guest *g,
                                const struct guest_stream *s)
{
  const struct guest_socket *k = &s->socket;
  if (k->held < 0 || (uint64_t)k->held != k->charged - k->released)
    return "socket: bytes held are not those charged and not released";
  if (k->held >= k->limit + s->truesize)
    return "socket: more than its buffer outstanding";
  if (k->arrived - k->freed != queued_bytes(g, s))
    return "socket: bytes differ from the packets queued";
  if (k->charged < k->arrived || k->freed < k->released)
    return "socket: more arrived than charged, or released than freed";
  bool local = s->cpu == s->queue->owner;
  if (local && (k->charged != k->arrived || k->freed != k->released))
    return "socket: bytes on their way within one vCPU";
  return NULL;
}

const char *guest_check(const struct guest *g)
{
  if (g->block)
    return block_check(g);
  if (g->accel)
    return accel_check(g);
  const char *wrong = check_rings(g);
  for (size_t s = 0; !wrong && s < g->n_streams; s++)
    wrong = check_stream(g, &g->streams[s]);
  return wrong;
}
