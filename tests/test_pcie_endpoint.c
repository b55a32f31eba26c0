/*
 * test_pcie_endpoint.c - a device's registers and its requester behind a link.
 *
 * A green run says that writes take effect and reads are answered after the
 * decoding's latency and not a picosecond earlier, that a read finds what the
 * writes before it have done, and that completions and notes reach the
 * requester, with no message and no credit left over.
 */
#include "models/pcie/endpoint.h"

#include "tests/test_pcie.h"

enum { REGISTER = 0x40, VALUE = 5, DMA_BYTES = 1000 };

/* ---- the host's end -------------------------------------------------------
 */

struct host {
  struct hd_component base;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  hd_time answered; /* when the read's completion came */
  uint64_t data;    /* in it */
};

static void access_register(struct host *h, enum pcie_tlp_type type,
                            hd_time when)
{
  struct pcie_tlp *t = hd_msg_new_zero(&h->base, MSG_TLP);
  t->type = (uint8_t)type;
  t->address = REGISTER;
  t->length = 4;
  t->data = VALUE;
  t->observer = PCIE_NO_OBSERVER;
  hd_send_at(h->to_link, when, t);
}

static void host_start(struct hd_component *self)
{
  struct host *h = (struct host *)self;
  access_register(h, PCIE_MWR, HD_US);
  access_register(h, PCIE_MRD, HD_US);
}

static void host_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct host *h = (struct host *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)msg;
  pcie_receiver_free(&h->receiver, t);
  if (t->type == PCIE_MRD) { /* the device's own DMA */
    pcie_complete(t, PCIE_SC);
    hd_send(h->to_link, HD_NS, t);
    return;
  }
  if (t->type == PCIE_CPLD) {
    h->answered = hd_now(self);
    h->data = t->data;
  }
  hd_msg_free(self, msg);
}

/* ---- the device -----------------------------------------------------------
 */

struct device {
  struct hd_component base;
  struct pcie_endpoint endpoint;
  uint64_t value;
  hd_time written, read; /* when it was done */
  struct pcie_dma dma[2];
  unsigned n_done;
};

static uint64_t read_value(const struct hd_component *self, uint64_t address)
{
  struct device *d = (struct device *)(uintptr_t)self;
  ck_assert_uint_eq(address, REGISTER);
  d->read = hd_now(self);
  return d->value;
}

static void write_value(struct hd_component *self, const struct pcie_tlp *tlp)
{
  struct device *d = (struct device *)self;
  ck_assert_uint_eq(tlp->address, REGISTER);
  d->value = tlp->data;
  d->written = hd_now(self);
}

static void dma_done(struct hd_component *self, struct pcie_dma *dma)
{
  ck_assert_uint_eq(dma->status, PCIE_SC);
  ((struct device *)self)->n_done++;
}

static void device_start(struct hd_component *self)
{
  struct device *d = (struct device *)self;
  for (int i = 0; i < 2; i++)
    d->dma[i] = (struct pcie_dma){.address = 0x10000,
                                  .length = DMA_BYTES,
                                  .observer = PCIE_NO_OBSERVER,
                                  .done = dma_done};
  pcie_requester_read(d->endpoint.requester, &d->dma[0]);
  pcie_requester_write(d->endpoint.requester, &d->dma[1]);
}

static void device_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct device *d = (struct device *)self;
  pcie_endpoint_receive(&d->endpoint, (struct pcie_tlp *)msg);
}

/* ---- runs -----------------------------------------------------------------
 */

struct run {
  hd_time latency;
  bool readable;
  hd_time window;
};

struct outcome {
  hd_time written, read, answered;
  uint64_t data;
  unsigned n_done;
};

static struct hd_window always = {0, HD_TIME_NEVER};

static void simulate(const void *argument, void *result)
{
  static const struct hd_component_ops host_ops = {
      .kind = "host", .handle = host_handle, .start = host_start};
  static const struct hd_component_ops device_ops = {
      .kind = "device", .handle = device_handle, .start = device_start};
  const struct run *run = argument;
  struct pcie_endpoint_ops registers = {run->readable ? read_value : NULL,
                                        write_value};
  struct pcie_params params = test_params(4, 16, 256, 512);
  struct host h = {.answered = 0};
  struct device d = {.n_done = 0};
  struct hd_engine *e = test_engine(run->window, 0);
  struct pcie_link *l = pcie_link_create(e, "link", "host", &params, &always);
  hd_component_initialize(&h.base, e, &host_ops, "root", "host");
  hd_component_initialize(&d.base, e, &device_ops, "device", "host");
  h.to_link = pcie_link_connect(l, PCIE_UPSTREAM_END, &h.base, HD_NS);
  pcie_receiver_initialize(&h.receiver, &params, h.to_link, PCIE_UPSTREAM_END);
  pcie_endpoint_initialize(&d.endpoint, &d.base, &registers, &params,
                           run->latency);
  pcie_endpoint_attach(&d.endpoint, l, &always);
  hd_engine_run(e, HD_MS);

  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  ck_assert_uint_eq(report.messages_live, 0);
  ck_assert_ptr_null(pcie_link_check(l));
  ck_assert_ptr_null(pcie_requester_check(d.endpoint.requester));
  pcie_endpoint_terminate(&d.endpoint);
  *(struct outcome *)result =
      (struct outcome){d.written, d.read, h.answered, h.data, d.n_done};
}

static struct outcome outcome_of(struct run run)
{
  struct outcome o;
  in_child(simulate, &run, &o, sizeof o);
  return o;
}

/* The wire is idle: only decoding tells the two runs apart. */
START_TEST(accesses_take_the_latency_of_decoding)
{
  hd_time window = _i ? 100 * HD_NS : 0;
  struct outcome soon = outcome_of((struct run){HD_NS, true, window});
  struct outcome late = outcome_of((struct run){300 * HD_NS, true, window});
  hd_time arrival = HD_US + 20 * HD_NS; /* and a few bytes' time */
  ck_assert_int_gt(soon.written, arrival + HD_NS);
  ck_assert_int_lt(soon.written, arrival + 4 * HD_NS);
  ck_assert_int_eq(late.written, soon.written + 299 * HD_NS);
  ck_assert_int_eq(late.read, soon.read + 299 * HD_NS);
  ck_assert_int_eq(late.answered, soon.answered + 299 * HD_NS);
  /* the device's way to the link, the wire */
  ck_assert_int_gt(late.answered, late.read + 70 * HD_NS);
  ck_assert_int_lt(late.answered, late.read + 73 * HD_NS);
}
END_TEST

START_TEST(a_read_finds_what_the_write_before_it_has_done)
{
  struct outcome o = outcome_of((struct run){300 * HD_NS, true, 0});
  ck_assert_int_lt(o.written, o.read);
  ck_assert_int_lt(o.read, o.written + 2 * HD_NS);
  ck_assert_uint_eq(o.data, VALUE);
}
END_TEST

START_TEST(what_cannot_be_read_is_zero)
{
  struct outcome o = outcome_of((struct run){HD_NS, false, 0});
  ck_assert_uint_eq(o.data, 0);
  ck_assert_int_gt(o.answered, HD_US);
}
END_TEST

START_TEST(the_requester_gets_what_is_its)
{
  struct outcome o = outcome_of((struct run){HD_NS, true, 0});
  ck_assert_uint_eq(o.n_done, 2);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("pcie_endpoint");
  TCase *tc = tcase_create("endpoint");
  tcase_add_loop_test(tc, accesses_take_the_latency_of_decoding, 0, 2);
  tcase_add_test(tc, a_read_finds_what_the_write_before_it_has_done);
  tcase_add_test(tc, what_cannot_be_read_is_zero);
  tcase_add_test(tc, the_requester_gets_what_is_its);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
