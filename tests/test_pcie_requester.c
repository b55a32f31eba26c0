/*
 * test_pcie_requester.c - splitting, tags, matching and errors, against a
 * completer that answers as it is told.
 */
#include "tests/test_pcie.h"

/* ---- a completer at the far end of the link ------------------------------ */

enum { LOG_MOST = 64, PENDING_MOST = 512 };

struct completer {
  struct hd_component base;
  struct hd_channel *to_link;
  struct pcie_tlp log[LOG_MOST]; /* requests, in order of arrival */
  size_t n_log;
  struct hd_msg *pending[PENDING_MOST]; /* when `batch` > 0 */
  size_t n_pending, batch;
  uint32_t cut;      /* completions of at most this many bytes */
  uint64_t fails_at; /* address from which on reads fail */
};

static void complete(struct completer *c, struct pcie_tlp *t)
{
  uint32_t left = t->length, n;
  if (t->address >= c->fails_at) {
    t->remaining = t->length;
    pcie_complete(t, PCIE_UR);
    hd_send(c->to_link, HD_NS, t);
    return;
  }
  for (; left > 0; left -= n) {
    n = left < c->cut ? left : c->cut;
    struct pcie_tlp *x = hd_msg_new_zero(&c->base, MSG_TLP);
    struct hd_msg header = x->msg;
    *x = *t;
    x->msg = header;
    pcie_complete(x, PCIE_SC);
    x->length = n;
    x->remaining = left - n;
    x->translation = (hd_time)left; /* the first is the greatest */
    hd_send(c->to_link, HD_NS, x);
  }
  hd_msg_free(&c->base, t);
}

/* Answers a batch in reverse order: tags complete out of order. */
static void answer_batch(struct completer *c)
{
  while (c->n_pending)
    complete(c, (struct pcie_tlp *)c->pending[--c->n_pending]);
}

static void completer_handle(struct hd_component *self, struct hd_msg *m)
{
  struct completer *c = (struct completer *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  if (m->kind == MSG_TIMER) {
    answer_batch(c);
    hd_msg_free(self, m);
    return;
  }
  if (c->n_log < LOG_MOST)
    c->log[c->n_log] = *t;
  c->n_log++;
  if (t->type == PCIE_MWR) {
    hd_msg_free(self, m);
    return;
  }
  c->pending[c->n_pending++] = m;
  if (c->n_pending == 1)
    hd_schedule(self, c->batch ? 3 * HD_US : HD_NS,
                hd_msg_new(self, MSG_TIMER));
}

/* ---- a device that does what a test says --------------------------------- */

struct device {
  struct hd_component base;
  struct pcie_requester *requester;
  struct pcie_dma dma[PENDING_MOST];
  bool writes;
  size_t n_dma, n_done;
  size_t order[PENDING_MOST]; /* in which they were done */
  hd_time done_at[PENDING_MOST];
  size_t most_tags;
};

static void done(struct hd_component *self, struct pcie_dma *d)
{
  struct device *x = (struct device *)self;
  size_t i = (size_t)(d - x->dma);
  x->done_at[i] = hd_now(self);
  x->order[x->n_done++] = i;
}

static void device_start(struct hd_component *self)
{
  struct device *x = (struct device *)self;
  for (size_t i = 0; i < x->n_dma; i++) {
    x->dma[i].done = done;
    if (x->writes)
      pcie_requester_write(x->requester, &x->dma[i]);
    else
      pcie_requester_read(x->requester, &x->dma[i]);
  }
}

static void device_handle(struct hd_component *self, struct hd_msg *m)
{
  struct device *x = (struct device *)self;
  size_t used = pcie_requester_tags_used(x->requester);
  x->most_tags = used > x->most_tags ? used : x->most_tags;
  pcie_requester_receive(x->requester, (struct pcie_tlp *)m);
}

static struct device device;
static struct completer completer;
static struct pcie_params params;
static struct hd_window window = {0, HD_TIME_NEVER};

static void setup(void)
{
  params = test_params(4, 16, 256, 512);
  completer.cut = 256;
  completer.fails_at = UINT64_MAX;
}

static struct pcie_dma *add(uint64_t address, uint32_t length)
{
  struct pcie_dma *d = &device.dma[device.n_dma++];
  d->address = address;
  d->length = length;
  d->requester = 0x1234;
  d->pasid = 77;
  return d;
}

static void run(void)
{
  static const struct hd_component_ops device_ops = {
      .kind = "device", .handle = device_handle, .start = device_start};
  static const struct hd_component_ops completer_ops = {
      .kind = "completer", .handle = completer_handle};
  struct hd_engine *e = test_engine(100 * HD_NS, 0);
  struct pcie_link *l = pcie_link_create(e, "link", "host", &params, &window);
  hd_component_initialize(&device.base, e, &device_ops, "device", "host");
  hd_component_initialize(&completer.base, e, &completer_ops, "root", "host");
  completer.to_link =
      pcie_link_connect(l, PCIE_UPSTREAM_END, &completer.base, HD_NS);
  device.requester = pcie_requester_create(
      &device.base,
      pcie_link_connect(l, PCIE_DOWNSTREAM_END, &device.base, 50 * HD_NS),
      &params);
  hd_engine_run(e, HD_MS);
  const char *problem = pcie_requester_check(device.requester);
  ck_assert_msg(problem == NULL, "%s", problem);
  ck_assert_uint_eq(device.n_done, device.n_dma);
  ck_assert_uint_eq(pcie_requester_tags_used(device.requester), 0);
  ck_assert_uint_eq(pcie_requester_waiting(device.requester), 0);
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  ck_assert_uint_eq(report.messages_live, 0);
}

/* ---- splitting ---------------------------------------------------------- */

static const struct split {
  uint64_t address;
  uint32_t length;
  bool write;
  uint32_t pieces[8];
} splits[] = {
    {0x10000, 1, false, {1}},
    {0x10000, 512, false, {512}},
    {0x10000, 513, false, {512, 1}},
    {0x10000, 2048, false, {512, 512, 512, 512}},
    {0x10fff, 2, false, {1, 1}},
    {0x10f00, 1024, false, {256, 512, 256}},
    {0x10123, 600, false, {512, 88}},
    {0x10fc0, 64, false, {64}},
    {0xffffff80, 256, false, {128, 128}}, /* and over 4 GiB */
    {0x10000, 1, true, {1}},
    {0x10000, 256, true, {256}},
    {0x10000, 257, true, {256, 1}},
    {0x10f80, 512, true, {128, 256, 128}},
    {0x10ffd, 6, true, {3, 3}},
    {0x10040, 1024, true, {256, 256, 256, 256}},
    {0xfffffff0, 300, true, {16, 256, 28}},
};

START_TEST(splitting)
{
  const struct split *s = &splits[_i];
  device.writes = s->write;
  struct pcie_dma *d = add(s->address, s->length);
  int mark;
  d->flags = PCIE_HAS_PASID | PCIE_DESCRIPTOR;
  d->observer = 9;
  d->data = 0xabcdef;
  d->object = &mark;
  run();
  uint64_t address = s->address;
  size_t n = 0;
  for (; n < 8 && s->pieces[n]; n++) {
    const struct pcie_tlp *t = &completer.log[n];
    bool last = n == 7 || s->pieces[n + 1] == 0;
    ck_assert_uint_eq(t->type, s->write ? PCIE_MWR : PCIE_MRD);
    ck_assert_uint_eq(t->address, address);
    ck_assert_uint_eq(t->length, s->pieces[n]);
    ck_assert_uint_eq(t->requester, 0x1234);
    ck_assert_uint_eq(t->pasid, 77);
    ck_assert_uint_eq(t->flags & (PCIE_HAS_PASID | PCIE_DESCRIPTOR),
                      PCIE_HAS_PASID | PCIE_DESCRIPTOR);
    ck_assert_int_eq((t->flags & PCIE_ADDR64) != 0, address >= 1ull << 32);
    ck_assert_int_eq((t->flags & PCIE_NOTIFY_SENT) != 0, s->write && last);
    ck_assert_uint_eq(t->observer, s->write && last ? 9 : PCIE_NO_OBSERVER);
    ck_assert_ptr_eq(t->object, s->write && last ? &mark : NULL);
    ck_assert_uint_eq(t->data, s->write && last ? 0xabcdef : 0);
    address += s->pieces[n];
  }
  ck_assert_uint_eq(completer.n_log, n);
  ck_assert_uint_eq(address, s->address + s->length);
  ck_assert_uint_eq(d->received, s->write ? 0 : s->length);
}
END_TEST

/* ---- tags and matching -------------------------------------------------- */

START_TEST(tags_are_the_limit)
{
  params.tags = 5;
  completer.batch = 1;
  for (size_t i = 0; i < 40; i++)
    add(i * 8192, 700); /* two requests, five completions in all */
  run();
  ck_assert_uint_eq(device.most_tags, 5);
  struct pcie_requester_stats s;
  pcie_requester_get_stats(device.requester, &s);
  ck_assert_uint_eq(s.reads, 40);
  ck_assert_uint_eq(s.requests, 80);
  ck_assert_uint_eq(s.errors, 0);
  for (size_t i = 0; i < 40; i++)
    ck_assert_uint_eq(device.dma[i].received, 700);
}
END_TEST

/* All answers come in reverse: so do the transfers, each with its own bytes and
 * its greatest translation time. */
START_TEST(out_of_order_completions)
{
  completer.batch = 1;
  for (size_t i = 0; i < 50; i++)
    add(i * 8192, (uint32_t)(400 + i)); /* two completions each */
  run();
  for (size_t i = 0; i < 50; i++) {
    ck_assert_uint_eq(device.order[i], 49 - i);
    ck_assert_uint_eq(device.dma[i].received, 400 + i);
    ck_assert_int_eq(device.dma[i].translation, (hd_time)(400 + i));
    ck_assert_uint_eq(device.dma[i].status, PCIE_SC);
  }
}
END_TEST

/* Reads wait in order: with one tag, one at a time. */
START_TEST(one_tag_serialises)
{
  params.tags = 1;
  for (size_t i = 0; i < 10; i++)
    add(i * 8192, 1024);
  run();
  ck_assert_uint_eq(device.most_tags, 1);
  for (size_t i = 0; i < 10; i++)
    ck_assert_uint_eq(device.order[i], i);
}
END_TEST

/* ---- errors ------------------------------------------------------------- */

/* A read that fails half way: with all its requests out, the rest is awaited;
 * with few tags, the rest is not asked for. Others are not disturbed. */
START_TEST(errors_end_the_transfer)
{
  params.tags = _i;
  completer.fails_at = 0x100000 + 512;
  add(0x1000, 2048);
  add(0x100000, 2048); /* its first request succeeds */
  add(0x2000, 2048);
  run();
  ck_assert_uint_eq(device.dma[0].status, PCIE_SC);
  ck_assert_uint_eq(device.dma[1].status, PCIE_UR);
  ck_assert_uint_eq(device.dma[2].status, PCIE_SC);
  ck_assert_uint_eq(device.dma[0].received, 2048);
  ck_assert_uint_eq(device.dma[1].received, 512);
  ck_assert_uint_eq(device.dma[2].received, 2048);
  ck_assert_uint_eq(completer.n_log, _i == 1 ? 4 + 2 + 4 : 12);
  struct pcie_requester_stats s;
  pcie_requester_get_stats(device.requester, &s);
  ck_assert_uint_eq(s.errors, 1);
  ck_assert_uint_eq(s.reads, 3);
}
END_TEST

/* `done` of a write: its last TLP has left, to the picosecond. */
START_TEST(write_is_done_when_sent)
{
  device.writes = true;
  add(0x1000, 1000);
  run();
  const double byte = 1000.0 * 130 / 128 / 2 / 16; /* and one SKIP of 4 B */
  double left = 50e3 + (1000 + 4 * 20 + 4) * byte;
  ck_assert_double_eq_tol((double)device.done_at[0],
                          left + (double)PCIE_SENT_LATENCY, 4 * byte + 1);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("pcie_requester");
  TCase *tc = tcase_create("requester");
  tcase_add_checked_fixture(tc, setup, NULL);
  tcase_add_loop_test(tc, splitting, 0, sizeof splits / sizeof *splits);
  tcase_add_test(tc, tags_are_the_limit);
  tcase_add_test(tc, out_of_order_completions);
  tcase_add_test(tc, one_tag_serialises);
  tcase_add_loop_test(tc, errors_end_the_transfer, 1, 2);
  tcase_add_loop_test(tc, errors_end_the_transfer, 64, 65);
  tcase_add_test(tc, write_is_done_when_sent);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
