/*
 * test_pcie_switch.c - devices below a switch: times, fairness, routing,
 * credits per hop.
 */
#include "models/pcie/switch.h"
#include "tests/test_pcie.h"

#include <math.h>

enum { DEVICES = 3 };

static struct pcie_params params;
static struct pcie_params uplink_params; /* root complex and uplink */
static struct hd_window window = {0, HD_TIME_NEVER};
static struct loop_device devices[DEVICES];
static struct fake_memory memory;
static struct pcie_link *uplink, *links[DEVICES];
static struct pcie_switch *fabric;
static struct root_complex *rc;

static void setup(void)
{
  params = test_params(4, 16, 256, 512);
  window = (struct hd_window){0, HD_TIME_NEVER};
}

/* `n` devices in a closed loop below the switch; `places`: how many device
 * indices the root complex gives to the switch. */
static struct hd_engine *build(hd_time engine_window, int n, size_t places)
{
  static const char *const names[] = {"device0", "device1", "device2"};
  static const char *const link_names[] = {"link0", "link1", "link2"};
  struct hd_engine *e = test_engine(engine_window, 0);
  if (uplink_params.generation == 0)
    uplink_params = params;
  rc = root_complex_create(e, "root", "host", &uplink_params, &window);
  uplink = pcie_link_create(e, "uplink", "host", &uplink_params, &window);
  fabric = pcie_switch_create(e, "switch", "host", &params, &window);
  root_complex_attach_fabric(rc, uplink, places);
  pcie_switch_attach_upstream(fabric, uplink);
  fake_memory_attach(&memory, e, rc, 100 * HD_NS);
  for (int i = 0; i < n; i++) {
    links[i] = pcie_link_create(e, link_names[i], "host", &params, &window);
    pcie_switch_attach_downstream(fabric, links[i]);
    devices[i].requester_id = (uint16_t)(0x100 + i);
    devices[i].base_address = (uint64_t)i << 24;
    loop_attach(&devices[i], e, names[i], links[i], &params);
  }
  return e;
}

static void check_all(int n)
{
  ck_assert_ptr_null(pcie_link_check(uplink));
  ck_assert_ptr_null(pcie_switch_check(fabric));
  ck_assert_ptr_null(root_complex_check(rc));
  for (int i = 0; i < n; i++) {
    ck_assert_ptr_null(pcie_link_check(links[i]));
    ck_assert_ptr_null(pcie_requester_check(devices[i].requester));
  }
}

static hd_time span(int64_t bytes) /* Gen4 x16: 8125/256 ps a byte, up */
{
  return (bytes * 8125 + 255) / 256;
}

/* One read: a switch adds a link and its latency in each direction. 600 ps:
 * SKIPs and Acks in the way, and rounding. */
START_TEST(one_read)
{
  devices[0].n_reads = 1;
  devices[0].limit = 1;
  devices[0].size = 64;
  struct hd_engine *e = build(100 * HD_NS, 1, 1);
  hd_engine_run(e, 100 * HD_US);
  check_all(1);
  struct pcie_requester_stats s;
  pcie_requester_get_stats(devices[0].requester, &s);
  ck_assert_uint_eq(s.reads, 1);
  hd_time hops = 2 * (span(20) + span(84) + 2 * params.propagation);
  hd_time expected = params.device_latency + hops + 2 * params.switch_latency +
                     2 * params.root_latency + HD_NS + memory.latency +
                     params.port_latency;
  ck_assert_int_ge(s.request_latency_sum, expected - 6);
  ck_assert_int_le(s.request_latency_sum, expected + 600);
}
END_TEST

/* Writes that wait in the switch are not passed by the read after them,
 * although the uplink has credits for reads. Only the uplink is short of
 * credits, so that they wait there. */
START_TEST(read_does_not_pass_writes)
{
  uplink_params = params;
  uplink_params.posted_headers = 1;
  devices[0].n_writes = 20;
  devices[0].n_reads = 1;
  devices[0].limit = 21;
  devices[0].size = 64;
  struct hd_engine *e = build(100 * HD_NS, 1, 1);
  hd_engine_run(e, HD_MS);
  check_all(1);
  ck_assert_uint_eq(memory.writes, 20);
  ck_assert_uint_eq(memory.reads, 1);
  ck_assert_uint_eq(memory.log[20].type, PCIE_MRD);
}
END_TEST

/* Saturated by three devices with transfers of one size: each gets a third of
 * the uplink, which stays full, although one has many more transfers waiting.
 * 1 % as in the bandwidth test; shares 2 %. */
START_TEST(round_robin_is_fair)
{
  params.posted_headers = 32;
  params.posted_data = 512;
  window = (struct hd_window){10 * HD_US, 40 * HD_US};
  for (int i = 0; i < DEVICES; i++) {
    devices[i].n_writes = i == 0 ? 400 : 40;
    devices[i].size = 256;
  }
  struct hd_engine *e = build(100 * HD_NS, DEVICES, DEVICES);
  hd_engine_run(e, window.end);
  check_all(DEVICES);
  struct pcie_link_stats s;
  pcie_link_get_stats(uplink, &s);
  double share = (double)s.payload[1] / DEVICES;
  double raw = pcie_raw_rate(&params) * 1e-12; /* b/ps */
  double full = raw * 30e6 * (1 - 4.0 / 1538) * 256 / 276;
  ck_assert_double_eq_tol((double)s.payload[1] * 8, full, 0.01 * full);
  for (int i = 0; i < DEVICES; i++) {
    pcie_link_get_stats(links[i], &s);
    ck_assert_double_eq_tol((double)s.payload[1], share, 0.02 * share);
  }
}
END_TEST

struct outcome {
  uint64_t fingerprint, finished;
  hd_time stall;
};

static void run_few_credits(const void *argument, void *result)
{
  setup();
  params.posted_headers = params.non_posted_headers = 1;
  params.completion_headers = 1;
  params.posted_data = params.completion_data = 1;
  for (int i = 0; i < DEVICES; i++) {
    devices[i].n_reads = devices[i].n_writes = 30;
    devices[i].size = 700;
    devices[i].limit = 500;
  }
  struct hd_engine *e = build(*(const hd_time *)argument, DEVICES, DEVICES);
  hd_engine_run(e, 10 * HD_MS);
  check_all(DEVICES);
  struct outcome *o = result;
  struct pcie_link_stats s;
  pcie_link_get_stats(uplink, &s);
  o->stall = s.credit_stall[1][PCIE_POSTED];
  for (int i = 0; i < DEVICES; i++)
    o->finished += devices[i].finished;
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  o->fingerprint = report.fingerprint;
  ck_assert_uint_eq(report.messages_live, 0);
  hd_engine_destroy(e);
  pcie_switch_destroy(fabric);
  pcie_link_destroy(uplink);
}

/* One credit on each hop: everything finishes; and the same way with every
 * component in an actor of its own. */
START_TEST(few_credits_and_any_window)
{
  static const hd_time windows[] = {100 * HD_NS, 0, HD_US};
  struct outcome first = {0}, o;
  for (size_t i = 0; i < 3; i++) {
    in_child(run_few_credits, &windows[i], &o, sizeof o);
    ck_assert_uint_eq(o.finished, 500 * DEVICES);
    ck_assert_int_gt(o.stall, 0);
    if (i == 0)
      first = o;
    ck_assert_uint_eq(o.fingerprint, first.fingerprint);
  }
}
END_TEST

/* ---- routing of CPU accesses -------------------------------------------- */

struct cpu {
  struct hd_task task;
  struct hd_channel *to_root, *reply;
  uint64_t got[DEVICES];
};

struct register_device {
  struct hd_component base;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  uint64_t value;
};

static void register_handle(struct hd_component *self, struct hd_msg *m)
{
  struct register_device *x = (struct register_device *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  pcie_receiver_free(&x->receiver, t);
  if (t->type == PCIE_MWR) {
    x->value += t->data;
    hd_msg_free(self, t);
    return;
  }
  pcie_complete(t, PCIE_SC);
  t->data = x->value;
  hd_send(x->to_link, x->to_link->latency, t);
}

static void cpu_body(struct hd_task *task)
{
  struct cpu *c = (struct cpu *)task;
  for (uint16_t i = 0; i < 2 * DEVICES; i++) { /* write all, then read all */
    bool write = i < DEVICES;
    struct mmio_msg *m =
        hd_msg_new_zero(&task->base, write ? MSG_MMIO_WRITE : MSG_MMIO_READ);
    m->device = i % DEVICES;
    m->data = 100u + i;
    m->length = 8;
    m->reply = c->reply;
    hd_send(c->to_root, c->to_root->latency, m);
    if (write)
      continue;
    m = (struct mmio_msg *)hd_task_wait(task, HD_TIME_NEVER);
    c->got[m->device] = m->data;
    hd_msg_free(&task->base, m);
  }
}

START_TEST(cpu_reaches_each_device)
{
  static const struct hd_component_ops ops = {.kind = "registers",
                                              .handle = register_handle};
  static const char *const names[] = {"device0", "device1", "device2"};
  static struct register_device registers[DEVICES];
  static struct cpu cpu;
  static const char *const link_names[] = {"link0", "link1", "link2"};
  struct hd_engine *e = build(100 * HD_NS, 0, 2);
  struct root_complex *root = rc;
  struct pcie_link *direct =
      pcie_link_create(e, "direct", "host", &params, &window);
  /* Devices 0 and 1 below the switch are added by hand, 2 is at a port. */
  for (int i = 0; i < DEVICES; i++) {
    struct register_device *x = &registers[i];
    x->value = (uint64_t)i * 1000;
    hd_component_initialize(&x->base, e, &ops, names[i], "host");
    struct pcie_link *l = direct;
    if (i < 2) {
      l = pcie_link_create(e, link_names[i], "host", &params, &window);
      pcie_switch_attach_downstream(fabric, l);
    } else {
      root_complex_attach_link(root, direct);
    }
    x->to_link = pcie_link_connect(l, PCIE_DOWNSTREAM_END, &x->base, HD_NS);
    pcie_receiver_initialize(&x->receiver, &params, x->to_link,
                             PCIE_DOWNSTREAM_END);
  }
  hd_task_initialize(&cpu.task, e, cpu_body, "cpu", "cpu", "host");
  cpu.to_root = root_complex_connect_cpu(root, &cpu.task.base, &cpu.reply);
  hd_engine_run(e, HD_MS);
  for (uint64_t i = 0; i < DEVICES; i++)
    ck_assert_uint_eq(cpu.got[i], i * 1000 + 100 + i);
  ck_assert_ptr_null(pcie_switch_check(fabric));
  struct pcie_switch_stats s;
  pcie_switch_get_stats(fabric, &s);
  ck_assert_uint_eq(s.forwarded[0], 2); /* answers */
  ck_assert_uint_eq(s.forwarded[1], 4);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("pcie_switch");
  TCase *tc = tcase_create("switch");
  tcase_add_checked_fixture(tc, setup, NULL);
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, one_read);
  tcase_add_test(tc, read_does_not_pass_writes);
  tcase_add_test(tc, round_robin_is_fair);
  tcase_add_test(tc, few_credits_and_any_window);
  tcase_add_test(tc, cpu_reaches_each_device);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
