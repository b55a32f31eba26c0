/*
 * test_network.c - wire and client.
 *
 * A green run says that frames take the time Ethernet takes and that the client
 * counts what arrives. The client's costs are estimates, see its parameters.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/hypervisor/control.h"
#include "models/network/network.h"

enum { LOG = 1 << 14 };

/* A sender in the place of a NIC: does what the test scripts, notes what it
 * gets. */
struct sender {
  struct hd_component base;
  struct hd_channel *to_wire, *to_client;
  void (*script)(void);
  hd_time received[LOG], sent[LOG];
  struct packet last[LOG];
  size_t n_received, n_sent;
};

static struct {
  struct hd_engine *engine;
  struct hd_window window;
  struct network_params network;
  struct client_params client_params;
  struct packet_pool packets;
  struct wire *wire;
  struct client *client;
  struct sender sender;
  struct client_vm vm;
  hd_time series;
} b;

/* ---- the sender ------------------------------------------------------------
 */

static void send_packet(hd_time delay, struct packet what)
{
  struct packet *p = packet_new(&b.packets);
  what.frame = packet_frame_bytes(what.payload);
  *p = what;
  hd_stamps_begin(&p->stamps, hd_now(&b.sender.base) + delay);
  struct packet_msg *m = hd_msg_new(&b.sender.base, MSG_FRAME);
  m->packet = p;
  m->bytes = p->frame;
  hd_send(b.sender.to_wire, b.sender.to_wire->latency + delay, m);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct sender *s = (struct sender *)self;
  struct packet_msg *m = (struct packet_msg *)msg;
  if (msg->kind == MSG_FRAME_SENT) {
    ck_assert_uint_lt(s->n_sent, LOG);
    s->sent[s->n_sent++] = hd_now(self);
  } else if (msg->kind == MSG_FRAME) {
    ck_assert_uint_lt(s->n_received, LOG);
    s->last[s->n_received] = *m->packet;
    s->received[s->n_received++] = hd_now(self);
    packet_free(&b.packets, m->packet);
  } else {
    s->script();
  }
  hd_msg_free(self, msg);
}

static void start(struct hd_component *self)
{
  hd_schedule(self, HD_US, hd_msg_new(self, MSG_TIMER));
}

static const struct hd_component_ops ops = {
    .kind = "test_sender", .handle = handle, .start = start};

static void defaults(void)
{
  b.network =
      (struct network_params){.rate = 100000000000, .latency = 500 * HD_NS};
  b.client_params = (struct client_params){
      .receive_cost = 600 * HD_NS, .backlog = 1000, .echo_latency = 5 * HD_US};
  b.window = (struct hd_window){0, HD_TIME_NEVER};
}

static void run(void (*script)(void), hd_time end, hd_time window)
{
  b.engine = hd_engine_create(
      &(struct hd_engine_options){.seed = 7, .window = window});
  hd_engine_add_host(b.engine, "world");
  packet_pool_initialize(&b.packets);
  b.wire = wire_create(b.engine, "wire", "world", &b.network, &b.window);
  b.client = client_create(b.engine, "client", "world", &b.client_params,
                           &b.packets, &b.window);
  hd_component_initialize(&b.sender.base, b.engine, &ops, "sender", "world");
  b.sender.script = script;
  b.sender.to_wire = wire_connect(b.wire, 0, &b.sender.base);
  b.sender.to_client =
      hd_channel_open(&b.sender.base, client_component(b.client), HD_US);
  client_attach_wire(b.client, b.wire);
  if (b.series > 0)
    ck_assert(client_record_series(b.client, b.series, HD_MS));
  client_add_vm(b.client, 0, &b.vm);
  hd_engine_run(b.engine, end);
  const char *fault = wire_check(b.wire);
  ck_assert_msg(fault == NULL, "%s", fault);
  fault = client_check(b.client);
  ck_assert_msg(fault == NULL, "%s", fault);
}

/* The engine goes first: it still looks at its components. */
static void finish(void)
{
  hd_engine_destroy(b.engine);
  client_destroy(b.client);
  wire_destroy(b.wire);
  packet_pool_terminate(&b.packets);
}

static struct client_vm_stats result(void)
{
  struct client_vm_stats s;
  client_get_vm_stats(b.client, 0, &s);
  return s;
}

/* ---- wire
 * -------------------------------------------------------------------- */

enum { FRAMES = 5000 };
static uint32_t payload;

static void send_frames(void)
{
  for (uint64_t i = 0; i < FRAMES; i++)
    send_packet(0, (struct packet){.payload = payload, .sequence = i});
}

static const uint32_t sizes[] = {1, 64, 128, 256, 512, 1024, 1470, 8972};
/* At 30 Gb/s a byte is no whole number of picoseconds. */
static const int64_t rates[] = {10, 25, 30, 100, 200};

/* Back to back, the n-th frame ends after n times its bits: rounded down once,
 * not once a frame. */
START_TEST(frames_take_their_bits)
{
  defaults();
  payload = sizes[_i % 8];
  b.network.rate = rates[_i / 8] * 1000000000;
  run(send_frames, 100 * HD_MS, HD_US);
  uint64_t frame = payload + 46 < 64 ? 64 : payload + 46;
  ck_assert_uint_eq(b.sender.n_sent, FRAMES);
  for (uint64_t n = 1; n <= FRAMES; n++) {
    hd_time bits = (hd_time)((frame + 20) * 8 * n * 1000 /
                             (uint64_t)(b.network.rate / 1000000000));
    ck_assert_int_eq(b.sender.sent[n - 1], HD_US + HD_NS + bits + HD_NS);
  }
  struct client_vm_stats s = result();
  ck_assert_uint_eq(s.packets, FRAMES);
  ck_assert_uint_eq(s.payload_bytes, (uint64_t)FRAMES * payload);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
  finish();
}
END_TEST

static void one(void)
{
  send_packet(0, (struct packet){.payload = 1470});
}

/* Ceiling in facts 1.4: 1536 B at 100 Gb/s are 122.88 ns. */
START_TEST(frame_arrives_after_bits_and_latency)
{
  defaults();
  run(one, HD_MS, HD_US);
  hd_time way = HD_NS + 122880 + 500 * HD_NS;
  ck_assert_int_eq(
      (int64_t)hd_histogram_quantile(client_latency(b.client, 0), 1), way);
  struct hd_breakdown_row r =
      hd_breakdown_report(client_breakdown(b.client, 0), HD_STAGE_WIRE);
  ck_assert_double_eq_tol(r.mean_ns, (double)way * 1e-3, 1e-6);
  finish();
}
END_TEST

START_TEST(wire_counts_what_is_on_it)
{
  defaults();
  payload = 1470;
  run(send_frames, HD_US + HD_NS + 100 * 122880, HD_US);
  /* 99 or 100 have been sent and told; 500 ns are four frames and a bit. */
  ck_assert_uint_eq(b.sender.n_sent, 99);
  ck_assert_uint_eq(wire_packets_inside(b.wire), 4);
  ck_assert_uint_eq(result().packets, 95);
  struct wire_stats s;
  wire_get_stats(b.wire, &s);
  ck_assert_double_gt(s.utilization[0], 0.9);
  finish();
}
END_TEST

/* ---- order
 * -------------------------------------------------------------------- */

static void disorder(void)
{
  static const uint64_t sequence[] = {0, 1, 3, 2, 2, 4, 4, 8, 200, 7, 100, 200};
  for (size_t i = 0; i < sizeof sequence / sizeof *sequence; i++)
    send_packet(0, (struct packet){
                       .payload = 100, .stream = 9, .sequence = sequence[i]});
  send_packet(0, (struct packet){.payload = 100, .stream = 2, .sequence = 0});
}

/* 3 before 2: late by one; 2 again; 4 twice; 5, 6, 7 skipped; 9 to 199 skipped;
 * 7 and 100 come too late to be told from duplicates, which counts as late. */
START_TEST(loss_order_and_duplicates_are_told_apart)
{
  defaults();
  run(disorder, HD_MS, HD_US);
  struct client_vm_stats s = result();
  ck_assert_uint_eq(s.duplicated, 3);
  ck_assert_uint_eq(s.reordered, 3);
  ck_assert_uint_eq(s.lost, 1 + 3 + 191 - 3);
  ck_assert_uint_eq(s.packets, 13);
  finish();
}
END_TEST

/* ---- echo and cores
 * -------------------------------------------------------------- */

static void ping(void)
{
  send_packet(0, (struct packet){.payload = 56,
                                 .kind = PACKET_ECHO_REQUEST,
                                 .queue = 3,
                                 .stream = 5,
                                 .sequence = 42});
}

START_TEST(echo_comes_back_after_its_latency)
{
  defaults();
  run(ping, HD_MS, HD_US);
  hd_time bits = (56 + 46 + 20) * 80; /* ps at 100 Gb/s */
  const struct packet *p = &b.sender.last[0];
  ck_assert_uint_eq(b.sender.n_received, 1);
  ck_assert_int_eq(b.sender.received[0] - HD_US,
                   HD_NS + 2 * (bits + 500 * HD_NS) + 5 * HD_US);
  ck_assert_uint_eq(p->kind, PACKET_ECHO_REPLY);
  ck_assert(p->queue == 3 && p->stream == 5 && p->sequence == 42);
  ck_assert_int_eq(p->stamps.spent[HD_STAGE_REMOTE], 5 * HD_US);
  ck_assert_int_eq(p->stamps.spent[HD_STAGE_WIRE], HD_NS + bits + 500 * HD_NS);
  ck_assert_uint_eq(client_packets_inside(b.client), 0);
  finish();
}
END_TEST

/* One core at 600 ns a packet, frames every 122.88 ns: the core is busy, its
 * backlog fills, the rest is dropped; what is delivered is what the core can do
 * from the first arrival on. */
START_TEST(core_is_the_bottleneck)
{
  defaults();
  payload = 1470;
  b.client_params.cores = 1;
  b.client_params.backlog = 50;
  run(send_frames, HD_US + FRAMES * (hd_time)122880, HD_US);
  struct client_vm_stats s = result();
  hd_time span = FRAMES * (hd_time)122880 - HD_NS - 122880 - 500 * HD_NS;
  ck_assert_uint_ge(s.packets + s.dropped, FRAMES - 60);
  ck_assert_int_le(llabs((int64_t)s.packets - span / (600 * HD_NS)), 50);
  ck_assert_double_gt(client_utilization(b.client), 0.99);
  /* The slowest waited for a full backlog. */
  hd_time most = hd_histogram_quantile(client_latency(b.client, 0), 1);
  ck_assert_int_gt(most, 49 * 600 * HD_NS);
  ck_assert_uint_eq(s.lost, 0); /* dropped by the client, not by the network */
  finish();
}
END_TEST

/* All that the client counts is in a bin: what it received, dropped, missed. */
START_TEST(series_adds_up)
{
  enum hd_series_count counts[] = {HD_SERIES_TX_PACKETS, HD_SERIES_TX_BYTES,
                                   HD_SERIES_DROPS};
  uint64_t sums[3] = {0}, seen = 0;
  defaults();
  payload = 1470;
  b.series = 10 * HD_US;
  b.client_params.cores = 1;
  b.client_params.backlog = 50;
  run(_i ? disorder : send_frames, HD_MS, HD_US);
  const struct hd_series *s = client_series(b.client, 0);
  ck_assert_uint_eq(s->n, 100);
  for (size_t bin = 0; bin < s->n; bin++)
    for (int i = 0; i < 3; i++) {
      uint64_t amount;
      ck_assert(hd_series_amount(s, bin, counts[i], &amount));
      sums[i] += amount;
      seen += i == 0 && amount > 0;
    }
  struct client_vm_stats v = result();
  ck_assert_uint_eq(sums[0], v.packets);
  ck_assert_uint_eq(sums[1], v.payload_bytes);
  /* Three of those missed came later, see disorder(). */
  ck_assert_uint_eq(sums[2], v.dropped + v.lost + (_i ? 3 : 0));
  ck_assert_uint_ge(seen, _i ? 1 : 60); /* 5000 frames take 614 us */
  finish();
}
END_TEST

/* Exactly one place: of two packets at once the second is dropped. */
START_TEST(backlog_of_one)
{
  defaults();
  payload = 1470;
  b.client_params.cores = 1;
  b.client_params.backlog = 1;
  b.client_params.receive_cost = 122880; /* exactly the wire's rate */
  if (_i)
    b.client_params.receive_cost++;
  run(send_frames, 10 * HD_MS, HD_US);
  ck_assert_int_eq(result().dropped > 0, _i);
  finish();
}
END_TEST

/* ---- generator
 * --------------------------------------------------------------------- */

static void go(void)
{
  struct control_msg *m = hd_msg_new_zero(&b.sender.base, MSG_VM_GO);
  m->start = 10 * HD_US;
  hd_send(b.sender.to_client, HD_US, m);
}

static void generate(bool poisson, int64_t rate, hd_time window)
{
  defaults();
  b.vm = (struct client_vm){.forward_rate = rate,
                            .forward_payload = 1000,
                            .forward_streams = 6,
                            .queue_pairs = 4,
                            .forward_poisson = poisson};
  b.window = (struct hd_window){10 * HD_US, 1010 * HD_US};
  run(go, 1100 * HD_US, window);
}

/* Constant: 8 Gb/s are a packet a microsecond, 1000 in the window, one more or
 * less for its phase. Poisson: within four standard deviations. */
START_TEST(generator_keeps_its_rate)
{
  generate(_i == 1, 8000000000, HD_US);
  uint64_t n = result().generated;
  ck_assert_double_eq_tol((double)n, 1000, _i ? 4 * sqrt(1000) : 1);
  ck_assert_int_ge(b.sender.received[0], 10 * HD_US);
  uint64_t next[6] = {0};
  for (size_t i = 0; i < b.sender.n_received; i++) {
    const struct packet *p = &b.sender.last[i];
    ck_assert_uint_lt(p->stream, 6);
    ck_assert_uint_eq(p->queue, p->stream % 4);
    ck_assert_uint_eq(p->kind, PACKET_FORWARD);
    ck_assert_uint_eq(p->sequence, next[p->stream]++);
  }
  for (size_t i = 1; _i == 0 && i < b.sender.n_received; i++)
    ck_assert_int_eq(b.sender.received[i] - b.sender.received[i - 1], HD_US);
  finish();
}
END_TEST

/* Twice the wire's rate: the queue fills, the rest is not made. 12: what is
 * under way (500 ns, six frames) counts as queued until the client knows. */
START_TEST(generator_is_limited_by_the_wire)
{
  generate(false, 200000000000, HD_US);
  double line = 1e9 / (1066 * 80); /* packets in a millisecond */
  ck_assert_double_eq_tol((double)result().generated, line + 1024, 12);
  finish();
}
END_TEST

/* ---- order invariance
 * ------------------------------------------------------------------ */

static uint64_t fingerprint(hd_time window)
{
  int ends[2], status;
  uint64_t value = 0;
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    struct hd_engine_report r;
    generate(true, 20000000000, window);
    hd_engine_get_report(b.engine, &r);
    _exit(write(ends[1], &r.fingerprint, sizeof value) != sizeof value);
  }
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  ck_assert_int_eq(read(ends[0], &value, sizeof value), sizeof value);
  return value;
}

START_TEST(window_changes_nothing)
{
  uint64_t apart = fingerprint(0);
  ck_assert_uint_eq(apart, fingerprint(HD_US));
  ck_assert_uint_eq(apart, fingerprint(100 * HD_NS));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("network");
  TCase *t = tcase_create("network");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, frames_take_their_bits, 0, 40);
  tcase_add_test(t, frame_arrives_after_bits_and_latency);
  tcase_add_test(t, wire_counts_what_is_on_it);
  tcase_add_test(t, loss_order_and_duplicates_are_told_apart);
  tcase_add_test(t, echo_comes_back_after_its_latency);
  tcase_add_test(t, core_is_the_bottleneck);
  tcase_add_loop_test(t, series_adds_up, 0, 2);
  tcase_add_loop_test(t, backlog_of_one, 0, 2);
  tcase_add_loop_test(t, generator_keeps_its_rate, 0, 2);
  tcase_add_test(t, generator_is_limited_by_the_wire);
  tcase_add_test(t, window_changes_nothing);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
