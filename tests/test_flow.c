/*
 * test_flow.c - flows between machines (sim/engine/flow.h).
 *
 * SimGrid runs once in a process: tests that compare runs fork once more a run.
 * Times are compared to the picosecond where they are whole picoseconds, and to
 * one picosecond otherwise (rounding).
 *
 * Not proved here: routes over several links, which the engine does not offer.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/engine/engine.h"
#include "sim/engine/flow.h"
#include "sim/engine/rng.h"

enum { GBPS = 1000000000, MAX_FLOWS = 4096, MAX_SENDERS = 8 };

static struct hd_engine *new_engine(hd_time window, uint32_t shuffle)
{
  struct hd_engine_options options = {
      .seed = 3, .window = window, .shuffle = shuffle};
  struct hd_engine *e = hd_engine_create(&options);
  hd_engine_add_host(e, "left");
  hd_engine_add_host(e, "right");
  hd_engine_add_host(e, "third");
  return e;
}

/* ---- senders ------------------------------------------------------------- */

/* Starts at `at`, sends `flows` flows of `bytes`, one after the other. */
struct sender {
  struct hd_task task;
  struct hd_link *link;
  hd_time at;
  int64_t bytes;
  int flows;
  bool push; /* a stream */
  int done;
  enum hd_flow_status status; /* of the last */
  hd_time end;
};

static void main_of_sender(struct hd_task *t)
{
  struct sender *s = (struct sender *)t;
  hd_task_advance(t, s->at);
  s->status = HD_FLOW_DONE;
  while (s->status == HD_FLOW_DONE && s->done < s->flows) {
    s->status = s->push ? hd_flow_push(t, s->link, s->bytes)
                        : hd_flow_send(t, s->link, s->bytes);
    s->done += s->status == HD_FLOW_DONE;
  }
  s->end = hd_now(&t->base);
}

static void add_sender(struct hd_engine *e, struct sender *s, const char *path,
                       const char *host)
{
  hd_task_initialize(&s->task, e, main_of_sender, "sender", path, host);
}

/* ---- one flow ------------------------------------------------------------ */

START_TEST(test_one_flow)
{
  struct hd_engine *e = new_engine(1 * HD_US, 0);
  struct hd_link *l =
      hd_engine_add_link(e, "left", "right", INT64_C(25) * GBPS, 10 * HD_US);
  struct sender s = {.link = l, .at = 123457, .bytes = 1 << 30, .flows = 1};
  add_sender(e, &s, "s", "left");
  hd_engine_run(e, 10 * HD_S);
  ck_assert_int_eq(s.status, HD_FLOW_DONE);
  /* 2^30 * 8 / 25e9 s = 343,597,383,680 ps, exactly */
  ck_assert_int_eq(s.end, 123457 + INT64_C(343597383680) + 10 * HD_US);
  ck_assert_int_eq(hd_link_rate(l), INT64_C(25) * GBPS);
  ck_assert_int_eq(hd_link_latency(l), 10 * HD_US);
  ck_assert_int_eq(hd_link_cut_time(l), HD_TIME_NEVER);
  hd_engine_destroy(e);
}
END_TEST

/* A rate at which a byte is no whole number of picoseconds; from the far end;
 * a latency at which a TCP window would bound the rate. */
START_TEST(test_odd_rate)
{
  struct hd_engine *e = new_engine(0, 0);
  struct hd_link *l = hd_engine_add_link(e, "left", "right",
                                         INT64_C(7) * GBPS + 13, 20 * HD_MS);
  struct sender s = {.link = l, .at = 1, .bytes = 999999937, .flows = 1};
  add_sender(e, &s, "s", "right");
  hd_engine_run(e, 10 * HD_S);
  hd_time expected =
      1 + 20 * HD_MS + hd_time_of_bytes(999999937, INT64_C(7) * GBPS + 13);
  ck_assert_int_le(llabs(s.end - expected), 1);
  hd_engine_destroy(e);
}
END_TEST

/* A stream pays no latency in between; single flows each pay it. */
START_TEST(test_streams)
{
  struct hd_engine *e = new_engine(1 * HD_US, 0);
  struct hd_link *l =
      hd_engine_add_link(e, "left", "right", INT64_C(8) * GBPS, 50 * HD_US);
  struct sender stream = {
      .link = l, .bytes = 1000000, .flows = 100, .push = true};
  struct sender single = {
      .link = l, .at = 1 * HD_S, .bytes = 1000000, .flows = 100};
  struct sender nothing = {.link = l, .at = 3 * HD_S, .flows = 2};
  add_sender(e, &stream, "a", "left");
  add_sender(e, &single, "b", "left");
  add_sender(e, &nothing, "c", "left");
  hd_engine_run(e, 10 * HD_S);
  ck_assert_int_eq(stream.end, 100 * HD_MS);
  ck_assert_int_eq(single.end, 1 * HD_S + 100 * (HD_MS + 50 * HD_US));
  ck_assert_int_eq(nothing.end, 3 * HD_S + 100 * HD_US);
  ck_assert_int_eq(nothing.done, 2);
  hd_engine_destroy(e);
}
END_TEST

/* ---- sharing ------------------------------------------------------------- */

/* 8 Gb/s: 1 ns a byte. a: 3 MB from 0, b: 1 MB from 1 ms. Alone for 1 ms, then
 * half each: b's 1 MB last 2 ms, to 3 ms; a has sent 2 MB by then and ends at
 * 4 ms. The other direction and another link are not shared. */
START_TEST(test_two_share)
{
  struct hd_engine *e = new_engine(1 * HD_US, 0);
  struct hd_link *l =
      hd_engine_add_link(e, "left", "right", INT64_C(8) * GBPS, 0);
  struct hd_link *m =
      hd_engine_add_link(e, "right", "third", INT64_C(4) * GBPS, 0);
  struct sender a = {.link = l, .bytes = 3000000, .flows = 1};
  struct sender b = {.link = l, .at = HD_MS, .bytes = 1000000, .flows = 1};
  struct sender back = {.link = l, .bytes = 3000000, .flows = 1};
  struct sender other = {.link = m, .bytes = 1000000, .flows = 1};
  add_sender(e, &a, "a", "left");
  add_sender(e, &b, "b", "left");
  add_sender(e, &back, "back", "right");
  add_sender(e, &other, "other", "right");
  hd_engine_run(e, 10 * HD_S);
  ck_assert_int_eq(a.end, 4 * HD_MS);
  ck_assert_int_eq(b.end, 3 * HD_MS);
  ck_assert_int_eq(back.end, 3 * HD_MS);
  ck_assert_int_eq(other.end, 2 * HD_MS);
  hd_engine_destroy(e);
}
END_TEST

START_TEST(test_many_share)
{
  struct hd_engine *e = new_engine(1 * HD_US, 0);
  struct hd_link *l =
      hd_engine_add_link(e, "left", "right", INT64_C(8) * GBPS, HD_US);
  struct sender s[7];
  for (int i = 0; i < 7; i++) {
    char path[8] = {'s', (char)('0' + i)};
    s[i] = (struct sender){.link = l, .bytes = 1000000, .flows = 1};
    add_sender(e, &s[i], path, "left");
  }
  hd_engine_run(e, 10 * HD_S);
  for (int i = 0; i < 7; i++)
    ck_assert_int_le(llabs(s[i].end - 7 * HD_MS - HD_US), 1);
  hd_engine_destroy(e);
}
END_TEST

/* ---- cuts ---------------------------------------------------------------- */

/* One flow of 1 ms + 10 us from 1 ms on over a link that is cut at `cut`. */
static struct sender cut_at(hd_time cut, bool push)
{
  struct hd_engine *e = new_engine(1 * HD_US, 0);
  struct hd_link *l =
      hd_engine_add_link(e, "left", "right", INT64_C(8) * GBPS, 10 * HD_US);
  hd_link_cut(l, cut);
  hd_link_cut(l, HD_S); /* the earlier one counts */
  struct sender s = {
      .link = l, .at = HD_MS, .bytes = 1000000, .flows = 1, .push = push};
  add_sender(e, &s, "s", "left");
  hd_engine_run(e, 10 * HD_S);
  hd_engine_destroy(e);
  return s;
}

START_TEST(test_cut_in_between)
{
  struct sender s = cut_at(1500 * HD_US + 7, false);
  ck_assert_int_eq(s.status, HD_FLOW_CUT);
  ck_assert_int_eq(s.end, 1500 * HD_US + 7);
}
END_TEST

START_TEST(test_cut_before)
{
  struct sender s = cut_at(HD_US, false);
  ck_assert_int_eq(s.status, HD_FLOW_CUT);
  ck_assert_int_eq(s.end, HD_MS); /* told at once */
}
END_TEST

/* The last byte arrives at 2010 us. */
START_TEST(test_cut_at_arrival)
{
  struct sender s = cut_at(2010 * HD_US, false);
  ck_assert_int_eq(s.status, HD_FLOW_DONE);
  ck_assert_int_eq(s.end, 2010 * HD_US);
}
END_TEST

START_TEST(test_cut_before_arrival)
{
  struct sender s = cut_at(2010 * HD_US - 1, false);
  ck_assert_int_eq(s.status, HD_FLOW_CUT);
  ck_assert_int_eq(s.end, 2010 * HD_US - 1);
}
END_TEST

/* It has left when the link is cut, but does not arrive. */
START_TEST(test_cut_of_push)
{
  struct sender s = cut_at(2005 * HD_US, true);
  ck_assert_int_eq(s.status, HD_FLOW_CUT);
  ck_assert_int_eq(s.end, 2005 * HD_US);
}
END_TEST

/* ---- the engine's contract ----------------------------------------------- */

/* A hardware component that ticks and tells a listener, to have wake-ups of
 * all kinds beside the flows. */
struct ticker {
  struct hd_component base;
  struct hd_channel *to;
  hd_time period;
};

static void tick(struct hd_component *c, struct hd_msg *m)
{
  struct ticker *k = (struct ticker *)c;
  hd_send(k->to, k->to->latency, hd_msg_new(c, 2));
  hd_schedule(c, k->period, m);
}

static void start_ticker(struct hd_component *c)
{
  hd_schedule(c, ((struct ticker *)c)->period, hd_msg_new(c, 1));
}

static const struct hd_component_ops ticker_ops = {
    .kind = "ticker", .handle = tick, .start = start_ticker};

/* A sender of flows of random sizes at random times that also gets ticks and
 * tells its neighbour about each flow. */
struct rover {
  struct hd_task task;
  struct hd_link *link;
  struct hd_channel *next;
  struct log *log;
  int index;
};

struct log {
  hd_time end[MAX_SENDERS][MAX_FLOWS];
  int ticks[MAX_SENDERS], told[MAX_SENDERS];
  enum hd_flow_status last[MAX_SENDERS];
  uint64_t fingerprint;
};

static void drain(struct rover *r)
{
  struct hd_msg *m;
  while ((m = hd_task_wait(&r->task, hd_now(&r->task.base)))) {
    (m->kind == 2 ? r->log->ticks : r->log->told)[r->index]++;
    hd_msg_free(&r->task.base, m);
  }
}

static void main_of_rover(struct hd_task *t)
{
  struct rover *r = (struct rover *)t;
  gsl_rng *rng = hd_rng_new(5, t->base.path, "flows");
  enum hd_flow_status status = HD_FLOW_DONE;
  for (int i = 0; i < 300 && status == HD_FLOW_DONE; i++) {
    hd_task_advance(t, (hd_time)(gsl_rng_uniform(rng) * 3e8));
    if (i % 3 == 0) /* several start at the same time */
      hd_task_advance(t, HD_MS - hd_now(&t->base) % HD_MS);
    status =
        hd_flow_send(t, r->link, (int64_t)(gsl_rng_uniform(rng) * 1e6) + 1);
    r->log->end[r->index][i] = hd_now(&t->base);
    hd_send(r->next, r->next->latency, hd_msg_new(&t->base, 3));
    drain(r);
  }
  r->log->last[r->index] = status;
  gsl_rng_free(rng);
  for (;;) {
    struct hd_msg *m = hd_task_wait(t, HD_TIME_NEVER);
    (m->kind == 2 ? r->log->ticks : r->log->told)[r->index]++;
    hd_msg_free(&t->base, m);
  }
}

static void run_rovers(hd_time window, uint32_t shuffle, struct log *log)
{
  enum { N = 5 };
  struct hd_engine *e = new_engine(window, shuffle);
  struct hd_link *l = hd_engine_add_link(e, "left", "right",
                                         INT64_C(9) * GBPS + 7, 3 * HD_US + 1);
  hd_link_cut(l, 400 * HD_MS);
  static struct rover r[N];
  static struct ticker k[N];
  for (int i = 0; i < N; i++) {
    char name[16] = {'r', (char)('0' + i)}, other[16] = {'k', (char)('0' + i)};
    const char *host = i == N - 1 ? "right" : "left";
    r[i] = (struct rover){.link = l, .log = log, .index = i};
    hd_task_initialize(&r[i].task, e, main_of_rover, "rover", name, host);
    k[i].period = 31 * HD_US * (i + 1);
    hd_component_initialize(&k[i].base, e, &ticker_ops, other, host);
  }
  for (int i = 0; i < N; i++) {
    r[i].next = hd_channel_open(&r[i].task.base, &r[(i + 1) % N].task.base,
                                (i + 1) * 700 * HD_NS);
    k[i].to = hd_channel_open(&k[i].base, &r[i].task.base, 500 * HD_NS);
  }
  hd_engine_run(e, 450 * HD_MS);
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  log->fingerprint = report.fingerprint;
  hd_engine_destroy(e);
}

static void run_apart(hd_time window, uint32_t shuffle, struct log *log)
{
  pid_t child = fork();
  if (child == 0) {
    run_rovers(window, shuffle, log);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
}

START_TEST(test_order_invariance)
{
  static const hd_time windows[] = {0, HD_NS, HD_US, 10 * HD_US};
  struct log *log = mmap(NULL, 2 * sizeof *log, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ck_assert(log != MAP_FAILED);
  run_apart(0, 0, &log[0]);
  int cuts = 0;
  for (int i = 0; i < MAX_SENDERS; i++)
    cuts += log[0].last[i] == HD_FLOW_CUT;
  ck_assert_int_eq(cuts, 4); /* those on the left; the other had finished */
  ck_assert_int_gt(log[0].ticks[0], 10000);
  for (uint32_t i = 0; i < 8; i++) {
    memset(&log[1], 0, sizeof log[1]);
    run_apart(windows[i % 4], i, &log[1]);
    ck_assert_mem_eq(&log[0], &log[1], sizeof *log);
  }
}
END_TEST

/* Flows that are under way when the run ends do no harm. */
START_TEST(test_end_of_run)
{
  struct hd_engine *e = new_engine(1 * HD_US, 0);
  struct hd_link *l =
      hd_engine_add_link(e, "left", "right", INT64_C(8) * GBPS, 0);
  struct sender s = {.link = l, .bytes = 1 << 30, .flows = 1};
  struct sender late = {.link = l, .at = HD_S, .bytes = 1, .flows = 1};
  add_sender(e, &s, "s", "left");
  add_sender(e, &late, "t", "left");
  hd_engine_run(e, 10 * HD_MS);
  ck_assert_int_eq(s.done + late.done, 0);
  ck_assert_int_eq(s.end, 0);
  hd_engine_destroy(e);
}
END_TEST

START_TEST(test_refused_link)
{
  struct hd_engine *e = new_engine(0, 0);
  switch (_i) {
  case 0:
    hd_engine_add_link(e, "left", "nowhere", GBPS, 0);
    break;
  case 1:
    hd_engine_add_link(e, "left", "left", GBPS, 0);
    break;
  case 2:
    hd_engine_add_link(e, "left", "right", 0, 0);
    break;
  default:
    hd_engine_add_link(e, "left", "right", GBPS, 0);
    hd_engine_add_link(e, "right", "left", GBPS, 0);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("flow");
  TCase *t = tcase_create("flow");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, test_one_flow);
  tcase_add_test(t, test_odd_rate);
  tcase_add_test(t, test_streams);
  tcase_add_test(t, test_two_share);
  tcase_add_test(t, test_many_share);
  tcase_add_test(t, test_cut_in_between);
  tcase_add_test(t, test_cut_before);
  tcase_add_test(t, test_cut_at_arrival);
  tcase_add_test(t, test_cut_before_arrival);
  tcase_add_test(t, test_cut_of_push);
  tcase_add_test(t, test_order_invariance);
  tcase_add_test(t, test_end_of_run);
  tcase_add_loop_exit_test(t, test_refused_link, HD_EXIT_INTERNAL, 0, 4);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
