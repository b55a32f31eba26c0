/*
 * ping.c - ICMP echo requests to the client or to a peer, one outstanding at a
 * time.
 *
 * A round trip ends when the application has the reply. Requests begun within
 * the window count. An answer that has not come in time is lost.
 */
#include "models/workload/guest_internal.h"

static uint64_t send_request(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  struct guest_stream *s = &g->streams[0];
  hd_time begin = vcpu_now(&cpu->vcpu);
  int64_t driver = netdev_tx_cycles(cpu, s->queue);
  bool direct = netdev_tx_direct(cpu, s->queue);
  vcpu_run(&cpu->vcpu, s->cost + driver);
  struct packet *p = guest_packet(g, s, PACKET_ECHO_REQUEST, begin);
  uint64_t sequence = p->sequence;
  netdev_tx_send(cpu, s, p, direct);
  return sequence;
}

/* The application has a reply: accounts for it and frees it. */
static void account(struct guest_cpu *cpu, struct packet *p)
{
  struct guest *g = cpu->guest;
  hd_stamps_mark(&p->stamps, HD_STAGE_GUEST_RECEIVE, vcpu_now(&cpu->vcpu));
  if (guest_in_window(cpu)) {
    cpu->counters.received_packets++;
    cpu->counters.received_bytes += p->payload;
    cpu->counters.requests++;
  }
  if (hd_window_contains(g->config.window, p->stamps.begin)) {
    hd_histogram_add(&g->latency, hd_stamps_total(&p->stamps));
    HD_REQUIRE(&cpu->vcpu.task.base,
               hd_breakdown_add(&g->breakdown, &p->stamps),
               "stages of an echo request do not sum to its round trip");
  }
  packet_free(g->config.packets, p);
}

/* The thread, blocked until now, reads the reply. True if it is `sequence`'s,
 * not a late one. */
static bool receive(struct guest_cpu *cpu, uint64_t sequence)
{
  const struct guest *g = cpu->guest;
  const struct guest_params *k = g->config.costs;
  double copied = k->copy_per_byte * (double)g->streams[0].payload;
  vcpu_run(&cpu->vcpu,
           k->thread_switch + k->receive_syscall + (int64_t)(copied + 0.5));
  struct packet *p = packet_list_pop(&cpu->replies);
  bool ours = p->sequence == sequence;
  account(cpu, p);
  return ours;
}

static void await_reply(struct guest_cpu *cpu, uint64_t sequence)
{
  hd_time deadline = vcpu_now(&cpu->vcpu) + cpu->guest->config.ping->timeout;
  for (;;) {
    while (cpu->replies.count > 0)
      if (receive(cpu, sequence))
        return;
    if (vcpu_now(&cpu->vcpu) >= deadline)
      break;
    guest_wait(cpu, deadline);
  }
  if (guest_in_window(cpu))
    cpu->counters.lost++;
}

void ping_run(struct guest_cpu *cpu)
{
  hd_time interval = cpu->guest->config.ping->interval;
  hd_time next = vcpu_now(&cpu->vcpu);
  for (;;) {
    await_reply(cpu, send_request(cpu));
    if (interval == 0)
      continue;
    hd_time now = vcpu_now(&cpu->vcpu);
    next += (now - next) / interval * interval + interval;
    while (vcpu_now(&cpu->vcpu) < next)
      guest_wait(cpu, next);
    vcpu_run(&cpu->vcpu, cpu->guest->config.costs->thread_switch);
  }
}
