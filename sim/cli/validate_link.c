#include "sim/cli/validate_link.h"

#include <math.h>
#include <stddef.h>

#define OVERHEAD 8        /* of a TLP, below its header */
#define COMPLETION 12     /* header of a completion */
#define DLLPS (2 * 8.0)   /* an Ack and an UpdateFC */
#define SKIP (4.0 / 1538) /* SKIP ordered sets */

int64_t cli_link_ack_interval(const struct link_case *c)
{
  static const struct {
    int64_t lanes, mps, interval;
  } limits[] = {{8, 128, 163}, {8, 256, 203}, {16, 256, 168}, {16, 512, 182}};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
    if (limits[i].lanes == c->lanes && limits[i].mps == c->mps)
      return limits[i].interval;
  return c->lanes >= 16 ? 168 : 203;
}

static double raw_gbps(const struct link_case *c)
{
  static const double lane[] = {2.5, 5, 8, 16, 32};
  double coding = c->generation <= 2 ? 8.0 / 10 : 128.0 / 130;
  return lane[c->generation - 1] * (double)c->lanes * coding;
}

double cli_link_tlp_gbps(const struct link_case *c)
{
  return raw_gbps(c) * (1 - DLLPS / (double)cli_link_ack_interval(c) - SKIP);
}

static double pieces(int64_t size, int64_t most)
{
  return (double)((size + most - 1) / most);
}

/* `size`: what the payload of a transfer takes on the wire. */
static double payload_gbps(const struct link_case *c, double size)
{
  double up = 0, down = 0;
  double request = OVERHEAD + (c->wide ? 16 : 12);
  int64_t chunk = c->rcb_chunks ? c->rcb : c->mps;
  if (c->op != LINK_READ)
    up += size + request * pieces(c->transfer, c->mps);
  if (c->op != LINK_WRITE) {
    up += request * pieces(c->transfer, c->mrrs);
    down += size + (OVERHEAD + COMPLETION) * pieces(c->transfer, chunk);
  }
  return cli_link_tlp_gbps(c) * (double)c->transfer / fmax(up, down);
}

double cli_link_payload_gbps(const struct link_case *c)
{
  return payload_gbps(c, (double)c->transfer);
}

/* Pieces before the last are whole double words anyway. */
double cli_link_padded_gbps(const struct link_case *c)
{
  return payload_gbps(c, 4 * pieces(c->transfer, 4));
}
