/*
 * test_pcie_root.c - the root complex: order, faults, interrupts, completions
 * and CPU accesses, with exact times.
 *
 * A device sends scripted TLPs; translation times follow from the address. The
 * ordering tests fail if a root complex forwards requests as their translations
 * finish. Real IOMMU and memory are not part of this.
 */
#include "tests/test_pcie.h"

/* Address bits 32.. give the translation time in ns; bit 47: a fault. */
#define SLOW(ns, address) ((uint64_t)(ns) << 32 | (address))
#define FAULT (1ull << 47)

static hd_time iommu_latency(const struct pcie_tlp *t)
{
  return (hd_time)(t->address >> 32 & 0x7fff) * HD_NS + HD_NS;
}

static bool iommu_faults(const struct pcie_tlp *t)
{
  return t->address & FAULT;
}

/* ---- the device --------------------------------------------------------- */

enum { STEPS = 256 };

struct device {
  struct hd_component base;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  struct pcie_tlp script[STEPS]; /* entered: arrival at the link */
  size_t n_script;
  struct pcie_tlp log[STEPS]; /* entered: arrival here */
  size_t n_log;
  hd_time answer_after; /* register reads */
};

static void device_handle(struct hd_component *self, struct hd_msg *m)
{
  struct device *x = (struct device *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  if (m->kind == MSG_TIMER) {
    struct pcie_tlp *s = hd_msg_new_zero(self, MSG_TLP);
    struct hd_msg header = s->msg;
    *s = x->script[m->tag];
    s->msg = header;
    hd_send(x->to_link, x->to_link->latency, s);
    hd_msg_free(self, m);
    return;
  }
  ck_assert_uint_lt(x->n_log, STEPS);
  t->entered = hd_now(self);
  x->log[x->n_log++] = *t;
  pcie_receiver_free(&x->receiver, t);
  if (t->type != PCIE_MRD) {
    hd_msg_free(self, t);
    return;
  }
  pcie_complete(t, t->address == 0xbad ? PCIE_UR : PCIE_SC);
  t->data = 4711;
  hd_send(x->to_link, x->answer_after + x->to_link->latency, t);
}

static void device_start(struct hd_component *self)
{
  struct device *x = (struct device *)self;
  for (uint32_t i = 0; i < x->n_script; i++) {
    struct hd_msg *m = hd_msg_new(self, MSG_TIMER);
    m->tag = i;
    hd_schedule(self, x->script[i].entered - x->to_link->latency, m);
  }
}

/* ---- interrupts and a CPU ----------------------------------------------- */

struct interrupts {
  struct hd_component base;
  size_t n;
  hd_time when[STEPS];
  uint64_t data[STEPS];
};

static void interrupts_handle(struct hd_component *self, struct hd_msg *m)
{
  struct interrupts *u = (struct interrupts *)self;
  ck_assert_uint_eq(m->kind, MSG_TLP_INTERRUPT);
  u->when[u->n] = hd_now(self);
  u->data[u->n++] = ((struct pcie_tlp *)m)->data;
  hd_msg_free(self, m);
}

struct cpu {
  struct hd_task task;
  struct hd_channel *to_root, *reply;
  void (*program)(struct cpu *);
  hd_time times[8];
  uint64_t values[8];
};

static void cpu_write(struct cpu *c, uint64_t address, uint64_t data)
{
  struct mmio_msg *m = hd_msg_new_zero(&c->task.base, MSG_MMIO_WRITE);
  m->address = address;
  m->length = 4;
  m->data = data;
  hd_send(c->to_root, c->to_root->latency, m);
}

static uint64_t cpu_read(struct cpu *c, uint64_t address)
{
  struct mmio_msg *m = hd_msg_new_zero(&c->task.base, MSG_MMIO_READ);
  m->address = address;
  m->length = 4;
  m->reply = c->reply;
  hd_send(c->to_root, c->to_root->latency, m);
  m = (struct mmio_msg *)hd_task_wait(&c->task, HD_TIME_NEVER);
  ck_assert_uint_eq(m->msg.kind, MSG_MMIO_DATA);
  uint64_t data = m->data;
  hd_msg_free(&c->task.base, m);
  return data;
}

static void cpu_body(struct hd_task *t)
{
  struct cpu *c = (struct cpu *)t;
  if (c->program)
    c->program(c);
}

/* ---- all together ------------------------------------------------------- */

static struct pcie_params params;
static struct hd_window window = {0, HD_TIME_NEVER};
static struct device device;
static struct fake_memory memory;
static struct fake_iommu iommu = {.latency = iommu_latency,
                                  .faults = iommu_faults};
static struct interrupts interrupts;
static struct cpu cpu;
static struct root_complex *rc;
static struct root_complex_stats stats;

static void setup(void)
{
  params = test_params(4, 16, 256, 512);
}

static struct pcie_tlp *step(hd_time at, enum pcie_tlp_type type,
                             uint64_t address, uint32_t length, uint8_t flags)
{
  struct pcie_tlp *t = &device.script[device.n_script];
  *t = (struct pcie_tlp){.entered = at,
                         .type = (uint8_t)type,
                         .address = address,
                         .length = length,
                         .flags = flags,
                         .tag = (uint16_t)device.n_script,
                         .requester = 0x100,
                         .status = 0xff, /* garbage must not matter */
                         .translation = -1,
                         .observer = PCIE_NO_OBSERVER};
  device.n_script++;
  return t;
}

static void build(struct hd_engine *e, struct pcie_link *l, bool with_iommu)
{
  static const struct hd_component_ops device_ops = {
      .kind = "device", .handle = device_handle, .start = device_start};
  static const struct hd_component_ops interrupts_ops = {
      .kind = "interrupts", .handle = interrupts_handle};
  root_complex_attach_link(rc, l);
  fake_memory_attach(&memory, e, rc, 100 * HD_NS);
  if (with_iommu)
    fake_iommu_attach(&iommu, e, rc);
  hd_component_initialize(&interrupts.base, e, &interrupts_ops, "interrupts",
                          "host");
  root_complex_attach_interrupts(rc, &interrupts.base, HD_NS);
  hd_component_initialize(&device.base, e, &device_ops, "device", "host");
  device.to_link = pcie_link_connect(l, PCIE_DOWNSTREAM_END, &device.base,
                                     params.device_latency);
  pcie_receiver_initialize(&device.receiver, &params, device.to_link,
                           PCIE_DOWNSTREAM_END);
  hd_task_initialize(&cpu.task, e, cpu_body, "cpu", "cpu", "host");
  cpu.to_root = root_complex_connect_cpu(rc, &cpu.task.base, &cpu.reply);
}

static void run(bool with_iommu)
{
  struct hd_engine *e = test_engine(100 * HD_NS, 0);
  rc = root_complex_create(e, "root", "host", &params, &window);
  struct pcie_link *l = pcie_link_create(e, "link", "host", &params, &window);
  build(e, l, with_iommu);
  hd_engine_run(e, HD_MS);
  root_complex_get_stats(rc, &stats);
  const char *problem = root_complex_check(rc);
  ck_assert_msg(problem == NULL, "%s", problem);
  ck_assert_ptr_null(pcie_link_check(l));
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  ck_assert_uint_eq(report.messages_live, 0);
}

static hd_time span(int64_t bytes) /* Gen4 x16: 8125/256 ps a byte, up */
{
  return (bytes * 8125 + 255) / 256;
}

/* When a TLP that reaches the idle link at `at` is translated. It is on its way
 * to the IOMMU while in the root complex's pipeline. */
static hd_time translated(hd_time at, int64_t bytes, int64_t ns)
{
  return at + span(bytes) + params.propagation + params.root_latency +
         (ns + 1) * HD_NS;
}

#define AT (110 * HD_NS)

static void assert_access(size_t i, uint8_t type, uint64_t address)
{
  ck_assert_uint_lt(i, memory.reads + memory.writes);
  ck_assert_uint_eq(memory.log[i].type, type);
  ck_assert_uint_eq(memory.log[i].address & 0xffffffff, address);
}

/* ---- order -------------------------------------------------------------- */

/* A read waits for an earlier write to leave, and leaves at the same time. */
START_TEST(read_does_not_pass_write)
{
  step(AT, PCIE_MWR, SLOW(500, 0x1000), 64, 0);
  step(AT + HD_NS * 4, PCIE_MRD, SLOW(10, 0x2000), 64, 0);
  run(true);
  assert_access(0, PCIE_MWR, 0x1000);
  assert_access(1, PCIE_MRD, 0x2000);
  hd_time t = translated(AT, 84, 500) + HD_NS;
  ck_assert_int_eq(memory.log[0].when, t);
  ck_assert_int_eq(memory.log[1].when, t);
  ck_assert_uint_eq(device.n_log, 1);
  ck_assert_int_eq(device.log[0].translation, 11 * HD_NS);
}
END_TEST

/* Relaxed reads and relaxed writes do pass; so does a read of no write. */
START_TEST(relaxed_ordering_passes)
{
  step(AT, PCIE_MWR, SLOW(500, 0x1000), 64, 0);
  step(AT + HD_NS * 4, PCIE_MRD, SLOW(30, 0x2000), 64, PCIE_RELAXED);
  step(AT + HD_NS * 8, PCIE_MWR, SLOW(10, 0x3000), 64, PCIE_RELAXED);
  step(AT + HD_NS * 12, PCIE_MWR, SLOW(1, 0x4000), 64, 0);
  run(true);
  assert_access(0, PCIE_MWR, 0x3000);
  assert_access(1, PCIE_MRD, 0x2000);
  assert_access(2, PCIE_MWR, 0x1000);
  assert_access(3, PCIE_MWR, 0x4000);
  ck_assert_int_eq(memory.log[0].when,
                   translated(AT + HD_NS * 8, 84, 10) + HD_NS);
  ck_assert_int_eq(memory.log[1].when,
                   translated(AT + HD_NS * 4, 20, 30) + HD_NS);
}
END_TEST

START_TEST(reads_pass_reads)
{
  step(AT, PCIE_MRD, SLOW(500, 0x1000), 64, 0);
  step(AT + HD_NS * 4, PCIE_MRD, SLOW(10, 0x2000), 64, 0);
  run(true);
  assert_access(0, PCIE_MRD, 0x2000);
  assert_access(1, PCIE_MRD, 0x1000);
}
END_TEST

/* Translations start at once and finish in any order; writes leave in theirs,
 * reads behind the writes before them. The last write leaves when the slowest
 * is done, not after the sum. */
START_TEST(writes_leave_in_order)
{
  uint32_t x = 1;
  hd_time slowest = 0;
  for (uint32_t i = 0; i < 200; i++) {
    x = x * 1103515245u + 12345u;
    uint32_t ns = x >> 16 & 0x3ff;
    hd_time at = AT + i * 5 * HD_NS;
    bool read = i % 4 == 3;
    step(at, read ? PCIE_MRD : PCIE_MWR, SLOW(ns, i * 64), 64, 0);
    if (!read)
      slowest = hd_time_max(slowest, translated(at, 88, ns) + HD_NS);
  }
  run(true);
  ck_assert_uint_eq(memory.writes, 150);
  ck_assert_uint_eq(memory.reads, 50);
  uint64_t last_write = 0;
  hd_time last_time = 0;
  for (size_t i = 0; i < 200; i++) {
    uint64_t address = memory.log[i].address & 0xffffffff;
    if (memory.log[i].type == PCIE_MWR) {
      ck_assert(i == 0 || address > last_write);
      last_write = address;
      last_time = memory.log[i].when;
    } else { /* the write before it, i - 1, has left */
      ck_assert_uint_ge(last_write, address - 64);
    }
  }
  /* 1 ns: Acks of the other direction and SKIPs may be in the way. */
  ck_assert_int_le(llabs(last_time - slowest), HD_NS);
}
END_TEST

/* Many writes behind one slow translation: the ring of places grows. */
START_TEST(many_writes_behind_one)
{
  for (uint32_t i = 0; i < STEPS - 1; i++)
    step(AT + i * 5 * HD_NS, PCIE_MWR, SLOW(i ? 0 : 0x7fff, i * 64), 64, 0);
  step(AT, PCIE_MRD, SLOW(0, 0x100000), 64, PCIE_RELAXED);
  run(true);
  ck_assert_uint_eq(memory.writes, STEPS - 1);
  assert_access(0, PCIE_MRD, 0x100000);
  for (uint32_t i = 0; i < MEMORY_LOG - 1; i++)
    assert_access(i + 1, PCIE_MWR, i * 64);
}
END_TEST

/* ---- faults ------------------------------------------------------------- */

/* Faulted requests are blocked, give their credits back (there is one), and
 * hold nobody up; a read is answered with UR, a write is dropped. */
START_TEST(faults_block)
{
  params.posted_headers = params.non_posted_headers = 1;
  params.posted_data = 16;
  step(AT, PCIE_MWR, FAULT | SLOW(5, 0x1000), 64, 0);
  step(AT, PCIE_MRD, FAULT | SLOW(5, 0x2000), 512, PCIE_HAS_PASID);
  step(AT + HD_US, PCIE_MWR, SLOW(5, 0x3000), 64, 0);
  step(AT + HD_US, PCIE_MRD, SLOW(5, 0x4000), 64, 0);
  run(true);
  ck_assert_uint_eq(memory.writes, 1);
  ck_assert_uint_eq(memory.reads, 1);
  ck_assert_uint_eq(stats.blocked, 2);
  ck_assert_uint_eq(stats.writes, 1);
  ck_assert_uint_eq(stats.reads, 1);
  ck_assert_uint_eq(device.n_log, 2);
  ck_assert_uint_eq(device.log[0].type, PCIE_CPL);
  ck_assert_uint_eq(device.log[0].status, PCIE_UR);
  ck_assert_uint_eq(device.log[0].tag, 1);
  ck_assert_uint_eq(device.log[0].flags, PCIE_LAST);
  ck_assert_uint_eq(device.log[1].type, PCIE_CPLD);
  ck_assert_uint_eq(device.log[1].tag, 3);
}
END_TEST

/* ---- interrupts --------------------------------------------------------- */

/* An interrupt is not translated, does not pass the write before it, not even
 * with the relaxed attribute, and is not passed by the read after it. */
START_TEST(interrupts_keep_the_order)
{
  step(AT, PCIE_MWR, SLOW(500, 0x1000), 64, 0);
  step(AT + 5 * HD_NS, PCIE_MWR, 0xfee00000, 4, (uint8_t)_i)->data = 42;
  step(AT + 10 * HD_NS, PCIE_MRD, SLOW(1, 0x2000), 64, 0);
  run(true);
  ck_assert_uint_eq(interrupts.n, 1);
  ck_assert_uint_eq(interrupts.data[0], 42);
  ck_assert_int_eq(interrupts.when[0], translated(AT, 84, 500) + HD_NS);
  ck_assert_int_eq(memory.log[1].when, interrupts.when[0]);
  ck_assert_uint_eq(memory.writes, 1);
  ck_assert_uint_eq(stats.interrupts, 1);
}
END_TEST

START_TEST(lone_interrupt_takes_the_pipeline)
{
  step(AT, PCIE_MWR, 0xfeefff00, 4, 0);
  run(_i);
  ck_assert_int_eq(interrupts.when[0], AT + span(24) + params.propagation +
                                           params.root_latency + HD_NS);
}
END_TEST

/* ---- completions -------------------------------------------------------- */

static const struct cut {
  uint64_t address;
  uint32_t length;
  int64_t mps;
  bool chunks;
  uint32_t pieces[10];
} cuts[] = {
    {0x10000, 64, 256, false, {64}},
    {0x10000, 512, 256, false, {256, 256}},
    {0x10020, 700, 256, false, {224, 256, 220}},
    {0x100c0, 128, 256, false, {64, 64}},
    {0x10001, 1, 256, false, {1}},
    {0x101ff, 2, 512, false, {1, 1}},
    {0x10040, 1024, 512, false, {448, 512, 64}},
    {0x10010, 200, 256, true, {48, 64, 64, 24}},
};

START_TEST(completions_are_cut)
{
  const struct cut *c = &cuts[_i];
  params.mps = c->mps;
  params.rcb_chunks = c->chunks;
  int mark;
  step(AT, PCIE_MRD, c->address, c->length, PCIE_RELAXED)->context = &mark;
  run(false);
  uint64_t address = c->address;
  uint32_t left = c->length;
  size_t n = 0;
  for (; c->pieces[n]; n++) {
    const struct pcie_tlp *t = &device.log[n];
    left -= c->pieces[n];
    ck_assert_uint_eq(t->type, PCIE_CPLD);
    ck_assert_uint_eq(t->length, c->pieces[n]);
    ck_assert_uint_eq(t->remaining, left);
    ck_assert_uint_eq(t->address, address);
    ck_assert_uint_eq(t->status, PCIE_SC);
    ck_assert_uint_eq(t->flags, PCIE_RELAXED | (left ? 0 : PCIE_LAST));
    ck_assert_ptr_eq(t->context, &mark);
    address += c->pieces[n];
  }
  ck_assert_uint_eq(device.n_log, n);
  ck_assert_uint_eq(stats.read_bytes, c->length);
}
END_TEST

/* The whole way of a read, without IOMMU. */
START_TEST(read_to_the_picosecond)
{
  step(AT, PCIE_MRD, 0x1000, 64, 0);
  run(false);
  hd_time there = AT + span(20) + params.propagation;
  hd_time data = there + params.root_latency + HD_NS + memory.latency;
  hd_time back = data + params.root_latency + params.port_latency;
  hd_time at_device = back + span(84) + params.propagation;
  ck_assert_int_le(llabs(device.log[0].entered - at_device), 1);
}
END_TEST

/* ---- CPU accesses ------------------------------------------------------- */

static void one_read(struct cpu *c)
{
  hd_task_advance(&c->task, HD_US);
  hd_time start = hd_now(&c->task.base);
  c->values[0] = cpu_read(c, 0x40);
  c->times[0] = hd_now(&c->task.base) - start;
  c->values[1] = cpu_read(c, 0xbad);
}

START_TEST(mmio_read_round_trip)
{
  params.mmio_write_latency = 90 * HD_NS;
  device.answer_after = 33 * HD_NS;
  cpu.program = one_read;
  run(_i);
  hd_time trip = 2 * params.mmio_read_latency + 2 * params.root_latency +
                 params.port_latency + 2 * params.propagation +
                 params.device_latency + device.answer_after;
  /* 2 ps: both serialisations are rounded up, here together. */
  ck_assert_int_le(llabs(cpu.times[0] - (trip + span(20) + span(24))), 2);
  ck_assert_uint_eq(cpu.values[0], 4711);
  ck_assert_uint_eq(cpu.values[1], UINT64_MAX); /* unsupported: all ones */
  ck_assert_uint_eq(stats.mmio_reads, 2);
}
END_TEST

static void write_then_read(struct cpu *c)
{
  hd_task_advance(&c->task, HD_US);
  cpu_write(c, 0x80, 5);
  cpu_write(c, 0x84, 6);
  cpu_read(c, 0x88);
}

/* Also when writes are slower than reads on their way to the root complex. */
START_TEST(mmio_keeps_the_order)
{
  params.mmio_write_latency = 150 * HD_NS;
  params.mmio_read_latency = _i ? 150 * HD_NS : 40 * HD_NS;
  cpu.program = write_then_read;
  run(true);
  ck_assert_uint_eq(device.n_log, 3);
  ck_assert_uint_eq(device.log[0].type, PCIE_MWR);
  ck_assert_uint_eq(device.log[0].data, 5);
  ck_assert_uint_eq(device.log[1].data, 6);
  ck_assert_uint_eq(device.log[2].type, PCIE_MRD);
  hd_time first = HD_US + params.mmio_write_latency + params.root_latency +
                  params.port_latency + span(24) + params.propagation;
  ck_assert_int_eq(device.log[0].entered, first);
}
END_TEST

static void late_read(struct cpu *c)
{
  cpu_read(c, 0x40);
  c->times[0] = hd_now(&c->task.base);
}

/* A device writes data, then answers a register read: the answer does not pass
 * the data on its way up (PCIe 2.4.1; drivers rely on it). */
START_TEST(answer_does_not_pass_write)
{
  step(200 * HD_NS, PCIE_MWR, SLOW(2000, 0x1000), 64, 0);
  cpu.program = late_read;
  run(true);
  ck_assert_int_eq(cpu.times[0], memory.log[0].when - HD_NS +
                                     params.root_latency +
                                     params.mmio_read_latency);
}
END_TEST

static TCase *tests(void)
{
  TCase *tc = tcase_create("root");
  tcase_add_checked_fixture(tc, setup, NULL);
  tcase_add_test(tc, read_does_not_pass_write);
  tcase_add_test(tc, relaxed_ordering_passes);
  tcase_add_test(tc, reads_pass_reads);
  tcase_add_test(tc, writes_leave_in_order);
  tcase_add_test(tc, many_writes_behind_one);
  tcase_add_test(tc, faults_block);
  tcase_add_loop_test(tc, interrupts_keep_the_order, 0, 1);
  tcase_add_loop_test(tc, interrupts_keep_the_order, PCIE_RELAXED,
                      PCIE_RELAXED + 1);
  tcase_add_loop_test(tc, lone_interrupt_takes_the_pipeline, 0, 2);
  tcase_add_loop_test(tc, completions_are_cut, 0, sizeof cuts / sizeof *cuts);
  tcase_add_test(tc, read_to_the_picosecond);
  tcase_add_loop_test(tc, mmio_read_round_trip, 0, 2);
  tcase_add_loop_test(tc, mmio_keeps_the_order, 0, 2);
  tcase_add_test(tc, answer_does_not_pass_write);
  return tc;
}

int main(void)
{
  Suite *suite = suite_create("pcie_root");
  suite_add_tcase(suite, tests());
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
