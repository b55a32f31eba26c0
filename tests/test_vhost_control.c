/*
 * test_vhost_control.c - queues of software back ends that are stopped and
 * started, and the log of what they write: what a live migration asks for.
 *
 * What a green run does not prove: that another back end can go on (see
 * test_server_migration.c).
 */
#include "models/vhost/internal.h"
#include "models/virtio/control.h"
#include "test_vhost.h"

/* ---- who asks ------------------------------------------------------------ */

enum { STEPS = 6, PAGES = 4096, LATENCY = 1 * HD_US };

struct step {
  hd_time at; /* after the start of the window */
  enum virtq_control_verb verb;
  uint16_t queue;
};

/* Does its steps; notes when each was asked and answered, and the pair's
 * counters then: those of a stopped queue do not move. */
static struct asker {
  struct hd_component base;
  struct hd_channel *to, *reply;
  const struct step *step;
  int n, next;
  struct virtq_state state[2];
  hd_time asked[STEPS], answered[STEPS];
  uint64_t taken[STEPS], delivered[STEPS], sent[STEPS];
  /* the log */
  bool written[PAGES];
  uint32_t stray, told;
} asker;

static void log_pages(void *context, struct hd_component *writer,
                      const struct virtio_dirty_run *run, uint16_t runs)
{
  (void)context, (void)writer;
  const uint64_t base =
      r.vm[0] ? guest_virtio_function(r.vm[0])->queue[0]->config.descriptor_area
              : 0;
  uint32_t first = (uint32_t)(base / VIRTIO_DIRTY_PAGE) & ~(PAGES - 1u);
  for (uint16_t i = 0; i < runs; i++)
    for (uint32_t p = run[i].first; p < run[i].first + run[i].count; p++) {
      asker.told++;
      if (p - first < PAGES)
        asker.written[p - first] = true;
      else
        asker.stray++;
    }
}

static void wake(struct asker *a, hd_time after)
{
  hd_schedule(&a->base, after, hd_msg_new(&a->base, MSG_TIMER));
}

static void ask(struct asker *a)
{
  const struct step *s = &a->step[a->next];
  struct virtq_control_msg *m = hd_msg_new_zero(&a->base, MSG_VIRTQ_CONTROL);
  m->verb = s->verb;
  m->queue = s->queue;
  m->reply = a->reply;
  if (s->verb == VIRTQ_CONTROL_STOP)
    m->state = &a->state[s->queue];
  if (s->verb == VIRTQ_CONTROL_TRACK)
    m->log.pages = log_pages;
  a->asked[a->next] = hd_now(&a->base);
  hd_send(a->to, LATENCY, m);
}

static void asker_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct asker *a = (struct asker *)self;
  hd_time now = hd_now(self);
  bool answer = msg->kind == MSG_VIRTQ_CONTROL;
  if (answer) {
    const struct vhost_pair *p = &r.vhost->pairs[0];
    ck_assert(((struct virtq_control_msg *)msg)->ok);
    a->answered[a->next] = now;
    a->taken[a->next] = p->taken;
    a->delivered[a->next] = p->delivered;
    a->sent[a->next] =
        r.vhost->n_workers ? r.vhost->workers[0].sent : r.vhost->pmds[0].sent;
    a->next++;
  }
  hd_msg_free(self, msg);
  if (a->next >= a->n)
    return;
  hd_time at = r.window.start == HD_TIME_NEVER
                   ? HD_TIME_NEVER
                   : r.window.start + a->step[a->next].at;
  if (now >= at)
    ask(a);
  else
    wake(a, at == HD_TIME_NEVER ? 10 * HD_US : at - now);
}

static void asker_start(struct hd_component *self)
{
  wake((struct asker *)self, HD_US);
}

static void make_asker(void)
{
  static const struct hd_component_ops ops = {
      .kind = "asker", .handle = asker_handle, .start = asker_start};
  hd_component_initialize(&asker.base, r.engine, &ops, "server/asker",
                          "server");
  struct hd_component *thread = vhost_server_of(r.vhost, 0, 0);
  asker.to = hd_channel_open(&asker.base, thread, LATENCY);
  asker.reply = hd_channel_open(thread, &asker.base, LATENCY);
}

static void run_with(const struct step *step, int n)
{
  asker = (struct asker){.step = step, .n = n};
  r.more = make_asker;
  rig_run();
  ck_assert_int_eq(asker.next, n);
}

static const enum vhost_kind kinds[] = {VHOST_NET, VHOST_USER};

/* ---- transmit ------------------------------------------------------------ */

/* All that was taken has been sent when the stop is answered; nothing is taken
 * until the start; then it goes on. */
START_TEST(a_stopped_queue_takes_nothing)
{
  static const struct step steps[] = {{2 * HD_MS, VIRTQ_CONTROL_STOP, 1},
                                      {4 * HD_MS, VIRTQ_CONTROL_START, 1},
                                      {6 * HD_MS, VIRTQ_CONTROL_STOP, 1}};
  rig_defaults(1, kinds[_i], WORKLOAD_UDP_STREAM);
  run_with(steps, 3);
  ck_assert_uint_gt(asker.taken[0], 100);
  ck_assert_uint_eq(asker.sent[0], asker.taken[0]);
  ck_assert_uint_eq(asker.state[1].in_flight, 0);
  ck_assert_uint_eq(r.vhost->pairs[0].taken, asker.taken[2]);
  ck_assert_uint_eq(asker.sent[2], asker.taken[2]);
  ck_assert_uint_gt(asker.taken[2], asker.taken[0] + 100);
  /* A guest that sends without end publishes what its socket may hold. */
  ck_assert_uint_gt(virtq_device_available(&r.vhost->pairs[0].tx), 200);
  rig_end();
}
END_TEST

/* The start's answer finds the counter where the stop's left it. */
START_TEST(nothing_moves_in_between)
{
  static const struct step steps[] = {{2 * HD_MS, VIRTQ_CONTROL_STOP, 1},
                                      {3 * HD_MS, VIRTQ_CONTROL_STOP, 0},
                                      {5 * HD_MS, VIRTQ_CONTROL_LEAVE, 0}};
  rig_defaults(1, kinds[_i], WORKLOAD_DPDK_FORWARD);
  run_with(steps, 3);
  ck_assert_uint_eq(asker.taken[0], asker.taken[2]);
  ck_assert_uint_eq(asker.delivered[1], asker.delivered[2]);
  ck_assert_uint_gt(asker.delivered[1], asker.delivered[0]);
  rig_end();
}
END_TEST

/* A batch is 64 packets, each of which takes 20 us to send: the stop waits for
 * its end, hence the wait is on the way, and at most a work item's. */
START_TEST(a_stop_waits_for_what_was_taken)
{
  static const struct step steps[] = {{3 * HD_MS, VIRTQ_CONTROL_STOP, 1}};
  rig_defaults(1, VHOST_NET, WORKLOAD_UDP_STREAM);
  r.params.tun_send = 40000; /* cycles of 0.5 ns */
  run_with(steps, 1);
  hd_time waited = asker.answered[0] - asker.asked[0];
  ck_assert_uint_eq(asker.sent[0], asker.taken[0]);
  ck_assert_int_gt(waited, 20 * HD_US);
  ck_assert_int_lt(waited, 256 * 21 * HD_US);
  rig_end();
}
END_TEST

/* ---- receive ------------------------------------------------------------- */

/* vhost-net: frames wait in the tap device, and are there when it goes on;
 * vhost-user drops them. 50 Mb/s of 64 B frames: 149 in 2 ms at most. */
START_TEST(frames_for_a_stopped_queue)
{
  static const struct step steps[] = {{2 * HD_MS, VIRTQ_CONTROL_STOP, 0},
                                      {4 * HD_MS, VIRTQ_CONTROL_START, 0}};
  rig_defaults(1, kinds[_i], WORKLOAD_DPDK_FORWARD);
  run_with(steps, 2);
  struct vhost_pair_stats st = rig_pair(0);
  uint64_t came = rig_client(0).generated;
  ck_assert_uint_gt(came, 200);
  if (kinds[_i] == VHOST_NET)
    ck_assert_uint_eq(st.drop_stopped, 0);
  else
    ck_assert_uint_gt(st.drop_stopped, came / 6);
  ck_assert_uint_eq(st.drop_tun + st.drop_buffers, 0);
  uint64_t done = st.rx_packets + st.drop_stopped;
  /* Under way at the window's edges: interrupts come 50 us late. */
  ck_assert_msg(done <= came + 10 && came <= done + 10, "%llu of %llu",
                (unsigned long long)done, (unsigned long long)came);
  rig_end();
}
END_TEST

/* A tap device that nobody will read any more goes, with what is in it. */
START_TEST(frames_after_the_guest_has_left)
{
  static const struct step steps[] = {{2 * HD_MS, VIRTQ_CONTROL_STOP, 0},
                                      {3 * HD_MS, VIRTQ_CONTROL_STOP, 1},
                                      {4 * HD_MS, VIRTQ_CONTROL_LEAVE, 0}};
  rig_defaults(1, kinds[_i], WORKLOAD_DPDK_FORWARD);
  run_with(steps, 3);
  struct vhost_pair_stats st = rig_pair(0);
  uint64_t came = rig_client(0).generated;
  ck_assert_uint_gt(st.drop_stopped, came / 2);
  uint64_t done = st.rx_packets + st.drop_stopped;
  ck_assert_msg(done <= came + 10 && came <= done + 10, "%llu of %llu",
                (unsigned long long)done, (unsigned long long)came);
  rig_end();
}
END_TEST

/* ---- the log ------------------------------------------------------------- */

static uint32_t count_written(uint64_t from, uint64_t bytes)
{
  const struct virtq *q = guest_virtio_function(r.vm[0])->queue[0];
  uint32_t first =
      (uint32_t)(q->config.descriptor_area / VIRTIO_DIRTY_PAGE) & ~(PAGES - 1u);
  uint32_t n = 0;
  for (uint64_t p = from / VIRTIO_DIRTY_PAGE;
       p <= (from + bytes - 1) / VIRTIO_DIRTY_PAGE; p++)
    n += asker.written[p - first];
  return n;
}

/* Both used rings and the buffers of received frames, nothing else: a received
 * frame's page is half a buffer's neighbour's, so that 256 buffers of 2 KiB lie
 * on 128 pages. */
START_TEST(the_log_names_rings_and_buffers)
{
  static const struct step steps[] = {{0, VIRTQ_CONTROL_TRACK, 0}};
  rig_defaults(1, kinds[_i], WORKLOAD_DPDK_FORWARD);
  run_with(steps, 1);
  const struct virtio_function *f = guest_virtio_function(r.vm[0]);
  uint32_t pages = 0;
  for (int i = 0; i < PAGES; i++)
    pages += asker.written[i];
  ck_assert_uint_eq(asker.stray, 0);
  ck_assert_uint_ge(count_written(f->queue[0]->config.device_area, 4), 1);
  ck_assert_uint_ge(count_written(f->queue[1]->config.device_area, 4), 1);
  ck_assert_uint_gt(pages, 100);
  ck_assert_uint_le(pages, 128 + 6);
  rig_end();
}
END_TEST

/* Logging takes the thread's time: the same frames, more of a core. */
static double cores_with_log(int cycles)
{
  static const struct step steps[] = {{0, VIRTQ_CONTROL_TRACK, 0}};
  rig_defaults(1, VHOST_NET, WORKLOAD_DPDK_FORWARD);
  r.params.log_page = cycles;
  run_with(steps, 1);
  return rig_thread(0).cores;
}

START_TEST(the_log_costs_cycles)
{
  ck_assert_double_gt(rig_in_child(cores_with_log, 2000),
                      rig_in_child(cores_with_log, 0) * 1.05);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("vhost control");
  TCase *c = tcase_create("control");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, a_stopped_queue_takes_nothing, 0, 2);
  tcase_add_loop_test(c, nothing_moves_in_between, 0, 2);
  tcase_add_test(c, a_stop_waits_for_what_was_taken);
  tcase_add_loop_test(c, frames_for_a_stopped_queue, 0, 2);
  tcase_add_loop_test(c, frames_after_the_guest_has_left, 0, 2);
  tcase_add_loop_test(c, the_log_names_rings_and_buffers, 0, 2);
  tcase_add_test(c, the_log_costs_cycles);
  suite_add_tcase(s, c);
  return rig_main(s);
}
