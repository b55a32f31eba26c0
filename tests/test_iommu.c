/*
 * test_iommu.c - walks, structure by structure: how many reads, how long, what
 * the caches save, and what faults.
 *
 * A green run says that walks touch the structures VT-d names, that each costs
 * what it should, and that nothing is forwarded that the tables forbid. It does
 * not say how large the caches of a product are.
 */
#include "sim/engine/rng.h"
#include "tests/test_iommu.h"

/* ---- reads of a walk ------------------------------------------------ */

struct walk_case {
  int mode, stage;
  unsigned shift;
  bool pasid;
  uint64_t reads; /* nothing cached */
};

/* Facts, section 3: legacy 6, scalable 8, nested 4 + 24. Larger pages save a
 * level each; nested, a level of the first stage (an entry and the walk to it)
 * and one of the last second-stage walk. */
static const struct walk_case walks[] = {
    {IOMMU_LEGACY, IOMMU_SECOND_STAGE, 12, false, 6},
    {IOMMU_LEGACY, IOMMU_SECOND_STAGE, 21, false, 5},
    {IOMMU_LEGACY, IOMMU_SECOND_STAGE, 30, false, 4},
    {IOMMU_SCALABLE, IOMMU_SECOND_STAGE, 12, true, 8},
    {IOMMU_SCALABLE, IOMMU_SECOND_STAGE, 21, true, 7},
    {IOMMU_SCALABLE, IOMMU_SECOND_STAGE, 30, true, 6},
    {IOMMU_SCALABLE, IOMMU_SECOND_STAGE, 12, false, 8},
    {IOMMU_SCALABLE, IOMMU_FIRST_STAGE, 12, true, 8},
    {IOMMU_SCALABLE, IOMMU_NESTED, 12, true, 28},
    {IOMMU_SCALABLE, IOMMU_NESTED, 21, true, 4 + 15 + 3},
    {IOMMU_SCALABLE, IOMMU_NESTED, 30, true, 4 + 10 + 2}};
enum { WALKS = sizeof walks / sizeof *walks };

#define IOVA (UINT64_C(3) << 30 | UINT64_C(5) << 21 | UINT64_C(7) << 12)

static void attach(struct test_rig *r, uint32_t domain, bool pasid)
{
  ck_assert(pasid ? vtd_attach_pasid(r->tables, TEST_REQUESTER, 77, domain)
                  : vtd_attach_requester(r->tables, TEST_REQUESTER, domain));
}

static void plan(struct test_rig *r, hd_time when, uint8_t type,
                 uint64_t address, bool pasid)
{
  struct pcie_tlp *tlp = test_plan(&r->agent, when, type, address, 64);
  tlp->requester = TEST_REQUESTER;
  if (pasid) {
    tlp->flags |= PCIE_HAS_PASID;
    tlp->pasid = 77;
  }
}

START_TEST(a_cold_walk_reads_every_structure_once)
{
  const struct walk_case *c = &walks[_i / 2];
  struct iommu_params p = test_iommu_params(c->mode);
  p.stage = c->stage;
  p.coherent = _i % 2; /* all lines differ: DRAM either way */
  struct test_rig r;
  test_rig_new(&r, &p, HD_US);
  attach(&r, test_domain(&r, UINT64_C(4) << 30, c->shift), c->pasid);
  plan(&r, 1 * HD_US, PCIE_MRD, IOVA + 0x123, c->pasid);
  plan(&r, 9 * HD_US, PCIE_MRD, IOVA + 0x456, c->pasid); /* in the IOTLB */
  test_rig_run(&r, 10 * HD_US);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walk_reads, c->reads);
  ck_assert_uint_eq(s.walks, 1);
  ck_assert_uint_eq(s.hits, 1);
  ck_assert_uint_eq(r.agent.n_answers, 2);
  ck_assert_uint_eq(r.agent.answers[0].hpa, TEST_GUEST + IOVA + 0x123);
  ck_assert_uint_eq(r.agent.answers[1].hpa, TEST_GUEST + IOVA + 0x456);
  ck_assert_int_eq(test_latency(&r.agent, 1), TEST_LOOKUP);
  hd_time cold = TEST_LOOKUP + (hd_time)c->reads * TEST_COLD_READ;
  /* Nested: the four walks to first-stage tables share their upper entries. */
  if (c->stage != IOMMU_NESTED || !p.coherent)
    ck_assert_int_eq(test_latency(&r.agent, 0), cold);
  else
    ck_assert_int_lt(test_latency(&r.agent, 0), cold);
  ck_assert_int_eq(r.agent.answers[0].translation, test_latency(&r.agent, 0));
  ck_assert_int_eq(s.walk_time, r.agent.answers[0].translation - TEST_LOOKUP);
  test_rig_free(&r);
}
END_TEST

/* What is cached after the first walk decides where the second begins. */
struct warm_case {
  int mode, stage;
  uint64_t first, second; /* addresses */
  int64_t paging_entries, context_entries, pasid_entries, pasid_dir_entries;
  uint64_t reads; /* of the second walk */
};

#define MIB2 (UINT64_C(1) << 21)
#define GIB (UINT64_C(1) << 30)

static const struct warm_case warm[] = {
    /* next page: PDE cached; next 2 MiB: PDPTE; next GiB: PML4E */
    {IOMMU_LEGACY, 0, 0, 4096, 8, 8, 8, 8, 1},
    {IOMMU_LEGACY, 0, 0, MIB2, 8, 8, 8, 8, 2},
    {IOMMU_LEGACY, 0, 0, GIB, 8, 8, 8, 8, 3},
    {IOMMU_SCALABLE, 0, 0, 4096, 8, 8, 8, 8, 1},
    /* without paging-structure caches: all four levels */
    {IOMMU_LEGACY, 0, 0, 4096, 0, 8, 8, 8, 4},
    {IOMMU_SCALABLE, 0, 0, 4096, 0, 8, 8, 8, 4},
    /* without the context cache even the same page is read again */
    {IOMMU_LEGACY, 0, 0, 0, 8, 0, 8, 8, 2 + 1},
    {IOMMU_SCALABLE, 0, 0, 0, 8, 0, 8, 8, 2 + 1},
    /* without the PASID cache, with and without the directory's */
    {IOMMU_SCALABLE, 0, 0, 0, 8, 8, 0, 8, 1 + 1},
    {IOMMU_SCALABLE, 0, 0, 0, 8, 8, 0, 0, 2 + 1},
    /* nested, next page: an entry of each stage */
    {IOMMU_SCALABLE, IOMMU_NESTED, 0, 4096, 8, 8, 8, 8, 1 + 1},
    {IOMMU_SCALABLE, IOMMU_NESTED, 0, 4096, 0, 8, 8, 8, 24},
    /* next 2 MiB: PD entry, walk to its table, PT entry; PD and PT entries */
    {IOMMU_SCALABLE, IOMMU_NESTED, 0, MIB2, 8, 8, 8, 8, 1 + 4 + 1 + 2}};
enum { WARM = sizeof warm / sizeof *warm };

START_TEST(caches_shorten_the_next_walk)
{
  const struct warm_case *c = &warm[_i];
  struct iommu_params p = test_iommu_params(c->mode);
  p.stage = c->stage;
  p.paging_entries = c->paging_entries;
  p.context_entries = c->context_entries;
  p.pasid_entries = c->pasid_entries;
  p.pasid_dir_entries = c->pasid_dir_entries;
  p.coherent = false;
  struct test_rig r;
  test_rig_new(&r, &p, HD_US);
  bool pasid = c->mode == IOMMU_SCALABLE;
  attach(&r, test_domain(&r, UINT64_C(4) << 30, 12), pasid);
  plan(&r, 1 * HD_US, PCIE_MRD, c->first, pasid);
  plan(&r, 9 * HD_US, PCIE_MWR, c->second, pasid);
  test_rig_run(&r, 20 * HD_US);
  struct iommu_stats s = test_stats(&r);
  uint64_t cold = c->mode == IOMMU_LEGACY    ? 6
                  : c->stage == IOMMU_NESTED ? 28
                                             : 8;
  ck_assert_uint_eq(s.walk_reads, cold + c->reads);
  ck_assert_int_eq(test_latency(&r.agent, 1),
                   TEST_LOOKUP + (hd_time)c->reads * TEST_COLD_READ);
  ck_assert_uint_eq(s.context_misses, c->context_entries ? 1 : 2);
  ck_assert_uint_eq(r.agent.answers[1].hpa, TEST_GUEST + c->second);
  test_rig_free(&r);
}
END_TEST

/* Coherent walks find in the LLC what an earlier walk has read. */
START_TEST(coherent_walks_hit_the_llc)
{
  struct iommu_params p = test_iommu_params(IOMMU_SCALABLE);
  p.paging_entries = 0;
  p.coherent = _i;
  struct test_rig r;
  test_rig_new(&r, &p, HD_US);
  attach(&r, test_domain(&r, GIB, 12), true);
  plan(&r, 1 * HD_US, PCIE_MRD, 0, true);
  plan(&r, 9 * HD_US, PCIE_MRD, 4096, true); /* its PTE is in the same line */
  test_rig_run(&r, 20 * HD_US);
  ck_assert_int_eq(test_latency(&r.agent, 1),
                   TEST_LOOKUP + 4 * (_i ? TEST_WARM_READ : TEST_COLD_READ));
  test_rig_free(&r);
}
END_TEST

/* ---- faults --------------------------------------------------------- */

struct fault_case {
  int mode, stage;
  uint8_t type;
  uint16_t requester;
  bool has_pasid;
  uint32_t pasid;
  uint64_t address;
  enum iommu_fault_reason reason;
};

enum { PLAIN = 0x0300, WITH_PASID = 0x1608 };

/* PLAIN is attached as itself, WITH_PASID by PASID 77; pages below 2 MiB are
 * writable, those below 4 MiB read-only. */
static const struct fault_case faults[] = {
    {IOMMU_LEGACY, 0, PCIE_MRD, PLAIN, false, 0, 2 * MIB2,
     IOMMU_FAULT_SECOND_READ},
    {IOMMU_LEGACY, 0, PCIE_MWR, PLAIN, false, 0, 2 * MIB2,
     IOMMU_FAULT_SECOND_WRITE},
    {IOMMU_LEGACY, 0, PCIE_MWR, PLAIN, false, 0, MIB2,
     IOMMU_FAULT_SECOND_WRITE},
    {IOMMU_LEGACY, 0, PCIE_MRD, PLAIN, false, 0, UINT64_C(1) << 52,
     IOMMU_FAULT_SECOND_READ},
    {IOMMU_LEGACY, 0, PCIE_MRD, 0x7700, false, 0, 0, IOMMU_FAULT_ROOT},
    {IOMMU_LEGACY, 0, PCIE_MRD, PLAIN + 1, false, 0, 0, IOMMU_FAULT_CONTEXT},
    {IOMMU_LEGACY, 0, PCIE_MRD, PLAIN, true, 77, 0, IOMMU_FAULT_PASID_BLOCKED},
    {IOMMU_SCALABLE, 0, PCIE_MRD, PLAIN, true, 77, 0,
     IOMMU_FAULT_PASID_BLOCKED},
    {IOMMU_SCALABLE, 0, PCIE_MRD, WITH_PASID, true, 78, 0,
     IOMMU_FAULT_PASID_ENTRY},
    {IOMMU_SCALABLE, 0, PCIE_MRD, WITH_PASID, true, 0xfffff, 0,
     IOMMU_FAULT_PASID_DIR},
    {IOMMU_SCALABLE, 0, PCIE_MRD, WITH_PASID, false, 0, 0,
     IOMMU_FAULT_PASID_DIR},
    {IOMMU_SCALABLE, 0, PCIE_MRD, 0x7700, true, 77, 0, IOMMU_FAULT_ROOT},
    {IOMMU_SCALABLE, 0, PCIE_MRD, WITH_PASID ^ 0x80, true, 77, 0,
     IOMMU_FAULT_ROOT},
    {IOMMU_SCALABLE, 0, PCIE_MRD, PLAIN + 1, true, 77, 0, IOMMU_FAULT_CONTEXT},
    {IOMMU_SCALABLE, IOMMU_FIRST_STAGE, PCIE_MRD, PLAIN, false, 0, 2 * MIB2,
     IOMMU_FAULT_FIRST_STAGE},
    {IOMMU_SCALABLE, IOMMU_FIRST_STAGE, PCIE_MWR, WITH_PASID, true, 77, MIB2,
     IOMMU_FAULT_FIRST_STAGE},
    {IOMMU_SCALABLE, IOMMU_NESTED, PCIE_MRD, WITH_PASID, true, 77, 2 * MIB2,
     IOMMU_FAULT_FIRST_STAGE},
    {IOMMU_SCALABLE, IOMMU_NESTED, PCIE_MWR, WITH_PASID, true, 77, MIB2,
     IOMMU_FAULT_SECOND_WRITE}};
enum { FAULTS = sizeof faults / sizeof *faults };

static void fault_rig(struct test_rig *r, const struct fault_case *c)
{
  struct iommu_params p = test_iommu_params(c->mode);
  p.stage = c->stage;
  test_rig_new(r, &p, HD_US);
  uint32_t domain = test_domain(r, MIB2, 12);
  ck_assert(vtd_domain_map(r->tables, domain, MIB2, TEST_GUEST + MIB2, MIB2, 12,
                           false));
  ck_assert(vtd_attach_requester(r->tables, PLAIN, domain));
  if (c->mode == IOMMU_SCALABLE)
    ck_assert(vtd_attach_pasid(r->tables, WITH_PASID, 77, domain));
}

static void plan_fault(struct test_rig *r, const struct fault_case *c,
                       hd_time when)
{
  struct pcie_tlp *tlp = test_plan(&r->agent, when, c->type, c->address, 64);
  tlp->requester = c->requester;
  tlp->pasid = c->pasid;
  tlp->flags = c->has_pasid ? PCIE_HAS_PASID : 0;
}

/* Each kind twice: the second time the caches hold what leads to it. Then a
 * good request: a fault leaves nothing behind. */
START_TEST(a_fault_is_recorded_and_blocks)
{
  const struct fault_case *c = &faults[_i];
  struct test_rig r;
  fault_rig(&r, c);
  plan_fault(&r, c, 1 * HD_US);
  plan_fault(&r, c, 9 * HD_US);
  struct pcie_tlp *good =
      test_plan(&r.agent, 19 * HD_US, PCIE_MRD, MIB2 + 64, 64);
  good->requester = PLAIN;
  test_rig_run(&r, 30 * HD_US);
  const struct iommu_fault *log;
  uint64_t total;
  ck_assert_uint_eq(iommu_faults(r.iommu, &log, &total), 2);
  ck_assert_uint_eq(total, 2);
  ck_assert_uint_eq(r.agent.n_answers, 3);
  for (size_t i = 0; i < 2; i++) {
    ck_assert_uint_eq(r.agent.answers[i].status, PCIE_UR);
    ck_assert_uint_eq(r.agent.answers[i].hpa, 0);
    ck_assert_int_ge(test_latency(&r.agent, i), TEST_LOOKUP);
    ck_assert_msg(log[i].reason == c->reason, "reason %#x", log[i].reason);
    ck_assert_uint_eq(log[i].address, c->address);
    ck_assert_uint_eq(log[i].requester, c->requester);
    ck_assert_uint_eq(log[i].pasid, c->pasid);
    ck_assert_int_eq(log[i].has_pasid, c->has_pasid);
    ck_assert_int_eq(log[i].write, c->type == PCIE_MWR);
  }
  ck_assert_uint_eq(r.agent.answers[2].status, PCIE_SC);
  ck_assert_uint_eq(r.agent.answers[2].hpa, TEST_GUEST + MIB2 + 64);
  test_rig_free(&r);
}
END_TEST

/* A read and a write of a read-only page, merged into one walk and later from
 * the IOTLB: only the writes fault. Reads come first and are not disturbed. */
START_TEST(a_read_only_page_can_be_read)
{
  struct test_rig r;
  fault_rig(&r, &faults[2]);
  for (int i = 0; i < 4; i++) {
    struct fault_case c = faults[2];
    c.type = i % 2 ? PCIE_MWR : PCIE_MRD;
    plan_fault(&r, &c, (i < 2 ? 1 : 9) * HD_US + i);
  }
  test_rig_run(&r, 20 * HD_US);
  for (size_t i = 0; i < 4; i++)
    ck_assert_uint_eq(r.agent.answers[i].status, i % 2 ? PCIE_UR : PCIE_SC);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walks, 1);
  ck_assert_uint_eq(s.merged, 1);
  ck_assert_uint_eq(s.hits, 2);
  ck_assert_uint_eq(s.faults, 2);
  test_rig_free(&r);
}
END_TEST

/* A rogue device at full speed: 1000 faulting requests in a burst, far beyond
 * the miss queue, each blocked by a cached context entry. */
START_TEST(a_burst_of_faults_is_counted_in_full)
{
  struct test_rig r;
  const struct fault_case *c = &faults[7];
  fault_rig(&r, c);
  for (int i = 0; i < 1000; i++) {
    struct fault_case each = *c;
    each.address = (uint64_t)i << 12;
    plan_fault(&r, &each, HD_US + i);
  }
  test_rig_run(&r, 100 * HD_US);
  const struct iommu_fault *log;
  uint64_t total;
  ck_assert_uint_eq(iommu_faults(r.iommu, &log, &total), IOMMU_FAULT_LOG);
  ck_assert_uint_eq(total, 1000);
  for (size_t i = 0; i < 1000; i++)
    ck_assert_uint_eq(r.agent.answers[i].status, PCIE_UR);
  ck_assert_uint_gt(test_stats(&r).stalls, 900);
  test_rig_free(&r);
}
END_TEST

/* ---- domains and modes ---------------------------------------------- */

/* Many PASIDs of one requester, each with its own memory: nobody ever gets
 * another's page, though all use the same addresses and share the IOTLB. */
START_TEST(domains_are_kept_apart)
{
  struct iommu_params p = test_iommu_params(IOMMU_SCALABLE);
  struct test_rig r;
  test_rig_new(&r, &p, HD_US);
  enum { GUESTS = 200, REQUESTS = 20000 };
  for (uint32_t g = 0; g < GUESTS; g++) {
    uint32_t d = vtd_domain_create(r.tables);
    ck_assert(
        vtd_domain_map(r.tables, d, 0, TEST_GUEST + g * GIB, MIB2, 12, true));
    ck_assert(vtd_attach_pasid(r.tables, TEST_REQUESTER, 1 + g, d));
  }
  gsl_rng *rng = hd_rng_new(1, "test", "guests");
  for (int i = 0; i < REQUESTS; i++) {
    struct pcie_tlp *tlp =
        test_plan(&r.agent, HD_US + i * 100 * HD_NS, PCIE_MRD,
                  gsl_rng_uniform_int(rng, 4) * 4096, 64);
    tlp->requester = TEST_REQUESTER;
    tlp->flags = PCIE_HAS_PASID;
    tlp->pasid = 1 + (uint32_t)gsl_rng_uniform_int(rng, GUESTS);
    tlp->data = tlp->pasid;
    tlp->address |= tlp->pasid; /* so that the answer tells */
  }
  test_rig_run(&r, 10 * HD_MS);
  ck_assert_uint_eq(r.agent.n_answers, REQUESTS);
  for (size_t i = 0; i < REQUESTS; i++) {
    uint64_t guest = (r.agent.answers[i].address & 4095) - 1;
    ck_assert_uint_eq(r.agent.answers[i].hpa,
                      TEST_GUEST + guest * GIB + r.agent.answers[i].address);
  }
  gsl_rng_free(rng);
  test_rig_free(&r);
}
END_TEST

START_TEST(off_passes_through)
{
  struct iommu_params p = test_iommu_params(IOMMU_OFF);
  struct test_rig r;
  test_rig_new(&r, &p, HD_US);
  test_plan(&r.agent, HD_US, PCIE_MRD, 0x123456789000, 64);
  test_rig_run(&r, 2 * HD_US);
  ck_assert_uint_eq(r.agent.answers[0].hpa, 0x123456789000);
  ck_assert_int_eq(test_latency(&r.agent, 0), TEST_LOOKUP);
  test_rig_free(&r);
}
END_TEST

/* ---- window --------------------------------------------------------- */

static void one_run(const void *window, void *fingerprint)
{
  struct iommu_params p = test_iommu_params(IOMMU_SCALABLE);
  p.replacement = IOMMU_RANDOM;
  struct test_rig r;
  test_rig_new(&r, &p, *(const hd_time *)window);
  attach(&r, test_domain(&r, GIB, 12), true);
  gsl_rng *rng = hd_rng_new(1, "test", "pages");
  for (int i = 0; i < 3000; i++)
    plan(&r, HD_US + i * 40 * HD_NS, i % 3 ? PCIE_MRD : PCIE_MWR,
         gsl_rng_uniform_int(rng, 256) * 4096, true);
  test_command(&r, 20 * HD_US, IOMMU_INVALIDATE_IOTLB, 1, 0);
  test_command(&r, 20 * HD_US, IOMMU_WAIT, 0, 0);
  test_rig_run(&r, HD_MS);
  ck_assert_uint_eq(r.agent.n_answers, 3000);
  *(uint64_t *)fingerprint = test_fingerprint(r.e);
  gsl_rng_free(rng);
  test_rig_free(&r);
}

START_TEST(the_window_changes_nothing)
{
  uint64_t without = 0, with = 0;
  test_in_child(one_run, &(hd_time){0}, &without, sizeof without);
  test_in_child(one_run, &(hd_time){HD_US}, &with, sizeof with);
  ck_assert_uint_ne(without, 0);
  ck_assert_uint_eq(without, with);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("iommu");
  TCase *c = tcase_create("iommu");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, a_cold_walk_reads_every_structure_once, 0, 2 * WALKS);
  tcase_add_loop_test(c, caches_shorten_the_next_walk, 0, WARM);
  tcase_add_loop_test(c, coherent_walks_hit_the_llc, 0, 2);
  tcase_add_loop_test(c, a_fault_is_recorded_and_blocks, 0, FAULTS);
  tcase_add_test(c, a_read_only_page_can_be_read);
  tcase_add_test(c, a_burst_of_faults_is_counted_in_full);
  tcase_add_test(c, domains_are_kept_apart);
  tcase_add_test(c, off_passes_through);
  tcase_add_test(c, the_window_changes_nothing);
  suite_add_tcase(s, c);
  return test_main(s);
}
