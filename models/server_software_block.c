/* server_software_block.c - SPDK vhost and the VMM's threads of a server. */
#include <stdio.h>
#include <stdlib.h>

#include "models/server_software_internal.h"

/* ---- block devices ---------------------------------------------------------
 */

static bool is_block(const struct server_config *c, const struct guest_plan *p)
{
  enum design d = plan_design(c, &c->groups[p->group]);
  return d == DESIGN_SPDK_VHOST || d == DESIGN_QEMU_BLK;
}

static struct vhost_block_guest block_guest_of(const struct server_config *c,
                                               const struct guest_plan *p,
                                               struct guest *g)
{
  enum design d = plan_design(c, &c->groups[p->group]);
  return (struct vhost_block_guest){
      .function = g ? guest_virtio_function(g) : NULL,
      .front = &vhost_block_guest_front,
      .guest = g,
      .kind = d == DESIGN_SPDK_VHOST ? VHOST_BLOCK_SPDK : VHOST_BLOCK_IOTHREAD,
      .drive = p->drive,
      .first_block = p->first_block,
      .blocks = p->blocks,
      .guest_offset = p->hpa - p->iova};
}

size_t server_software_list_blocks(const struct server_config *c,
                                   const struct server_plan *plan,
                                   struct guest *const *made,
                                   struct vhost_block_guest *list)
{
  size_t n = 0;
  for (size_t i = 0; i < plan->n_guests; i++) {
    const struct guest_plan *p = &plan->guests[i];
    if (is_block(c, p))
      list[n++] = block_guest_of(c, p, made ? made[i] : NULL);
  }
  return n;
}

/* The host's queue pairs and vectors are the first of each drive's. */
static void number_drives(const struct server *s, const struct machine *at,
                          struct vhost_block_drive *drives)
{
  const struct server_config *c = s->config;
  for (unsigned d = 0; d < at->n_drives; d++)
    drives[d] = (struct vhost_block_drive){
        .device = (uint16_t)(at->device[DEVICE_DRIVE] + d),
        .requester = (uint16_t)(PLAN_DRIVE_REQUESTER + d * PLAN_DRIVE_STEP),
        .first_handle = plan_drive_handles(c, d),
        .max_transfer = c->storage.max_transfer};
}

static struct vhost_block_config
block_config_of(const struct server *s, const struct machine *at,
                const struct vhost_block_drive *drives)
{
  return (struct vhost_block_config){.params = &s->config->vhost_block,
                                     .cpu = &s->config->cpu,
                                     .host = at->io.host,
                                     .window = &s->window,
                                     .scheduler = at->scheduler,
                                     .interrupts = at->interrupts,
                                     .root = at->io.root,
                                     .memory = at->io.memory,
                                     .region = 0,
                                     .memory_base = HPA_BLOCK,
                                     .descriptors = HPA_POSTED_DESCRIPTORS,
                                     .drives = drives,
                                     .n_drives = at->n_drives};
}

void server_software_make_block(struct server_software *w)
{
  struct server *s = w->server;
  struct vhost_block_guest *list = calloc(s->plan.n_guests, sizeof *list);
  struct vhost_block_drive drives[PLAN_MAX_DRIVES] = {0};
  HD_REQUIRE(NULL, list != NULL, "out of memory for back ends");
  number_drives(s, &s->home, drives);
  struct vhost_block_config config = block_config_of(s, &s->home, drives);
  config.guests = list;
  config.n_guests =
      server_software_list_blocks(s->config, &s->plan, s->guests, list);
  if (config.n_guests > 0)
    w->block = vhost_block_create(s->engine, "server/vhost-block", &config);
  free(list);
}

struct vhost_block *server_software_second_block(struct server *s,
                                                 struct machine *at,
                                                 const struct guest_plan *p)
{
  char path[48];
  struct vhost_block_guest guest =
      block_guest_of(s->config, p, s->guests[p->vm]);
  struct vhost_block_drive drives[PLAN_MAX_DRIVES] = {0};
  number_drives(s, at, drives);
  struct vhost_block_config config = block_config_of(s, at, drives);
  config.guests = &guest;
  config.n_guests = 1;
  config.side = 1;
  snprintf(path, sizeof path, "%s/vhost-block", at->io.host);
  return vhost_block_create(s->engine, path, &config);
}

struct vhost_block *server_software_block(struct server_software *w)
{
  return w->block;
}
