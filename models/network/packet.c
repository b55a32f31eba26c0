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

struct packet *packet_cut(struct packet_pool *pp, struct packet *rest)
{
  struct packet *p = packet_new(pp);
  *p = *rest;
  p->tcp_flags &= (uint8_t)~PACKET_TCP_FIN;
  p->payload = PACKET_TCP_MSS;
  p->frame = packet_tcp_frame_bytes(p->payload);
  rest->payload -= PACKET_TCP_MSS;
  rest->frame = packet_tcp_frame_bytes(rest->payload);
  rest->sequence += PACKET_TCP_MSS;
  rest->buffer += PACKET_TCP_MSS;
  return p;
}
