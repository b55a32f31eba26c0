/* guest_plan.c - which vCPU handles which queue, runs which thread. Pure. */
#include "models/workload/guest_internal.h"

static uint32_t min_u32(uint32_t a, uint32_t b)
{
  return a < b ? a : b;
}

bool guest_plan_is_accelerated(const struct guest_config *c)
{
  return c->workload == WORKLOAD_ACCELERATOR_JOBS;
}

/* Sockets, block jobs, or accelerator threads; ping has one, a web server and a
 * sending replay one a queue pair, a peer's kernel one a queue pair, a polling
 * guest and a receiving replay none.
 */
uint32_t guest_plan_streams(const struct guest_config *c)
{
  if (c->workload == WORKLOAD_UDP_STREAM)
    return (uint32_t)c->udp_stream->streams;
  if (c->workload == WORKLOAD_BLOCK_JOBS)
    return (uint32_t)c->block_jobs->numjobs;
  if (guest_plan_is_accelerated(c))
    return (uint32_t)c->accelerator_jobs->threads;
  if (c->workload == WORKLOAD_WEB_SERVER || guest_replays_tx(c) ||
      guest_is_peer(c))
    return c->queue_pairs;
  return c->workload == WORKLOAD_PING ? 1 : 0;
}

/* Queue pairs from 0 on that carry traffic. */
static uint32_t used_queues(const struct guest_config *c)
{
  if (c->workload == WORKLOAD_DPDK_FORWARD || guest_receives(c))
    return c->queue_pairs;
  return min_u32(guest_plan_streams(c), c->queue_pairs);
}

static uint32_t spread(const struct guest_config *c, uint32_t queue)
{
  return queue < used_queues(c) ? queue % c->vcpus : 0;
}

uint32_t guest_plan_stream(const struct guest_config *c, uint32_t stream)
{
  bool each = c->workload == WORKLOAD_BLOCK_JOBS ||
              guest_plan_is_accelerated(c) ||
              c->workload == WORKLOAD_WEB_SERVER || guest_is_peer(c) ||
              (c->workload == WORKLOAD_UDP_STREAM &&
               c->udp_stream->threads == THREADS_PER_STREAM);
  return each ? stream % c->vcpus : 0;
}

uint32_t guest_plan_owner(const struct guest_config *c, uint32_t queue)
{
  uint32_t streams = guest_plan_streams(c);
  if (queue >= streams)
    return spread(c, queue);
  uint32_t only = guest_plan_stream(c, queue);
  for (uint32_t s = queue; s < streams; s += c->queue_pairs)
    if (guest_plan_stream(c, s) != only)
      return spread(c, queue);
  return only;
}

uint32_t guest_plan_queue(const struct guest_config *c, uint32_t queue)
{
  bool one = c->netdev == NETDEV_VIRTIO || c->blockdev != BLOCKDEV_NONE ||
             guest_plan_is_accelerated(c);
  return one ? guest_plan_owner(c, queue) : spread(c, queue);
}

/* Both maps fill vCPUs from 0 on, so those in use are a prefix. */
uint32_t guest_plan_cpus(const struct guest_config *c)
{
  uint32_t n = 1;
  for (uint32_t q = 0; q < used_queues(c); q++) {
    uint32_t cpu = guest_plan_queue(c, q);
    n = cpu >= n ? cpu + 1 : n;
  }
  for (uint32_t s = 0; s < guest_plan_streams(c); s++) {
    uint32_t cpu = guest_plan_stream(c, s);
    n = cpu >= n ? cpu + 1 : n;
  }
  return n;
}
