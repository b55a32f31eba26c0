/*
 * make_capture.c - writes a capture file from lines of text.
 *
 *   make_capture FORMAT FILE [LINK [SNAPLEN]] <LINES
 *
 * FORMAT: pcap (microseconds), pcap-ns or pcapng (nanoseconds). LINK: a link
 * type's number, default 1 (Ethernet); SNAPLEN: bytes kept of a packet, default
 * 65535. A line is a packet: TIME BYTES PROTOCOL PORT, i.e. nanoseconds, bytes
 * of the frame without FCS, udp, tcp or arp, source port. Addresses are from
 * the blocks for documentation (RFC 5737), contents are zero.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 65535 };

struct line {
  int64_t time; /* ns */
  unsigned bytes, port;
  char protocol[8];
};

struct output {
  int format; /* 0: pcap, 1: pcap-ns, 2: pcapng */
  int link;
  unsigned snaplen;
  pcap_t *dead;
  pcap_dumper_t *dumper;
  FILE *file; /* pcapng, which libpcap does not write */
};

static void put16(unsigned char *at, unsigned value)
{
  at[0] = (unsigned char)(value >> 8);
  at[1] = (unsigned char)value;
}

/* Ethernet, IPv4, UDP or TCP headers, as far as they fit. */
static void fill(unsigned char *frame, const struct line *l)
{
  static const unsigned char ends[8] = {192, 0, 2, 1, 198, 51, 100, 1};
  unsigned char head[54] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  bool tcp = strcmp(l->protocol, "tcp") == 0;
  memset(frame, 0, l->bytes);
  put16(head + 12, strcmp(l->protocol, "arp") == 0 ? 0x0806 : 0x0800);
  head[14] = 0x45;
  put16(head + 16, l->bytes > 14 ? l->bytes - 14 : 0);
  head[22] = 64;
  head[23] = tcp ? 6 : 17;
  memcpy(head + 26, ends, sizeof ends);
  put16(head + 34, l->port);
  put16(head + 36, 9); /* discard */
  if (tcp)
    head[46] = 5 << 4;
  else
    put16(head + 38, l->bytes > 34 ? l->bytes - 34 : 0);
  memcpy(frame, head, l->bytes < sizeof head ? l->bytes : sizeof head);
}

/* ---- pcapng (draft-ietf-opsawg-pcapng), in the machine's byte order ---- */

static void put_block(FILE *out, uint32_t type, const void *body, size_t n)
{
  static const char zeros[4];
  size_t padding = (4 - n % 4) % 4;
  uint32_t length = (uint32_t)(12 + n + padding);
  fwrite(&type, 4, 1, out);
  fwrite(&length, 4, 1, out);
  fwrite(body, 1, n, out);
  fwrite(zeros, 1, padding, out);
  fwrite(&length, 4, 1, out);
}

static void put_heads(const struct output *o)
{
  const uint32_t section[4] = {0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX};
  /* Link type, snap length, option if_tsresol (9) of one byte: 10^-9 s. */
  const uint32_t interface[5] = {(uint32_t)o->link, o->snaplen, 1u << 16 | 9, 9,
                                 0};
  put_block(o->file, 0x0a0d0d0a, section, sizeof section);
  put_block(o->file, 1, interface, sizeof interface);
}

static void put_enhanced(const struct output *o, const struct line *l,
                         const unsigned char *frame, unsigned kept)
{
  static unsigned char body[20 + FRAME_MAX];
  uint64_t time = (uint64_t)l->time;
  const uint32_t head[5] = {0, (uint32_t)(time >> 32), (uint32_t)time, kept,
                            l->bytes};
  memcpy(body, head, sizeof head);
  memcpy(body + sizeof head, frame, kept);
  put_block(o->file, 6, body, sizeof head + kept);
}

/* ---- any format --------------------------------------------------------- */

static void put(const struct output *o, const struct line *l)
{
  static unsigned char frame[FRAME_MAX];
  unsigned kept = l->bytes < o->snaplen ? l->bytes : o->snaplen;
  int64_t unit = o->format == 0 ? 1000 : 1;
  struct pcap_pkthdr h = {.caplen = kept, .len = l->bytes};
  h.ts.tv_sec = (time_t)(l->time / 1000000000);
  h.ts.tv_usec = (suseconds_t)(l->time % 1000000000 / unit);
  fill(frame, l);
  if (o->file)
    put_enhanced(o, l, frame, kept);
  else
    pcap_dump((unsigned char *)o->dumper, &h, frame);
}

static bool begin(struct output *o, const char *path)
{
  if (o->format == 2) {
    o->file = fopen(path, "wb");
    if (o->file)
      put_heads(o);
    return o->file != NULL;
  }
  o->dead = pcap_open_dead_with_tstamp_precision(
      o->link, (int)o->snaplen,
      o->format == 1 ? PCAP_TSTAMP_PRECISION_NANO
                     : PCAP_TSTAMP_PRECISION_MICRO);
  o->dumper = pcap_dump_open(o->dead, path);
  return o->dumper != NULL;
}

static void end(const struct output *o)
{
  if (o->dumper)
    pcap_dump_close(o->dumper);
  if (o->dead)
    pcap_close(o->dead);
  if (o->file)
    fclose(o->file);
}

static int format_of(const char *name)
{
  static const char *const names[] = {"pcap", "pcap-ns", "pcapng"};
  for (int i = 0; i < 3; i++)
    if (strcmp(name, names[i]) == 0)
      return i;
  return -1;
}

int main(int argc, char **argv)
{
  struct output o = {.link = argc > 3 ? atoi(argv[3]) : 1,
                     .snaplen = argc > 4 ? (unsigned)atoi(argv[4]) : FRAME_MAX};
  struct line l;
  if (argc < 3 || (o.format = format_of(argv[1])) < 0 || o.snaplen > FRAME_MAX)
    return 2;
  if (!begin(&o, argv[2]))
    return 1;
  while (scanf("%" SCNd64 " %u %7s %u", &l.time, &l.bytes, l.protocol,
               &l.port) == 4)
    if (l.bytes <= FRAME_MAX)
      put(&o, &l);
  end(&o);
  return 0;
}
