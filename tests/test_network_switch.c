/*
 * test_network_switch.c - an Ethernet switch between a client and servers.
 *
 * A green run says that frames take the time of store and forward, keep their
 * order, are dropped only where a queue is full, and go where their guest was
 * last heard of. It does not say how much latency or buffer a switch has.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/network/switch.h"
#include "sim/engine/rng.h"

enum { STATIONS = 4, SENDS = 4000, LOG = 8192 }; /* station 0: the client */

#define LATENCY (500 * HD_NS) /* of a wire */
#define FORWARD (700 * HD_NS)
#define NEAR HD_NS /* end 0 to its wire, see wire.c */
#define RATE INT64_C(100000000000)
#define BITS(frame) ((hd_time)((frame) + PACKET_WIRE_OVERHEAD) * 80)

struct plan {
  hd_time when;
  struct packet what;
};

struct station {
  struct hd_component base;
  struct hd_channel *to_wire;
  struct hd_channel *to_switch, *to_other; /* to announce at its port, or 2 */
  struct wire *wire;
  struct plan plan[SENDS];
  struct packet got[LOG];
  hd_time when[LOG];
  unsigned n_plan, n_got, n_made, n_sent;
};

static struct {
  struct hd_engine *engine;
  struct hd_window window;
  struct network_params network[STATIONS];
  struct ethernet_switch_params params;
  struct packet_pool packets;
  struct ethernet_switch *s;
  struct station station[STATIONS];
  uint32_t port[STATIONS];
  struct client *client; /* in the place of station 0; NULL: not */
} b;

/* ---- stations -------------------------------------------------------------
 */

static void plan(unsigned station, hd_time when, struct packet what)
{
  struct station *t = &b.station[station];
  ck_assert_uint_lt(t->n_plan, SENDS);
  what.frame = packet_frame_bytes(what.payload);
  t->plan[t->n_plan++] = (struct plan){when, what};
}

static void send_planned(struct station *t, const struct packet *what)
{
  if (what->kind == PACKET_ANNOUNCE && t->to_switch) {
    bool other = what->stream > 0;
    ethernet_switch_announce(other ? t->to_other : t->to_switch, &b.packets,
                             other ? 2 : 3, what->vm);
    return;
  }
  struct packet *p = packet_new(&b.packets);
  struct packet_msg *m = hd_msg_new(&t->base, MSG_FRAME);
  *p = *what;
  t->n_made++;
  hd_stamps_begin(&p->stamps, hd_now(&t->base));
  m->packet = p;
  m->bytes = p->frame;
  hd_send(t->to_wire, t->to_wire->latency, m);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct station *t = (struct station *)self;
  struct packet_msg *m = (struct packet_msg *)msg;
  if (msg->kind == MSG_TIMER) {
    send_planned(t, &t->plan[msg->tag].what);
  } else if (msg->kind == MSG_FRAME_SENT) {
    t->n_sent++;
  } else {
    ck_assert_uint_lt(t->n_got, LOG);
    t->got[t->n_got] = *m->packet;
    t->when[t->n_got++] = hd_now(self);
    packet_free(&b.packets, m->packet);
  }
  hd_msg_free(self, msg);
}

static void start(struct hd_component *self)
{
  struct station *t = (struct station *)self;
  for (unsigned i = 0; i < t->n_plan; i++) {
    struct hd_msg *m = hd_msg_new(self, MSG_TIMER);
    m->tag = i;
    hd_schedule(self, t->plan[i].when, m);
  }
}

/* ---- the network ----------------------------------------------------------
 */

static void defaults(void)
{
  memset(&b, 0, sizeof b);
  for (unsigned i = 0; i < STATIONS; i++)
    b.network[i] = (struct network_params){.rate = RATE, .latency = LATENCY};
  b.params = (struct ethernet_switch_params){.forwarding_latency = FORWARD,
                                             .buffer = 1 << 20};
  b.window = (struct hd_window){0, HD_TIME_NEVER};
}

static void build_station(unsigned i)
{
  static const struct hd_component_ops ops = {
      .kind = "station", .handle = handle, .start = start};
  struct station *t = &b.station[i];
  char path[16], wire[16];
  snprintf(path, sizeof path, "station%u", i);
  snprintf(wire, sizeof wire, "wire%u", i);
  t->wire = wire_create(b.engine, wire, "world", &b.network[i], &b.window);
  bool client = i == 0;
  b.port[i] = ethernet_switch_attach(b.s, t->wire, client ? 0 : 1,
                                     client ? SWITCH_CLIENT : SWITCH_SERVER);
  ck_assert_uint_eq(b.port[i], i);
  if (client && b.client) {
    client_attach_wire(b.client, t->wire);
    return;
  }
  hd_component_initialize(&t->base, b.engine, &ops, path, "world");
  t->to_wire = wire_connect(t->wire, client ? 1 : 0, &t->base);
  if (i != 3)
    return; /* that one announces beside its NIC */
  t->to_switch = ethernet_switch_connect(b.s, i, &t->base, HD_US);
  t->to_other = ethernet_switch_connect(b.s, 2, &t->base, HD_US);
}

static void run(hd_time end, hd_time window, bool with_client)
{
  static const struct client_params client = {.echo_latency = 5 * HD_US};
  b.engine = hd_engine_create(
      &(struct hd_engine_options){.seed = 7, .window = window});
  hd_engine_add_host(b.engine, "world");
  packet_pool_initialize(&b.packets);
  b.s = ethernet_switch_create(b.engine, "switch", "world", &b.params,
                               &b.packets, &b.window);
  if (with_client) {
    b.client = client_create(b.engine, "client", "world", &client, &b.packets,
                             &b.window);
    for (uint16_t vm = 0; vm < 3; vm++)
      client_add_vm(b.client, vm, &(struct client_vm){0});
  }
  for (unsigned i = 0; i < STATIONS; i++)
    build_station(i);
  hd_engine_run(b.engine, end);
  const char *fault = ethernet_switch_check(b.s);
  ck_assert_msg(fault == NULL, "%s", fault);
}

static struct ethernet_switch_stats stats(unsigned station)
{
  struct ethernet_switch_stats st;
  ethernet_switch_get_stats(b.s, b.port[station], &st);
  return st;
}

static struct packet hello(uint16_t vm, uint64_t sequence)
{
  return (struct packet){.vm = vm, .payload = 1470, .sequence = sequence};
}

static struct packet announce(uint16_t vm)
{
  return (struct packet){.vm = vm, .kind = PACKET_ANNOUNCE};
}

/* ---- latency and order ----------------------------------------------------
 */

/* Both ways: two serialisations, two wires, the switch. */
START_TEST(latency_is_exact)
{
  defaults();
  b.network[0].rate = _i ? 25000000000 : RATE;
  plan(1, 10 * HD_US, hello(5, 0));
  plan(0, 20 * HD_US, hello(5, 1));
  run(HD_MS, HD_US, false);
  hd_time bits = BITS(1516), slow = _i ? 4 * bits : bits;
  hd_time half = LATENCY / 2; /* to a wire from its end 1 */
  ck_assert_uint_eq(b.station[0].n_got, 1);
  ck_assert_int_eq(b.station[0].when[0], 10 * HD_US + NEAR + bits + LATENCY +
                                             FORWARD + NEAR + slow + LATENCY);
  ck_assert_uint_eq(b.station[1].n_got, 1);
  ck_assert_int_eq(b.station[1].when[0], 20 * HD_US + half + slow +
                                             (LATENCY - half) + FORWARD + half +
                                             bits + (LATENCY - half));
  ck_assert_uint_eq(b.station[2].n_got, 0); /* learnt */
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
}
END_TEST

/* Three servers send at once, at three times the client's rate: each one's
 * frames arrive in order, the client's wire is never idle in between. */
START_TEST(order_is_kept)
{
  defaults();
  b.params.buffer = 1 << 30;
  for (unsigned n = 0; n < 1000; n++)
    for (unsigned i = 1; i < STATIONS; i++)
      plan(i, HD_US + n * HD_NS, hello((uint16_t)i, n));
  run(HD_MS, HD_US, false);
  uint64_t next[STATIONS] = {0};
  const struct station *t = &b.station[0];
  ck_assert_uint_eq(t->n_got, 3000);
  for (unsigned i = 0; i < t->n_got; i++) {
    ck_assert_uint_eq(t->got[i].sequence, next[t->got[i].vm]++);
    if (i > 0)
      ck_assert_int_eq(t->when[i] - t->when[i - 1], BITS(1516));
  }
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
}
END_TEST

/* ---- queues ---------------------------------------------------------------
 */

/* From `second` on the first frame has left, so that a buffer of one frame
 * takes the second; a picosecond earlier it does not. */
START_TEST(buffer_of_one_frame)
{
  defaults();
  hd_time late = _i - 1;
  b.params.buffer = 1516;
  plan(1, HD_US, hello(1, 0));
  plan(2, HD_US + BITS(1516) + late, hello(2, 0));
  run(HD_MS, HD_US, false);
  ck_assert_uint_eq(b.station[0].n_got, late < 0 ? 1 : 2);
  ck_assert_uint_eq(stats(0).dropped[SWITCH_DROP_QUEUE], late < 0);
  ck_assert_uint_eq(stats(0).sent, late < 0 ? 1 : 2);
  ck_assert_int_eq(stats(0).queue_max, 1516);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
}
END_TEST

/* Two servers at full rate into one wire: half of the frames leave, plus what
 * the queue holds at the end. */
START_TEST(overflow_drops_the_rest)
{
  enum { N = 2000, ROOM = 40 };
  defaults();
  b.params.buffer = ROOM * 1516;
  for (unsigned n = 0; n < N; n++)
    for (unsigned i = 1; i <= 2; i++)
      plan(i, HD_US + n * HD_NS, hello((uint16_t)i, n));
  run(10 * HD_MS, HD_US, false);
  uint64_t got = b.station[0].n_got;
  ck_assert_uint_eq(got + stats(0).dropped[SWITCH_DROP_QUEUE], 2 * N);
  ck_assert_uint_ge(got, N + ROOM - 1);
  ck_assert_uint_le(got, N + ROOM + 1);
  ck_assert_int_eq(stats(0).queue_max, ROOM * 1516);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
}
END_TEST

/* ---- where guests are -----------------------------------------------------
 */

START_TEST(unknown_guest_is_flooded)
{
  defaults();
  plan(0, HD_US, hello(9, 0));
  run(HD_MS, HD_US, false);
  for (unsigned i = 1; i < STATIONS; i++) {
    ck_assert_uint_eq(b.station[i].n_got, 1);
    ck_assert_uint_eq(b.station[i].got[0].vm, 9);
  }
  ck_assert_uint_eq(stats(0).flooded, 1);
  ck_assert_int_eq(ethernet_switch_port_of(b.s, 9), -1);
  ck_assert_uint_eq(b.packets.created, 3);
  ck_assert_uint_eq(b.packets.destroyed, 3);
}
END_TEST

/* Guest 4 moves from server 1 to 2 (frame through its NIC) and to 3 (announced
 * beside it). What the switch gets before that still goes to the old place. */
START_TEST(announcement_moves_a_guest)
{
  defaults();
  plan(1, HD_US, hello(4, 0));
  plan(2, 100 * HD_US, announce(4));
  plan(3, 200 * HD_US, announce(4));
  plan(1, 300 * HD_US, hello(4, 1)); /* data teaches as well */
  for (unsigned n = 0; n < 400; n++)
    plan(0, 50 * HD_US + n * HD_US, hello(4, n));
  run(HD_MS, HD_US, false);
  /* Client to switch, and server to switch. */
  hd_time down = LATENCY + BITS(1516), up = NEAR + LATENCY;
  hd_time moved[] = {50 * HD_US, 100 * HD_US + up + BITS(64) - down,
                     200 * HD_US + HD_US - down,
                     300 * HD_US + up + BITS(1516) - down, 450 * HD_US};
  static const unsigned where[] = {1, 2, 3, 1};
  unsigned expected[STATIONS] = {0};
  for (unsigned k = 0; k < 4; k++)
    for (unsigned n = 0; n < 400; n++)
      expected[where[k]] += 50 * HD_US + n * HD_US >= moved[k] &&
                            50 * HD_US + n * HD_US < moved[k + 1];
  for (unsigned i = 1; i < STATIONS; i++)
    ck_assert_uint_eq(b.station[i].n_got, expected[i]);
  ck_assert_uint_eq(b.station[0].n_got, 2); /* announcements are consumed */
  ck_assert_uint_eq(stats(1).learnt, 2);
  ck_assert_uint_eq(stats(2).learnt + stats(2).announced, 2);
  ck_assert_uint_eq(stats(3).learnt + stats(3).announced, 2);
  ck_assert_int_eq(ethernet_switch_port_of(b.s, 4), 1);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
}
END_TEST

/* Software with two ways to the network says which one a guest is at. */
START_TEST(one_sender_announces_at_two_ports)
{
  struct packet other = announce(6);
  other.stream = 1;
  defaults();
  plan(3, 10 * HD_US, announce(6));
  plan(0, 50 * HD_US, hello(6, 0));
  plan(3, 100 * HD_US, other);
  plan(0, 150 * HD_US, hello(6, 1));
  plan(3, 200 * HD_US, announce(6));
  plan(0, 250 * HD_US, hello(6, 2));
  run(HD_MS, HD_US, false);
  ck_assert_uint_eq(b.station[3].n_got, 2);
  ck_assert_uint_eq(b.station[2].n_got, 1);
  ck_assert_uint_eq(b.station[2].got[0].sequence, 1);
  ck_assert_uint_eq(stats(2).announced, 1);
  ck_assert_uint_eq(stats(3).announced, 2);
}
END_TEST

/* ---- conservation ---------------------------------------------------------
 */

static void plan_at_random(void)
{
  defaults();
  b.params.buffer = 20000;
  for (unsigned n = 0; n < 3000; n++)
    for (unsigned i = 0; i < STATIONS; i++) {
      uint64_t key = hd_mix64(n * 4 + i);
      bool tells = (i == 1 || i == 2) && key % 50 == 0;
      struct packet p = {.vm = (uint16_t)(key % 12),
                         .payload = (uint32_t)(key >> 8) % 1470 + 1,
                         .kind = tells ? PACKET_ANNOUNCE : PACKET_DATA};
      plan(i, HD_US + (hd_time)(key >> 20) % (200 * HD_US), p);
    }
}

/* However the run is cut, no packet is lost without being counted. */
START_TEST(packets_are_conserved)
{
  plan_at_random();
  run(20 * HD_US + _i * 37 * HD_US, HD_US, false);
  uint64_t inside = ethernet_switch_packets_inside(b.s), ended = 0;
  for (unsigned i = 0; i < STATIONS; i++) {
    const struct station *t = &b.station[i];
    struct ethernet_switch_stats st = stats(i);
    inside += wire_packets_inside(t->wire) + t->n_made - t->n_sent;
    ended += t->n_got + st.announced + st.dropped[SWITCH_DROP_QUEUE] +
             st.dropped[SWITCH_DROP_NO_PORT];
  }
  ck_assert_uint_gt(stats(0).dropped[SWITCH_DROP_QUEUE], 0);
  ck_assert_uint_gt(stats(0).flooded, 0);
  ck_assert_uint_eq(b.packets.destroyed, ended);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed + inside);
}
END_TEST

static uint64_t fingerprint(hd_time window)
{
  int ends[2], status;
  uint64_t value = 0;
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    struct hd_engine_report r;
    plan_at_random();
    run(150 * HD_US, window, false);
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

/* ---- what a client sees of a move -----------------------------------------
 */

/* Guest 1 sends every 10 us, 30 datagrams; numbers 10 to 13 get lost, and the
 * rest comes from server 2 and 100 us late. Guest 2 is not concerned. A gap
 * that begins before the window does not count. */
START_TEST(client_measures_the_silence)
{
  defaults();
  hd_time way = NEAR + 2 * BITS(1516) + 2 * LATENCY + FORWARD + NEAR;
  hd_time first = 50 * HD_US + way;
  b.window = (struct hd_window){first - 100 * HD_NS, HD_TIME_NEVER};
  plan(1, 10 * HD_US, hello(1, 0)); /* not in the window */
  for (unsigned n = 1; n < 30; n++) {
    if (n < 10)
      plan(1, (40 + n * 10) * HD_US, hello(1, n));
    else if (n >= 14)
      plan(2, (140 + n * 10) * HD_US, hello(1, n));
    plan(3, (45 + n * 10) * HD_US, hello(2, n - 1));
  }
  run(HD_MS, HD_US, true);
  struct client_vm_stats v;
  client_get_vm_stats(b.client, 1, &v);
  ck_assert_int_eq(v.silence_begin, 130 * HD_US + way);
  ck_assert_int_eq(v.silence_end, 280 * HD_US + way);
  ck_assert_int_eq(v.silence_max, 150 * HD_US);
  ck_assert_uint_eq(v.lost, 4);
  ck_assert_uint_eq(v.packets, 25);
  client_get_vm_stats(b.client, 2, &v);
  ck_assert_int_eq(v.silence_max, 10 * HD_US);
  ck_assert_uint_eq(v.lost, 0);
  client_get_vm_stats(b.client, 0, &v);
  ck_assert_int_eq(v.silence_max, 0);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("network switch");
  TCase *t = tcase_create("switch");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, latency_is_exact, 0, 2);
  tcase_add_test(t, order_is_kept);
  tcase_add_loop_test(t, buffer_of_one_frame, 0, 3);
  tcase_add_test(t, overflow_drops_the_rest);
  tcase_add_test(t, unknown_guest_is_flooded);
  tcase_add_test(t, announcement_moves_a_guest);
  tcase_add_test(t, one_sender_announces_at_two_ports);
  tcase_add_loop_test(t, packets_are_conserved, 0, 8);
  tcase_add_test(t, window_changes_nothing);
  tcase_add_test(t, client_measures_the_silence);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
