/*
 * test_iommu_ats.c - address translation services of the IOMMU: what a
 * Translation Request is told and when, which translated requests pass, what is
 * recorded, and when an invalidation of device-TLBs is done.
 *
 * A green run says that the unit does what the specification asks for in these
 * cases. It does not say what a translation costs on a product.
 */
#include "models/iommu/structures.h"
#include "tests/test_iommu.h"

#define MIB2 (UINT64_C(1) << 21)
#define GIB (UINT64_C(1) << 30)
#define IOVA (3 * GIB + 5 * MIB2 + 7 * 4096)
#define CHECK (3 * HD_NS)
#define PASID 77

enum { ANSWERS = 64 };

/* What came back, in order; `messages`: Invalidate Requests. */
static struct {
  uint64_t data[ANSWERS];
  size_t n;
  struct pcie_tlp messages[ANSWERS];
  hd_time message_at[ANSWERS];
  size_t n_messages;
  hd_time answer_after; /* device's time for them; 0: never answers */
} seen;

static void take_message(struct test_agent *a, struct pcie_tlp *t)
{
  seen.message_at[seen.n_messages] = hd_now(&a->base);
  seen.messages[seen.n_messages++] = *t;
  a->n_answers--; /* it is no answer */
  if (!seen.answer_after) {
    hd_msg_free(&a->base, t);
    return;
  }
  t->message = PCIE_INVALIDATE_COMPLETION;
  t->length = 0;
  hd_send(a->out, seen.answer_after, t);
}

static void answered(struct test_agent *a, struct pcie_tlp *t)
{
  if (t->msg.kind == MSG_TLP_MESSAGE) {
    take_message(a, t);
    return;
  }
  seen.data[seen.n++ % ANSWERS] = t->data;
  hd_msg_free(&a->base, t);
}

/* PASID 77 (legacy: the requester) has a domain of 8 GiB in such pages. */
static void rig(struct test_rig *r, int mode, unsigned shift)
{
  struct iommu_params p = test_iommu_params(mode);
  p.check_latency = CHECK;
  p.coherent = false;
  test_rig_new(r, &p, HD_US);
  vtd_tables_allow_ats(r->tables);
  uint32_t domain = test_domain(r, 8 * GIB, shift);
  ck_assert(mode == IOMMU_LEGACY
                ? vtd_attach_requester(r->tables, TEST_REQUESTER, domain)
                : vtd_attach_pasid(r->tables, TEST_REQUESTER, PASID, domain));
  r->agent.answered = answered;
}

static struct pcie_tlp *plan(struct test_rig *r, hd_time when, enum pcie_at at,
                             uint8_t type, uint64_t address)
{
  struct pcie_tlp *t = test_plan(&r->agent, when, type, address,
                                 at == PCIE_TRANSLATION_REQUEST ? 8 : 64);
  bool scalable = vtd_is_scalable(r->tables);
  t->requester = TEST_REQUESTER;
  t->at = (uint8_t)at;
  t->flags = scalable && at != PCIE_TRANSLATED ? PCIE_HAS_PASID : 0;
  t->pasid = scalable && at != PCIE_TRANSLATED ? PASID : 0;
  return t;
}

static uint64_t faults(const struct test_rig *r, const struct iommu_fault **log)
{
  uint64_t total;
  iommu_faults(r->iommu, log, &total);
  return total;
}

/* ---- Translation Requests ------------------------------------------------ */

static const struct {
  int mode;
  unsigned shift;
  uint64_t reads; /* of the walk */
} translated[] = {{IOMMU_LEGACY, 12, 6},
                  {IOMMU_LEGACY, 21, 5},
                  {IOMMU_SCALABLE, 12, 8},
                  {IOMMU_SCALABLE, 21, 7},
                  {IOMMU_SCALABLE, 30, 6}};
enum { TRANSLATED = sizeof translated / sizeof *translated };

/* The page, its size and rights; as late as an untranslated request, cold and
 * warm, and by the same reads. */
START_TEST(a_request_is_told_the_page)
{
  struct test_rig r;
  unsigned shift = translated[_i].shift;
  rig(&r, translated[_i].mode, shift);
  plan(&r, 1 * HD_US, PCIE_TRANSLATION_REQUEST, PCIE_MRD, IOVA);
  plan(&r, 9 * HD_US, PCIE_TRANSLATION_REQUEST, PCIE_MRD, IOVA);
  plan(&r, 11 * HD_US, PCIE_UNTRANSLATED, PCIE_MWR, IOVA); /* one IOTLB */
  test_rig_run(&r, 20 * HD_US);
  uint64_t page = TEST_GUEST + (IOVA >> shift << shift);
  for (size_t i = 0; i < 2; i++) {
    ck_assert_uint_eq(r.agent.answers[i].status, PCIE_SC);
    ck_assert_uint_eq(pcie_entry_page(seen.data[i]), page);
    ck_assert_uint_eq(pcie_entry_shift(seen.data[i]), shift);
    ck_assert_uint_eq(seen.data[i] & 3, PCIE_ENTRY_READ | PCIE_ENTRY_WRITE);
    ck_assert_uint_eq(pcie_entry_host(seen.data[i], IOVA), TEST_GUEST + IOVA);
  }
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walk_reads, translated[_i].reads);
  ck_assert_int_eq(test_latency(&r.agent, 0),
                   TEST_LOOKUP + (hd_time)s.walk_reads * TEST_COLD_READ);
  ck_assert_int_eq(test_latency(&r.agent, 1), TEST_LOOKUP);
  ck_assert_int_eq(test_latency(&r.agent, 2), TEST_LOOKUP);
  ck_assert_uint_eq(s.translations, 2);
  ck_assert_uint_eq(s.hits, 2);
  ck_assert_uint_eq(s.walks, 1);
  test_rig_free(&r);
}
END_TEST

START_TEST(rights_are_those_of_the_page)
{
  struct test_rig r;
  rig(&r, IOMMU_SCALABLE, 12);
  uint32_t domain = vtd_domain_create(r.tables);
  ck_assert(vtd_domain_map(r.tables, domain, 0, TEST_GUEST, MIB2, 12, false));
  ck_assert(vtd_attach_pasid(r.tables, TEST_REQUESTER, PASID + 1, domain));
  plan(&r, HD_US, PCIE_TRANSLATION_REQUEST, PCIE_MRD, 0)->pasid = PASID + 1;
  test_rig_run(&r, 9 * HD_US);
  ck_assert_uint_eq(seen.data[0], TEST_GUEST | PCIE_ENTRY_READ);
  const struct iommu_fault *log;
  ck_assert_uint_eq(faults(&r, &log), 0);
  test_rig_free(&r);
}
END_TEST

/* Requests of a page share a walk with untranslated ones. */
START_TEST(requests_of_a_page_are_merged)
{
  struct test_rig r;
  rig(&r, IOMMU_SCALABLE, 12);
  plan(&r, HD_US, PCIE_UNTRANSLATED, PCIE_MRD, IOVA);
  plan(&r, HD_US + 1, PCIE_TRANSLATION_REQUEST, PCIE_MRD, IOVA);
  plan(&r, HD_US + 2, PCIE_TRANSLATION_REQUEST, PCIE_MRD, IOVA);
  test_rig_run(&r, 9 * HD_US);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walks, 1);
  ck_assert_uint_eq(s.merged, 2);
  ck_assert_uint_eq(r.agent.answers[0].hpa, TEST_GUEST + IOVA);
  ck_assert_uint_eq(pcie_entry_host(seen.data[2], IOVA), TEST_GUEST + IOVA);
  test_rig_free(&r);
}
END_TEST

/* ---- faults -------------------------------------------------------------- */

enum { FOREIGN_PASID = PASID + 1, UNKNOWN = 0x7700 };

static const struct {
  uint64_t address;
  uint32_t pasid;
  uint16_t requester;
  bool allowed;
  uint8_t status;
  enum iommu_fault_reason reason; /* recorded; 0: none */
} refusals[] = {
    {9 * GIB, PASID, TEST_REQUESTER, true, PCIE_SC, IOMMU_FAULT_NONE},
    {UINT64_C(1) << 52, PASID, TEST_REQUESTER, true, PCIE_SC, IOMMU_FAULT_NONE},
    {IOVA, FOREIGN_PASID, TEST_REQUESTER, true, PCIE_UR,
     IOMMU_FAULT_PASID_ENTRY},
    {IOVA, PASID + 64, TEST_REQUESTER, true, PCIE_UR, IOMMU_FAULT_PASID_DIR},
    {IOVA, PASID, UNKNOWN, true, PCIE_UR, IOMMU_FAULT_ROOT},
    {IOVA, PASID, TEST_REQUESTER + 1, true, PCIE_UR, IOMMU_FAULT_CONTEXT},
    {IOVA, PASID, TEST_REQUESTER, false, PCIE_UR, IOMMU_FAULT_ATS},
    {9 * GIB, PASID, TEST_REQUESTER, false, PCIE_UR, IOMMU_FAULT_ATS}};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

/* Each twice: the second time the caches hold what leads to it. Then a good one
 * of PASID 77. */
START_TEST(refused_requests_get_no_rights)
{
  struct test_rig r;
  rig(&r, IOMMU_SCALABLE, 12);
  for (int i = 0; i < 2; i++) {
    struct pcie_tlp *t = plan(&r, (1 + 8 * i) * HD_US, PCIE_TRANSLATION_REQUEST,
                              PCIE_MRD, refusals[_i].address);
    t->pasid = refusals[_i].pasid;
    t->requester = refusals[_i].requester;
    t->data = PCIE_ENTRY_READ; /* must not come back */
  }
  ck_assert(vtd_allow_ats(r.tables, TEST_REQUESTER, refusals[_i].allowed));
  plan(&r, 19 * HD_US, PCIE_UNTRANSLATED, PCIE_MRD, IOVA);
  test_rig_run(&r, 30 * HD_US);
  const struct iommu_fault *log;
  bool recorded = refusals[_i].reason != IOMMU_FAULT_NONE;
  ck_assert_uint_eq(faults(&r, &log), recorded ? 2 : 0);
  for (size_t i = 0; i < 2; i++) {
    ck_assert_uint_eq(r.agent.answers[i].status, refusals[_i].status);
    if (refusals[_i].status == PCIE_SC)
      ck_assert_uint_eq(seen.data[i], 0);
    if (recorded) {
      ck_assert_int_eq(log[i].reason, refusals[_i].reason);
      ck_assert_int_eq(log[i].at, PCIE_TRANSLATION_REQUEST);
    }
  }
  ck_assert_uint_eq(test_stats(&r).refused, 2);
  ck_assert_uint_eq(test_stats(&r).translations, 0);
  ck_assert_uint_eq(r.agent.answers[2].hpa, TEST_GUEST + IOVA);
  test_rig_free(&r);
}
END_TEST

/* ---- translated requests ------------------------------------------------- */

static const int modes[] = {IOMMU_LEGACY, IOMMU_SCALABLE};

/* Cold: root and context entry, no more. Then the cached entry, in CHECK. The
 * address is used as it is, wherever it is. */
START_TEST(translated_requests_are_only_checked)
{
  struct test_rig r;
  rig(&r, modes[_i], 12);
  const uint64_t host = TEST_GUEST + UINT64_C(0x123456789);
  plan(&r, 1 * HD_US, PCIE_TRANSLATED, PCIE_MRD, host);
  plan(&r, 1 * HD_US + 1, PCIE_TRANSLATED, PCIE_MWR, host + MIB2);
  plan(&r, 9 * HD_US, PCIE_TRANSLATED, PCIE_MWR, host + 64);
  test_rig_run(&r, 20 * HD_US);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walk_reads, 2);
  ck_assert_uint_eq(s.walks, 1);
  ck_assert_uint_eq(s.merged, 1);
  ck_assert_uint_eq(s.hits, 0);
  ck_assert_uint_eq(s.lookups, 2);
  ck_assert_uint_eq(s.checked, 3);
  ck_assert_int_eq(test_latency(&r.agent, 0), TEST_LOOKUP + 2 * TEST_COLD_READ);
  ck_assert_int_eq(test_latency(&r.agent, 2), CHECK);
  ck_assert_uint_eq(r.agent.answers[0].hpa, host);
  ck_assert_uint_eq(r.agent.answers[1].hpa, host + MIB2);
  ck_assert_uint_eq(r.agent.answers[2].hpa, host + 64);
  test_rig_free(&r);
}
END_TEST

/* Whether the context entry is cached or not: blocked, recorded. Untranslated
 * requests go on. */
START_TEST(without_permission_translated_requests_are_blocked)
{
  struct test_rig r;
  rig(&r, modes[_i], 12);
  ck_assert(vtd_allow_ats(r.tables, TEST_REQUESTER, false));
  plan(&r, 1 * HD_US, PCIE_TRANSLATED, PCIE_MWR, TEST_GUEST);
  plan(&r, 9 * HD_US, PCIE_TRANSLATED, PCIE_MRD, TEST_GUEST);
  plan(&r, 10 * HD_US, PCIE_UNTRANSLATED, PCIE_MRD, IOVA);
  plan(&r, 19 * HD_US, PCIE_TRANSLATED, PCIE_MRD, TEST_GUEST)->requester =
      UNKNOWN;
  test_rig_run(&r, 30 * HD_US);
  const struct iommu_fault *log;
  ck_assert_uint_eq(faults(&r, &log), 3);
  for (size_t i = 0; i < 2; i++) {
    ck_assert_uint_eq(r.agent.answers[i].status, PCIE_UR);
    ck_assert_uint_eq(r.agent.answers[i].hpa, 0);
    ck_assert_int_eq(log[i].reason, IOMMU_FAULT_ATS);
    ck_assert_int_eq(log[i].at, PCIE_TRANSLATED);
    ck_assert_int_eq(log[i].write, i == 0);
  }
  ck_assert_int_eq(log[2].reason, IOMMU_FAULT_ROOT);
  ck_assert_uint_eq(r.agent.answers[2].status, PCIE_SC);
  ck_assert_uint_eq(r.agent.answers[2].hpa, TEST_GUEST + IOVA);
  test_rig_free(&r);
}
END_TEST

/* A translated request to a host page that is also an IOVA under translation:
 * neither takes the other's answer. */
START_TEST(addresses_of_two_kinds_are_not_merged)
{
  struct test_rig r;
  rig(&r, IOMMU_LEGACY, 12);
  plan(&r, HD_US, PCIE_UNTRANSLATED, PCIE_MRD, 0);
  plan(&r, HD_US + 1, PCIE_TRANSLATED, PCIE_MRD, 0);
  plan(&r, 9 * HD_US, PCIE_TRANSLATED, PCIE_MRD, IOVA);
  test_rig_run(&r, 20 * HD_US);
  ck_assert_uint_eq(r.agent.n_answers, 3);
  for (size_t i = 0; i < 2; i++) /* the shorter walk ends first */
    ck_assert_uint_eq(r.agent.answers[i].hpa, i ? TEST_GUEST : 0);
  ck_assert_uint_eq(r.agent.answers[2].hpa, IOVA);
  ck_assert_uint_eq(test_stats(&r).merged, 0);
  test_rig_free(&r);
}
END_TEST

/* A translated request waits for the only walker, whose walk brings the context
 * entry: it needs none of its own, and is not taken for the page walked for. */
START_TEST(a_queued_check_is_served_by_another_walk)
{
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.walkers = 1;
  struct test_rig r;
  test_rig_new(&r, &p, HD_US);
  vtd_tables_allow_ats(r.tables);
  ck_assert(
      vtd_attach_requester(r.tables, TEST_REQUESTER, test_domain(&r, GIB, 12)));
  r.agent.answered = answered;
  plan(&r, HD_US, PCIE_UNTRANSLATED, PCIE_MRD, 0);
  plan(&r, HD_US + 1, PCIE_TRANSLATED, PCIE_MRD, IOVA);
  test_rig_run(&r, 20 * HD_US);
  ck_assert_uint_eq(r.agent.n_answers, 2);
  ck_assert_uint_eq(r.agent.answers[0].hpa, TEST_GUEST);
  ck_assert_uint_eq(r.agent.answers[1].hpa, IOVA);
  ck_assert_uint_eq(test_stats(&r).walks, 1);
  ck_assert_uint_eq(test_stats(&r).merged, 1);
  test_rig_free(&r);
}
END_TEST

/* ---- invalidation -------------------------------------------------------- */

static void command_device(struct test_rig *r, hd_time when, uint64_t address,
                           uint8_t shift)
{
  test_command(r, when, IOMMU_INVALIDATE_DEVICE, 0, address);
  struct iommu_command *c = &r->software.planned[r->software.n_planned - 1];
  c->requester = TEST_REQUESTER;
  c->pasid = PASID;
  c->has_pasid = true;
  c->shift = shift;
}

/* The request says what the command said; the wait is answered when the
 * device's completion is here, not a picosecond earlier. */
START_TEST(the_wait_waits_for_the_device)
{
  struct test_rig r;
  rig(&r, IOMMU_SCALABLE, 12);
  seen.answer_after = 3 * HD_US;
  command_device(&r, HD_US, IOVA, 21);
  test_command(&r, HD_US + 1, IOMMU_WAIT, 0, 0);
  test_rig_run(&r, 30 * HD_US);
  ck_assert_uint_eq(seen.n_messages, 1);
  const struct pcie_tlp *t = &seen.messages[0];
  ck_assert_int_eq(t->type, PCIE_MSG);
  ck_assert_int_eq(t->message, PCIE_INVALIDATE_REQUEST);
  ck_assert_uint_eq(t->requester, TEST_REQUESTER);
  ck_assert_uint_eq(t->pasid, PASID);
  ck_assert_uint_eq(t->length, 8);
  ck_assert_uint_ne(t->flags & PCIE_HAS_PASID, 0);
  ck_assert_uint_eq(pcie_entry_page(t->data), IOVA >> 21 << 21);
  ck_assert_uint_eq(pcie_entry_shift(t->data), 21);
  ck_assert_int_eq(seen.message_at[0], HD_US + 200 * HD_NS + TEST_ANSWER);
  ck_assert_uint_eq(r.software.n_waits, 1);
  ck_assert_int_eq(r.software.waits[0],
                   seen.message_at[0] + 3 * HD_US + IOMMU_COMMAND_LATENCY);
  ck_assert_uint_eq(test_stats(&r).invalidations, 1);
  test_rig_free(&r);
}
END_TEST

START_TEST(without_an_answer_the_wait_waits)
{
  struct test_rig r;
  rig(&r, IOMMU_SCALABLE, 12);
  test_command(&r, HD_US, IOMMU_WAIT, 0, 0); /* before: is answered */
  command_device(&r, 2 * HD_US, 0, 64);
  test_command(&r, 3 * HD_US, IOMMU_WAIT, 0, 0);
  test_rig_run(&r, 900 * HD_US);
  ck_assert_uint_eq(r.software.n_waits, 1);
  ck_assert_uint_eq(pcie_entry_shift(seen.messages[0].data), 64);
  test_rig_free(&r);
}
END_TEST

/* A slow walk makes the wait wait, too, whichever ends last. */
START_TEST(the_wait_waits_for_both)
{
  struct test_rig r;
  rig(&r, IOMMU_SCALABLE, 12);
  seen.answer_after = _i ? 3 * HD_US : 10 * HD_NS;
  plan(&r, HD_US, PCIE_TRANSLATION_REQUEST, PCIE_MRD, IOVA);
  test_command(&r, HD_US + HD_NS, IOMMU_INVALIDATE_IOTLB, 1, 0);
  command_device(&r, HD_US + 2 * HD_NS, 0, 64);
  test_command(&r, HD_US + 3 * HD_NS, IOMMU_WAIT, 0, 0);
  test_rig_run(&r, 30 * HD_US);
  hd_time walked = r.agent.answers[0].when - TEST_ANSWER;
  hd_time answer = seen.message_at[0] + seen.answer_after;
  ck_assert_int_eq(answer > walked, _i);
  ck_assert_int_eq(r.software.waits[0],
                   hd_time_max(walked, answer) + IOMMU_COMMAND_LATENCY);
  test_rig_free(&r);
}
END_TEST

/* ITags have 5 bits: of 40 commands 32 are at devices, the rest follow as these
 * answer; tags in use differ. */
START_TEST(tags_are_limited)
{
  struct test_rig r;
  rig(&r, IOMMU_SCALABLE, 12);
  seen.answer_after = 100 * HD_US;
  for (uint64_t i = 0; i < 40; i++)
    command_device(&r, HD_US, i << 12, 12);
  test_command(&r, HD_US, IOMMU_WAIT, 0, 0);
  test_rig_run(&r, 900 * HD_US);
  ck_assert_uint_eq(seen.n_messages, 40);
  uint32_t tags = 0;
  for (size_t i = 0; i < 32; i++)
    tags |= 1u << seen.messages[i].tag;
  ck_assert_uint_eq(tags, UINT32_MAX);
  for (size_t i = 0; i < 40; i++)
    ck_assert_uint_eq(seen.messages[i].data, i << 12);
  ck_assert_int_eq(seen.message_at[32],
                   seen.message_at[0] + seen.answer_after + TEST_ANSWER);
  ck_assert_int_eq(r.software.waits[0], seen.message_at[39] +
                                            seen.answer_after +
                                            IOMMU_COMMAND_LATENCY);
  test_rig_free(&r);
}
END_TEST

static Suite *suite(void)
{
  Suite *s = suite_create("iommu ats");
  TCase *c = tcase_create("ats");
  tcase_add_loop_test(c, a_request_is_told_the_page, 0, TRANSLATED);
  tcase_add_test(c, rights_are_those_of_the_page);
  tcase_add_test(c, requests_of_a_page_are_merged);
  tcase_add_loop_test(c, refused_requests_get_no_rights, 0, REFUSALS);
  tcase_add_loop_test(c, translated_requests_are_only_checked, 0, 2);
  tcase_add_loop_test(c, without_permission_translated_requests_are_blocked, 0,
                      2);
  tcase_add_test(c, addresses_of_two_kinds_are_not_merged);
  tcase_add_test(c, a_queued_check_is_served_by_another_walk);
  tcase_add_test(c, the_wait_waits_for_the_device);
  tcase_add_test(c, without_an_answer_the_wait_waits);
  tcase_add_loop_test(c, the_wait_waits_for_both, 0, 2);
  tcase_add_test(c, tags_are_limited);
  suite_add_tcase(s, c);
  return s;
}

int main(void)
{
  return test_main(suite());
}
