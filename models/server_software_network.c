/* server_software_network.c - vhost-net and vhost-user of a server, and the
 * relays of kicks. */
#include <stdio.h>
#include <stdlib.h>

#include "models/server_software_internal.h"

/* ---- vhost -----------------------------------------------------------------
 */

static bool is_vhost(const struct server_config *c, const struct guest_plan *p)
{
  enum design d = plan_design(c, &c->groups[p->group]);
  return p->stand_in || d == DESIGN_VHOST_NET || d == DESIGN_VHOST_USER;
}

static struct vhost_guest vhost_guest_of(const struct server_config *c,
                                         const struct guest_plan *p,
                                         struct guest *g)
{
  const struct vm_group *group = &c->groups[p->group];
  return (struct vhost_guest){.guest = g,
                              .vm = p->vm,
                              .queue_pairs = (uint16_t)group->queue_pairs,
                              .kind = plan_design(c, group) == DESIGN_VHOST_USER
                                          ? VHOST_USER
                                          : VHOST_NET,
                              .port = p->stand_in ? p->stand_in_port : p->port,
                              .stand_in = p->stand_in};
}

/* The guests that vhost serves; `guests` may be NULL. */
size_t server_software_list_networks(const struct server_config *c,
                                     const struct server_plan *plan,
                                     struct guest *const *made,
                                     struct vhost_guest *list)
{
  size_t n = 0;
  for (size_t i = 0; i < plan->n_guests; i++) {
    const struct guest_plan *p = &plan->guests[i];
    if (is_vhost(c, p))
      list[n++] = vhost_guest_of(c, p, made ? made[i] : NULL);
  }
  return n;
}

/* The host's interfaces take the first of the physical function's queues and
 * vectors, port after port. */
static void number_ports(const struct server *s, const struct machine *at,
                         struct vhost_config *v)
{
  uint32_t queue = 0, vector = 0;
  for (unsigned port = 0; port < (unsigned)s->config->nic.ports; port++) {
    v->ports[port] = (struct host_port_numbers){
        .port = (uint8_t)port,
        .requester = (uint16_t)(PLAN_PF_REQUESTER + port),
        .device = at->device[DEVICE_NIC],
        .first_queue = queue,
        .first_vector = vector,
        .first_handle = vector};
    uint32_t pairs = vhost_queue_pairs(v, port);
    queue += pairs;
    vector += pairs + 1;
  }
}

static struct vhost_config config_of(const struct server *s,
                                     const struct machine *at)
{
  return (struct vhost_config){.params = &s->config->vhost,
                               .cpu = &s->config->cpu,
                               .host = at->io.host,
                               .packets = (struct packet_pool *)&s->packets,
                               .window = &s->window,
                               .scheduler = at->scheduler,
                               .interrupts = at->interrupts,
                               .root = at->io.root,
                               .memory = at->io.memory,
                               .region = 0,
                               .memory_base = HPA_NETWORK,
                               .descriptors = HPA_POSTED_DESCRIPTORS,
                               .nic_device = at->device[DEVICE_NIC]};
}

void server_software_make_vhost(struct server_software *w)
{
  struct server *s = w->server;
  struct vhost_guest *list = calloc(s->plan.n_guests, sizeof *list);
  HD_REQUIRE(NULL, list != NULL, "out of memory for back ends");
  struct vhost_config config = config_of(s, &s->home);
  config.guests = list;
  config.n_guests =
      server_software_list_networks(s->config, &s->plan, s->guests, list);
  if (config.n_guests > 0) {
    number_ports(s, &s->home, &config);
    w->vhost = vhost_create(s->engine, "server/vhost", &config);
  }
  free(list);
}

struct vhost *server_software_second_vhost(struct server *s, struct machine *at,
                                           const struct guest_plan *p)
{
  char path[48];
  struct vhost_guest guest = vhost_guest_of(s->config, p, s->guests[p->vm]);
  struct vhost_config config = config_of(s, at);
  config.guests = &guest;
  config.n_guests = 1;
  config.side = 1;
  number_ports(s, at, &config);
  snprintf(path, sizeof path, "%s/vhost", at->io.host);
  return vhost_create(s->engine, path, &config);
}

struct vhost *server_software_vhost(struct server_software *w)
{
  return w->vhost;
}

/* ---- relay of kicks --------------------------------------------------------
 */

static bool is_relayed(const struct server_config *c,
                       const struct guest_plan *p)
{
  return c->hypervisor.relay_kicks &&
         plan_design(c, &c->groups[p->group]) == DESIGN_UN_IOV;
}

static struct relay *make_relay(struct server_software *w,
                                const struct guest_plan *p)
{
  struct server *s = w->server;
  enum virtio_kind kind =
      p->device == DEVICE_VIRTIO_NET ? VIRTIO_NET : VIRTIO_BLK;
  struct relay *r = &w->relays[w->n_relays];
  char path[32];
  snprintf(path, sizeof path, "server/relay%03zu", w->n_relays++);
  relay_initialize(r, s->engine, path, IO_STACK_HOST, &s->config->vhost,
                   &s->config->cpu, (uint32_t)s->plan.n_guests, &s->window);
  host_thread_attach(&r->thread, s->home.scheduler, s->home.interrupts,
                     HPA_POSTED_DESCRIPTORS, s->home.io.root);
  relay_attach_device(r, virtio_device_component(s->home.virtio[kind]));
  return r;
}

/* One for all guests of a kind, or one each. */
void server_software_make_relays(struct server_software *w)
{
  struct server *s = w->server;
  struct relay *shared[DEVICE_KINDS] = {NULL};
  w->relays = calloc(s->plan.n_guests, sizeof *w->relays);
  HD_REQUIRE(NULL, w->relays != NULL, "out of memory for relays");
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    const struct guest_plan *p = &s->plan.guests[i];
    if (!is_relayed(s->config, p))
      continue;
    struct relay *r = s->config->vhost.relay_shared ? shared[p->device] : NULL;
    if (!r)
      r = shared[p->device] = make_relay(w, p);
    relay_add_guest(r, s->guests[i], p->vm);
  }
}
