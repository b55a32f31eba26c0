/* guest_plan.c - which vCPU handles which queue, runs which thread; how much
 * memory rings and buffers take. Pure. */
#include "models/workload/guest_internal.h"

static uint32_t min_u32(uint32_t a, uint32_t b)
{
  return a < b ? a : b;
}

static uint64_t pair_bytes(const struct nic_params *n)
{
  uint64_t tx = (uint64_t)n->tx_ring, rx = (uint64_t)n->rx_ring;
  return guest_page_round(tx * GUEST_TX_DESCRIPTOR) +
         guest_page_round(rx * GUEST_RX_DESCRIPTOR) +
         guest_page_round(tx * GUEST_BUFFER) +
         guest_page_round(rx * GUEST_BUFFER);
}

uint64_t guest_memory_needed(const struct guest_config *c)
{
  return pair_bytes(c->nic) * c->queue_pairs;
}

/* Sockets; ping has one, a polling guest none. */
uint32_t guest_plan_streams(const struct guest_config *c)
{
  if (c->workload == WORKLOAD_UDP_STREAM)
    return (uint32_t)c->udp_stream->streams;
  return c->workload == WORKLOAD_PING ? 1 : 0;
}

/* Queue pairs from 0 on that carry traffic. */
static uint32_t used_queues(const struct guest_config *c)
{
  if (c->workload == WORKLOAD_DPDK_FORWARD)
    return c->queue_pairs;
  return min_u32(guest_plan_streams(c), c->queue_pairs);
}

uint32_t guest_plan_queue(const struct guest_config *c, uint32_t queue)
{
  return queue < used_queues(c) ? queue % c->vcpus : 0;
}

uint32_t guest_plan_stream(const struct guest_config *c, uint32_t stream)
{
  bool spread = c->workload == WORKLOAD_UDP_STREAM &&
                c->udp_stream->threads == THREADS_PER_STREAM;
  return spread ? stream % c->vcpus : 0;
}

uint32_t guest_plan_owner(const struct guest_config *c, uint32_t queue)
{
  uint32_t streams = guest_plan_streams(c);
  if (queue >= streams)
    return guest_plan_queue(c, queue);
  uint32_t only = guest_plan_stream(c, queue);
  for (uint32_t s = queue; s < streams; s += c->queue_pairs)
    if (guest_plan_stream(c, s) != only)
      return guest_plan_queue(c, queue);
  return only;
}

/* Both maps fill vCPUs from 0 on, so those in use are a prefix. */
uint32_t guest_plan_cpus(const struct guest_config *c)
{
  uint32_t n = min_u32(used_queues(c), c->vcpus);
  if (c->workload == WORKLOAD_UDP_STREAM &&
      c->udp_stream->threads == THREADS_PER_STREAM) {
    uint32_t threads = min_u32(guest_plan_streams(c), c->vcpus);
    n = threads > n ? threads : n;
  }
  return n > 0 ? n : 1;
}
