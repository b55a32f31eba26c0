/* server_software_fit.c - whether host software finds the cores, queue pairs
 * and vectors that it wants. */
#include <stdlib.h>

#include "models/server_software_internal.h"

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
  k.network.n_guests = server_software_list_networks(c, p, NULL, k.guests);
  k.block =
      (struct vhost_block_config){.params = &c->vhost_block, .guests = k.disks};
  k.block.n_guests = server_software_list_blocks(c, p, NULL, k.disks);
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
