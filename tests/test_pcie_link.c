/*
 * test_pcie_link.c - the link alone: exact times, credits, ordering, errors.
 *
 * Two points send scripted TLPs to each other. Times are compared to the
 * picosecond with sums written down here. A green run does not prove rates
 * under load (test_pcie_bandwidth.c).
 */
#include "tests/test_pcie.h"

#include <math.h>

/* ---- a point: sends by script, keeps a log, frees credits after a while -- */

enum { SCRIPT_MOST = 4096, TAG_FREE = 1 << 30 };

struct step {
  hd_time at; /* arrival at the link */
  uint8_t type, flags;
  uint32_t length;
};

struct seen {
  hd_time when;
  uint32_t index; /* in the sender's script */
  uint8_t type;
};

struct point {
  struct hd_component base;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  hd_time hold[PCIE_CLASSES]; /* until credits are freed; < 0: never */
  struct step script[SCRIPT_MOST];
  struct seen log[SCRIPT_MOST];
  size_t n_script, n_log;
  hd_time sent[SCRIPT_MOST]; /* MSG_TLP_SENT, by index */
};

static void send_step(struct point *p, uint32_t i)
{
  struct pcie_tlp *t = hd_msg_new_zero(&p->base, MSG_TLP);
  t->type = p->script[i].type;
  t->flags = p->script[i].flags;
  t->length = p->script[i].length;
  t->tag = (uint16_t)i;
  t->end = 0xff; /* the link's own field: garbage must not matter */
  hd_send(p->to_link, p->to_link->latency, t);
}

static void point_handle(struct hd_component *self, struct hd_msg *m)
{
  struct point *p = (struct point *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  if (m->kind == MSG_TLP) {
    ck_assert_uint_lt(p->n_log, SCRIPT_MOST);
    p->log[p->n_log++] = (struct seen){hd_now(self), t->tag, t->type};
    hd_time hold = p->hold[pcie_class_of(t)];
    if (hold >= 0) {
      m->kind = MSG_TIMER;
      m->tag = TAG_FREE;
      hd_schedule(self, hold, t);
      return;
    }
  } else if (m->kind == MSG_TLP_SENT) {
    p->sent[t->tag] = hd_now(self);
  } else if (m->tag == TAG_FREE) {
    pcie_receiver_free(&p->receiver, t);
  } else {
    send_step(p, m->tag);
  }
  hd_msg_free(self, m);
}

static void point_start(struct hd_component *self)
{
  struct point *p = (struct point *)self;
  for (uint32_t i = 0; i < p->n_script; i++) {
    struct hd_msg *m = hd_msg_new(self, MSG_TIMER);
    m->tag = i;
    hd_schedule(self, p->script[i].at - p->to_link->latency, m);
  }
}

static const struct hd_component_ops point_ops = {
    .kind = "point", .handle = point_handle, .start = point_start};

#define LATENCY (10 * HD_NS) /* point to link */

static struct point points[2];
static struct hd_window window = {0, HD_TIME_NEVER};
static struct pcie_link *the_link;
static struct pcie_link_stats stats;
static bool take_uncut;
static hd_time decode = -1; /* latency at end 0; < 0: decodes itself */

static void add_step(int from, hd_time at, enum pcie_tlp_type type,
                     uint32_t length, uint8_t flags)
{
  struct point *p = &points[from];
  ck_assert_uint_lt(p->n_script, SCRIPT_MOST);
  p->script[p->n_script++] = (struct step){at, (uint8_t)type, flags, length};
}

static void run_link(const struct pcie_params *params, hd_time limit)
{
  struct hd_engine *e = test_engine(100 * HD_NS, 0);
  the_link = pcie_link_create(e, "link", "host", params, &window);
  for (int i = 0; i < 2; i++) {
    struct point *p = &points[i];
    hd_component_initialize(&p->base, e, &point_ops, i ? "b" : "a", "host");
    p->to_link = pcie_link_connect(the_link, i, &p->base, LATENCY);
    pcie_receiver_initialize(&p->receiver, params, p->to_link, i);
  }
  if (take_uncut)
    pcie_link_take_uncut(the_link, 1);
  if (decode >= 0)
    pcie_link_decode_posted(the_link, 0, decode);
  hd_engine_run(e, limit);
  pcie_link_get_stats(the_link, &stats);
  const char *problem = pcie_link_check(the_link);
  ck_assert_msg(problem == NULL, "%s", problem);
}

/* Picoseconds of `bytes`, rounded up, from first principles. */
static hd_time span(const struct pcie_params *p, int64_t bytes)
{
  static const int64_t ps[] = {4000 * 32, 2000 * 32, 8125 * 4, 8125 * 2, 8125};
  int64_t per = 32 * p->lanes;
  return (bytes * ps[p->generation - 1] + per - 1) / per;
}

/* ---- exact times -------------------------------------------------------- */

static const struct {
  int64_t generation, lanes;
} widths[] = {{1, 1},  {1, 16}, {2, 4},  {3, 1}, {3, 8},
              {3, 16}, {4, 8},  {4, 16}, {5, 4}, {5, 16}};

START_TEST(one_tlp_to_the_picosecond)
{
  struct pcie_params p =
      test_params(widths[_i].generation, widths[_i].lanes, 256, 512);
  const hd_time at = 110 * HD_NS; /* no SKIP is due near that time */
  add_step(1, at, PCIE_MWR, 62, PCIE_NOTIFY_SENT); /* padded to 64 */
  run_link(&p, 100 * HD_US);
  ck_assert_uint_eq(points[0].n_log, 1);
  ck_assert_int_eq(points[0].log[0].when, at + span(&p, 84) + p.propagation);
  ck_assert_int_eq(points[1].sent[0], at + span(&p, 84) + PCIE_SENT_LATENCY);
  ck_assert_uint_eq(stats.tlps[1], 1);
  ck_assert_uint_eq(stats.bytes[1], 84);
  ck_assert_uint_eq(stats.payload[1], 62);
  ck_assert_uint_eq(stats.dllps[0], 1); /* its Ack */
  ck_assert_uint_eq(stats.dllps[1], 0);
}
END_TEST

/* Completions sent cut, cut by the link, and handed over as one. */
START_TEST(completions_are_cut)
{
  enum { CUT, CUT_BY_LINK, UNCUT };
  struct pcie_params p = test_params(4, 16, 512, 4096);
  const hd_time at = 100 * HD_NS; /* no SKIP is due before the last starts */
  take_uncut = _i == UNCUT;
  if (_i == CUT) {
    add_step(0, at, PCIE_CPLD, 512, 0);
    add_step(0, at, PCIE_CPLD, 512, 0);
    add_step(0, at, PCIE_CPLD, 476, PCIE_LAST);
  } else {
    add_step(0, at, PCIE_CPLD, 1500, PCIE_LAST | PCIE_UNCUT);
  }
  run_link(&p, 100 * HD_US);
  size_t n = _i == UNCUT ? 1 : 3;
  ck_assert_uint_eq(points[1].n_log, n);
  ck_assert_int_eq(points[1].log[n - 1].when,
                   at + span(&p, 1500 + 3 * 20) + p.propagation);
  if (_i != UNCUT)
    ck_assert_int_eq(points[1].log[0].when, at + span(&p, 532) + p.propagation);
  ck_assert_uint_eq(stats.tlps[0], 3);
  ck_assert_uint_eq(stats.bytes[0], 1560);
  ck_assert_uint_eq(stats.payload[0], 1500);
  ck_assert_uint_eq(stats.dllps[1], 3); /* their Acks: each is > 168 symbols */
}
END_TEST

/* With credits, where the second may have to wait, they are cut. */
START_TEST(completions_with_credits_are_cut)
{
  struct pcie_params p = test_params(4, 16, 512, 4096);
  p.completion_headers = 2;
  take_uncut = true;
  points[1].hold[PCIE_COMPLETION] = HD_US;
  add_step(0, 100 * HD_NS, PCIE_CPLD, 1500, PCIE_LAST | PCIE_UNCUT);
  run_link(&p, 100 * HD_US);
  ck_assert_uint_eq(points[1].n_log, 3);
  ck_assert_int_ge(points[1].log[2].when, points[1].log[1].when + 900 * HD_NS);
  ck_assert_uint_eq(stats.tlps[0], 3);
}
END_TEST

/* 3000 TLPs in a row: SKIPs take 4 in 1538, nothing is lost to rounding. The
 * tolerance is one SKIP. */
START_TEST(rounding_does_not_accumulate)
{
  struct pcie_params p = test_params(5, 16, 256, 512);
  const hd_time at = 110 * HD_NS;
  const int n = 3000;
  for (int i = 0; i < n; i++)
    add_step(1, at, PCIE_MWR, 64, 0);
  run_link(&p, 100 * HD_US);
  ck_assert_uint_eq(points[0].n_log, n);
  double byte = 1000.0 * 130 / 128 / 4 / 16;
  double expected =
      (double)(at + p.propagation) + 84.0 * n * byte * 1538.0 / 1534.0;
  ck_assert_double_eq_tol((double)points[0].log[n - 1].when, expected,
                          4 * byte + 1);
  /* One Ack in 168 symbols, not one a TLP: 2 are at the ends. */
  ck_assert_double_eq_tol((double)stats.dllps[0], 84.0 * n * 1538 / 1534 / 168,
                          2);
}
END_TEST

/* A SKIP is due at symbol 1538: a TLP that comes 1 ps before goes, one that
 * comes 1 ps after waits for 4 symbols. */
START_TEST(skip_delays_by_four_symbols)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  hd_time due = span(&p, 1538); /* rounded up: the first ps after it */
  hd_time at = due - 1 + _i;
  add_step(1, at, PCIE_MWR, 64, 0);
  run_link(&p, HD_US);
  hd_time expected = _i == 0 ? at + span(&p, 84) : span(&p, 1538 + 4 + 84);
  ck_assert_int_eq(points[0].log[0].when, expected + p.propagation);
}
END_TEST

START_TEST(wire_bytes)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  static const struct {
    uint8_t type, flags;
    uint32_t length, bytes;
  } rows[] = {{PCIE_MRD, 0, 4096, 20},
              {PCIE_MRD, PCIE_ADDR64, 4096, 24},
              {PCIE_MRD, PCIE_ADDR64 | PCIE_HAS_PASID, 64, 28},
              {PCIE_MWR, 0, 64, 84},
              {PCIE_MWR, PCIE_ADDR64, 1, 28},
              {PCIE_MWR, PCIE_HAS_PASID, 5, 32},
              {PCIE_CPLD, PCIE_ADDR64 | PCIE_HAS_PASID, 64, 84},
              {PCIE_CPL, 0, 64, 20}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct pcie_tlp t = {
        .type = rows[i].type, .flags = rows[i].flags, .length = rows[i].length};
    p.ecrc = false;
    ck_assert_uint_eq(pcie_wire_bytes(&p, &t), rows[i].bytes);
    p.ecrc = true;
    ck_assert_uint_eq(pcie_wire_bytes(&p, &t), rows[i].bytes + 4);
  }
}
END_TEST

/* ---- DLLPs -------------------------------------------------------------- */

/* An Ack delays a TLP of the other direction when it is being sent, and only
 * then: first TLP up, Ack due down when it arrives. */
START_TEST(ack_delays_when_in_the_way)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  const hd_time at = 110 * HD_NS;
  hd_time arrival = at + span(&p, 84) + p.propagation;
  static const hd_time offset[] = {-1, 100, 300};
  hd_time second = arrival + offset[_i]; /* Ack: 8 B are 254 ps */
  add_step(1, at, PCIE_MWR, 64, 0);
  add_step(0, second, PCIE_MWR, 64, 0);
  run_link(&p, HD_US);
  hd_time start = _i == 1 ? at + span(&p, 84) + p.propagation : second;
  hd_time bytes = _i == 1 ? 84 + 8 : 84;
  ck_assert_int_le(
      llabs(points[1].log[0].when - (start + span(&p, bytes) + p.propagation)),
      1);
}
END_TEST

/* Periodic DLLPs on an idle link, also when nobody looks for a long time: one
 * Ack and one UpdateFC per interval. 4: per kind, the interval under way and
 * one for rounding. */
START_TEST(periodic_dllps_on_an_idle_link)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.dllp_mode = PCIE_DLLP_PERIODIC;
  const hd_time at = 900 * HD_US;
  add_step(1, at, PCIE_MWR, 64, 0);
  run_link(&p, HD_MS);
  double intervals = (double)HD_MS / (168 * 1000.0 * 130 / 128 / 2 / 16);
  ck_assert_double_eq_tol((double)stats.dllps[1], 2 * intervals, 4);
  ck_assert_double_eq_tol(stats.utilization[1], 16.0 / 168, 1e-4);
  ck_assert_int_ge(points[0].log[0].when, at + span(&p, 84) + p.propagation);
  ck_assert_int_le(points[0].log[0].when,
                   at + span(&p, 84 + 20) + p.propagation);
}
END_TEST

/* ---- credits ------------------------------------------------------------ */

/* When the credit of TLP 0 is back at the transmitter. */
static hd_time credit_back(const struct pcie_params *p, hd_time at,
                           int64_t bytes, hd_time hold)
{
  hd_time freed = at + span(p, bytes) + p->propagation + hold + LATENCY;
  return freed + span(p, 8) + p->propagation;
}

/* Blocked at t - 1 ps, ready at t, by header and by data credits. */
START_TEST(credit_to_the_picosecond)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  bool data = _i >= 3;
  p.posted_headers = data ? 0 : 1;
  p.posted_data = data ? 16 : 0; /* 256 B: the second needs all of them */
  const hd_time at = 110 * HD_NS, hold = 60 * HD_NS;
  hd_time back = credit_back(&p, at, 276, hold);
  hd_time second = back - 1 + _i % 3;
  points[0].hold[PCIE_POSTED] = hold;
  add_step(1, at, PCIE_MWR, 256, 0);
  add_step(1, second, PCIE_MWR, 256, 0);
  run_link(&p, HD_US);
  ck_assert_uint_eq(points[0].n_log, 2);
  hd_time start = hd_time_max(back, second);
  ck_assert_int_eq(points[0].log[1].when,
                   start + span(&p, 276) + p.propagation);
  ck_assert_int_eq(stats.credit_stall[1][PCIE_POSTED], start - second);
}
END_TEST

/* Handed over late, but freed on arrival. */
START_TEST(decoded_requests_are_freed_on_arrival)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.posted_headers = 1;
  const hd_time at = 110 * HD_NS;
  hd_time second = credit_back(&p, at, 276, 0);
  decode = HD_US;
  points[0].hold[PCIE_POSTED] = -1; /* the link does */
  add_step(1, at, PCIE_MWR, 256, 0);
  add_step(1, at, PCIE_MWR, 256, 0);
  run_link(&p, 10 * HD_US);
  ck_assert_uint_eq(points[0].n_log, 2);
  ck_assert_int_eq(points[0].log[0].when,
                   at + span(&p, 276) + p.propagation + decode);
  ck_assert_int_eq(points[0].log[1].when,
                   second + span(&p, 276) + p.propagation + decode);
}
END_TEST

/* The receiver never frees `blocked`, which has one header credit. */
static void run_blocked(enum pcie_class blocked)
{
  static const enum pcie_tlp_type type[] = {PCIE_MWR, PCIE_MRD, PCIE_CPLD};
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.posted_headers = blocked == PCIE_POSTED;
  p.non_posted_headers = blocked == PCIE_NON_POSTED;
  p.completion_headers = blocked == PCIE_COMPLETION;
  points[0].hold[blocked] = -1;
  hd_time at = 110 * HD_NS;
  for (int i = 0; i < 2; i++)
    add_step(1, at += HD_NS, type[blocked], 4, 0);
  add_step(1, at += HD_NS, PCIE_MRD, 4, 0);
  add_step(1, at += HD_NS, PCIE_CPLD, 4, PCIE_RELAXED);
  add_step(1, at += HD_NS, PCIE_CPLD, 4, 0);
  add_step(1, at += HD_NS, PCIE_MWR, 4, 0);
  run_link(&p, 100 * HD_US);
}

/* Table 2-41 of PCIe 5.0, section 2.4.1, row by row: who gets by. Steps: 0, 1
 * of the blocked class, 2 MRd, 3 relaxed CplD, 4 CplD, 5 MWr. */
START_TEST(who_may_pass_whom)
{
  static const char *const passes[] = {"03", "0345", "025"};
  run_blocked((enum pcie_class)_i);
  ck_assert_uint_eq(points[0].n_log, strlen(passes[_i]));
  for (size_t i = 0; i < points[0].n_log; i++)
    ck_assert_int_eq((int)points[0].log[i].index, passes[_i][i] - '0');
}
END_TEST

/* What waited goes in the order in which it came. */
START_TEST(oldest_first)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.posted_headers = 1;
  points[0].hold[PCIE_POSTED] = 60 * HD_NS;
  static const enum pcie_tlp_type type[] = {PCIE_MWR, PCIE_MWR, PCIE_MRD,
                                            PCIE_CPLD, PCIE_MRD};
  for (int i = 0; i < 5; i++)
    add_step(1, 110 * HD_NS + i * HD_NS, type[i], 4, 0);
  run_link(&p, HD_US);
  ck_assert_uint_eq(points[0].n_log, 5);
  for (uint32_t i = 0; i < 5; i++)
    ck_assert_uint_eq(points[0].log[i].index, i);
}
END_TEST

/* Everything arrived, and each class kept its order. */
static void assert_in_order(const struct point *to, const struct point *from)
{
  ck_assert_uint_eq(to->n_log, from->n_script);
  int64_t last[4] = {-1, -1, -1, -1};
  for (size_t i = 0; i < to->n_log; i++) {
    ck_assert_int_gt((int64_t)to->log[i].index, last[to->log[i].type]);
    last[to->log[i].type] = to->log[i].index;
  }
}

static void add_mix(int from, int n, hd_time at, hd_time gap, uint32_t most)
{
  static const enum pcie_tlp_type type[] = {PCIE_MWR, PCIE_MRD, PCIE_CPLD};
  uint32_t x = 12345;
  for (int i = 0; i < n; i++) {
    x = x * 1103515245u + 12345u;
    add_step(from, at + i * gap, type[(x >> 16) % 3], 1 + (x >> 8) % most, 0);
  }
}

/* Credits as few as there can be, in both directions: everything arrives, in
 * order, after waiting, and all credits are back but what receivers withhold
 * (with limits this low: nothing). */
START_TEST(one_credit_does_not_deadlock)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.posted_headers = p.non_posted_headers = p.completion_headers = _i;
  p.posted_data = p.completion_data = 1; /* raised to one payload */
  for (int i = 0; i < 2; i++) {
    add_mix(i, 1500, 50 * HD_NS, HD_NS, 256);
    for (int c = 0; c < PCIE_CLASSES; c++)
      points[i].hold[c] = 40 * HD_NS;
  }
  run_link(&p, 5 * HD_MS);
  for (int i = 0; i < 2; i++) {
    assert_in_order(&points[i], &points[1 - i]);
    for (int c = 0; c < PCIE_CLASSES; c++) {
      int64_t headers, data;
      pcie_link_credits(the_link, 1 - i, (enum pcie_class)c, &headers, &data);
      const struct pcie_receiver *r = &points[i].receiver;
      ck_assert_int_eq(headers + r->headers[c], pcie_header_limit(&p, c));
      ck_assert_int_eq(data + r->data[c], pcie_data_limit(&p, c));
      ck_assert_uint_lt(r->headers[c], r->threshold_h[c]);
      ck_assert_int_gt(stats.credit_stall[i][c], 0);
    }
  }
}
END_TEST

/* What is withheld never keeps the largest TLP from going. */
START_TEST(thresholds)
{
  struct pcie_params p = test_params(4, 16, 512, 512);
  for (int64_t limit = 1; limit < 300; limit++) {
    p.posted_headers = p.posted_data = limit;
    struct pcie_receiver r;
    pcie_receiver_initialize(&r, &p, NULL, 0);
    uint32_t h = pcie_header_limit(&p, PCIE_POSTED);
    uint32_t d = pcie_data_limit(&p, PCIE_POSTED);
    ck_assert_uint_ge(d, 32);
    ck_assert_uint_ge(h - (r.threshold_h[PCIE_POSTED] - 1), 1);
    ck_assert_uint_ge(d - (r.threshold_d[PCIE_POSTED] - 1), 32);
    ck_assert_uint_le(r.threshold_h[PCIE_POSTED], h / 4 ? h / 4 : 1);
    ck_assert_uint_eq(r.threshold_h[PCIE_COMPLETION], 0);
  }
}
END_TEST

/* ---- replay buffer and errors ------------------------------------------- */

/* Room for two TLPs: the third starts when the first Ack is back. */
START_TEST(replay_buffer_stalls)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.replay_buffer = 84 * 2 + (_i ? 84 : 83);
  const hd_time at = 110 * HD_NS;
  for (int i = 0; i < 3; i++)
    add_step(1, at, PCIE_MWR, 64, 0);
  run_link(&p, HD_US);
  hd_time third = _i ? at + span(&p, 84 * 3) + p.propagation
                     : at + span(&p, 84 + 8 + 84) + 3 * p.propagation;
  ck_assert_int_eq(points[0].log[2].when, third);
}
END_TEST

/* A lone corrupted TLP: Nak, replay, and nothing else. Every delay is the clean
 * one, plus a round trip per corruption, plus the replay timer per lost Nak;
 * every lost Ack costs a replay that nobody sees. 200 ps: SKIPs in the way. */
START_TEST(lone_errors_cost_a_round_trip)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.bit_error_rate = 1e-4;
  const hd_time gap = 7 * HD_US;
  const int n = 4000;
  for (int i = 0; i < n; i++)
    add_step(1, HD_US + i * gap, PCIE_MWR, 256, 0);
  run_link(&p, (n + 10) * gap);
  assert_in_order(&points[0], &points[1]);
  hd_time clean = span(&p, 276) + p.propagation;
  hd_time trip = span(&p, 276 + 8) + 2 * p.propagation;
  hd_time timer = p.replay_timer + span(&p, 276);
  int late = 0, timed_out = 0;
  for (int i = 0; i < n; i++) {
    hd_time rest = points[0].log[i].when - points[1].script[i].at - clean;
    late += rest > 200;
    timed_out += rest >= timer;
    while (rest >= timer)
      rest -= timer;
    while (rest > 200)
      rest -= trip;
    ck_assert_int_ge(rest, -200);
  }
  uint64_t lost_acks = stats.replays[1] - stats.corrupted[1];
  ck_assert_int_gt(timed_out, 0);
  ck_assert_uint_gt(lost_acks, 0);
  ck_assert_uint_eq(lost_acks + (uint64_t)timed_out, stats.lost_dllps[0]);
  ck_assert_uint_eq(stats.naks[0], stats.corrupted[1]);
  /* 276 B are bad with 1 - (1-ber)^2208 = 20 %: 4 sigma are 2.5 points. */
  double share = (double)late / n;
  ck_assert_double_eq_tol(share, 1 - pow(1 - 1e-4, 2208), 0.025);
  ck_assert_uint_gt(stats.corrupted[1], (uint64_t)late);
}
END_TEST

/* Pairs of TLPs with room for one: the second waits for the first one's Ack,
 * or, if that is lost, for the replay timer, the replay and the Ack of that.
 * What the second is late by is made of such delays and of Naks' round trips;
 * 400 ps are SKIPs in the way of several TLPs. */
START_TEST(lost_ack_stops_the_next)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.bit_error_rate = 1e-4;
  p.replay_buffer = 40;
  const hd_time gap = 9 * HD_US;
  for (int i = 0; i < 4000; i++)
    add_step(1, HD_US + i / 2 * gap, PCIE_MWR, 4, 0);
  run_link(&p, 2010 * gap);
  assert_in_order(&points[0], &points[1]);
  hd_time clean = span(&p, 24 + 8 + 24) + 3 * p.propagation;
  hd_time trip = span(&p, 24 + 8) + 2 * p.propagation;
  hd_time timer = p.replay_timer + span(&p, 24);
  int timed_out = 0;
  for (int i = 1; i < 4000; i += 2) {
    hd_time rest = points[0].log[i].when - points[1].script[i].at - clean;
    timed_out += rest >= timer - 400;
    while (rest >= timer - 400)
      rest -= timer;
    while (rest > 400)
      rest -= trip;
    ck_assert_int_ge(rest, -400);
  }
  ck_assert_int_gt(timed_out, 0);
}
END_TEST

/* Under load, a corruption costs what is sent until the Nak is there: 40.3 ns
 * after its end, in which 15 to 16 TLPs of 2.67 ns start; with the corrupted
 * one 17 are sent again. A replay that is corrupted counts the same way. */
START_TEST(nak_stops_the_waste)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.bit_error_rate = 1e-5;
  for (int i = 0; i < 4000; i++)
    add_step(1, 110 * HD_NS, PCIE_MWR, 64, 0);
  run_link(&p, HD_MS);
  assert_in_order(&points[0], &points[1]);
  ck_assert_uint_gt(stats.corrupted[1], 10);
  double each = (double)stats.replays[1] / (double)stats.corrupted[1];
  ck_assert_double_eq_tol(each, 17, 1);
}
END_TEST

static const double rates[] = {0, 1e-6, 1e-5, 1e-4};

static void run_load(const void *argument, void *result)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.bit_error_rate = *(const double *)argument;
  p.posted_headers = p.non_posted_headers = p.completion_headers = 16;
  p.posted_data = p.completion_data = 128;
  for (int i = 0; i < 2; i++)
    add_mix(i, SCRIPT_MOST - 1, 50 * HD_NS, HD_PS, 256);
  run_link(&p, 5 * HD_MS);
  assert_in_order(&points[0], &points[1]);
  assert_in_order(&points[1], &points[0]);
  for (int i = 0; i < 2; i++)
    for (int c = 0; c < PCIE_CLASSES; c++) {
      int64_t h, d;
      pcie_link_credits(the_link, 1 - i, (enum pcie_class)c, &h, &d);
      ck_assert_int_eq(h + points[i].receiver.headers[c],
                       pcie_header_limit(&p, c));
    }
  hd_time *end = result;
  *end = points[0].log[points[0].n_log - 1].when;
  if (p.bit_error_rate > 0) {
    ck_assert_uint_gt(stats.corrupted[1], 0);
    ck_assert_uint_gt(stats.replays[1], stats.corrupted[1]);
  }
  if (p.bit_error_rate >= 1e-4) {
    ck_assert_uint_gt(stats.lost_dllps[0], 0);
    ck_assert_uint_gt(stats.lost_dllps[1], 0);
  } else {
    ck_assert_uint_eq(points[0].n_log, stats.tlps[1]);
  }
}

/* Errors under load in both directions, on TLPs and all DLLPs: everything
 * arrives once and in order, and the more errors the later. */
START_TEST(errors_under_load)
{
  hd_time last = 0;
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    hd_time end;
    in_child(run_load, &rates[i], &end, sizeof end);
    ck_assert_int_gt(end, last);
    last = end;
  }
}
END_TEST

/* A tiny replay buffer and many lost Acks: the transmitter stops until the
 * replay timer has made them good, and goes on. */
START_TEST(lost_acks_with_a_full_buffer)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  p.bit_error_rate = 1e-4;
  p.replay_buffer = 300;
  add_mix(1, 4000, 50 * HD_NS, HD_PS, 256);
  run_link(&p, 5 * HD_MS);
  assert_in_order(&points[0], &points[1]);
  ck_assert_uint_gt(stats.lost_dllps[0], 0);
  ck_assert_int_gt(points[0].log[points[0].n_log - 1].when,
                   (hd_time)stats.lost_dllps[0] * p.replay_timer);
  for (size_t i = 1; i < points[0].n_log; i++) /* one class or another */
    ck_assert_int_ge(points[0].log[i].when, points[0].log[i - 1].when);
}
END_TEST

/* ---- parameters --------------------------------------------------------- */

START_TEST(inconsistent_parameters_are_named)
{
  struct pcie_params p = test_params(4, 16, 256, 512);
  ck_assert_ptr_null(pcie_params_problem(&p));
  p.lanes = 12;
  ck_assert_ptr_nonnull(strstr(pcie_params_problem(&p), "lanes"));
  p.lanes = 8;
  p.mps = 384;
  ck_assert_ptr_nonnull(strstr(pcie_params_problem(&p), "mps"));
}
END_TEST

static void exact_tests(Suite *suite)
{
  TCase *tc = tcase_create("exact");
  tcase_add_loop_test(tc, one_tlp_to_the_picosecond, 0,
                      sizeof widths / sizeof *widths);
  tcase_add_loop_test(tc, completions_are_cut, 0, 3);
  tcase_add_test(tc, completions_with_credits_are_cut);
  tcase_add_test(tc, rounding_does_not_accumulate);
  tcase_add_loop_test(tc, skip_delays_by_four_symbols, 0, 2);
  tcase_add_test(tc, wire_bytes);
  tcase_add_loop_test(tc, ack_delays_when_in_the_way, 0, 3);
  tcase_add_test(tc, periodic_dllps_on_an_idle_link);
  tcase_add_test(tc, inconsistent_parameters_are_named);
  suite_add_tcase(suite, tc);
}

int main(void)
{
  Suite *suite = suite_create("pcie_link");
  exact_tests(suite);
  TCase *tc = tcase_create("credits");
  tcase_add_loop_test(tc, credit_to_the_picosecond, 0, 6);
  tcase_add_test(tc, decoded_requests_are_freed_on_arrival);
  tcase_add_loop_test(tc, who_may_pass_whom, 0, 3);
  tcase_add_test(tc, oldest_first);
  tcase_add_loop_test(tc, one_credit_does_not_deadlock, 1, 4);
  tcase_add_test(tc, thresholds);
  suite_add_tcase(suite, tc);
  tc = tcase_create("errors");
  tcase_set_timeout(tc, 60);
  tcase_add_loop_test(tc, replay_buffer_stalls, 0, 2);
  tcase_add_test(tc, lone_errors_cost_a_round_trip);
  tcase_add_test(tc, lost_ack_stops_the_next);
  tcase_add_test(tc, nak_stops_the_waste);
  tcase_add_test(tc, errors_under_load);
  tcase_add_test(tc, lost_acks_with_a_full_buffer);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
