/*
 * server_conservation.c - what must balance at the end of every run: packets,
 * credits, tags, descriptors, vectors, cores. Checked always.
 */
#include "models/server_internal.h"
#include "models/server_migration.h"
#include "models/server_software.h"

static void require(const struct hd_component *c, const char *trouble)
{
  HD_REQUIRE(c, trouble == NULL, "conservation: %s", trouble);
}

/* Every packet that was created is somewhere, or was destroyed by whoever
 * received or dropped it. What devices have handed over and nobody has seen is
 * on its way to memory. */
static void check_packets(const struct server *s)
{
  uint64_t held = machine_packets(&s->home);
  held += server_software_packets(s->software);
  held -= server_software_packets_arrived(s->software);
  if (s->migration)
    held += server_migration_packets(s->migration);
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    held += guest_packets_held(s->guests[i]);
    if (!s->plan.guests[i].software)
      held -= guest_packets_arrived(s->guests[i]);
  }
  for (unsigned port = 0; port < s->home.n_ports; port++)
    held += client_packets_inside(s->client[port]);
  uint64_t live = s->packets.created - s->packets.destroyed;
  HD_REQUIRE(NULL, live == held && live == s->packets.pool.live,
             "conservation: %llu packets live, %llu found",
             (unsigned long long)live, (unsigned long long)held);
}

/* Block requests are their guests'; back ends borrow them. */
static void check_requests(const struct server *s)
{
  uint64_t held = 0;
  for (size_t i = 0; i < s->plan.n_guests; i++)
    held += guest_block_inside(s->guests[i]);
  uint64_t live = s->requests.created - s->requests.destroyed;
  HD_REQUIRE(NULL, live == held && live == s->requests.pool.live,
             "conservation: %llu block requests live, %llu found",
             (unsigned long long)live, (unsigned long long)held);
}

/* The same for accelerators. */
static void check_jobs(const struct server *s)
{
  uint64_t held = 0;
  for (size_t i = 0; i < s->plan.n_guests; i++)
    held += guest_accelerator_inside(s->guests[i]);
  uint64_t live = s->jobs.created - s->jobs.destroyed;
  HD_REQUIRE(NULL, live == held && live == s->jobs.pool.live,
             "conservation: %llu accelerator requests live, %llu found",
             (unsigned long long)live, (unsigned long long)held);
}

/* Ring banks that guests hold are what the pools gave. */
static void check_banks(const struct server *s)
{
  const struct server_config *c = s->config;
  int64_t held = 0, given = 0;
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    const struct guest_plan *p = &s->plan.guests[i];
    if (p->device == DEVICE_ACCELERATOR)
      held += p->virtual_function ? c->accelerator.banks_per_function
                                  : c->groups[p->group].queue_pairs;
  }
  for (int e = 0; s->plan.has[DEVICE_ACCELERATOR] && e < PLAN_MAX_ENDPOINTS;
       e++)
    given += s->plan.endpoint[e].pool[ACCELERATOR_RING_BANKS].used;
  HD_REQUIRE(NULL, held == given, "conservation: ring banks do not add up");
}

/* Vectors and queues that guests hold are what the pools gave. */
static void check_nic(const struct server *s)
{
  int64_t vectors = 0, queues = 0;
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    const struct guest_plan *p = &s->plan.guests[i];
    int64_t pairs = s->config->groups[p->group].queue_pairs;
    bool own = p->device == DEVICE_NIC && !p->software;
    vectors += own ? pairs + 1 : 0;
    queues += own ? pairs : 0;
  }
  const struct resource_pool *pool = s->plan.nic.pool;
  HD_REQUIRE(NULL,
             pool[NIC_VECTORS].used + pool[NIC_MESSAGES].used == vectors &&
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
  server_software_check(s->software);
  if (s->migration)
    server_migration_check(s->migration);
  check_packets(s);
  check_requests(s);
  check_jobs(s);
  check_banks(s);
  check_nic(s);
}
