/*
 * udp_receive.c - an application that receives datagrams, from a peer or of a
 * replayed capture.
 *
 * A thread on each vCPU that handles queue pairs reads what arrives there, a
 * datagram a system call. One that finds the socket full is dropped. While
 * there is more the thread goes on; it pays for being woken when it had to
 * wait. When more comes than the vCPU can handle, it has half of the vCPU's
 * time (napi.c).
 */
#include "models/workload/guest_internal.h"

/* As __sock_queue_rcv_skb(): the last packet may exceed the buffer. */
void udp_receive(struct guest_cpu *cpu, struct packet *p)
{
  const struct guest_config *c = &cpu->guest->config;
  if (cpu->replies_held >= c->costs->socket_buffer) {
    if (guest_in_window(cpu))
      cpu->counters.dropped++;
    packet_free(c->packets, p);
    return;
  }
  cpu->replies_held += guest_truesize(c->costs, p->payload);
  packet_list_push(&cpu->replies, p);
}

static void account(struct guest_cpu *cpu, struct packet *p)
{
  struct guest *g = cpu->guest;
  hd_stamps_mark(&p->stamps, HD_STAGE_GUEST_RECEIVE, vcpu_now(&cpu->vcpu));
  cpu->replies_held -= guest_truesize(g->config.costs, p->payload);
  if (guest_in_window(cpu)) {
    cpu->counters.received_packets++;
    cpu->counters.received_bytes += p->payload;
    peer_note_received(g, p);
    hd_histogram_add(&g->latency, hd_stamps_total(&p->stamps));
    HD_REQUIRE(&cpu->vcpu.task.base,
               hd_breakdown_add(&g->breakdown, &p->stamps),
               "stages of a datagram do not sum to its latency");
  }
  packet_free(g->config.packets, p);
}

void udp_receive_run(struct guest_cpu *cpu)
{
  const struct guest_params *k = cpu->guest->config.costs;
  bool slept = true;
  cpu->fair = true;
  for (;;) {
    guest_soft_interrupts(cpu);
    if (cpu->replies.count == 0) {
      guest_wait(cpu, HD_TIME_NEVER);
      slept = true;
      continue;
    }
    double copied = k->copy_per_byte * (double)cpu->replies.first->payload;
    vcpu_run(&cpu->vcpu, (slept ? k->thread_switch : 0) + k->receive_syscall +
                             (int64_t)(copied + 0.5));
    slept = false;
    account(cpu, packet_list_pop(&cpu->replies));
  }
}
