/* netdev_rx.c - receiving, what is the same for all drivers. */
#include "models/workload/guest_internal.h"

void netdev_rx_arrived(struct guest_cpu *cpu, struct guest_rxq *q,
                       struct packet *list, uint32_t n)
{
  hd_time now = vcpu_now(&cpu->vcpu);
  q->received += n;
  for (uint32_t i = 0; i < n; i++) {
    struct packet *p = list;
    HD_REQUIRE(&cpu->vcpu.task.base, p != NULL,
               "%u packets announced, %u in the list", n, i);
    list = p->next;
    if (q->polling)
      hd_stamps_mark(&p->stamps, HD_STAGE_INTERRUPT, now);
    packet_list_push(&q->list, p);
  }
}

static void deliver(struct guest_cpu *cpu, struct packet *p)
{
  struct guest *g = cpu->guest;
  if (p->kind == PACKET_ECHO_REPLY && g->config.workload == WORKLOAD_PING) {
    packet_list_push(&cpu->replies, p);
    return;
  }
  if (p->kind == PACKET_TCP && cpu->web) {
    packet_list_push(&cpu->tcp, p);
    return;
  }
  if (p->kind == PACKET_DATA && guest_receives(&g->config)) {
    udp_receive(cpu, p);
    return;
  }
  if (p->kind == PACKET_ECHO_REQUEST && guest_is_peer(&g->config)) {
    packet_list_push(&cpu->echoes, p);
    return;
  }
  if (guest_in_window(cpu)) {
    cpu->counters.received_packets++;
    cpu->counters.received_bytes += p->payload;
  }
  packet_free(g->config.packets, p);
}

void netdev_rx_deliver(struct guest_cpu *cpu, struct guest_rxq *q, uint32_t n)
{
  if (n == 0)
    return;
  q->handled += n;
  for (uint32_t i = 0; i < n; i++)
    deliver(cpu, packet_list_pop(&q->list));
  q->dev->ops->give_back(cpu, q, n);
}
