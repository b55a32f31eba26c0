#include "sim/cli/capture_frame.h"

#include "sim/engine/rng.h"

#include <stdbool.h>

enum { IPV4 = 0x0800, IPV6 = 0x86dd, TCP = 6, UDP = 17 };

struct parser {
  const unsigned char *bytes;
  size_t n;
  uint64_t hash; /* FNV-1a */
  struct capture_frame out;
};

static unsigned get16(const struct parser *p, size_t at)
{
  return at + 2 <= p->n ? (unsigned)p->bytes[at] << 8 | p->bytes[at + 1] : 0;
}

static unsigned get8(const struct parser *p, size_t at)
{
  return at < p->n ? p->bytes[at] : 0;
}

static void add(struct parser *p, size_t at, size_t length)
{
  for (size_t i = at; i < at + length && i < p->n; i++)
    p->hash = (p->hash ^ p->bytes[i]) * UINT64_C(0x100000001b3);
}

static void add_number(struct parser *p, unsigned number)
{
  p->hash = (p->hash ^ number) * UINT64_C(0x100000001b3);
}

static void transport(struct parser *p, size_t at, unsigned protocol)
{
  add_number(p, protocol);
  if (protocol != TCP && protocol != UDP)
    return;
  add(p, at, 4); /* ports */
  size_t header = protocol == UDP ? 8 : (size_t)(get8(p, at + 12) >> 4) * 4;
  if (header >= 8 && at + header <= p->n)
    p->out.transport = (uint32_t)(at + header);
}

static void ipv4(struct parser *p, size_t at)
{
  size_t header = (size_t)(get8(p, at) & 15) * 4;
  bool fragment = (get16(p, at + 6) & 0x3fff) != 0;
  add(p, at + 12, 8); /* addresses */
  if (header < 20 || fragment)
    add_number(p, get8(p, at + 9));
  else
    transport(p, at + header, get8(p, at + 9));
}

/* Hop-by-hop options, routing and destination options precede the rest. */
static void ipv6(struct parser *p, size_t at)
{
  enum { HOPS = 0, ROUTING = 43, OPTIONS = 60 };
  unsigned next = get8(p, at + 6);
  size_t here = at + 40;
  add(p, at + 8, 32); /* addresses */
  while ((next == HOPS || next == ROUTING || next == OPTIONS) && here < p->n) {
    next = get8(p, here);
    here += (get8(p, here + 1) + 1) * (size_t)8;
  }
  transport(p, here, next);
}

/* Type of what the frame carries; its header ends at out.link. */
static unsigned ethernet(struct parser *p)
{
  unsigned tags = 0, type = get16(p, 12);
  while (tags < 2 && (type == 0x8100 || type == 0x88a8 || type == 0x9100)) {
    tags++;
    type = get16(p, 12 + 4 * tags);
  }
  p->out.link = CAPTURE_ETHERNET_HEADER + 4 * tags;
  return type;
}

struct capture_frame cli_capture_frame(const unsigned char *bytes, size_t n)
{
  struct parser p = {bytes, n, UINT64_C(0xcbf29ce484222325), {0, 0, 0}};
  unsigned type = ethernet(&p);
  if (type == IPV4)
    ipv4(&p, p.out.link);
  else if (type == IPV6)
    ipv6(&p, p.out.link);
  else
    add(&p, 0, CAPTURE_ETHERNET_HEADER);
  p.out.flow = (uint32_t)(hd_mix64(p.hash) >> 32);
  return p.out;
}
