#include "models/network/packet.h"

_Static_assert(sizeof(struct packet_msg) <= HD_MSG_BYTES, "too large");

void packet_pool_initialize(struct packet_pool *pp)
{
  *pp = (struct packet_pool){0};
  hd_pool_initialize(&pp->pool, sizeof(struct packet));
}

void packet_pool_terminate(struct packet_pool *pp)
{
  hd_pool_terminate(&pp->pool);
}
