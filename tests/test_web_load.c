/*
 * test_web_load.c - the closed-loop load generator behind a wire, against a
 * server that takes no time.
 *
 * A green run says that the thread's costs bound the rate as they should, that
 * no request is lost or counted twice, that the kernel merges what waits, and
 * that the wire cuts long packets into frames of the right size. The costs are
 * estimates, see their parameters.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/hypervisor/control.h"
#include "models/network/network.h"

enum { REQUEST = 110, TABLE = 1 << 16 };

/* In the place of a NIC and a guest: answers at once. */
struct fake_server {
  struct hd_component base;
  struct hd_channel *to_wire, *to_client;
  struct tcp connection[TABLE];
  bool begun[TABLE], gone[TABLE];
  uint32_t connections, answered, oldest, newest; /* the last: IDs in use */
  uint64_t pure_acks; /* from the client, while data are under way */
  unsigned lose; /* every so many frames from the client are lost; 0: none */
  uint64_t frames;
};

static struct {
  struct hd_engine *engine;
  struct hd_window window;
  struct network_params network;
  struct client_params client_params;
  struct tcp_params tcp;
  struct apache_bench_params costs;
  struct packet_pool packets;
  struct wire *wire;
  struct client *client;
  struct fake_server server;
  struct client_vm vm;
  uint32_t shuffle;
} b;

/* ---- the server -----------------------------------------------------------
 */

static void put(uint32_t id, const struct tcp_segment *s)
{
  struct packet *p = packet_new(&b.packets);
  *p = (struct packet){0};
  tcp_fill(p, id, s);
  hd_stamps_begin(&p->stamps, hd_now(&b.server.base));
  struct packet_msg *m = hd_msg_new(&b.server.base, MSG_FRAME);
  m->packet = p;
  m->bytes = p->frame;
  hd_send(b.server.to_wire, b.server.to_wire->latency, m);
}

static void serve(struct tcp *t)
{
  if (tcp_readable(t) > 0)
    tcp_read(t, tcp_readable(t));
  if (t->read != REQUEST || t->fin)
    return;
  tcp_write(t, b.vm.web.response_bytes);
  tcp_close(t);
  b.server.answered++;
}

static void take(const struct packet *p)
{
  uint32_t id = p->connection;
  struct tcp_segment s = tcp_segment_of(p);
  ck_assert_uint_lt(id, TABLE);
  struct tcp *t = &b.server.connection[id];
  if (b.server.gone[id]) {
    if (tcp_answer_stray(&s, &s))
      put(id, &s);
    return;
  }
  if (!b.server.begun[id]) {
    b.server.begun[id] = true;
    b.server.connections++;
    if (id >= b.server.newest)
      b.server.newest = id + 1;
    tcp_initialize(t, &b.tcp, true);
  }
  b.server.pure_acks += s.length == 0 && s.flags == PACKET_TCP_ACK;
  tcp_receive(t, &s, hd_now(&b.server.base));
  serve(t);
  while (tcp_output(t, hd_now(&b.server.base), &s))
    put(id, &s);
  b.server.gone[id] = tcp_finished(t);
}

static void tick(void)
{
  hd_time now = hd_now(&b.server.base);
  struct tcp_segment s;
  while (b.server.oldest < b.server.newest && b.server.gone[b.server.oldest])
    b.server.oldest++;
  for (uint32_t id = b.server.oldest; id < b.server.newest; id++) {
    struct tcp *t = &b.server.connection[id];
    if (!b.server.begun[id] || b.server.gone[id] || tcp_deadline(t) > now)
      continue;
    tcp_expire(t, now);
    while (tcp_output(t, now, &s))
      put(id, &s);
  }
  hd_schedule(&b.server.base, HD_MS, hd_msg_new(&b.server.base, MSG_TIMER));
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct packet_msg *m = (struct packet_msg *)msg;
  if (msg->kind == MSG_FRAME) {
    bool lost = b.server.lose > 0 && ++b.server.frames % b.server.lose == 0;
    if (!lost)
      take(m->packet);
    packet_free(&b.packets, m->packet);
  } else if (msg->kind == MSG_TIMER) {
    tick();
  }
  hd_msg_free(self, msg);
}

static void start(struct hd_component *self)
{
  struct control_msg *m = hd_msg_new_zero(self, MSG_VM_GO);
  m->start = 10 * HD_US;
  hd_send(b.server.to_client, HD_US, m);
  hd_schedule(self, HD_MS, hd_msg_new(self, MSG_TIMER));
}

static const struct hd_component_ops ops = {
    .kind = "test_server", .handle = handle, .start = start};

/* ---- the rig ----------------------------------------------------------------
 */

/* Round figures. The sum of a small request: 8 + 1 + 4 + 1 + 1 + 1 + 1 + 5 us.
 */
static void defaults(int64_t concurrency, uint32_t response)
{
  memset(&b, 0, sizeof b);
  b.network =
      (struct network_params){.rate = 100000000000, .latency = 500 * HD_NS};
  b.tcp = (struct tcp_params){.initial_window = 10,
                              .segmentation = 64240,
                              .quick_acks = 16,
                              .delayed_ack = 40 * HD_MS,
                              .rto_initial = 4 * HD_MS,
                              .rto_min = 2 * HD_MS};
  b.costs = (struct apache_bench_params){.connect = 8 * HD_US,
                                         .send = 4 * HD_US,
                                         .read = HD_US,
                                         .close = 5 * HD_US,
                                         .poll = HD_US,
                                         .copy_per_byte = 0,
                                         .read_buffer = 8192,
                                         .wake_up = 3 * HD_US,
                                         .receive_cores = 2,
                                         .interrupt = 4 * HD_US,
                                         .frame = 150 * HD_NS,
                                         .segment = 700 * HD_NS,
                                         .ack = 400 * HD_NS};
  b.vm = (struct client_vm){.queue_pairs = 4,
                            .web = {.concurrency = concurrency,
                                    .request_bytes = REQUEST,
                                    .response_bytes = response,
                                    .tcp = &b.tcp,
                                    .costs = &b.costs}};
  b.window = (struct hd_window){5 * HD_MS, 105 * HD_MS};
}

#define SMALL (22 * HD_US)

static void run(hd_time end, hd_time window)
{
  b.engine = hd_engine_create(&(struct hd_engine_options){
      .seed = 7, .window = window, .shuffle = b.shuffle});
  hd_engine_add_host(b.engine, "world");
  packet_pool_initialize(&b.packets);
  b.wire = wire_create(b.engine, "wire", "world", &b.network, &b.window);
  wire_segment(b.wire, &b.packets);
  b.client = client_create(b.engine, "client", "world", &b.client_params,
                           &b.packets, &b.window);
  hd_component_initialize(&b.server.base, b.engine, &ops, "server", "world");
  b.server.to_wire = wire_connect(b.wire, 0, &b.server.base);
  b.server.to_client =
      hd_channel_open(&b.server.base, client_component(b.client), HD_US);
  client_attach_wire(b.client, b.wire);
  client_add_vm(b.client, 0, &b.vm);
  hd_engine_run(b.engine, end);
  const char *fault = wire_check(b.wire);
  ck_assert_msg(fault == NULL, "%s", fault);
  fault = client_check(b.client);
  ck_assert_msg(fault == NULL, "%s", fault);
}

static struct client_vm_stats result(void)
{
  struct client_vm_stats s;
  client_get_vm_stats(b.client, 0, &s);
  return s;
}

static void finish(void)
{
  hd_engine_destroy(b.engine);
  client_destroy(b.client);
  wire_destroy(b.wire);
  packet_pool_terminate(&b.packets);
}

static double rate(const struct client_vm_stats *s)
{
  return (double)s->requests / 0.1;
}

/* ---- tests
 * -------------------------------------------------------------------- */

/* -n: so many, each answered once, and nothing is left under way. */
START_TEST(every_request_is_answered_once)
{
  static const uint32_t sizes[] = {1, 1240, 1460, 1461, 100240};
  defaults(8, sizes[_i]);
  b.vm.web.requests = 500;
  b.window = (struct hd_window){0, HD_TIME_NEVER};
  run(HD_S, HD_US);
  struct client_vm_stats s = result();
  ck_assert_uint_eq(s.requests, 500);
  ck_assert_uint_eq(s.connections, 500);
  ck_assert_uint_eq(b.server.connections, 500);
  ck_assert_uint_eq(b.server.answered, 500);
  ck_assert_uint_eq(s.payload_bytes, 500 * (uint64_t)sizes[_i]);
  ck_assert_uint_eq(s.retransmissions, 0);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
  ck_assert_uint_eq(client_packets_inside(b.client), 0);
  for (uint32_t id = 0; id < 500; id++)
    ck_assert(b.server.gone[id]);
  finish();
}
END_TEST

/* With enough under way the thread never sleeps: it does one request after the
 * other. The server answers data and FIN in one segment. 0.1 %: whole requests
 * in the window. */
START_TEST(thread_is_the_bottleneck)
{
  defaults(64, 1240);
  run(105 * HD_MS, HD_US);
  struct client_vm_stats s = result();
  double expected = (double)HD_S / (double)SMALL;
  ck_assert_double_eq_tol(rate(&s) / expected, 1, 0.001);
  ck_assert_double_ge(client_utilization(b.client), 0.9999);
  finish();
}
END_TEST

/* 100240 B in at least 13 reads of 8 KiB: what has arrived may be less. */
START_TEST(large_files_are_read_in_parts)
{
  defaults(64, 100240);
  run(105 * HD_MS, HD_US);
  struct client_vm_stats s = result();
  hd_time least = SMALL + 12 * (b.costs.poll + b.costs.read);
  ck_assert_double_le(rate(&s), 1.001 * (double)HD_S / (double)least);
  ck_assert_double_ge(rate(&s), 0.85 * (double)HD_S / (double)least);
  finish();
}
END_TEST

/* Concurrency = rate * time. What is under way at the window's ends is counted
 * on one side only: one in rate * 100 ms of each place. */
START_TEST(littles_law)
{
  static const int64_t concurrency[] = {1, 2, 4, 16, 64};
  defaults(concurrency[_i], _i % 2 ? 100240 : 1240);
  run(105 * HD_MS, HD_US);
  struct client_vm_stats s = result();
  double mean = hd_histogram_mean_ns(client_latency(b.client, 0)) * 1e-9;
  ck_assert_double_eq_tol(rate(&s) * mean / (double)concurrency[_i], 1, 0.01);
  finish();
}
END_TEST

/* One under way, nothing waits: each step of the way follows from the costs. A
 * frame to the server: bits and latency; back the same, then interrupt, poll,
 * waking. Two such round trips: SYN, then request and response with FIN. */
START_TEST(one_request_takes_its_steps)
{
  defaults(1, 100);
  run(105 * HD_MS, HD_US);
  const struct apache_bench_params *k = &b.costs;
  hd_time way = 2 * (500 * HD_NS + HD_NS), bits = 4 * 8 * 84 * 10;
  bits += 8 * 10 * (110 + 58 + 20 - 84 + 100 + 58 + 20 - 84);
  hd_time up = k->interrupt + k->frame + k->segment + k->wake_up;
  hd_time thread =
      k->connect + k->poll + k->send + 2 * (k->poll + k->read) + k->close;
  hd_time expected = 2 * (way + up) + bits + thread;
  double mean = hd_histogram_mean_ns(client_latency(b.client, 0));
  ck_assert_double_eq_tol(mean / ((double)expected * 1e-3), 1, 0.002);
  finish();
}
END_TEST

/* A response of 10 segments comes in one go: during the interrupt's 4 us all
 * of it arrives, and is acknowledged once, with the FIN. */
START_TEST(waiting_frames_are_merged)
{
  defaults(1, 10 * PACKET_TCP_MSS);
  b.vm.web.requests = 10;
  b.window = (struct hd_window){0, HD_TIME_NEVER};
  run(HD_S, HD_US);
  struct client_vm_stats s = result();
  ck_assert_uint_eq(s.packets, 10 * (10 + 2)); /* SYN-ACK, last ACK */
  /* Handshake; of the response. The client's FIN carries the next. */
  ck_assert_uint_eq(b.server.pure_acks, 10 * 2);
  finish();
}
END_TEST

/* Lost frames come again; nobody hangs and nothing is counted twice. */
START_TEST(losses_are_repaired)
{
  defaults(8, _i % 2 ? 100240 : 1240);
  b.vm.web.requests = 500;
  b.server.lose = 7 + 4 * (unsigned)_i;
  b.window = (struct hd_window){0, HD_TIME_NEVER};
  run(20 * HD_S, HD_US);
  struct client_vm_stats s = result();
  ck_assert_uint_eq(s.requests, 500);
  ck_assert_uint_eq(b.server.answered, 500);
  ck_assert_uint_eq(s.payload_bytes, 500 * (uint64_t)b.vm.web.response_bytes);
  ck_assert_uint_gt(s.retransmissions, 0);
  finish();
}
END_TEST

/* 1460 of 1538 B are payload: a frame, preamble and gap. The client's thread
 * must not be in the way. 1 %: slow starts leave gaps at the end. */
START_TEST(full_wire)
{
  defaults(16, 1000000);
  b.network.rate = 10000000000;
  b.tcp.rto_initial = b.tcp.rto_min = HD_S; /* much waits in the line */
  b.costs.read_buffer = 65536;
  run(105 * HD_MS, HD_US);
  struct client_vm_stats s = result();
  double goodput = (double)s.payload_bytes * 8 / 0.1;
  ck_assert_double_eq_tol(goodput / (1e10 * 1460 / 1538), 1, 0.01);
  finish();
}
END_TEST

/* Each in a process of its own: the engine runs only once in one. */
static uint64_t fingerprint(hd_time window, uint32_t shuffle)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    defaults(8, 1240);
    b.shuffle = shuffle;
    run(20 * HD_MS, window);
    struct hd_engine_report r;
    hd_engine_get_report(b.engine, &r);
    ssize_t written = write(ends[1], &r.fingerprint, sizeof r.fingerprint);
    _exit(written == (ssize_t)sizeof r.fingerprint ? 0 : 1);
  }
  uint64_t print = 0;
  close(ends[1]);
  ck_assert_int_eq(read(ends[0], &print, sizeof print), sizeof print);
  close(ends[0]);
  waitpid(child, NULL, 0);
  return print;
}

START_TEST(window_changes_nothing)
{
  uint64_t base = fingerprint(HD_US, 0);
  ck_assert_uint_eq(fingerprint(0, 0), base);
  ck_assert_uint_eq(fingerprint(100 * HD_NS, 0), base);
  ck_assert_uint_eq(fingerprint(HD_US, 12345), base);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("web load");
  TCase *t = tcase_create("web load");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, every_request_is_answered_once, 0, 5);
  tcase_add_test(t, thread_is_the_bottleneck);
  tcase_add_test(t, large_files_are_read_in_parts);
  tcase_add_loop_test(t, littles_law, 0, 5);
  tcase_add_test(t, one_request_takes_its_steps);
  tcase_add_test(t, waiting_frames_are_merged);
  tcase_add_loop_test(t, losses_are_repaired, 0, 4);
  tcase_add_test(t, full_wire);
  tcase_add_test(t, window_changes_nothing);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
