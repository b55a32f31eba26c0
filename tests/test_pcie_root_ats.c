/*
 * test_pcie_root_ats.c - the root complex's part in address translation
 * services: translations as completions, messages to the function that is
 * meant, in their order, with and without a switch; nothing without an IOMMU.
 *
 * The IOMMU is a stand-in. A green run says that requests and messages go where
 * they should and pass nothing they must not.
 */
#include "models/pcie/switch.h"
#include "tests/test_pcie.h"

enum { STEPS = 32 };
#define FIRST 0x1600  /* requester behind the first port */
#define SECOND 0x3a00 /* behind the second, and its switch */
#define ENTRY (UINT64_C(0xabc000) | PCIE_ENTRY_READ)
/* To translate or check, for addresses from 1 << 40 on. */
#define SLOW (5 * HD_US)

/* ---- devices ------------------------------------------------------------- */

struct step {
  hd_time when;
  struct pcie_tlp tlp;
};

struct device {
  struct hd_component base;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  struct step steps[STEPS];
  size_t n_steps;
  struct pcie_tlp got[STEPS];
  hd_time at[STEPS];
  size_t n_got;
};

static void device_start(struct hd_component *self)
{
  struct device *d = (struct device *)self;
  for (size_t i = 0; i < d->n_steps; i++) {
    struct pcie_tlp *t = hd_msg_new_zero(self, MSG_TLP);
    struct hd_msg header = t->msg;
    *t = d->steps[i].tlp;
    t->msg = header;
    hd_send_at(d->to_link, d->steps[i].when, t);
  }
}

static void device_handle(struct hd_component *self, struct hd_msg *m)
{
  struct device *d = (struct device *)self;
  d->got[d->n_got] = *(struct pcie_tlp *)m;
  d->at[d->n_got++] = hd_now(self);
  pcie_receiver_free(&d->receiver, (struct pcie_tlp *)m);
  hd_msg_free(self, m);
}

/* ---- an IOMMU that takes its time ---------------------------------------- */

static struct {
  struct hd_component base;
  struct hd_channel *answer;
  hd_time message_at; /* sends an Invalidate Request to `target`; 0: none */
  uint16_t target;
  struct pcie_tlp got[STEPS]; /* messages */
  hd_time at[STEPS];
  size_t n_got;
} unit;

static void unit_handle(struct hd_component *self, struct hd_msg *m)
{
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  if (m->kind == MSG_TLP_MESSAGE) {
    unit.got[unit.n_got] = *t;
    unit.at[unit.n_got++] = hd_now(self);
    hd_msg_free(self, m);
    return;
  }
  if (t->at == PCIE_TRANSLATION_REQUEST)
    t->data = ENTRY;
  t->msg.kind = MSG_TLP_TRANSLATED;
  hd_send(unit.answer, t->address >> 40 ? SLOW : 2 * HD_NS, t);
}

static void unit_start(struct hd_component *self)
{
  if (!unit.message_at)
    return;
  struct pcie_tlp *t = hd_msg_new_zero(self, MSG_TLP_MESSAGE);
  t->type = PCIE_MSG;
  t->message = PCIE_INVALIDATE_REQUEST;
  t->flags = PCIE_ADDR64;
  t->requester = unit.target;
  t->tag = 7;
  t->length = PCIE_ENTRY_BYTES;
  t->data = pcie_entry(0, 64, 0);
  hd_send_at(unit.answer, unit.message_at, t);
}

/* ---- runs ---------------------------------------------------------------- */

static struct pcie_params params;
static struct device first, second;
static struct fake_memory memory;
static struct root_complex_stats stats;
static bool with_iommu, with_switch;

static void setup(void)
{
  params = test_params(4, 16, 256, 512);
  params.posted_headers = params.non_posted_headers = 4; /* must come back */
  params.posted_data = 64;
  with_iommu = true;
}

static struct pcie_tlp *step(struct device *d, hd_time when, uint8_t type,
                             uint64_t address, enum pcie_at at)
{
  struct step *s = &d->steps[d->n_steps++];
  bool asks = at == PCIE_TRANSLATION_REQUEST;
  *s = (struct step){.when = when,
                     .tlp = {.type = type,
                             .address = address,
                             .length = asks ? PCIE_ENTRY_BYTES : 64,
                             .at = (uint8_t)at,
                             .flags = address >> 32 ? PCIE_ADDR64 : 0,
                             .requester = d == &first ? FIRST : SECOND,
                             .observer = PCIE_NO_OBSERVER}};
  return &s->tlp;
}

static void answer_invalidation(struct device *d, hd_time when)
{
  struct pcie_tlp *t = step(d, when, PCIE_MSG, 0, PCIE_UNTRANSLATED);
  t->message = PCIE_INVALIDATE_COMPLETION;
  t->flags = PCIE_ADDR64;
  t->length = 0;
  t->tag = 7;
}

static void attach(struct device *d, struct hd_engine *e, const char *path,
                   struct pcie_link *l)
{
  static const struct hd_component_ops ops = {
      .kind = "device", .handle = device_handle, .start = device_start};
  hd_component_initialize(&d->base, e, &ops, path, "host");
  d->to_link = pcie_link_connect(l, PCIE_DOWNSTREAM_END, &d->base,
                                 params.device_latency);
  pcie_receiver_initialize(&d->receiver, &params, d->to_link,
                           PCIE_DOWNSTREAM_END);
}

static void attach_unit(struct hd_engine *e, struct root_complex *rc)
{
  static const struct hd_component_ops ops = {
      .kind = "unit", .handle = unit_handle, .start = unit_start};
  hd_component_initialize(&unit.base, e, &ops, "iommu", "host");
  for (size_t port = 0; port < 2; port++)
    root_complex_attach_iommu(rc, port, &unit.base, HD_NS);
  unit.answer = root_complex_answer_channel(rc, &unit.base, HD_NS);
}

static void run(void)
{
  static struct hd_window window = {0, HD_TIME_NEVER};
  struct hd_engine *e = test_engine(100 * HD_NS, 0);
  struct root_complex *rc =
      root_complex_create(e, "root", "host", &params, &window);
  struct pcie_link *l[3];
  struct pcie_switch *fabric = NULL;
  for (int i = 0; i < 3; i++)
    l[i] = pcie_link_create(e, (const char *[]){"a", "b", "c"}[i], "host",
                            &params, &window);
  root_complex_attach_link(rc, l[0]);
  root_complex_attach_link(rc, l[1]);
  attach(&first, e, "first", l[0]);
  if (with_switch) {
    fabric = pcie_switch_create(e, "switch", "host", &params, &window);
    pcie_switch_attach_upstream(fabric, l[1]);
    pcie_switch_attach_downstream(fabric, l[2]);
  }
  attach(&second, e, "second", l[with_switch ? 2 : 1]);
  fake_memory_attach(&memory, e, rc, 100 * HD_NS);
  if (with_iommu)
    attach_unit(e, rc);
  hd_engine_run(e, HD_MS);
  ck_assert_ptr_null(root_complex_check(rc));
  root_complex_get_stats(rc, &stats);
  hd_engine_destroy(e);
  if (fabric) {
    ck_assert_ptr_null(pcie_switch_check(fabric));
    pcie_switch_destroy(fabric);
  }
  for (int i = 0; i < 3; i++)
    pcie_link_destroy(l[i]);
  root_complex_destroy(rc);
}

/* ---- requests ------------------------------------------------------------ */

START_TEST(a_translation_is_a_completion)
{
  step(&first, HD_US, PCIE_MRD, 0x5000, PCIE_TRANSLATION_REQUEST)->tag = 9;
  step(&first, 2 * HD_US, PCIE_MRD, 0x77000, PCIE_TRANSLATED);
  run();
  ck_assert_uint_eq(first.n_got, 2);
  const struct pcie_tlp *t = &first.got[0];
  ck_assert_int_eq(t->type, PCIE_CPLD);
  ck_assert_int_eq(t->status, PCIE_SC);
  ck_assert_int_eq(t->at, PCIE_TRANSLATION_REQUEST);
  ck_assert_uint_eq(t->tag, 9);
  ck_assert_uint_eq(t->length, 8);
  ck_assert_uint_eq(t->data, ENTRY);
  ck_assert_uint_eq(memory.reads, 1); /* of the translated read alone */
  ck_assert_uint_eq(memory.log[0].address, 0x77000);
  ck_assert_uint_eq(stats.reads, 1);
}
END_TEST

/* As any read, it passes no posted write before it. */
START_TEST(a_translation_request_passes_no_write)
{
  step(&first, HD_US, PCIE_MWR, UINT64_C(1) << 40, PCIE_UNTRANSLATED);
  step(&first, HD_US + 1, PCIE_MRD, 0x5000, PCIE_TRANSLATION_REQUEST);
  run();
  ck_assert_int_gt(first.at[0], HD_US + SLOW);
}
END_TEST

START_TEST(without_an_iommu_both_are_refused)
{
  with_iommu = false;
  step(&first, 1 * HD_US, PCIE_MRD, 0x5000, PCIE_TRANSLATION_REQUEST);
  step(&first, 2 * HD_US, PCIE_MRD, 0x5000, PCIE_TRANSLATED);
  step(&first, 3 * HD_US, PCIE_MWR, 0x5000, PCIE_TRANSLATED);
  step(&first, 4 * HD_US, PCIE_MWR, 0x6000, PCIE_UNTRANSLATED);
  run();
  ck_assert_uint_eq(first.n_got, 2);
  for (size_t i = 0; i < 2; i++)
    ck_assert_int_eq(first.got[i].status, PCIE_UR);
  ck_assert_uint_eq(stats.blocked, 3);
  ck_assert_uint_eq(memory.reads + memory.writes, 1);
}
END_TEST

/* ---- messages ------------------------------------------------------------ */

/* To whom has asked for translations under that ID, and to nobody else. */
START_TEST(messages_find_their_function)
{
  with_switch = _i / 2;
  unit.target = _i % 2 ? SECOND : FIRST;
  unit.message_at = 9 * HD_US;
  step(&first, HD_US, PCIE_MRD, 0x5000, PCIE_TRANSLATION_REQUEST);
  step(&second, HD_US, PCIE_MRD, 0x5000, PCIE_TRANSLATION_REQUEST);
  struct device *meant = _i % 2 ? &second : &first,
                *other = _i % 2 ? &first : &second;
  answer_invalidation(meant, 19 * HD_US);
  run();
  ck_assert_uint_eq(meant->n_got, 2);
  ck_assert_uint_eq(other->n_got, 1);
  const struct pcie_tlp *t = &meant->got[1];
  ck_assert_int_eq(t->type, PCIE_MSG);
  ck_assert_int_eq(t->message, PCIE_INVALIDATE_REQUEST);
  ck_assert_uint_eq(t->tag, 7);
  ck_assert_uint_eq(t->data, pcie_entry(0, 64, 0));
  ck_assert_uint_eq(unit.n_got, 1);
  ck_assert_int_eq(unit.got[0].message, PCIE_INVALIDATE_COMPLETION);
  ck_assert_int_gt(unit.at[0], 19 * HD_US);
}
END_TEST

START_TEST(who_never_asked_keeps_nothing)
{
  unit.target = FIRST + 1;
  unit.message_at = 9 * HD_US;
  step(&first, HD_US, PCIE_MRD, 0x5000, PCIE_TRANSLATION_REQUEST);
  run();
  ck_assert_uint_eq(first.n_got + second.n_got, 1);
  ck_assert_uint_eq(unit.n_got, 1);
  ck_assert_int_eq(unit.got[0].message, PCIE_INVALIDATE_COMPLETION);
  ck_assert_uint_eq(unit.got[0].tag, 7);
  ck_assert_int_lt(unit.at[0], 9 * HD_US + 10 * HD_NS);
}
END_TEST

static const uint8_t orders[] = {0, PCIE_RELAXED};

/* The completion of an invalidation comes behind translated writes that were
 * sent before it, however long their check takes, relaxed or not: they have
 * been handed to memory by then. */
START_TEST(the_completion_passes_no_translated_write)
{
  struct pcie_tlp *t =
      step(&first, HD_US, PCIE_MWR, UINT64_C(1) << 40, PCIE_TRANSLATED);
  t->flags |= orders[_i];
  answer_invalidation(&first, HD_US + 1);
  run();
  ck_assert_uint_eq(memory.writes, 1);
  ck_assert_uint_eq(unit.n_got, 1);
  ck_assert_int_ge(unit.at[0], memory.log[0].when);
  ck_assert_int_gt(unit.at[0], HD_US + SLOW);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("root complex with ATS");
  TCase *c = tcase_create("ats");
  tcase_add_checked_fixture(c, setup, NULL);
  tcase_add_test(c, a_translation_is_a_completion);
  tcase_add_test(c, a_translation_request_passes_no_write);
  tcase_add_test(c, without_an_iommu_both_are_refused);
  tcase_add_loop_test(c, messages_find_their_function, 0, 4);
  tcase_add_test(c, who_never_asked_keeps_nothing);
  tcase_add_loop_test(c, the_completion_passes_no_translated_write, 0, 2);
  suite_add_tcase(suite, c);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
