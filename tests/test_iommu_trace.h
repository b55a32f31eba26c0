/*
 * test_iommu_trace.h - a trace in memory, and its run.
 */
#ifndef HD_TEST_IOMMU_TRACE_H
#define HD_TEST_IOMMU_TRACE_H

#include "models/iommu_trace/iommu_trace.h"
#include "tests/test_iommu.h"

#include <string.h>

#define TEST_LARGE (UINT64_C(1) << 21)
#define TEST_HUGE (UINT64_C(1) << 30)

struct test_trace {
  struct iommu_trace_access *accesses;
  enum trace_page *pages;
  hd_time *latency; /* of each, once answered */
  size_t n, capacity, next;
  struct trace_map map;
  struct iommu_params iommu;
  struct memory_params memory;
  struct iommu_trace_config config;
  struct iommu_trace_results results;
};

static inline size_t test_trace_source(void *context,
                                       struct iommu_trace_access *out, size_t n)
{
  struct test_trace *t = context;
  size_t rest = t->n - t->next;
  if (n > rest)
    n = rest;
  if (n > 0)
    memcpy(out, t->accesses + t->next, n * sizeof *out);
  t->next += n;
  return n;
}

static inline void test_trace_answered(void *context, uint64_t number,
                                       hd_time latency)
{
  struct test_trace *t = context;
  ck_assert_uint_lt(number, t->n);
  ck_assert_int_eq(t->latency[number], 0);
  t->latency[number] = latency;
}

/* Caches that are never too small, but for the IOTLB. */
static inline void test_trace_new(struct test_trace *t, int mode)
{
  *t = (struct test_trace){.iommu = test_iommu_params(mode),
                           .memory = test_memory_params()};
  t->iommu.context_entries = t->iommu.pasid_entries = 65536;
  t->iommu.pasid_dir_entries = 65536;
  ck_assert(trace_map_initialize(&t->map));
  t->config = (struct iommu_trace_config){.iommu = &t->iommu,
                                          .memory = &t->memory,
                                          .map = &t->map,
                                          .arena_base = 4096,
                                          .arena_size = UINT64_C(1) << 34,
                                          .memory_latency = TEST_HOP,
                                          .depth = 1,
                                          .seed = 1,
                                          .window = HD_US,
                                          .source = test_trace_source,
                                          .source_context = t,
                                          .answered = test_trace_answered,
                                          .answered_context = t};
}

/* Adds an access, without its page. */
static inline void test_trace_add_unmapped(struct test_trace *t,
                                           uint32_t domain, uint64_t iova,
                                           enum trace_page page, bool first)
{
  if (t->n == t->capacity) {
    t->capacity = t->capacity ? 2 * t->capacity : 1024;
    t->accesses = realloc(t->accesses, t->capacity * sizeof *t->accesses);
    t->pages = realloc(t->pages, t->capacity * sizeof *t->pages);
    ck_assert(t->accesses && t->pages);
  }
  t->pages[t->n] = page;
  t->accesses[t->n++] = (struct iommu_trace_access){iova, domain, first};
}

static inline void test_trace_add(struct test_trace *t, uint32_t domain,
                                  uint64_t iova, enum trace_page page,
                                  bool first)
{
  enum trace_page other;
  ck_assert_int_eq(trace_map_add(&t->map, domain, iova, page, &other),
                   TRACE_MAP_ADDED);
  test_trace_add_unmapped(t, domain, iova, page, first);
}

static inline enum iommu_trace_status test_trace_run(struct test_trace *t)
{
  t->latency = calloc(t->n + 1, sizeof *t->latency);
  return iommu_trace_run(&t->config, &t->results);
}

static inline void test_trace_free(struct test_trace *t)
{
  iommu_trace_results_terminate(&t->results);
  trace_map_terminate(&t->map);
  free(t->accesses);
  free(t->pages);
  free(t->latency);
}

#endif
