/*
 * pcap_replay.c - sends, or receives, the packets of a capture.
 *
 * Sending: one thread, on vCPU 0, as tcpreplay's, with a socket for each queue
 * pair; a packet's flow chooses the socket. The thread waits for a packet's
 * time asleep or awake, and makes a send call of the packet's length. A full
 * socket blocks it, and what comes after is late as well.
 *
 * Receiving: the client sends, and the application reads (udp_receive.c).
 */
#include <stdlib.h>

#include "models/workload/guest_internal.h"

/* ---- creation ---------------------------------------------------------- */

void pcap_replay_create(struct guest *g)
{
  struct guest_sender *s = &g->cpus[0].sender;
  s->count = 1;
  s->threads = guest_allocate(1, sizeof *s->threads);
  for (size_t i = 0; i < g->n_streams; i++)
    g->streams[i].thread = &s->threads[0];
  replay_begin(&g->replay, &g->config.replay);
}

void pcap_replay_destroy(struct guest *g)
{
  free(g->cpus[0].sender.threads);
}

/* ---- sending ----------------------------------------------------------- */

static struct guest_stream *stream_of_next(struct guest *g)
{
  return &g->streams[g->replay.packet->flow % g->n_streams];
}

static struct packet *make(struct guest *g, struct guest_stream *s,
                           hd_time begin)
{
  struct packet *p = guest_packet(g, s, PACKET_DATA, begin);
  p->payload = g->replay.packet->bytes;
  p->frame = packet_replayed_bytes(p->payload);
  return p;
}

static void send_packet(struct guest_cpu *cpu, struct guest_thread *t)
{
  struct guest *g = cpu->guest;
  struct guest_stream *s = stream_of_next(g);
  int64_t cost = guest_send_cycles(g->config.costs, g->replay.packet->bytes) +
                 netdev_tx_cycles(cpu, s->queue);
  bool direct = netdev_tx_direct(cpu, s->queue);
  vcpu_run(&cpu->vcpu, cost);
  replay_note(&g->replayed, &g->replay, g->replay_start, vcpu_now(&cpu->vcpu),
              g->config.pcap_replay->late, g->config.window);
  netdev_tx_send(cpu, s, make(g, s, t->call), direct);
  t->in_call = false;
  replay_advance(&g->replay);
}

/* True: the thread did not run meanwhile, and another may have. */
static bool wait_until(struct guest_cpu *cpu, hd_time due)
{
  if (cpu->guest->config.pcap_replay->wait == REPLAY_SPIN) {
    vcpu_spin_for_message(&cpu->vcpu, due);
    return false;
  }
  guest_wait(cpu, due);
  return true;
}

static void transmit(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  struct guest_thread *t = &cpu->sender.threads[0];
  bool slept = false;
  while (g->replay.packet) {
    guest_soft_interrupts(cpu);
    hd_time due = g->replay_start + g->replay.due;
    if (t->blocked) {
      guest_wait(cpu, HD_TIME_NEVER);
      slept = true;
    } else if (vcpu_now(&cpu->vcpu) < due) {
      slept = wait_until(cpu, due) || slept;
    } else if (slept) {
      vcpu_run(&cpu->vcpu, g->config.costs->thread_switch);
      slept = false;
    } else if (guest_thread_enter_call(cpu, t, stream_of_next(cpu->guest))) {
      send_packet(cpu, t);
    }
  }
}

void pcap_replay_run(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  if (guest_replays_rx(&g->config))
    udp_receive_run(cpu);
  if (cpu->number != 0)
    return;
  g->replay_start = cpu->start + g->jitter;
  transmit(cpu);
}
