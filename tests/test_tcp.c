/*
 * test_tcp.c - one end of a connection against the rules, and two ends against
 * each other over a path that loses and reorders.
 *
 * A green run says that every byte arrives exactly once and both ends find the
 * end, whatever is lost; that windows grow as slow start says; that timers fire
 * at their time. It does not say that the congestion control is CUBIC's.
 */
#include <check.h>
#include <stdlib.h>

#include "models/network/tcp.h"

enum { MSS = PACKET_TCP_MSS, REQUEST = 110, FLYING = 4096 };
#define WAY (50 * HD_US)
#define SPACING (120 * HD_NS)
#define LIMIT (1000 * HD_S)

static const struct tcp_params params = {.initial_window = 10,
                                         .segmentation = 64240,
                                         .quick_acks = 16,
                                         .delayed_ack = 40 * HD_MS,
                                         .rto_initial = HD_S,
                                         .rto_min = 200 * HD_MS};

/* ---- two ends and the path between them ---------------------------------- */

struct flying {
  hd_time when;
  int to;
  struct tcp_segment segment;
};

static struct {
  struct tcp end[2]; /* 0: client */
  bool gone[2];
  struct flying flying[FLYING];
  size_t n_flying;
  hd_time now, line_free[2];
  uint32_t file, got, sent[2]; /* bytes; frames sent by each end */
  uint64_t random;
  unsigned lose_percent, jitter; /* jitter: of SPACING */
  int lose_from;                 /* frame of this end ... */
  uint32_t lose_number;          /* ... with this number is lost */
  hd_time data_at[256];          /* when the server's data frames were sent */
  uint32_t data_frames;
} net;

static uint32_t draw(uint32_t below)
{
  net.random = net.random * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(net.random >> 33) % below;
}

static bool lost(int from)
{
  uint32_t number = net.sent[from]++;
  if (from == net.lose_from && number == net.lose_number)
    return true;
  return net.lose_percent > 0 && draw(100) < net.lose_percent;
}

static void fly(int from, const struct tcp_segment *s)
{
  hd_time start = hd_time_max(net.now, net.line_free[from]);
  net.line_free[from] = start + SPACING;
  if (from == 1 && s->length > 0 && net.data_frames < 256)
    net.data_at[net.data_frames++] = net.now;
  if (lost(from))
    return;
  ck_assert_uint_lt(net.n_flying, FLYING);
  hd_time late = net.jitter > 0 ? (hd_time)draw(net.jitter) * SPACING : 0;
  net.flying[net.n_flying++] =
      (struct flying){start + SPACING + WAY + late, 1 - from, *s};
}

/* What a device does with a long one. */
static void put(int from, struct tcp_segment s)
{
  while (s.length > MSS) {
    struct tcp_segment first = s;
    first.length = MSS;
    first.flags &= (uint8_t)~PACKET_TCP_FIN;
    fly(from, &first);
    s.sequence += MSS;
    s.length -= MSS;
  }
  fly(from, &s);
}

static void output(int i)
{
  struct tcp_segment s;
  while (!net.gone[i] && tcp_output(&net.end[i], net.now, &s))
    put(i, s);
  net.gone[i] |= tcp_finished(&net.end[i]);
}

/* The client asks for the file, reads to the end, closes; the server answers
 * and closes. */
static void applications(void)
{
  struct tcp *client = &net.end[0], *server = &net.end[1];
  if (client->established && client->end == 1)
    tcp_write(client, REQUEST);
  if (tcp_readable(server) > 0)
    tcp_read(server, tcp_readable(server));
  if (server->read == REQUEST && !server->fin) {
    tcp_write(server, net.file);
    tcp_close(server);
  }
  net.got += tcp_readable(client);
  tcp_read(client, tcp_readable(client));
  if (tcp_at_end(client) && !client->fin)
    tcp_close(client);
}

static void arrive(const struct flying *f)
{
  struct tcp_segment answer;
  if (!net.gone[f->to])
    tcp_receive(&net.end[f->to], &f->segment, net.now);
  else if (tcp_answer_stray(&f->segment, &answer))
    put(f->to, answer);
}

static hd_time deadline(int i)
{
  return net.gone[i] ? HD_TIME_NEVER : tcp_deadline(&net.end[i]);
}

static size_t first_flying(void)
{
  size_t best = 0;
  for (size_t i = 1; i < net.n_flying; i++)
    if (net.flying[i].when < net.flying[best].when)
      best = i;
  return best;
}

static void step(void)
{
  size_t f = first_flying();
  hd_time next = net.n_flying > 0 ? net.flying[f].when : HD_TIME_NEVER;
  hd_time timer = hd_time_min(deadline(0), deadline(1));
  net.now = hd_time_min(next, timer);
  ck_assert_msg(net.now < LIMIT, "the connection hangs");
  if (next <= timer) {
    struct flying it = net.flying[f];
    net.flying[f] = net.flying[--net.n_flying];
    arrive(&it);
  } else {
    for (int i = 0; i < 2; i++)
      if (!net.gone[i])
        tcp_expire(&net.end[i], net.now);
  }
  applications();
  output(0);
  output(1);
}

static void begin(uint32_t file)
{
  net.n_flying = 0;
  net.now = net.line_free[0] = net.line_free[1] = 0;
  net.got = net.sent[0] = net.sent[1] = net.data_frames = 0;
  net.gone[0] = net.gone[1] = false;
  net.lose_percent = net.jitter = 0;
  net.lose_from = -1;
  net.file = file;
  tcp_initialize(&net.end[0], &params, false);
  tcp_initialize(&net.end[1], &params, true);
}

static void transfer(void)
{
  output(0);
  while (!net.gone[0] || !net.gone[1])
    step();
  ck_assert_uint_eq(net.got, net.file);
  ck_assert_uint_eq(net.end[1].read, REQUEST);
  ck_assert_uint_eq(net.end[1].una, net.file + 2); /* SYN, data, FIN */
}

static uint32_t frames_of(uint32_t bytes)
{
  return (bytes + MSS - 1) / MSS;
}

static const uint32_t files[] = {0,    1,        240,    1240,   1459,   1460,
                                 1461, 10 * MSS, 100240, 200000, 1000000};
enum { FILES = sizeof files / sizeof *files };

/* SYN, request, acknowledgements and FIN of the client; each data frame of the
 * server once. */
START_TEST(bytes_arrive_once)
{
  begin(files[_i]);
  transfer();
  ck_assert_uint_eq(net.data_frames < 256 ? net.data_frames : 0,
                    frames_of(files[_i]) < 256 ? frames_of(files[_i]) : 0);
  ck_assert_uint_eq(net.end[0].retransmissions + net.end[1].retransmissions, 0);
}
END_TEST

/* 10, 20, 39: the window doubles with every round trip. Each frame is
 * acknowledged by itself at first, and two by one later, which is the same
 * number of bytes. */
START_TEST(slow_start_doubles)
{
  begin(100240);
  transfer();
  uint32_t round[4] = {0}, r = 0;
  for (uint32_t i = 0; i < net.data_frames; i++) {
    r += i > 0 && net.data_at[i] - net.data_at[i - 1] > WAY;
    ck_assert_uint_lt(r, 4);
    round[r]++;
  }
  ck_assert_uint_eq(round[0], 10);
  ck_assert_uint_eq(round[1], 20);
  ck_assert_uint_eq(round[2], 39);
}
END_TEST

/* Any single frame of either end. */
START_TEST(any_lost_frame_is_repaired)
{
  begin(100240);
  net.lose_from = _i % 2;
  net.lose_number = (uint32_t)_i / 2;
  transfer();
  bool data = net.lose_from == 1 && net.lose_number >= 1 &&
              net.lose_number < 1 + frames_of(100240);
  if (data)
    ck_assert_uint_ge(net.end[1].retransmissions, 1);
}
END_TEST

START_TEST(many_lost_frames_are_repaired)
{
  net.random = (uint64_t)_i + 1;
  begin(files[_i % FILES]);
  net.lose_percent = _i % 3 == 0 ? 30 : 5;
  net.jitter = _i % 4 == 0 ? 40 : 0;
  transfer();
}
END_TEST

START_TEST(reordering_loses_nothing)
{
  net.random = (uint64_t)_i + 1;
  begin(100240);
  net.jitter = 2 + 10 * (unsigned)_i;
  transfer();
  ck_assert(net.now < 100 * HD_MS); /* no time-out */
}
END_TEST

/* ---- one end ---------------------------------------------------------------
 */

/* A server that has been asked, with `bytes` to send, and what it sends. */
static uint32_t asked(struct tcp *t, uint32_t bytes, hd_time now)
{
  struct tcp_segment s = {.flags = PACKET_TCP_SYN};
  tcp_initialize(t, &params, true);
  tcp_receive(t, &s, now);
  ck_assert(tcp_output(t, now, &s));
  ck_assert_uint_eq(s.flags, PACKET_TCP_SYN | PACKET_TCP_ACK);
  s = (struct tcp_segment){
      .sequence = 1, .acknowledgement = 1, .flags = PACKET_TCP_ACK};
  tcp_receive(t, &s, now);
  tcp_write(t, bytes);
  uint32_t sent = 0;
  while (tcp_output(t, now, &s))
    sent += s.length;
  return sent;
}

static void acknowledge(struct tcp *t, uint32_t number, hd_time now)
{
  struct tcp_segment s = {
      .sequence = 1, .acknowledgement = number, .flags = PACKET_TCP_ACK};
  tcp_receive(t, &s, now);
}

START_TEST(initial_window_is_ten_segments)
{
  struct tcp t;
  struct tcp_segment s;
  ck_assert_uint_eq(asked(&t, 100000, HD_US), 10 * MSS);
  acknowledge(&t, 1 + MSS, HD_MS);
  ck_assert(tcp_output(&t, HD_MS, &s));
  ck_assert_uint_eq(s.length, 2 * MSS);
  ck_assert_uint_eq(s.sequence, 1 + 10 * MSS);
  ck_assert(!tcp_output(&t, HD_MS, &s));
}
END_TEST

START_TEST(third_duplicate_repeats)
{
  struct tcp t;
  struct tcp_segment s;
  asked(&t, 100000, HD_US);
  acknowledge(&t, 1, HD_MS);
  acknowledge(&t, 1, HD_MS);
  ck_assert(!tcp_output(&t, HD_MS, &s));
  acknowledge(&t, 1, HD_MS);
  ck_assert(tcp_output(&t, HD_MS, &s));
  ck_assert_uint_eq(s.sequence, 1);
  ck_assert_uint_eq(s.length, MSS);
  ck_assert_uint_eq(t.threshold, 5 * MSS);
  ck_assert_uint_eq(t.window, 8 * MSS);
  acknowledge(&t, 1 + 10 * MSS, 2 * HD_MS);
  ck_assert_uint_eq(t.window, 5 * MSS);
}
END_TEST

START_TEST(timer_fires_at_its_time_and_backs_off)
{
  struct tcp t;
  struct tcp_segment s;
  tcp_initialize(&t, &params, false);
  ck_assert(tcp_output(&t, HD_US, &s));
  hd_time due = HD_US + HD_S;
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(tcp_deadline(&t), due);
    tcp_expire(&t, due - 1);
    ck_assert(!tcp_output(&t, due - 1, &s));
    tcp_expire(&t, due);
    ck_assert(tcp_output(&t, due, &s));
    ck_assert_uint_eq(s.flags, PACKET_TCP_SYN);
    due += HD_S << (i + 1);
  }
  ck_assert_uint_eq(t.retransmissions, 3);
}
END_TEST

/* After a time-out one segment, then two: RFC 5681, 3.1. */
START_TEST(time_out_starts_slowly_again)
{
  struct tcp t;
  struct tcp_segment s;
  asked(&t, 100000, HD_US);
  hd_time due = tcp_deadline(&t);
  tcp_expire(&t, due);
  ck_assert(tcp_output(&t, due, &s));
  ck_assert_uint_eq(s.sequence, 1);
  ck_assert_uint_eq(s.length, MSS);
  ck_assert(!tcp_output(&t, due, &s));
  acknowledge(&t, 1 + MSS, due + HD_MS);
  ck_assert(tcp_output(&t, due + HD_MS, &s));
  ck_assert_uint_eq(s.length, 2 * MSS);
}
END_TEST

/* A single segment after the quick ones waits; a second one ends the wait. */
START_TEST(single_segments_are_acknowledged_later)
{
  struct tcp t;
  struct tcp_segment s, in = {.sequence = 1, .flags = PACKET_TCP_ACK};
  asked(&t, 0, HD_US);
  in.length = MSS;
  in.acknowledgement = 1;
  for (int i = 0; i < 16; i++, in.sequence += MSS) {
    tcp_receive(&t, &in, HD_MS);
    ck_assert(tcp_output(&t, HD_MS, &s));
  }
  tcp_receive(&t, &in, HD_MS);
  ck_assert(!tcp_output(&t, HD_MS, &s));
  ck_assert_int_eq(tcp_deadline(&t), 41 * HD_MS);
  tcp_expire(&t, 41 * HD_MS - 1);
  ck_assert(!tcp_output(&t, 41 * HD_MS - 1, &s));
  tcp_expire(&t, 41 * HD_MS);
  ck_assert(tcp_output(&t, 41 * HD_MS, &s));
  in.sequence += MSS;
  in.length = 2 * MSS; /* merged */
  tcp_receive(&t, &in, 50 * HD_MS);
  ck_assert(tcp_output(&t, 50 * HD_MS, &s));
  ck_assert_uint_eq(s.acknowledgement, 1 + 19 * MSS);
}
END_TEST

/* The first number that is missing is acknowledged, whatever the order; at the
 * end nothing is. */
START_TEST(any_order_is_put_together)
{
  enum { PARTS = 20, LENGTH = 100 };
  struct tcp t;
  struct tcp_segment s;
  unsigned order[PARTS];
  bool here[PARTS + 1] = {false};
  net.random = (uint64_t)_i + 1;
  asked(&t, 0, HD_US);
  for (unsigned i = 0; i < PARTS; i++)
    order[i] = i;
  for (unsigned i = PARTS - 1; i > 0; i--) {
    unsigned k = draw(i + 1), swap = order[i];
    order[i] = order[k];
    order[k] = swap;
  }
  for (unsigned i = 0; i < PARTS; i++) {
    uint8_t fin = order[i] == PARTS - 1 ? PACKET_TCP_FIN : 0;
    s = (struct tcp_segment){.sequence = 1 + LENGTH * order[i],
                             .acknowledgement = 1,
                             .length = LENGTH,
                             .flags = PACKET_TCP_ACK | fin};
    tcp_receive(&t, &s, HD_MS);
    here[order[i]] = true;
    unsigned missing = 0;
    while (here[missing])
      missing++;
    ck_assert_uint_eq(tcp_readable(&t), LENGTH * missing);
    ck_assert_uint_eq(t.received, 1 + LENGTH * missing + (missing == PARTS));
  }
  tcp_read(&t, tcp_readable(&t));
  ck_assert(tcp_at_end(&t));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("tcp");
  TCase *t = tcase_create("tcp");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, bytes_arrive_once, 0, FILES);
  tcase_add_test(t, slow_start_doubles);
  tcase_add_loop_test(t, any_lost_frame_is_repaired, 0, 160);
  tcase_add_loop_test(t, many_lost_frames_are_repaired, 0, 200);
  tcase_add_loop_test(t, reordering_loses_nothing, 0, 20);
  tcase_add_test(t, initial_window_is_ten_segments);
  tcase_add_test(t, third_duplicate_repeats);
  tcase_add_test(t, timer_fires_at_its_time_and_backs_off);
  tcase_add_test(t, time_out_starts_slowly_again);
  tcase_add_test(t, single_segments_are_acknowledged_later);
  tcase_add_loop_test(t, any_order_is_put_together, 0, 50);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
