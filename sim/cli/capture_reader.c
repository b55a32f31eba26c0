#include "sim/cli/capture_reader.h"

#include "sim/cli/capture_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
  const char *path;
  const struct capture_rules *rules;
  struct capture_file *file;
  char *error;
  size_t room;    /* packets that the array can hold */
  int64_t latest; /* ns */
};

__attribute__((format(printf, 2, 3))) static bool
refuse(struct reading *r, const char *format, ...)
{
  va_list args;
  int n = snprintf(r->error, CAPTURE_ERROR_MAX, "'%s': ", r->path);
  va_start(args, format);
  if (n > 0 && n < CAPTURE_ERROR_MAX)
    vsnprintf(r->error + n, CAPTURE_ERROR_MAX - (size_t)n, format, args);
  va_end(args);
  return false;
}

/* ---- the file ------------------------------------------------------- */

/* CRC of POSIX cksum: polynomial 0x04c11db7, then the length's bytes. */
static uint32_t crc_byte(uint32_t crc, unsigned byte)
{
  crc ^= byte << 24;
  for (int bit = 0; bit < 8; bit++)
    crc = crc << 1 ^ (crc & UINT32_C(0x80000000) ? UINT32_C(0x04c11db7) : 0);
  return crc;
}

static void make_table(uint32_t *table)
{
  for (unsigned i = 0; i < 256; i++)
    table[i] = crc_byte(0, i);
}

static bool check_sum(struct reading *r, FILE *in)
{
  unsigned char bytes[65536];
  uint32_t table[256], crc = 0;
  size_t n;
  make_table(table);
  while ((n = fread(bytes, 1, sizeof bytes, in)) > 0) {
    r->file->size += n;
    for (size_t i = 0; i < n; i++)
      crc = crc << 8 ^ table[crc >> 24 ^ bytes[i]];
  }
  for (uint64_t left = r->file->size; left > 0; left >>= 8)
    crc = crc << 8 ^ table[crc >> 24 ^ (left & 0xff)];
  r->file->checksum = ~crc;
  if (ferror(in) || fseek(in, 0, SEEK_SET) != 0)
    return refuse(r, "cannot read the capture: %s", strerror(errno));
  return r->file->size > 0 ||
         refuse(r, "the file is empty; a capture in pcap or pcapng format is "
                   "wanted");
}

static FILE *open_regular(struct reading *r)
{
  struct stat status;
  int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &status) != 0)
    refuse(r, "cannot read the capture: %s", strerror(errno));
  else if (!S_ISREG(status.st_mode))
    refuse(r, "cannot read the capture: not a regular file");
  else
    return fdopen(fd, "rb");
  if (fd >= 0)
    close(fd);
  return NULL;
}

static bool is_ethernet(struct reading *r, pcap_t *in)
{
  int type = pcap_datalink(in);
  const char *name = pcap_datalink_val_to_name(type);
  if (type == DLT_EN10MB)
    return true;
  return refuse(r,
                "the link type is %s (%d), not Ethernet (EN10MB, 1): "
                "capture on an Ethernet interface, not on 'any'",
                name ? name : "unknown", type);
}

/* ---- packets -------------------------------------------------------- */

static bool make_room(struct reading *r, size_t more)
{
  struct capture *c = &r->file->capture;
  size_t need = c->count + more;
  if (need <= r->room)
    return true;
  if (need > CAPTURE_PACKETS_MAX)
    return refuse(r, "more than %d packets; take a part of the capture",
                  CAPTURE_PACKETS_MAX);
  size_t room = 2 * need;
  struct capture_packet *bigger =
      realloc(c->packets, room * sizeof *c->packets);
  if (!bigger)
    return refuse(r, "no memory for more than %zu packets", c->count);
  c->packets = bigger;
  r->room = room;
  return true;
}

/* In the order of time, after those of the same time. There is room. */
static void insert(struct capture *c, struct capture_packet p)
{
  size_t i = c->count++;
  for (; i > 0 && c->packets[i - 1].time > p.time; i--)
    c->packets[i] = c->packets[i - 1];
  c->packets[i] = p;
  c->bytes += p.bytes;
}

/* Nanoseconds since 1970, in time's field until all have been read. */
static bool read_time(struct reading *r, const struct pcap_pkthdr *h,
                      int64_t *time)
{
  const int64_t ns = INT64_C(1000000000);
  if (h->ts.tv_sec < 0 || h->ts.tv_sec > UINT32_MAX || h->ts.tv_usec < 0 ||
      h->ts.tv_usec >= ns)
    return refuse(r,
                  "packet %" PRIu64 ": there is no such time as %lld.%09lld "
                  "s",
                  r->file->read, (long long)h->ts.tv_sec,
                  (long long)h->ts.tv_usec);
  *time = h->ts.tv_sec * ns + h->ts.tv_usec;
  if (r->file->read == 1 || *time >= r->latest) {
    r->latest = *time;
    return true;
  }
  r->file->reordered++;
  if (r->latest - *time <= r->rules->disorder / HD_NS)
    return true;
  return refuse(r,
                "packet %" PRIu64 ": its time stamp is %.6g s before an "
                "earlier packet's; sort the file, or raise disorder",
                r->file->read, (double)(r->latest - *time) / 1e9);
}

/* A frame above the MTU: data in segments of the largest size, each behind the
 * headers. */
static bool cut(struct reading *r, struct capture_packet p,
                const struct capture_frame *f)
{
  uint32_t most = f->link + CAPTURE_MTU, headers = f->transport;
  if (!r->rules->segment)
    return refuse(r,
                  "packet %" PRIu64 ": %" PRIu32 " B, more than an MTU of "
                  "%d B allows: captured before the card cut it; set "
                  "oversize: segment, or capture without offloads",
                  r->file->read, p.bytes, CAPTURE_MTU);
  if (headers == 0 || headers >= most)
    return refuse(r,
                  "packet %" PRIu64 ": %" PRIu32 " B, more than an MTU of "
                  "%d B allows, and not to be cut: no TCP or UDP header was "
                  "captured",
                  r->file->read, p.bytes, CAPTURE_MTU);
  uint32_t piece = most - headers;
  r->file->cut++;
  for (uint32_t left = p.bytes - headers; left > 0;) {
    uint32_t data = left < piece ? left : piece;
    if (!make_room(r, 1))
      return false;
    insert(&r->file->capture,
           (struct capture_packet){p.time, headers + data, p.flow});
    left -= data;
  }
  return true;
}

static bool take(struct reading *r, const struct pcap_pkthdr *h,
                 const unsigned char *bytes)
{
  struct capture_packet p = {.bytes = h->len};
  r->file->read++;
  if (h->len < CAPTURE_ETHERNET_HEADER)
    return refuse(r,
                  "packet %" PRIu64 ": %u B; an Ethernet frame has at least "
                  "%d",
                  r->file->read, (unsigned)h->len, CAPTURE_ETHERNET_HEADER);
  if (!read_time(r, h, &p.time) || !make_room(r, 1))
    return false;
  struct capture_frame f = cli_capture_frame(bytes, h->caplen);
  p.flow = f.flow;
  r->file->shortened += h->caplen < h->len;
  if (h->len > f.link + CAPTURE_MTU)
    return cut(r, p, &f);
  insert(&r->file->capture, p);
  return true;
}

static bool read_packets(struct reading *r, pcap_t *in)
{
  struct pcap_pkthdr *header;
  const unsigned char *bytes;
  int status;
  while ((status = pcap_next_ex(in, &header, &bytes)) == 1)
    if (!take(r, header, bytes))
      return false;
  if (status != PCAP_ERROR_BREAK)
    return refuse(r, "after packet %" PRIu64 ": %s", r->file->read,
                  pcap_geterr(in));
  return r->file->capture.count > 0 ||
         refuse(r, "the capture holds no packets");
}

/* Picoseconds from the first packet on. */
static bool finish(struct reading *r)
{
  struct capture *c = &r->file->capture;
  int64_t first = c->packets[0].time;
  int64_t span = c->packets[c->count - 1].time - first;
  const int64_t most = HD_TIME_NEVER / 8 / HD_NS;
  if (span > most)
    return refuse(r, "%lld s from the first to the last packet; at most %lld",
                  (long long)(span / 1000000000),
                  (long long)(most / 1000000000));
  for (size_t i = 0; i < c->count; i++)
    c->packets[i].time = (c->packets[i].time - first) * HD_NS;
  hd_time mean = c->count > 1 ? span * HD_NS / (hd_time)(c->count - 1) : 0;
  c->period = span * HD_NS + mean;
  return true;
}

/* ---- the whole ------------------------------------------------------ */

static bool read_capture(struct reading *r, pcap_t *in)
{
  return is_ethernet(r, in) && read_packets(r, in) && finish(r);
}

bool cli_capture_read(const char *path, const struct capture_rules *rules,
                      struct capture_file *file, char *error)
{
  struct reading r = {path, rules, file, error, 0, 0};
  char why[PCAP_ERRBUF_SIZE] = "";
  pcap_t *in = NULL;
  *file = (struct capture_file){.read = 0};
  FILE *stream = open_regular(&r);
  if (!stream)
    return false;
  bool good = check_sum(&r, stream);
  if (good && !(in = pcap_fopen_offline_with_tstamp_precision(
                    stream, PCAP_TSTAMP_PRECISION_NANO, why)))
    good = refuse(&r, "not a capture in pcap or pcapng format: %s", why);
  good = good && read_capture(&r, in);
  if (in)
    pcap_close(in); /* and the stream */
  else
    fclose(stream);
  if (!good)
    cli_capture_free(file);
  return good;
}

void cli_capture_free(struct capture_file *file)
{
  free(file->capture.packets);
  *file = (struct capture_file){.read = 0};
}
