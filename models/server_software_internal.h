/* server_software_internal.h - for server_software*.c only. */
#ifndef HD_MODELS_SERVER_SOFTWARE_INTERNAL_H
#define HD_MODELS_SERVER_SOFTWARE_INTERNAL_H

#include "models/server_software.h"
#include "models/vhost/relay.h"
#include "models/vhost/vhost.h"
#include "models/vhost_block/vhost_block.h"

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

/* The plan's guests that vhost, or block back ends, serve; `made` NULL: the
 * plan is all there is. Return how many. */
size_t server_software_list_networks(const struct server_config *c,
                                     const struct server_plan *plan,
                                     struct guest *const *made,
                                     struct vhost_guest *list);
size_t server_software_list_blocks(const struct server_config *c,
                                   const struct server_plan *plan,
                                   struct guest *const *made,
                                   struct vhost_block_guest *list);
/* Build what the plan needs of each kind. */
void server_software_make_vhost(struct server_software *w);
void server_software_make_block(struct server_software *w);
void server_software_make_relays(struct server_software *w);

#endif
