/*
 * test_capture.c - capture files as they are read: times, lengths, flows, and
 * what is refused. Files are written by libpcap, or damaged by hand.
 *
 * A green run does not prove that other programs' pcapng files can be read;
 * libpcap does that.
 */
#include <check.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/capture_frame.h"
#include "sim/cli/capture_reader.h"

#define S INT64_C(1700000000)

struct frame {
  int64_t ns; /* after S */
  unsigned bytes, kept;
  unsigned char head[60];
};

static char path[] = "/tmp/test-capture-XXXXXX";
static char error[CAPTURE_ERROR_MAX];
static struct capture_file file;
static const struct capture_rules strict = {.disorder = HD_US};
static const struct capture_rules cutting = {.disorder = HD_US,
                                             .segment = true};

static void setup(void)
{
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  close(fd);
}

static void teardown(void)
{
  unlink(path);
}

static void write_frames(const struct frame *f, size_t n, int precision,
                         int link)
{
  static unsigned char bytes[65536];
  pcap_t *dead =
      pcap_open_dead_with_tstamp_precision(link, 65535, (unsigned)precision);
  pcap_dumper_t *out = pcap_dump_open(dead, path);
  for (size_t i = 0; i < n; i++) {
    int64_t unit = precision == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    struct pcap_pkthdr h = {.caplen = f[i].kept ? f[i].kept : f[i].bytes,
                            .len = f[i].bytes};
    h.ts.tv_sec = S + f[i].ns / 1000000000;
    h.ts.tv_usec = f[i].ns % 1000000000 / unit;
    memcpy(bytes, f[i].head, sizeof f[i].head);
    pcap_dump((unsigned char *)out, &h, bytes);
  }
  pcap_dump_close(out);
  pcap_close(dead);
}

static void write_nano(const struct frame *f, size_t n)
{
  write_frames(f, n, PCAP_TSTAMP_PRECISION_NANO, DLT_EN10MB);
}

static void read_well(const struct capture_rules *rules)
{
  bool good = cli_capture_read(path, rules, &file, error);
  ck_assert_msg(good, "%s", error);
}

static void refused(const struct capture_rules *rules, const char *why)
{
  char wanted[CAPTURE_ERROR_MAX];
  snprintf(wanted, sizeof wanted, "'%s': %s", path, why);
  ck_assert(!cli_capture_read(path, rules, &file, error));
  ck_assert_str_eq(error, wanted);
  ck_assert_ptr_null(file.capture.packets);
}

/* Ethernet, IPv4 and TCP (or UDP) headers. */
static void put_headers(struct frame *f, unsigned protocol, unsigned port)
{
  f->head[12] = 8;
  f->head[14] = 0x45;
  f->head[23] = (unsigned char)protocol;
  f->head[30] = 10;
  f->head[34] = (unsigned char)(port >> 8);
  f->head[35] = (unsigned char)port;
  f->head[46] = 5 << 4;
}

/* ---- times and lengths --------------------------------------------------- */

START_TEST(nanoseconds)
{
  const struct frame f[] = {
      {.ns = 7, .bytes = 60}, {.ns = 1008, .bytes = 1514}, {1008, 42, 0, {0}}};
  write_nano(f, 3);
  read_well(&strict);
  const struct capture *c = &file.capture;
  ck_assert_uint_eq(c->count, 3);
  ck_assert_uint_eq(c->bytes, 60 + 1514 + 42);
  ck_assert_int_eq(c->packets[0].time, 0);
  ck_assert_int_eq(c->packets[1].time, 1001 * HD_NS);
  ck_assert_int_eq(c->packets[2].time, 1001 * HD_NS);
  ck_assert_uint_eq(c->packets[2].bytes, 42);
  ck_assert_int_eq(c->period, 1001 * HD_NS + 1001 * HD_NS / 2);
  cli_capture_free(&file);
}
END_TEST

START_TEST(microseconds)
{
  const struct frame f[] = {{.ns = 999999000, .bytes = 60},
                            {.ns = 1000002999, .bytes = 60}};
  write_frames(f, 2, PCAP_TSTAMP_PRECISION_MICRO, DLT_EN10MB);
  read_well(&strict);
  ck_assert_int_eq(file.capture.packets[1].time, 3 * HD_US);
  ck_assert_int_eq(file.capture.period, 6 * HD_US);
  cli_capture_free(&file);
}
END_TEST

START_TEST(length_on_the_wire_counts)
{
  const struct frame f[] = {{.ns = 0, .bytes = 1514, .kept = 60}};
  write_nano(f, 1);
  read_well(&strict);
  ck_assert_uint_eq(file.capture.packets[0].bytes, 1514);
  ck_assert_uint_eq(file.shortened, 1);
  ck_assert_int_eq(file.capture.period, 0);
  cli_capture_free(&file);
}
END_TEST

START_TEST(small_steps_back_are_sorted)
{
  const struct frame f[] = {{.ns = 500, .bytes = 60},
                            {.ns = 1500, .bytes = 61},
                            {.ns = 500, .bytes = 62},
                            {.ns = 1500, .bytes = 63}};
  write_nano(f, 4);
  read_well(&strict);
  const unsigned order[] = {60, 62, 61, 63};
  for (int i = 0; i < 4; i++)
    ck_assert_uint_eq(file.capture.packets[i].bytes, order[i]);
  ck_assert_uint_eq(file.reordered, 1);
  ck_assert_int_eq(file.capture.packets[2].time, 1000 * HD_NS);
  cli_capture_free(&file);
}
END_TEST

/* As cksum(1) prints it. */
START_TEST(checksum_is_posix)
{
  const struct frame f[] = {{.ns = 0, .bytes = 60}};
  char command[128];
  unsigned long sum, size;
  write_nano(f, 1);
  read_well(&strict);
  snprintf(command, sizeof command, "cksum <%s", path);
  FILE *in = popen(command, "r");
  ck_assert_int_eq(fscanf(in, "%lu %lu", &sum, &size), 2);
  pclose(in);
  ck_assert_uint_eq(file.checksum, sum);
  ck_assert_uint_eq(file.size, size);
  cli_capture_free(&file);
}
END_TEST

/* ---- flows ----------------------------------------------------------------
 */

static uint32_t flow_of(struct frame *f)
{
  return cli_capture_frame(f->head, sizeof f->head).flow;
}

START_TEST(flows_are_addresses_protocol_and_ports)
{
  struct frame a = {.bytes = 60}, b = {.bytes = 60};
  put_headers(&a, 17, 1000);
  put_headers(&b, 17, 1000);
  b.head[59] = 1; /* data */
  ck_assert_uint_eq(flow_of(&a), flow_of(&b));
  put_headers(&b, 17, 1001);
  ck_assert_uint_ne(flow_of(&a), flow_of(&b));
  put_headers(&b, 6, 1000);
  ck_assert_uint_ne(flow_of(&a), flow_of(&b));
  put_headers(&b, 17, 1000);
  b.head[33] = 9; /* destination */
  ck_assert_uint_ne(flow_of(&a), flow_of(&b));
}
END_TEST

/* Later fragments have no ports: none of them counts. */
START_TEST(fragments_stay_together)
{
  struct frame a = {.bytes = 60}, b = {.bytes = 60};
  put_headers(&a, 17, 1000);
  put_headers(&b, 17, 7777);
  a.head[20] = 0x20; /* more fragments */
  b.head[21] = 0xb9; /* offset */
  ck_assert_uint_eq(flow_of(&a), flow_of(&b));
}
END_TEST

START_TEST(headers_behind_tags_and_ipv6)
{
  unsigned char f[80] = {0};
  f[12] = 0x88, f[13] = 0xa8, f[16] = 0x81;
  f[20] = 0x86, f[21] = 0xdd;
  f[22 + 6] = 0;   /* hop-by-hop options, 8 B, then: */
  f[22 + 40] = 17; /* UDP */
  struct capture_frame c = cli_capture_frame(f, sizeof f);
  ck_assert_uint_eq(c.link, 22);
  ck_assert_uint_eq(c.transport, 22 + 40 + 8 + 8);
}
END_TEST

/* Whatever the bytes are, only they are looked at (for sanitizers). */
START_TEST(any_bytes_will_do)
{
  srand(1);
  for (int i = 0; i < 20000; i++) {
    size_t n = (size_t)rand() % 80;
    unsigned char *bytes = malloc(n ? n : 1);
    for (size_t k = 0; k < n; k++)
      bytes[k] = (unsigned char)(rand() >> 4);
    if (n > 14 && i % 2) {
      bytes[12] = i % 4 == 1 ? 8 : 0x86;
      bytes[13] = i % 4 == 1 ? 0 : 0xdd;
    }
    struct capture_frame c = cli_capture_frame(bytes, n);
    ck_assert_uint_le(c.transport, n);
    free(bytes);
  }
}
END_TEST

/* ---- frames above the MTU --------------------------------------------------
 */

/* 54 B of headers before each 1460 B, and before the rest. */
START_TEST(large_frames_are_cut)
{
  struct frame f[] = {{.ns = 0, .bytes = 54 + 3000, .kept = 60},
                      {.ns = 9, .bytes = 42 + 1473, .kept = 60}};
  put_headers(&f[0], 6, 1000);
  put_headers(&f[1], 17, 1000);
  write_nano(f, 2);
  read_well(&cutting);
  const unsigned wanted[] = {1514, 1514, 54 + 80, 1514, 42 + 1};
  ck_assert_uint_eq(file.capture.count, 5);
  ck_assert_uint_eq(file.cut, 2);
  for (int i = 0; i < 5; i++)
    ck_assert_uint_eq(file.capture.packets[i].bytes, wanted[i]);
  ck_assert_int_eq(file.capture.packets[2].time, 0);
  ck_assert_uint_eq(file.capture.packets[2].flow, file.capture.packets[0].flow);
  cli_capture_free(&file);
  refused(&strict, "packet 1: 3054 B, more than an MTU of 1500 B allows: "
                   "captured before the card cut it; set oversize: segment, or "
                   "capture without offloads");
}
END_TEST

START_TEST(a_tag_is_not_oversize)
{
  struct frame f = {.bytes = 1518, .kept = 60};
  f.head[12] = 0x81;
  write_nano(&f, 1);
  read_well(&strict);
  ck_assert_uint_eq(file.capture.packets[0].bytes, 1518);
  cli_capture_free(&file);
}
END_TEST

START_TEST(what_has_no_headers_is_not_cut)
{
  struct frame f = {.bytes = 1515, .kept = 40};
  put_headers(&f, 6, 1);
  write_nano(&f, 1);
  refused(&cutting, "packet 1: 1515 B, more than an MTU of 1500 B allows, and "
                    "not to be cut: no TCP or UDP header was captured");
}
END_TEST

/* ---- what is refused --------------------------------------------------------
 */

START_TEST(great_steps_back)
{
  const struct frame f[] = {{.ns = 3000000000, .bytes = 60},
                            {.ns = 500000000, .bytes = 60}};
  write_nano(f, 2);
  refused(&strict, "packet 2: its time stamp is 2.5 s before an earlier "
                   "packet's; sort the file, or raise disorder");
}
END_TEST

START_TEST(other_links)
{
  const struct frame f = {.bytes = 60};
  write_frames(&f, 1, PCAP_TSTAMP_PRECISION_MICRO, DLT_LINUX_SLL);
  refused(&strict, "the link type is LINUX_SLL (113), not Ethernet (EN10MB, "
                   "1): capture on an Ethernet interface, not on 'any'");
}
END_TEST

START_TEST(no_packets)
{
  write_nano(NULL, 0);
  refused(&strict, "the capture holds no packets");
}
END_TEST

START_TEST(truncated_file)
{
  const struct frame f[] = {{.ns = 0, .bytes = 60}, {.ns = 1, .bytes = 60}};
  write_nano(f, 2);
  ck_assert_int_eq(truncate(path, 24 + 76 + 16 + 59), 0);
  refused(&strict, "after packet 1: truncated dump file; tried to read 60 "
                   "captured bytes, only got 59");
  ck_assert_int_eq(truncate(path, 24 + 76 + 5), 0);
  refused(&strict, "after packet 1: truncated dump file; tried to read 16 "
                   "header bytes, only got 5");
}
END_TEST

START_TEST(tiny_frame)
{
  const struct frame f = {.bytes = 13};
  write_nano(&f, 1);
  refused(&strict, "packet 1: 13 B; an Ethernet frame has at least 14");
}
END_TEST

START_TEST(too_long_a_time)
{
  const struct frame f[] = {{.ns = 0, .bytes = 60},
                            {.ns = INT64_C(1200000000000000), .bytes = 60}};
  write_nano(f, 2);
  refused(&strict, "1200000 s from the first to the last packet; at most "
                   "1152921");
}
END_TEST

int main(void)
{
  Suite *s = suite_create("capture");
  TCase *c = tcase_create("capture");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, nanoseconds);
  tcase_add_test(c, microseconds);
  tcase_add_test(c, length_on_the_wire_counts);
  tcase_add_test(c, small_steps_back_are_sorted);
  tcase_add_test(c, checksum_is_posix);
  tcase_add_test(c, flows_are_addresses_protocol_and_ports);
  tcase_add_test(c, fragments_stay_together);
  tcase_add_test(c, headers_behind_tags_and_ipv6);
  tcase_add_test(c, any_bytes_will_do);
  tcase_add_test(c, large_frames_are_cut);
  tcase_add_test(c, a_tag_is_not_oversize);
  tcase_add_test(c, what_has_no_headers_is_not_cut);
  tcase_add_test(c, great_steps_back);
  tcase_add_test(c, other_links);
  tcase_add_test(c, no_packets);
  tcase_add_test(c, truncated_file);
  tcase_add_test(c, tiny_frame);
  tcase_add_test(c, too_long_a_time);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_ENV);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
