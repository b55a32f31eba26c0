/*
 * flow.c - links and flows on SimGrid.
 *
 * A flow is a communication through a mailbox of its own task and link, with an
 * actor at the other host that takes whatever comes. The link's latency is not
 * told to SimGrid: CM02 would share a link in inverse proportion to latencies
 * and bound a flow by a TCP window (network/TCP-gamma), and a stream would pay
 * the latency again with each of its flows.
 *
 * Determinism. SimGrid's clock is a double that is advanced by differences, so
 * the same instant could come out an ulp apart in two executions that wake
 * other actors in between, and a flow's end could round to another picosecond.
 * That is excluded as follows.
 *  1. Flows start at double(integer picoseconds): all sleeps aim at such
 *     instants, and a task that was woken within half a picosecond before its
 *     local time sleeps for the rest.
 *  2. A difference of two doubles within a factor of two of each other is exact
 *     (Sterbenz), so the clock reaches the very date it aims at, whatever its
 *     last value was, if that was at least half of it. An actor that wakes at
 *     each power of two sees to that.
 *  3. CM02's lazy updates touch a flow only when a flow starts or ends on its
 *     link; flows of one direction have equal weights, so that neither the
 *     order in which they start nor other actors' wake-ups enter the sums.
 * By induction over starts and ends each end is the same double in every
 * execution.
 *
 * While a flow is on its way its task is deaf: only SimGrid wakes it. Others
 * may run ahead until the flow can end at the earliest (agenda.c), which
 * follows from what is on the same link and direction: flows that start later
 * can only put it off.
 */
#include "sim/engine/flow.h"

#include <float.h>
#include <math.h>
#include <simgrid/comm.h>
#include <simgrid/mailbox.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine/internal.h"

/* One task's end of a link. */
struct port {
  struct port *next;
  const struct hd_task *task;
  sg_mailbox_t mailbox;
  double left; /* bytes of its flow on the way, at link.updated; 0: none */
};

struct hd_link {
  struct hd_link *next;
  struct hd_engine *engine;
  const char *ends[2];
  int64_t rate;
  hd_time latency, cut;
  unsigned number; /* names it in the platform */
  struct port *ports;
  hd_time updated[2]; /* time of port.left, by direction: sender's end */
};

/* ---- building ------------------------------------------------------------ */

static bool known_host(const struct hd_engine *e, const char *name)
{
  for (size_t i = 0; i < e->n_hosts; i++)
    if (strcmp(e->hosts[i], name) == 0)
      return true;
  return false;
}

static bool joins(const struct hd_link *l, const char *a, const char *b)
{
  return (strcmp(l->ends[0], a) == 0 && strcmp(l->ends[1], b) == 0) ||
         (strcmp(l->ends[0], b) == 0 && strcmp(l->ends[1], a) == 0);
}

void hd_link_cut(struct hd_link *l, hd_time at)
{
  HD_REQUIRE(NULL, !l->engine->running && at >= 0,
             "a link's cut is declared before the run");
  l->cut = hd_time_min(l->cut, at);
}

void hd_link_cut_later(struct hd_task *t, struct hd_link *l, hd_time at)
{
  HD_REQUIRE(&t->base, at >= hd_now(&t->base), "a link's cut lies in the past");
  for (const struct port *p = l->ports; p; p = p->next)
    HD_REQUIRE(&t->base, p->task == t, "%s sends on a link that is cut",
               p->task->base.path);
  l->cut = hd_time_min(l->cut, at);
}

int64_t hd_link_rate(const struct hd_link *l)
{
  return l->rate;
}

hd_time hd_link_latency(const struct hd_link *l)
{
  return l->latency;
}

hd_time hd_link_cut_time(const struct hd_link *l)
{
  return l->cut;
}

static void destroy_links(struct hd_engine *e)
{
  while (e->links) {
    struct hd_link *l = e->links;
    e->links = l->next;
    while (l->ports) {
      struct port *p = l->ports;
      l->ports = p->next;
      free(p);
    }
    free(l);
  }
}

/* ---- platform ------------------------------------------------------------ */

/* SimGrid wants links before routes; one link a direction. */
static void write_links(const struct hd_engine *e, FILE *f)
{
  static const char route[] = "<route src=\"%s\" dst=\"%s\" "
                              "symmetrical=\"NO\"><link_ctn "
                              "id=\"link%u.%d\"/></route>\n";
  for (const struct hd_link *l = e->links; l; l = l->next)
    for (int d = 0; d < 2; d++)
      fprintf(f,
              "<link id=\"link%u.%d\" bandwidth=\"%.17gBps\" "
              "latency=\"0s\"/>\n",
              l->number, d, (double)l->rate / 8.0);
  for (const struct hd_link *l = e->links; l; l = l->next)
    for (int d = 0; d < 2; d++)
      fprintf(f, route, l->ends[d], l->ends[!d], l->number, d);
}

static void main_of_pacer(int argc, char **argv)
{
  (void)argc;
  (void)argv;
  for (hd_time t = 1; t <= HD_TIME_NEVER / 2; t *= 2)
    sg_actor_sleep_for((double)t * 1e-12 - simgrid_get_clock());
}

static void start_links(const struct hd_engine *e)
{
  sg_actor_t a = sg_actor_init("pacer", sg_host_by_name(e->hosts[0]));
  sg_actor_start_(a, main_of_pacer, 0, NULL);
  sg_actor_daemonize(a);
}

static const struct hd_links_ops links_ops = {write_links, start_links,
                                              destroy_links};

struct hd_link *hd_engine_add_link(struct hd_engine *e, const char *a,
                                   const char *b, int64_t rate, hd_time latency)
{
  HD_REQUIRE(NULL, !e->running, "link %s - %s added to a running engine", a, b);
  HD_REQUIRE(NULL, known_host(e, a) && known_host(e, b) && strcmp(a, b) != 0,
             "link %s - %s does not join two hosts", a, b);
  HD_REQUIRE(NULL, rate > 0 && latency >= 0,
             "link %s - %s has no rate or a negative latency", a, b);
  for (const struct hd_link *l = e->links; l; l = l->next)
    HD_REQUIRE(NULL, !joins(l, a, b), "two links %s - %s", a, b);
  struct hd_link *l = calloc(1, sizeof *l);
  HD_REQUIRE(NULL, l != NULL, "out of memory for a link");
  *l = (struct hd_link){.next = e->links,
                        .engine = e,
                        .ends = {a, b},
                        .rate = rate,
                        .latency = latency,
                        .cut = HD_TIME_NEVER,
                        .number = e->links ? e->links->number + 1 : 0};
  e->links = l;
  e->links_ops = &links_ops;
  return l;
}

/* ---- ports --------------------------------------------------------------- */

static void main_of_sink(int argc, char **argv)
{
  (void)argc;
  (void)argv;
  sg_mailbox_t mailbox = sg_actor_self_get_data();
  for (;;) {
    void *payload;
    (void)sg_comm_wait(sg_mailbox_get_async(mailbox, &payload));
  }
}

static const char *other_end(const struct hd_link *l, const struct hd_task *t)
{
  for (int d = 0; d < 2; d++)
    if (strcmp(l->ends[d], t->base.host) == 0)
      return l->ends[!d];
  hd_fail(&t->base, __FILE__, __LINE__, "no end of link %s - %s is here",
          l->ends[0], l->ends[1]);
}

static struct port *open_port(struct hd_task *t, struct hd_link *l)
{
  char name[32];
  snprintf(name, sizeof name, "link%u/%u", l->number, t->base.id);
  struct port *p = calloc(1, sizeof *p);
  HD_REQUIRE(&t->base, p != NULL, "out of memory for a flow");
  p->task = t;
  p->next = l->ports;
  l->ports = p; /* at once: SimGrid's functions let others run */
  p->mailbox = sg_mailbox_by_name(name);
  sg_actor_t sink = sg_actor_init(name, sg_host_by_name(other_end(l, t)));
  sg_actor_set_data(sink, p->mailbox);
  sg_actor_start_(sink, main_of_sink, 0, NULL);
  sg_actor_daemonize(sink);
  return p;
}

static struct port *port_of(struct hd_task *t, struct hd_link *l)
{
  for (struct port *p = l->ports; p; p = p->next)
    if (p->task == t)
      return p;
  return open_port(t, l);
}

/* ---- the earliest end ------------------------------------------------------
 */

static int direction(const struct hd_link *l, const struct port *p)
{
  return strcmp(l->ends[0], p->task->base.host) != 0;
}

/* Flows of a direction share its rate equally. */
static void progress(struct hd_link *l, int d, hd_time now)
{
  unsigned flows = 0;
  for (const struct port *p = l->ports; p; p = p->next)
    flows += p->left > 0 && direction(l, p) == d;
  double each = flows == 0 ? 0
                           : (double)(now - l->updated[d]) * 1e-12 *
                                 ((double)l->rate / 8) / flows;
  for (struct port *p = l->ports; p; p = p->next)
    if (p->left > 0 && direction(l, p) == d)
      p->left = p->left > each ? p->left - each : DBL_MIN;
  l->updated[d] = now;
}

/* Until `p` is through, every flow beside it gets as many bytes as `p`, or its
 * own if they are fewer. Rounded down by more than a double's error. */
static hd_time earliest_end(const struct hd_link *l, const struct port *p)
{
  double bytes = 0;
  for (const struct port *q = l->ports; q; q = q->next)
    if (q->left > 0 && direction(l, q) == direction(l, p))
      bytes += q->left < p->left ? q->left : p->left;
  double ps = bytes * 8e12 / (double)l->rate;
  hd_time whole = (hd_time)(ps * (1 - 1e-12));
  return l->updated[direction(l, p)] + whole - (whole > 0);
}

static void begin(struct hd_link *l, struct port *p, int64_t bytes)
{
  int d = direction(l, p);
  progress(l, d, hd_now(&p->task->base));
  p->left = (double)bytes;
  for (const struct port *q = l->ports; q; q = q->next)
    if (q->left > 0 && direction(l, q) == d)
      hd_agenda_set(hd_actor_of(&q->task->base),
                    hd_time_min(earliest_end(l, q), l->cut));
}

static void finish(struct hd_link *l, struct port *p)
{
  progress(l, direction(l, p), hd_now(&p->task->base));
  p->left = 0;
}

/* ---- flows --------------------------------------------------------------- */

/* Blocks until SimGrid's clock is at local time. */
static void settle(struct hd_actor *a)
{
  double rest = (double)a->exec.now * 1e-12 - simgrid_get_clock();
  hd_agenda_set(a, a->exec.now);
  if (rest > 0)
    sg_actor_sleep_for(rest);
}

/* Beyond the end of the run nothing is executed. */
static void stay_within_run(struct hd_actor *a)
{
  hd_agenda_set(a, a->exec.now);
  while (a->exec.now > a->engine->end)
    sg_actor_sleep_for(1.0); /* the conductor is about to end the run */
}

/* Local time of the cut, as the task sees it. */
static enum hd_flow_status fail(struct hd_actor *a, const struct hd_link *l)
{
  a->exec.now = hd_time_max(a->exec.now, l->cut);
  stay_within_run(a);
  settle(a);
  return HD_FLOW_CUT;
}

static inline hd_time rounded(double seconds)
{
  return (hd_time)llround(seconds * 1e12);
}

/* What leaves half a picosecond after `last` still counts as `last`. */
static sg_error_t transfer(struct port *p, int64_t bytes, hd_time last)
{
  sg_comm_t comm = sg_mailbox_put_async(p->mailbox, p, bytes);
  if (last == HD_TIME_NEVER)
    return sg_comm_wait(comm);
  double limit = ((double)last + 0.5) * 1e-12 - simgrid_get_clock();
  return sg_comm_wait_for(comm, limit);
}

static enum hd_flow_status push(struct hd_actor *a, struct hd_link *l,
                                int64_t bytes)
{
  struct port *p = port_of(a->task, l);
  hd_time last = l->cut == HD_TIME_NEVER ? l->cut : l->cut - l->latency;
  stay_within_run(a);
  settle(a);
  if (a->exec.now > last)
    return fail(a, l);
  if (bytes == 0)
    return HD_FLOW_DONE;
  begin(l, p, bytes);
  sg_error_t error = transfer(p, bytes, last);
  a->exec.now = hd_time_max(a->exec.now, rounded(simgrid_get_clock()));
  finish(l, p);
  if (error != SG_OK)
    return fail(a, l);
  stay_within_run(a);
  return HD_FLOW_DONE;
}

enum hd_flow_status hd_flow_push(struct hd_task *t, struct hd_link *l,
                                 int64_t bytes)
{
  struct hd_actor *a = hd_actor_of(&t->base);
  HD_REQUIRE(&t->base, bytes >= 0, "a flow of %lld bytes", (long long)bytes);
  a->deaf = true;
  enum hd_flow_status status = push(a, l, bytes);
  a->deaf = false;
  return status;
}

enum hd_flow_status hd_flow_send(struct hd_task *t, struct hd_link *l,
                                 int64_t bytes)
{
  enum hd_flow_status status = hd_flow_push(t, l, bytes);
  if (status == HD_FLOW_DONE)
    hd_task_advance(t, l->latency);
  return status;
}
