/*
 * server_conservation.c - what must balance at the end of every run: packets,
 * credits, tags, descriptors, vectors, cores. Checked always.
 */
#include "models/server_internal.h"

static void require(const struct hd_component *c, const char *trouble)
{
  HD_REQUIRE(c, trouble == NULL, "conservation: %s", trouble);
}

/* Every packet that was created is somewhere, or was destroyed by whoever
 * received or dropped it. */
static void check_packets(const struct server *s)
{
  uint64_t held = machine_packets(&s->home);
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    held += guest_packets_held(s->guests[i]);
    held -= guest_packets_arrived(s->guests[i]); /* the rest is on its way */
  }
  for (unsigned port = 0; port < s->home.n_ports; port++)
    held += client_packets_inside(s->client[port]);
  uint64_t live = s->packets.created - s->packets.destroyed;
  HD_REQUIRE(NULL, live == held && live == s->packets.pool.live,
             "conservation: %llu packets live, %llu found",
             (unsigned long long)live, (unsigned long long)held);
}

/* Vectors and queues that guests hold are what the pools gave. */
static void check_resources(const struct server *s)
{
  int64_t vectors = 0, queues = 0;
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    int64_t pairs = s->config->groups[s->plan.guests[i].group].queue_pairs;
    vectors += pairs + 1;
    queues += pairs;
  }
  const struct nic_pool *pool = s->plan.resources.pool;
  HD_REQUIRE(NULL,
             pool[NIC_VECTORS].used == vectors &&
                 pool[NIC_TX_QUEUES].used == queues &&
                 pool[NIC_RX_QUEUES].used == queues,
             "conservation: vectors or queues do not add up");
}

void server_check_conservation(const struct server *s)
{
  machine_check(&s->home);
  for (unsigned port = 0; port < s->home.n_ports; port++)
    require(client_component(s->client[port]), client_check(s->client[port]));
  for (size_t i = 0; i < s->plan.n_guests; i++)
    require(&guest_vcpu(s->guests[i], 0)->task.base, guest_check(s->guests[i]));
  check_packets(s);
  check_resources(s);
}
