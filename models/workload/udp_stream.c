/*
 * udp_stream.c - sends UDP datagrams as iperf3 -u -b RATE -P STREAMS.
 *
 * A thread sends one datagram of each of its streams in turn. A stream whose
 * average since the start has reached its rate is left out until a tick of the
 * pacing timer finds it below again (iperf_check_throttle()). A stream whose
 * socket is full blocks its thread.
 */
#include <stdlib.h>

#include "models/workload/guest_internal.h"

/* ---- creation ---------------------------------------------------------- */

static uint32_t thread_of(const struct guest *g, uint32_t stream)
{
  bool single = g->config.udp_stream->threads == THREADS_SINGLE;
  return single ? 0 : stream;
}

/* Thread t runs on vCPU t modulo vCPUs, as that vCPU's number t / vCPUs. */
static struct guest_thread *place(struct guest *g, uint32_t thread)
{
  struct guest_sender *s = &g->cpus[thread % g->config.vcpus].sender;
  return &s->threads[thread / g->config.vcpus];
}

static void create_threads(struct guest *g, uint32_t threads)
{
  uint32_t vcpus = g->config.vcpus;
  for (uint32_t i = 0; i < g->n_cpus; i++) {
    struct guest_sender *s = &g->cpus[i].sender;
    s->count = threads > i ? (threads - i - 1) / vcpus + 1 : 0;
    s->running = s->count;
    if (s->count > 0)
      s->threads = hd_array(NULL, s->count, sizeof *s->threads, "threads");
  }
}

void udp_stream_create(struct guest *g)
{
  uint32_t n = (uint32_t)g->n_streams;
  create_threads(g, thread_of(g, n - 1) + 1);
  for (uint32_t s = 0; s < n; s++) {
    struct guest_thread *t = place(g, thread_of(g, s));
    if (!t->streams)
      t->streams = hd_array(NULL, n, sizeof(struct guest_stream *), "threads");
    t->streams[t->count++] = &g->streams[s];
    g->streams[s].thread = t;
  }
}

void udp_stream_destroy(struct guest *g)
{
  for (size_t i = 0; i < g->n_cpus; i++) {
    struct guest_sender *s = &g->cpus[i].sender;
    for (uint32_t t = 0; t < s->count; t++)
      free(s->threads[t].streams);
    free(s->threads);
  }
}

/* ---- pacing ------------------------------------------------------------ */

/* Average since `start` below the rate? Exact: bits * s against ps * bit/s. */
static bool below_rate(const struct guest_stream *s, int64_t rate,
                       hd_time elapsed)
{
  if (rate == 0)
    return true;
  return (hd_u128)s->sent * 8u * (hd_u128)HD_S <
         (hd_u128)rate * (hd_u128)elapsed;
}

static void throttle(struct guest_cpu *cpu, struct guest_stream *s)
{
  hd_time elapsed = vcpu_now(&cpu->vcpu) - cpu->sender.start;
  s->green = below_rate(s, cpu->guest->config.udp_stream->rate, elapsed);
  if (!s->green && guest_in_window(cpu))
    cpu->counters.throttled++;
}

/* The pacing timer: every stream that has fallen below its rate may send. */
static void tick(struct guest_cpu *cpu, hd_time now)
{
  const struct udp_stream_params *u = cpu->guest->config.udp_stream;
  struct guest_sender *s = &cpu->sender;
  hd_time elapsed = now - s->start;
  s->next_tick = s->start + (elapsed / u->pacing_timer + 1) * u->pacing_timer;
  for (uint32_t t = 0; t < s->count; t++)
    for (uint32_t i = 0; i < s->threads[t].count; i++) {
      struct guest_stream *st = s->threads[t].streams[i];
      if (!st->green)
        st->green = below_rate(st, u->rate, elapsed);
    }
}

static bool throttled(const struct guest_sender *s)
{
  for (uint32_t t = 0; t < s->count; t++)
    for (uint32_t i = 0; i < s->threads[t].count; i++)
      if (!s->threads[t].streams[i]->green)
        return true;
  return false;
}

/* ---- sending ----------------------------------------------------------- */

struct packet *guest_packet(struct guest *g, struct guest_stream *s,
                            enum packet_kind kind, hd_time begin)
{
  struct packet *p = packet_new(g->config.packets);
  *p = (struct packet){.kind = (uint8_t)kind,
                       .port = g->config.port,
                       .vm = g->config.vm,
                       .queue = (uint16_t)s->queue->index,
                       .stream = s->number,
                       .peer = g->config.peer,
                       .payload = s->payload,
                       .frame = packet_frame_bytes(s->payload),
                       .sequence = s->sequence++};
  hd_stamps_begin(&p->stamps, begin);
  return p;
}

static void send_datagram(struct guest_cpu *cpu, struct guest_thread *t,
                          struct guest_stream *s)
{
  struct guest *g = cpu->guest;
  if (!guest_thread_enter_call(cpu, t, s))
    return;
  int64_t driver = netdev_tx_cycles(cpu, s->queue);
  bool direct = netdev_tx_direct(cpu, s->queue);
  vcpu_run(&cpu->vcpu, s->cost + driver);
  struct packet *p = guest_packet(g, s, PACKET_DATA, t->call);
  s->sent += s->payload;
  netdev_tx_send(cpu, s, p, direct);
  t->in_call = false;
  t->next = (t->next + 1) % t->count;
  throttle(cpu, s);
}

/* ---- the vCPU's thread ------------------------------------------------- */

static void sleep_until_runnable(struct guest_cpu *cpu)
{
  struct guest_sender *s = &cpu->sender;
  s->running = s->count;
  guest_wait(cpu, throttled(s) ? s->next_tick : HD_TIME_NEVER);
}

static void switch_to(struct guest_cpu *cpu, const struct guest_thread *t)
{
  struct guest_sender *s = &cpu->sender;
  s->running = (uint32_t)(t - s->threads);
  vcpu_run(&cpu->vcpu, cpu->guest->config.costs->thread_switch);
}

void udp_stream_run(struct guest_cpu *cpu)
{
  struct guest_sender *s = &cpu->sender;
  s->start = vcpu_now(&cpu->vcpu);
  for (;;) {
    guest_soft_interrupts(cpu);
    hd_time now = vcpu_now(&cpu->vcpu);
    if (now >= s->next_tick)
      tick(cpu, now);
    struct guest_thread *t = guest_thread_pick(s, now);
    if (!t) {
      sleep_until_runnable(cpu);
      continue;
    }
    if (s->running >= s->count || t != &s->threads[s->running])
      switch_to(cpu, t);
    send_datagram(cpu, t, guest_thread_stream(t));
  }
}
