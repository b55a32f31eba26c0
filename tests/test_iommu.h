/*
 * test_iommu.h - a remapping unit with its memory, tables, a stand-in for the
 * root complex and one for software.
 */
#ifndef HD_TEST_IOMMU_H
#define HD_TEST_IOMMU_H

#include "models/iommu/iommu.h"
#include "tests/test_memory.h"

#define TEST_LLC (70 * HD_NS)
#define TEST_DRAM (55 * HD_NS)
#define TEST_HOP (5 * HD_NS)    /* to memory */
#define TEST_ANSWER (2 * HD_NS) /* to the root complex */
#define TEST_LOOKUP (4 * HD_NS)
#define TEST_STEP (3 * HD_NS)
/* A structure read that misses the LLC, that hits it. */
#define TEST_COLD_READ (TEST_STEP + TEST_HOP + TEST_LLC + TEST_DRAM)
#define TEST_WARM_READ (TEST_STEP + TEST_HOP + TEST_LLC)

#define TEST_REQUESTER 0x1608u
#define TEST_GUEST (UINT64_C(1) << 36) /* host address of guest memory */

static inline struct iommu_params test_iommu_params(int mode)
{
  return (struct iommu_params){.mode = mode,
                               .stage = IOMMU_SECOND_STAGE,
                               .page_size = IOMMU_4K,
                               .iotlb_entries = 64,
                               .iotlb_ways = 0,
                               .iotlb_large_entries = 16,
                               .iotlb_large_ways = 0,
                               .index_domain = true,
                               .context_entries = 8,
                               .pasid_dir_entries = 8,
                               .pasid_entries = 8,
                               .paging_entries = 16,
                               .replacement = IOMMU_LRU,
                               .walkers = 4,
                               .lookup_latency = TEST_LOOKUP,
                               .walk_step = TEST_STEP,
                               .miss_queue = 16,
                               .coherent = true,
                               .walk_allocate = true,
                               .invalidation_latency = 200 * HD_NS};
}

struct test_software {
  struct hd_component base;
  struct hd_channel *commands, *status;
  struct iommu_command planned[64];
  hd_time at[64], waits[16]; /* waits: when they were answered */
  size_t n_planned, n_waits;
};

struct test_rig {
  struct hd_engine *e;
  struct hd_window window;
  struct memory *memory;
  struct vtd_tables *tables;
  struct iommu *iommu;
  struct test_agent agent;
  struct test_software software;
};

static inline void test_software_start(struct hd_component *self)
{
  struct test_software *s = (struct test_software *)self;
  for (size_t i = 0; i < s->n_planned; i++) {
    struct iommu_command *c = hd_msg_new(self, MSG_IOMMU_COMMAND);
    struct hd_msg header = c->msg;
    *c = s->planned[i];
    c->msg = header;
    c->reply = s->status;
    hd_send_at(s->commands, s->at[i], c);
  }
}

static inline void test_software_handle(struct hd_component *self,
                                        struct hd_msg *msg)
{
  struct test_software *s = (struct test_software *)self;
  ck_assert_uint_eq(msg->kind, MSG_IOMMU_STATUS);
  s->waits[s->n_waits++ % 16] = hd_now(self);
  hd_msg_free(self, msg);
}

static inline void test_command(struct test_rig *r, hd_time when, uint32_t type,
                                uint32_t domain, uint64_t address)
{
  struct test_software *s = &r->software;
  s->at[s->n_planned] = when;
  s->planned[s->n_planned++] = (struct iommu_command){
      .type = type, .domain = domain, .address = address};
}

static inline void test_rig_new(struct test_rig *r,
                                const struct iommu_params *p, hd_time window)
{
  static const struct hd_component_ops software = {
      .kind = "software",
      .handle = test_software_handle,
      .start = test_software_start};
  struct memory_params m = test_memory_params();
  *r = (struct test_rig){.window = {0, HD_TIME_NEVER}};
  r->e = test_engine(window);
  r->memory = memory_create(r->e, "memory", "host", &m, &r->window);
  r->tables =
      vtd_tables_create(4096, UINT64_C(1) << 32, p->mode == IOMMU_SCALABLE);
  r->iommu = iommu_create(r->e, "iommu", "host", p, r->tables, &r->window);
  iommu_attach_memory(r->iommu, r->memory, TEST_HOP);
  struct hd_component *u = iommu_component(r->iommu);
  test_agent_initialize(&r->agent, r->e, MSG_TLP_TRANSLATE);
  r->agent.out = hd_channel_open(&r->agent.base, u, 1 * HD_NS);
  iommu_set_root_complex(r->iommu,
                         hd_channel_open(u, &r->agent.base, TEST_ANSWER));
  hd_component_initialize(&r->software.base, r->e, &software, "software",
                          "host");
  r->software.commands = iommu_connect_software(r->iommu, &r->software.base);
  r->software.status = iommu_status_channel(r->iommu, &r->software.base);
}

/* A domain that maps [0, size) to TEST_GUEST with pages of 2^shift. */
static inline uint32_t test_domain(struct test_rig *r, uint64_t size,
                                   unsigned shift)
{
  uint32_t domain = vtd_domain_create(r->tables);
  ck_assert_uint_ne(domain, 0);
  ck_assert(
      vtd_domain_map(r->tables, domain, 0, TEST_GUEST, size, shift, true));
  return domain;
}

static inline struct iommu_stats test_stats(const struct test_rig *r)
{
  struct iommu_stats s;
  iommu_get_stats(r->iommu, &s);
  return s;
}

static inline void test_rig_run(struct test_rig *r, hd_time limit)
{
  hd_engine_run(r->e, limit);
  const char *wrong = iommu_check(r->iommu);
  ck_assert_msg(wrong == NULL, "%s", wrong);
  struct iommu_stats s = test_stats(r);
  if (r->agent.n_answers == s.lookups) /* nothing waits */
    ck_assert_uint_eq(s.lookups, s.hits + s.merged + s.walks);
}

static inline void test_rig_free(struct test_rig *r)
{
  hd_engine_destroy(r->e);
  test_agent_terminate(&r->agent);
  iommu_destroy(r->iommu);
  vtd_tables_destroy(r->tables);
  memory_destroy(r->memory);
}

static inline int test_main(Suite *s)
{
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
