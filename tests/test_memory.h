/*
 * test_memory.h - what the tests of memory, IOMMU and interrupts share: an
 * agent that stands in for the root complex, and runs in child processes
 * (SimGrid allows one simulation in a process).
 */
#ifndef HD_TEST_MEMORY_H
#define HD_TEST_MEMORY_H

#include "models/memory/memory.h"

#include <check.h>
#include <gsl/gsl_rng.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- runs ----------------------------------------------------------- */

static inline struct hd_engine *test_engine(hd_time window)
{
  struct hd_engine_options options = {.seed = 1, .window = window};
  struct hd_engine *e = hd_engine_create(&options);
  hd_engine_add_host(e, "host");
  return e;
}

static inline uint64_t test_fingerprint(const struct hd_engine *e)
{
  struct hd_engine_report r;
  hd_engine_get_report(e, &r);
  return r.fingerprint;
}

/* Runs body(argument, result) in a child process, whose failures are this
 * test's. */
static inline void test_in_child(void (*body)(const void *, void *),
                                 const void *argument, void *result,
                                 size_t size)
{
  int fd[2], status;
  ck_assert_int_eq(pipe(fd), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    body(argument, result);
    _exit(write(fd[1], result, size) == (ssize_t)size ? 0 : 1);
  }
  close(fd[1]);
  ck_assert_int_eq(read(fd[0], result, size), (ssize_t)size);
  close(fd[0]);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
}

/* ---- memory of round numbers ---------------------------------------- */

/* 256 sets of 16 ways: 256 KiB, of which DDIO has 32 KiB. A line takes 2 ns of
 * a channel. */
static inline struct memory_params test_memory_params(void)
{
  return (struct memory_params){.llc_size = 256 * 1024,
                                .llc_ways = 16,
                                .ddio_ways = 2,
                                .llc_latency = 70 * HD_NS,
                                .dram_latency = 55 * HD_NS,
                                .dram_channels = 4,
                                .dram_rate = 256000000000,
                                .refresh_interval = 0,
                                .refresh_duration = 0,
                                .write_latency = 40 * HD_NS,
                                .visible_latency = 30 * HD_NS,
                                .size = INT64_C(1) << 40};
}

/* ---- agent ---------------------------------------------------------- */

struct test_answer {
  hd_time sent, when;
  uint64_t address, hpa;
  hd_time translation;
  uint16_t owner;
  uint8_t status;
};

/* Sends TLPs on `out` (and takes the answers), all planned before the run, or
 * more of them by `answered`. */
struct test_agent {
  struct hd_component base;
  struct hd_channel *out;
  uint32_t kind;             /* of messages sent */
  struct pcie_tlp **planned; /* until start */
  hd_time *at;
  size_t n_planned, cap_planned;
  struct test_answer *answers;
  size_t n_answers, cap_answers;
  void (*answered)(struct test_agent *a, struct pcie_tlp *tlp);
  gsl_rng *rng;
  uint64_t pages, left; /* for `answered` */
};

static inline struct pcie_tlp *test_new_tlp(struct test_agent *a, uint8_t type,
                                            uint64_t address, uint32_t length)
{
  struct pcie_tlp *tlp = hd_msg_new_zero(&a->base, a->kind);
  tlp->type = type;
  tlp->address = tlp->hpa = address;
  tlp->length = length;
  tlp->observer = PCIE_NO_OBSERVER;
  tlp->owner = MEMORY_NO_REGION;
  return tlp;
}

static inline void test_send(struct test_agent *a, struct pcie_tlp *tlp,
                             hd_time when)
{
  tlp->context = (void *)(uintptr_t)when;
  hd_send_at(a->out, when, tlp);
}

/* To arrive at `when`; before the run. The caller may change the TLP. */
static inline struct pcie_tlp *test_plan(struct test_agent *a, hd_time when,
                                         uint8_t type, uint64_t address,
                                         uint32_t length)
{
  if (a->n_planned == a->cap_planned) {
    a->cap_planned = a->cap_planned ? 2 * a->cap_planned : 64;
    a->planned = realloc(a->planned, a->cap_planned * sizeof(void *));
    a->at = realloc(a->at, a->cap_planned * sizeof *a->at);
  }
  a->at[a->n_planned] = when;
  a->planned[a->n_planned] = test_new_tlp(a, type, address, length);
  return a->planned[a->n_planned++];
}

static inline void test_agent_start(struct hd_component *self)
{
  struct test_agent *a = (struct test_agent *)self;
  for (size_t i = 0; i < a->n_planned; i++)
    test_send(a, a->planned[i], a->at[i]);
}

static inline void test_agent_handle(struct hd_component *self,
                                     struct hd_msg *msg)
{
  struct test_agent *a = (struct test_agent *)self;
  struct pcie_tlp *tlp = (struct pcie_tlp *)msg;
  if (a->n_answers == a->cap_answers) {
    a->cap_answers = a->cap_answers ? 2 * a->cap_answers : 64;
    a->answers = realloc(a->answers, a->cap_answers * sizeof *a->answers);
  }
  a->answers[a->n_answers++] =
      (struct test_answer){.sent = (hd_time)(uintptr_t)tlp->context,
                           .when = hd_now(self),
                           .address = tlp->address,
                           .hpa = tlp->hpa,
                           .translation = tlp->translation,
                           .owner = tlp->owner,
                           .status = tlp->status};
  if (a->answered)
    a->answered(a, tlp);
  else
    hd_msg_free(self, tlp);
}

static inline void test_agent_initialize(struct test_agent *a,
                                         struct hd_engine *e, uint32_t kind)
{
  static const struct hd_component_ops ops = {
      .kind = "agent", .handle = test_agent_handle, .start = test_agent_start};
  hd_component_initialize(&a->base, e, &ops, "agent", "host");
  a->kind = kind;
}

static inline void test_agent_terminate(struct test_agent *a)
{
  free(a->planned);
  free(a->at);
  free(a->answers);
}

static inline hd_time test_latency(const struct test_agent *a, size_t i)
{
  ck_assert_uint_lt(i, a->n_answers);
  return a->answers[i].when - a->answers[i].sent;
}

#endif
