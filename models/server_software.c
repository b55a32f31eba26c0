/* server_software.c - see server_software.h. */
#include <math.h>
#include <stdlib.h>

#include "models/server_software_internal.h"
#include "models/vhost/vhost_share.h"
#include "models/vhost_block/block_share.h"

/* ---- life ------------------------------------------------------------------
 */

struct server_software *server_software_create(struct server *s)
{
  struct server_software *w = calloc(1, sizeof *w);
  HD_REQUIRE(NULL, w != NULL, "out of memory for host software");
  w->server = s;
  server_software_make_vhost(w);
  server_software_make_block(w);
  server_software_make_relays(w);
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
  return w->vhost
             ? vhost_transmit_drops(w->vhost) + vhost_receive_drops(w->vhost)
             : 0;
}

/* Threads of vhost, then of block back ends, then relays. */
static const char *vhost_row(const struct vhost *v, size_t i, hd_time end,
                             double *cores)
{
  struct vhost_thread_stats st;
  vhost_get_thread_stats(v, i, end, &st);
  *cores = st.cores;
  return st.name;
}

static const char *block_row(const struct vhost_block *v, size_t i, hd_time end,
                             double *cores)
{
  struct vhost_block_thread_stats st;
  vhost_block_get_thread_stats(v, i, end, &st);
  *cores = st.cores;
  return st.name;
}

const char *server_software_thread(const struct server_software *w, size_t i,
                                   hd_time end, double *cores)
{
  size_t n = w->vhost ? vhost_n_threads(w->vhost) : 0;
  if (i < n)
    return vhost_row(w->vhost, i, end, cores);
  i -= n;
  n = w->block ? vhost_block_n_threads(w->block) : 0;
  if (i < n)
    return block_row(w->block, i, end, cores);
  i -= n;
  if (i >= w->n_relays)
    return NULL;
  *cores = host_thread_cores(&w->relays[i].thread, end);
  return w->relays[i].thread.vcpu.task.base.path;
}
