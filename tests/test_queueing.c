/*
 * test_queueing.c - the engine against queueing theory.
 *
 * M/M/1 and M/D/1 run as hardware components (source, server with a FIFO) and
 * as software tasks. Three oracles, in order of strength:
 *   - Lindley's recursion on the same random streams: the sums of waiting
 *     times must be equal to the picosecond;
 *   - Little's law on exact integer sums;
 *   - the analytic mean waiting time must lie within the 99 % confidence
 *     interval of batch means, whose half-width is below 3 % of the mean.
 *
 * Not proved here: order among simultaneous events (test_engine.c).
 */
#include <check.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>

#include "sim/engine/engine.h"
#include "sim/engine/rng.h"

#define SERVICE (1 * HD_US) /* mean */
#define WIRE (100 * HD_NS)  /* source to server */

enum { SEED = 20240607, BATCHES = 30 };
enum { ARRIVAL = 1, CUSTOMER, DONE };

/* ---- random streams and what is measured ------------------------------ */

/* The two streams of one queue; every implementation draws the same ones. */
struct draws {
  gsl_rng *gaps, *services;
  double mean_gap; /* ps */
  bool fixed;      /* M/D/1 */
};

static struct draws draws_new(double rho, bool fixed)
{
  return (struct draws){.gaps = hd_rng_new(SEED, "queue", "gaps"),
                        .services = hd_rng_new(SEED, "queue", "services"),
                        .mean_gap = (double)SERVICE / rho,
                        .fixed = fixed};
}

static void draws_free(struct draws *d)
{
  gsl_rng_free(d->gaps);
  gsl_rng_free(d->services);
}

static hd_time draw_gap(struct draws *d)
{
  return llround(gsl_ran_exponential(d->gaps, d->mean_gap));
}

static hd_time draw_service(struct draws *d)
{
  return d->fixed ? SERVICE
                  : llround(gsl_ran_exponential(d->services, (double)SERVICE));
}

struct stats {
  long customers;          /* planned */
  long served;             /* so far */
  hd_time waited, sojourn; /* sums over customers */
  hd_time batch[BATCHES];  /* waited, per batch */
  hd_time area;            /* integral of the number in the system */
  hd_time changed;         /* when that number last changed */
  long present;            /* that number */
};

static void stats_add(struct stats *s, hd_time waited, hd_time service)
{
  s->batch[s->served * BATCHES / s->customers] += waited;
  s->waited += waited;
  s->sojourn += waited + service;
  s->served++;
}

static void stats_change(struct stats *s, hd_time now, int by)
{
  s->area += s->present * (now - s->changed);
  s->changed = now;
  s->present += by;
}

/* Waiting time by theory, in ps. */
static double theory(double rho, bool fixed)
{
  double mm1 = rho / (1.0 - rho) * (double)SERVICE;
  return fixed ? mm1 / 2.0 : mm1;
}

/* Mean of the batches but the first, which holds the empty start. */
static double batch_mean(const struct stats *s, double *half_width)
{
  enum { N = BATCHES - 1 };
  double each = (double)s->customers / BATCHES, sum = 0, squares = 0;
  for (int i = 1; i < BATCHES; i++)
    sum += (double)s->batch[i] / each;
  double mean = sum / N;
  for (int i = 1; i < BATCHES; i++)
    squares += pow((double)s->batch[i] / each - mean, 2);
  *half_width = gsl_cdf_tdist_Pinv(0.995, N - 1) * sqrt(squares / (N - 1) / N);
  return mean;
}

static void check_theory(const struct stats *s, double rho, bool fixed)
{
  double half_width, mean = batch_mean(s, &half_width);
  double expected = theory(rho, fixed);
  ck_assert_double_lt(half_width, 0.03 * expected);
  ck_assert_double_ge(expected, mean - half_width);
  ck_assert_double_le(expected, mean + half_width);
}

/* Sum of waiting times by Lindley's recursion, without the engine. */
static hd_time lindley(double rho, bool fixed, long customers)
{
  struct draws d = draws_new(rho, fixed);
  hd_time wait = 0, sum = 0;
  (void)draw_gap(&d); /* the first customer finds the server idle */
  for (long i = 0; i < customers; i++) {
    sum += wait;
    wait = hd_time_max(0, wait + draw_service(&d) - draw_gap(&d));
  }
  draws_free(&d);
  return sum;
}

/* ---- hardware version ------------------------------------------------- */

struct source {
  struct hd_component base;
  struct hd_channel *out;
  struct draws *draws;
  long left; /* customers to send */
};

struct server {
  struct hd_component base;
  struct draws *draws;
  struct hd_msg *first, *last; /* FIFO; the first is in service */
  hd_time waited, service;     /* of the first */
  struct stats stats;
};

static void source_next(struct source *s)
{
  if (s->left-- > 0)
    hd_schedule(&s->base, draw_gap(s->draws), hd_msg_new(&s->base, ARRIVAL));
}

static void source_start(struct hd_component *c)
{
  source_next((struct source *)c);
}

static void source_handle(struct hd_component *c, struct hd_msg *msg)
{
  struct source *s = (struct source *)c;
  hd_send(s->out, WIRE, hd_msg_new(c, CUSTOMER));
  hd_msg_free(c, msg);
  source_next(s);
}

static void begin_service(struct server *s)
{
  s->waited = hd_now(&s->base) - s->first->when;
  s->service = draw_service(s->draws);
  hd_schedule(&s->base, s->service, hd_msg_new(&s->base, DONE));
}

static void server_handle(struct hd_component *c, struct hd_msg *msg)
{
  struct server *s = (struct server *)c;
  stats_change(&s->stats, hd_now(c), msg->kind == CUSTOMER ? 1 : -1);
  if (msg->kind == CUSTOMER) {
    msg->next = NULL;
    bool idle = s->first == NULL;
    *(idle ? &s->first : &s->last->next) = msg;
    s->last = msg;
    if (idle)
      begin_service(s);
    return;
  }
  struct hd_msg *leaving = s->first;
  stats_add(&s->stats, s->waited, s->service);
  s->first = leaving->next;
  hd_msg_free(c, leaving);
  hd_msg_free(c, msg);
  if (s->first)
    begin_service(s);
}

struct queue {
  struct draws draws;
  struct source source;
  struct server server;
};

static void queue_add(struct queue *q, struct hd_engine *e, double rho,
                      bool fixed, long customers)
{
  static const struct hd_component_ops source_ops = {
      .kind = "source", .handle = source_handle, .start = source_start};
  static const struct hd_component_ops server_ops = {.kind = "server",
                                                     .handle = server_handle};
  *q = (struct queue){.draws = draws_new(rho, fixed)};
  hd_component_initialize(&q->source.base, e, &source_ops,
                          fixed ? "md1/source" : "mm1/source", "machine");
  hd_component_initialize(&q->server.base, e, &server_ops,
                          fixed ? "md1/server" : "mm1/server", "machine");
  q->source.out = hd_channel_open(&q->source.base, &q->server.base, WIRE);
  q->source.draws = q->server.draws = &q->draws;
  q->source.left = q->server.stats.customers = customers;
}

static struct hd_engine *new_engine(hd_time window)
{
  struct hd_engine_options options = {.seed = SEED, .window = window};
  struct hd_engine *e = hd_engine_create(&options);
  hd_engine_add_host(e, "machine");
  return e;
}

/* Long enough for the last customer to leave, with a wide margin. */
static hd_time long_enough(double rho, long customers)
{
  return llround((double)customers * (double)SERVICE / rho * 1.1) + HD_MS;
}

/* Window 0: two actors; 1 us: one, since the wire is shorter. */
static void run_queues(struct queue queues[2], double rho, long customers,
                       hd_time window)
{
  struct hd_engine *e = new_engine(window);
  queue_add(&queues[0], e, rho, false, customers);
  queue_add(&queues[1], e, rho, true, customers);
  hd_engine_run(e, long_enough(rho, customers));
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  ck_assert_uint_eq(report.messages_live, 0);
  ck_assert_uint_eq(report.events, (uint64_t)customers * 6);
  ck_assert_uint_eq(report.actors, window > WIRE ? 2 : 4);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(queues[i].server.stats.served, customers);
    draws_free(&queues[i].draws);
  }
  hd_engine_destroy(e);
}

/* ---- tests of the hardware version ------------------------------------ */

static const double loads[] = {0.5, 0.8};

START_TEST(test_waiting_time)
{
  enum { CUSTOMERS = BATCHES * 100000 };
  double rho = loads[_i];
  struct queue queues[2];
  run_queues(queues, rho, CUSTOMERS, HD_US);
  const struct stats *mm1 = &queues[0].server.stats;
  const struct stats *md1 = &queues[1].server.stats;
  check_theory(mm1, rho, false);
  check_theory(md1, rho, true);
  double ignored;
  double ratio = batch_mean(md1, &ignored) / batch_mean(mm1, &ignored);
  ck_assert_double_lt(fabs(ratio - 0.5), 0.015);
  ck_assert_int_eq(mm1->waited, lindley(rho, false, CUSTOMERS));
  ck_assert_int_eq(md1->waited, lindley(rho, true, CUSTOMERS));
}
END_TEST

START_TEST(test_little)
{
  enum { CUSTOMERS = BATCHES * 20000 };
  struct queue queues[2];
  run_queues(queues, loads[_i], CUSTOMERS, HD_US);
  for (int i = 0; i < 2; i++) {
    const struct stats *s = &queues[i].server.stats;
    double span = (double)s->changed;
    double lambda = (double)s->served / span;
    double w = (double)s->sojourn / (double)s->served;
    double l = (double)s->area / span;
    ck_assert_int_eq(s->present, 0);
    ck_assert_int_eq(s->area, s->sojourn); /* exact: starts and ends empty */
    ck_assert_double_lt(fabs(l - lambda * w), 1e-9 * l);
  }
}
END_TEST

START_TEST(test_window_zero)
{
  enum { CUSTOMERS = BATCHES * 2000 };
  struct queue queues[2];
  run_queues(queues, 0.8, CUSTOMERS, 0);
  ck_assert_int_eq(queues[0].server.stats.waited,
                   lindley(0.8, false, CUSTOMERS));
  ck_assert_int_eq(queues[1].server.stats.waited,
                   lindley(0.8, true, CUSTOMERS));
}
END_TEST

/* ---- software version -------------------------------------------------- */

struct soft_source {
  struct hd_task task;
  struct hd_channel *out;
  struct draws *draws;
  long customers;
};

struct soft_server {
  struct hd_task task;
  struct draws *draws;
  struct stats stats;
};

static void soft_source_body(struct hd_task *t)
{
  struct soft_source *s = (struct soft_source *)t;
  for (long i = 0; i < s->customers; i++) {
    (void)hd_task_wait(t, hd_now(&t->base) + draw_gap(s->draws));
    hd_send(s->out, WIRE, hd_msg_new(&t->base, CUSTOMER));
  }
}

/* The calendar is the queue: a customer found waiting is an old message. */
static void soft_server_body(struct hd_task *t)
{
  struct soft_server *s = (struct soft_server *)t;
  for (;;) {
    struct hd_msg *msg = hd_task_wait(t, HD_TIME_NEVER);
    hd_time waited = hd_now(&t->base) - msg->when;
    hd_time service = draw_service(s->draws);
    hd_task_advance(t, service);
    stats_add(&s->stats, waited, service);
    hd_msg_free(&t->base, msg);
  }
}

START_TEST(test_tasks)
{
  enum { CUSTOMERS = BATCHES * 15000 };
  static const hd_time windows[] = {0, 100 * HD_NS};
  struct draws draws = draws_new(0.5, false);
  struct hd_engine *e = new_engine(windows[_i]);
  struct soft_source source = {.draws = &draws, .customers = CUSTOMERS};
  struct soft_server server = {.draws = &draws,
                               .stats = {.customers = CUSTOMERS}};
  hd_task_initialize(&source.task, e, soft_source_body, "source", "sw/source",
                     "machine");
  hd_task_initialize(&server.task, e, soft_server_body, "server", "sw/server",
                     "machine");
  source.out = hd_channel_open(&source.task.base, &server.task.base, WIRE);
  hd_engine_run(e, long_enough(0.5, CUSTOMERS));
  ck_assert_int_eq(server.stats.served, CUSTOMERS);
  ck_assert_int_eq(server.stats.waited, lindley(0.5, false, CUSTOMERS));
  check_theory(&server.stats, 0.5, false);
  draws_free(&draws);
  hd_engine_destroy(e);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("queueing");
  TCase *tcase = tcase_create("queueing");
  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, test_waiting_time, 0, 2);
  tcase_add_loop_test(tcase, test_little, 0, 2);
  tcase_add_test(tcase, test_window_zero);
  tcase_add_loop_test(tcase, test_tasks, 0, 2);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_set_fork_status(runner, CK_FORK);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
