/* server_software.c - see server_software.h. */
#include "models/server_software.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/vhost/relay.h"
#include "models/vhost/vhost_share.h"
#include "models/vhost_block/block_share.h"

/* Host physical addresses: rings and buffers of the host's queue pairs; posted
 * descriptors, as for guests. */
#define HPA_NETWORK (UINT64_C(2) << 30)
#define HPA_BLOCK (UINT64_C(4) << 30)
#define HPA_POSTED_DESCRIPTORS (UINT64_C(128) << 20)

struct server_software {
  struct server *server;
  struct vhost *vhost;       /* NULL: none */
  struct vhost_block *block; /* NULL: none */
  struct relay *relays;
  size_t n_relays;
};

/* ---- vhost -----------------------------------------------------------------
 */

static bool is_vhost(const struct server_config *c, const struct guest_plan *p)
{
  enum design d = plan_design(c, &c->groups[p->group]);
  return d == DESIGN_VHOST_NET || d == DESIGN_VHOST_USER;
}

static struct vhost_guest vhost_guest_of(const struct server_config *c,
                                         const struct guest_plan *p,
                                         struct guest *g)
{
  const struct vm_group *group = &c->groups[p->group];
  return (struct vhost_guest){.guest = g,
                              .vm = p->vm,
                              .queue_pairs = (uint16_t)group->queue_pairs,
                              .kind = plan_design(c, group) == DESIGN_VHOST_NET
                                          ? VHOST_NET
                                          : VHOST_USER,
                              .port = p->port};
}

/* The guests that vhost serves; `guests` may be NULL. */
static size_t list_guests(const struct server_config *c,
                          const struct server_plan *plan,
                          struct guest *const *made, struct vhost_guest *list)
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

static void make_vhost(struct server_software *w)
{
  struct server *s = w->server;
  struct vhost_guest *list = calloc(s->plan.n_guests, sizeof *list);
  HD_REQUIRE(NULL, list != NULL, "out of memory for back ends");
  struct vhost_config config = config_of(s, &s->home);
  config.guests = list;
  config.n_guests = list_guests(s->config, &s->plan, s->guests, list);
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

/* ---- block devices ---------------------------------------------------------
 */

static bool is_block(const struct server_config *c, const struct guest_plan *p)
{
  enum design d = plan_design(c, &c->groups[p->group]);
  return d == DESIGN_SPDK_VHOST || d == DESIGN_QEMU_BLK;
}

static size_t list_block_guests(const struct server_config *c,
                                const struct server_plan *plan,
                                struct guest *const *made,
                                struct vhost_block_guest *list)
{
  size_t n = 0;
  for (size_t i = 0; i < plan->n_guests; i++) {
    const struct guest_plan *p = &plan->guests[i];
    const struct vm_group *g = &c->groups[p->group];
    if (is_block(c, p))
      list[n++] = (struct vhost_block_guest){
          .function = made ? guest_virtio_function(made[i]) : NULL,
          .front = &vhost_block_guest_front,
          .guest = made ? made[i] : NULL,
          .kind = plan_design(c, g) == DESIGN_SPDK_VHOST ? VHOST_BLOCK_SPDK
                                                         : VHOST_BLOCK_IOTHREAD,
          .drive = p->drive,
          .first_block = p->first_block,
          .blocks = p->blocks,
          .guest_offset = p->hpa - p->iova};
  }
  return n;
}

/* The host's queue pairs and vectors are the first of each drive's. */
static void number_drives(const struct server *s,
                          struct vhost_block_drive *drives)
{
  const struct server_config *c = s->config;
  for (unsigned d = 0; d < s->home.n_drives; d++)
    drives[d] = (struct vhost_block_drive){
        .device = (uint16_t)(s->home.device[DEVICE_DRIVE] + d),
        .requester = (uint16_t)(PLAN_DRIVE_REQUESTER + d * PLAN_DRIVE_STEP),
        .first_handle = plan_drive_handles(c, d),
        .max_transfer = c->storage.max_transfer};
}

static void make_block(struct server_software *w)
{
  struct server *s = w->server;
  struct vhost_block_guest *list = calloc(s->plan.n_guests, sizeof *list);
  struct vhost_block_drive drives[PLAN_MAX_DRIVES] = {0};
  HD_REQUIRE(NULL, list != NULL, "out of memory for back ends");
  number_drives(s, drives);
  struct vhost_block_config config = {
      .params = &s->config->vhost_block,
      .cpu = &s->config->cpu,
      .host = IO_STACK_HOST,
      .window = &s->window,
      .scheduler = s->home.scheduler,
      .interrupts = s->home.interrupts,
      .root = s->home.io.root,
      .memory = s->home.io.memory,
      .region = 0,
      .memory_base = HPA_BLOCK,
      .descriptors = HPA_POSTED_DESCRIPTORS,
      .drives = drives,
      .n_drives = s->home.n_drives,
      .guests = list,
      .n_guests = list_block_guests(s->config, &s->plan, s->guests, list)};
  if (config.n_guests > 0)
    w->block = vhost_block_create(s->engine, "server/vhost-block", &config);
  free(list);
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
static void make_relays(struct server_software *w)
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

/* ---- life ------------------------------------------------------------------
 */

struct server_software *server_software_create(struct server *s)
{
  struct server_software *w = calloc(1, sizeof *w);
  HD_REQUIRE(NULL, w != NULL, "out of memory for host software");
  w->server = s;
  make_vhost(w);
  make_block(w);
  make_relays(w);
  return w;
}

void server_software_destroy(struct server_software *w)
{
  if (w->vhost)
    vhost_destroy(w->vhost);
  if (w->block)
    vhost_block_destroy(w->block);
  for (size_t i = 0; i < w->n_relays; i++)
    relay_terminate(&w->relays[i]);
  free(w->relays);
  free(w);
}

static size_t list_drives(const struct server_software *w,
                          struct device_plan *own, size_t room)
{
  size_t n = 0;
  const struct server *s = w->server;
  for (unsigned d = 0; w->block && d < s->home.n_drives; d++) {
    const struct storage_interface *i =
        vhost_block_interface(w->block, (uint8_t)d);
    if (i && n < room)
      own[n++] = (struct device_plan){
          .kind = VIRTUAL_STORAGE,
          .device = (uint16_t)(s->home.device[DEVICE_DRIVE] + d),
          .pf_requester = i->requester,
          .requester = i->requester,
          .storage = *i};
  }
  return n;
}

size_t server_software_devices(const struct server_software *w,
                               struct device_plan *own, size_t room)
{
  size_t n = list_drives(w, own, room);
  const struct server *s = w->server;
  for (unsigned port = 0; w->vhost && port < (unsigned)s->config->nic.ports;
       port++) {
    const struct nic_interface *i = vhost_interface(w->vhost, port);
    if (i && n < room)
      own[n++] = (struct device_plan){.kind = VIRTUAL_NIC,
                                      .device = s->home.device[DEVICE_NIC],
                                      .pf_requester = i->requester,
                                      .requester = i->requester,
                                      .nic = *i};
  }
  return n;
}

void server_software_join(struct server_software *w, struct hypervisor *h)
{
  if (w->vhost)
    hypervisor_add_software(h, vhost_component(w->vhost));
  if (w->block)
    hypervisor_add_software(h, vhost_block_component(w->block));
  for (size_t i = 0; i < w->n_relays; i++)
    hypervisor_add_thread(h, &w->relays[i].thread.vcpu);
}

/* ---- what it takes ---------------------------------------------------------
 */

/* What each kind of back end would be given; freed by the caller. */
struct sketch {
  struct vhost_guest *guests;
  struct vhost_block_guest *disks;
  struct vhost_config network;
  struct vhost_block_config block;
};

static struct sketch sketch_of(const struct server_config *c,
                               const struct server_plan *p)
{
  struct sketch k = {.guests = calloc(p->n_guests, sizeof *k.guests),
                     .disks = calloc(p->n_guests, sizeof *k.disks)};
  HD_REQUIRE(NULL, k.guests && k.disks, "out of memory for back ends");
  k.network = (struct vhost_config){.params = &c->vhost, .guests = k.guests};
  k.network.n_guests = list_guests(c, p, NULL, k.guests);
  k.block =
      (struct vhost_block_config){.params = &c->vhost_block, .guests = k.disks};
  k.block.n_guests = list_block_guests(c, p, NULL, k.disks);
  return k;
}

static void forget(struct sketch *k)
{
  free(k->guests);
  free(k->disks);
}

uint32_t server_software_cores(const struct server_config *c,
                               const struct server_plan *p)
{
  struct sketch k = sketch_of(c, p);
  uint32_t cores = 0;
  if (k.network.n_guests > 0)
    cores += vhost_dedicated(&k.network);
  if (k.block.n_guests > 0)
    cores += vhost_block_dedicated(&k.block);
  forget(&k);
  return cores;
}

static bool enough(struct server_shortage *s, const char *what, int64_t have,
                   int64_t need)
{
  if (need <= have)
    return true;
  *s = (struct server_shortage){what, have, need};
  return false;
}

static bool drives_fit(const struct server_config *c, const struct sketch *k,
                       struct server_shortage *s)
{
  bool ok = true;
  for (uint8_t d = 0; ok && d < c->storage.drives; d++) {
    int64_t pairs = vhost_block_queue_pairs(&k->block, d);
    ok = enough(s, "queue pairs of the host", c->storage.pf_queue_pairs,
                pairs) &&
         enough(s, "vectors of the host", c->storage.pf_vectors, pairs);
  }
  return ok;
}

bool server_software_fits(const struct server_config *c,
                          const struct server_plan *p,
                          struct server_shortage *s)
{
  struct sketch k = sketch_of(c, p);
  int64_t pairs = 0;
  for (unsigned port = 0; port < (unsigned)c->nic.ports; port++)
    pairs += vhost_queue_pairs(&k.network, port);
  bool ok = enough(s, "queue pairs of the host", c->nic.pf_queues, pairs) &&
            enough(s, "vectors of the host", c->nic.pf_vectors,
                   pairs > 0 ? pairs + c->nic.ports : 0) &&
            (k.block.n_guests == 0 || drives_fit(c, &k, s));
  forget(&k);
  return ok;
}

/* ---- after the run ---------------------------------------------------------
 */

static void require(const struct hd_component *c, const char *trouble)
{
  HD_REQUIRE(c, trouble == NULL, "conservation: %s", trouble);
}

void server_software_check(const struct server_software *w)
{
  if (w->vhost)
    require(vhost_component(w->vhost), vhost_check(w->vhost));
  if (w->block)
    require(vhost_block_component(w->block), vhost_block_check(w->block));
}

uint64_t server_software_packets(const struct server_software *w)
{
  return w->vhost ? vhost_packets_inside(w->vhost) : 0;
}

uint64_t server_software_packets_arrived(const struct server_software *w)
{
  return w->vhost ? vhost_packets_arrived(w->vhost) : 0;
}

double server_software_busy(const struct server_software *w, hd_time end)
{
  double cores = w->vhost ? vhost_cores(w->vhost, end) : 0;
  cores += w->block ? vhost_block_cores(w->block, end) : 0;
  for (size_t i = 0; i < w->n_relays; i++)
    cores += host_thread_cores(&w->relays[i].thread, end);
  return cores;
}

static double relays_for(const struct server_software *w, uint16_t vm,
                         hd_time end)
{
  double cores = 0;
  for (size_t i = 0; i < w->n_relays; i++) {
    const struct relay *r = &w->relays[i];
    size_t known = 0;
    for (uint32_t g = 0; g < r->n_guests; g++)
      known += r->guests[g].known;
    if (vm < r->n_guests && r->guests[vm].known)
      cores += host_thread_cores(&r->thread, end) / (double)known;
  }
  return cores;
}

double server_software_busy_for(const struct server_software *w, uint16_t vm,
                                hd_time end)
{
  double cores = relays_for(w, vm, end);
  if (w->vhost)
    cores += vhost_cores_for(w->vhost, vm, end);
  if (w->block)
    cores += vhost_block_cores_for(w->block, vm, end);
  return cores;
}

double server_software_utilization(const struct server_software *w, hd_time end)
{
  double most = 0;
  for (size_t i = 0; i < w->n_relays; i++)
    most = fmax(most, host_thread_utilization(&w->relays[i].thread, end));
  if (w->vhost)
    most = fmax(most, vhost_utilization(w->vhost, end));
  if (w->block)
    most = fmax(most, vhost_block_utilization(w->block, end));
  return most;
}

uint64_t server_software_drops(const struct server_software *w)
{
  return w->vhost ? vhost_transmit_drops(w->vhost) +
                        vhost_receive_drops(w->vhost)
                  : 0;
}
