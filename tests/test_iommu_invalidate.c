/*
 * test_iommu_invalidate.c - queued invalidation: what each command forgets,
 * when a wait is answered, and that nothing old is used after it.
 *
 * A green run says that software that invalidates and waits is safe. It does
 * not say what an invalidation costs on a product.
 */
#include "tests/test_iommu.h"

#define MIB2 (UINT64_C(1) << 21)
#define GIB (UINT64_C(1) << 30)

static void plan(struct test_rig *r, hd_time when, uint32_t pasid,
                 uint64_t address)
{
  struct pcie_tlp *tlp = test_plan(&r->agent, when, PCIE_MRD, address, 64);
  tlp->requester = TEST_REQUESTER;
  tlp->flags = PCIE_HAS_PASID;
  tlp->pasid = pasid;
}

/* PASIDs 1 and 2 have domains 1 and 2, alike. */
static void rig(struct test_rig *r, const struct iommu_params *p,
                unsigned shift)
{
  test_rig_new(r, p, HD_US);
  for (uint32_t i = 1; i <= 2; i++) {
    ck_assert_uint_eq(test_domain(r, GIB, shift), i);
    ck_assert(vtd_attach_pasid(r->tables, TEST_REQUESTER, i, i));
  }
}

/* Reads of the walk that the next request of PASID 1, and then of 2, needs
 * after the command; 0: a hit. */
struct command_case {
  uint32_t type, domain;
  uint64_t address;
  unsigned shift;
  uint64_t reads_1, reads_2;
};

static const struct command_case commands[] = {
    {IOMMU_INVALIDATE_IOTLB, 1, 0, 12, 4, 0},
    {IOMMU_INVALIDATE_IOTLB, 2, 0, 12, 0, 4},
    {IOMMU_INVALIDATE_IOTLB, 1, 0, 21, 3, 0},
    {IOMMU_INVALIDATE_IOTLB, 3, 0, 12, 0, 0},
    {IOMMU_INVALIDATE_PAGE, 1, 0x5000, 12, 4, 0},
    {IOMMU_INVALIDATE_PAGE, 1, 0x6000, 12, 0, 0},   /* another page */
    {IOMMU_INVALIDATE_PAGE, 1, 0x1ff000, 21, 3, 0}, /* the same 2 MiB */
    {IOMMU_INVALIDATE_PAGE, 1, MIB2, 21, 0, 0},
    /* The second request finds the directory's entry read again. The walks end
     * at the PDE, which is still cached: 1 read. */
    {IOMMU_INVALIDATE_PASID, 1, 0, 12, 2 + 1, 0},
    {IOMMU_INVALIDATE_PASID, 2, 0, 12, 0, 2 + 1},
    {IOMMU_INVALIDATE_CONTEXT, 0, 0, 12, 2 + 1, 0}};
enum { COMMANDS = sizeof commands / sizeof *commands };

START_TEST(each_command_forgets_what_it_names)
{
  const struct command_case *c = &commands[_i];
  struct iommu_params p = test_iommu_params(IOMMU_SCALABLE);
  p.coherent = false;
  struct test_rig r;
  rig(&r, &p, c->shift);
  plan(&r, 1 * HD_US, 1, 0x5000);
  plan(&r, 10 * HD_US, 2, 0x5000);
  test_command(&r, 20 * HD_US, c->type, c->domain, c->address);
  plan(&r, 30 * HD_US, 1, 0x5000);
  plan(&r, 40 * HD_US, 2, 0x5000);
  test_rig_run(&r, 50 * HD_US);
  ck_assert_uint_eq(r.agent.n_answers, 4);
  ck_assert_int_eq(test_latency(&r.agent, 2),
                   TEST_LOOKUP + (hd_time)c->reads_1 * TEST_COLD_READ);
  ck_assert_int_eq(test_latency(&r.agent, 3),
                   TEST_LOOKUP + (hd_time)c->reads_2 * TEST_COLD_READ);
  test_rig_free(&r);
}
END_TEST

/* It takes effect at the end of its time, to the picosecond: sent to arrive at
 * 20 us, effective 200 ns later. At that very time the agent's request, sent
 * before the unit set its timer, is handled as the order of senders says. */
START_TEST(a_command_takes_effect_at_its_end)
{
  struct iommu_params p = test_iommu_params(IOMMU_SCALABLE);
  struct test_rig r;
  rig(&r, &p, 12);
  plan(&r, 1 * HD_US, 1, 0x5000);
  test_command(&r, 20 * HD_US, IOMMU_INVALIDATE_IOTLB, 1, 0);
  plan(&r, 20 * HD_US + 200 * HD_NS + (_i ? 1 : -1), 1, 0x5000);
  test_rig_run(&r, 50 * HD_US);
  if (_i)
    ck_assert_int_gt(test_latency(&r.agent, 1), TEST_LOOKUP);
  else
    ck_assert_int_eq(test_latency(&r.agent, 1), TEST_LOOKUP);
  test_rig_free(&r);
}
END_TEST

/* Commands follow each other; the wait is one of them. */
START_TEST(a_wait_is_answered_after_the_commands_before_it)
{
  struct iommu_params p = test_iommu_params(IOMMU_SCALABLE);
  struct test_rig r;
  rig(&r, &p, 12);
  plan(&r, 1 * HD_US, 1, 0x5000);
  for (int i = 0; i < 3; i++)
    test_command(&r, 20 * HD_US, IOMMU_INVALIDATE_PAGE, 1, 0x5000);
  test_command(&r, 20 * HD_US, IOMMU_WAIT, 0, 0);
  test_command(&r, 20 * HD_US, IOMMU_INVALIDATE_CONTEXT, 0, 0);
  test_command(&r, 20 * HD_US, IOMMU_WAIT, 0, 0);
  test_rig_run(&r, 50 * HD_US);
  ck_assert_uint_eq(r.software.n_waits, 2);
  ck_assert_int_eq(r.software.waits[0],
                   20 * HD_US + 4 * 200 * HD_NS + IOMMU_COMMAND_LATENCY);
  ck_assert_int_eq(r.software.waits[1],
                   20 * HD_US + 6 * 200 * HD_NS + IOMMU_COMMAND_LATENCY);
  struct hd_engine_report report;
  hd_engine_get_report(r.e, &report);
  ck_assert_uint_eq(report.messages_live, 0);
  test_rig_free(&r);
}
END_TEST

/* A walk under way when the invalidation takes effect: it fills no cache (the
 * next request walks in full), and the wait outlasts it. */
START_TEST(a_walk_under_way_leaves_nothing_behind)
{
  struct iommu_params p = test_iommu_params(IOMMU_SCALABLE);
  p.coherent = false;
  const hd_time walk = TEST_LOOKUP + 8 * TEST_COLD_READ;
  struct test_rig r;
  rig(&r, &p, 12);
  plan(&r, 20 * HD_US, 1, 0x5000);
  /* Effective after its first read, whatever it would have cached. */
  test_command(&r, 20 * HD_US, IOMMU_INVALIDATE_CONTEXT, 0, 0);
  test_command(&r, 20 * HD_US, IOMMU_WAIT, 0, 0);
  plan(&r, 30 * HD_US, 1, 0x5000);
  test_rig_run(&r, 50 * HD_US);
  ck_assert_int_eq(test_latency(&r.agent, 0), walk);
  ck_assert_int_eq(test_latency(&r.agent, 1), walk);
  ck_assert_uint_eq(r.software.n_waits, 1);
  ck_assert_int_eq(r.software.waits[0],
                   20 * HD_US + walk - TEST_ANSWER + IOMMU_COMMAND_LATENCY);
  test_rig_free(&r);
}
END_TEST

/* Software that takes a PASID away, invalidates and waits: the next request
 * faults, before that it is served. */
static struct test_rig *detaching;

static void detach_when_told(struct test_agent *a, struct pcie_tlp *tlp)
{
  vtd_detach_pasid(detaching->tables, TEST_REQUESTER, 1);
  hd_msg_free(&a->base, tlp);
}

START_TEST(a_detached_pasid_faults_after_its_invalidation)
{
  struct iommu_params p = test_iommu_params(IOMMU_SCALABLE);
  struct test_rig r;
  rig(&r, &p, 12);
  detaching = &r;
  r.agent.answered = detach_when_told;
  plan(&r, 1 * HD_US, 1, 0x5000);
  plan(&r, 10 * HD_US, 1, 0x5000); /* still in the caches */
  test_command(&r, 20 * HD_US, IOMMU_INVALIDATE_PASID, 1, 0);
  plan(&r, 30 * HD_US, 1, 0x5000);
  plan(&r, 40 * HD_US, 2, 0x5000);
  test_rig_run(&r, 50 * HD_US);
  ck_assert_uint_eq(r.agent.answers[1].status, PCIE_SC);
  ck_assert_uint_eq(r.agent.answers[2].status, PCIE_UR);
  ck_assert_uint_eq(r.agent.answers[3].status, PCIE_SC);
  const struct iommu_fault *log;
  uint64_t total;
  ck_assert_uint_eq(iommu_faults(r.iommu, &log, &total), 1);
  ck_assert_uint_eq(log[0].reason, IOMMU_FAULT_PASID_ENTRY);
  test_rig_free(&r);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("iommu_invalidate");
  TCase *c = tcase_create("invalidate");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, each_command_forgets_what_it_names, 0, COMMANDS);
  tcase_add_loop_test(c, a_command_takes_effect_at_its_end, 0, 2);
  tcase_add_test(c, a_wait_is_answered_after_the_commands_before_it);
  tcase_add_test(c, a_walk_under_way_leaves_nothing_behind);
  tcase_add_test(c, a_detached_pasid_faults_after_its_invalidation);
  suite_add_tcase(s, c);
  return test_main(s);
}
