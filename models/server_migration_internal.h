/* server_migration_internal.h - for models/server_migration*.c only. */
#ifndef HD_MODELS_SERVER_MIGRATION_INTERNAL_H
#define HD_MODELS_SERVER_MIGRATION_INTERNAL_H

#include "models/hypervisor/migration_accelerator.h"
#include "models/hypervisor/migration_plug.h"
#include "models/hypervisor/migration_software.h"
#include "models/network/switch.h"
#include "models/server_migration.h"
#include "models/server_software.h"

struct server_migration_kind;

struct server_migration {
  struct server *server;
  struct machine away;
  struct ethernet_switch *net[PLAN_MAX_PORTS];
  struct wire *client_wire[PLAN_MAX_PORTS];
  uint32_t switch_port[2][PLAN_MAX_PORTS]; /* of the sides' wires */
  /* Agents -> switch: the guest's frames go to its device or to the stand-in at
   * the agent's side. NULL: nobody says so. */
  struct hd_channel *announce[2][2];
  struct hd_link *link;
  struct migration *migration;
  const struct server_migration_kind *kind;
  struct migration_agent *agent[2];
  struct migrating_queue *queues;
  /* An accelerator. */
  struct migration_accelerator accelerator[2];
  struct virtio_function twin; /* of the guest's function, at the destination */
  uint16_t *observer;
  /* Software of the host. */
  struct migration_software software[2];
  struct vhost *vhost;       /* the destination's; NULL: none */
  struct vhost_block *block; /* the same */
  /* A device that is unplugged. */
  struct migration_plug plug[2];
};

/* What stands behind the guest's queues, by its design. */
struct server_migration_kind {
  const struct migration_device_ops *ops;
  const struct migration_device_ops *stand_in; /* NULL: none */
  /* The others are NULL when it cannot migrate. */
  const struct migration_back_end_ops *back_end;
  /* At the destination, when the guest's vCPUs have been attached there. */
  void (*build)(struct server_migration *m);
  /* The back end of a side, whose agent exists; returns its object. */
  void *(*connect)(struct server_migration *m, unsigned side);
};
extern const struct server_migration_kind server_migration_accelerator;
/* The same, passed through whole with a state image. */
extern const struct server_migration_kind server_migration_image;
extern const struct server_migration_kind server_migration_network;
extern const struct server_migration_kind server_migration_block;
/* Passed through whole, with a stand-in of kind server_migration_network. */
extern const struct server_migration_kind server_migration_unplug;

/* server_migration_accelerator.c: the destination's IOMMU knows the guest's
 * device. */
void server_migration_map_memory(struct server_migration *m);
/* server_migration_switches.c: the network; when both machines have their
 * wires, and when the agents exist. */
void server_migration_make_switches(struct server_migration *m);
void server_migration_connect_switches(struct server_migration *m);
/* Tells the network, on that side's agent (struct server_migration.announce).
 */
void server_migration_announce(void *migration, unsigned side, bool stand_in);

/* The guest that moves, and its plan. */
static inline const struct guest_plan *
server_migration_mover(const struct server *s)
{
  return &s->plan.guests[s->config->migration.vm];
}
static inline struct guest *
server_migration_guest(const struct server_migration *m)
{
  return m->server->guests[m->server->config->migration.vm];
}
/* The function whose queues move: the device's, or the stand-in's. */
static inline struct virtio_function *
server_migration_function(const struct server_migration *m)
{
  struct guest *g = server_migration_guest(m);
  return server_migration_mover(m->server)->stand_in
             ? guest_stand_in_function(g)
             : guest_virtio_function(g);
}
static inline struct machine *server_migration_at(struct server_migration *m,
                                                  unsigned side)
{
  return side ? &m->away : &m->server->home;
}

#endif
