/*
 * test_pcie.h - what the PCIe tests share: parameters, stand-ins for memory and
 * IOMMU, a device that transfers in a closed loop, and a way to run a
 * simulation in a child process (SimGrid allows one in a process).
 */
#ifndef HD_TEST_PCIE_H
#define HD_TEST_PCIE_H

#include "models/pcie/requester.h"
#include "models/pcie/root_complex.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static inline struct pcie_params test_params(int64_t generation, int64_t lanes,
                                             int64_t mps, int64_t mrrs)
{
  return (struct pcie_params){.generation = generation,
                              .lanes = lanes,
                              .mps = mps,
                              .mrrs = mrrs,
                              .rcb = 64,
                              .tags = 256,
                              .framing = 8,
                              .dllp_mode = PCIE_DLLP_ON_DEMAND,
                              .ack_interval = lanes >= 16 ? 168 : 203,
                              .fc_interval = lanes >= 16 ? 168 : 203,
                              .skip_interval = 1538,
                              .replay_timer = HD_US,
                              .replay_buffer = 16384,
                              .propagation = 20 * HD_NS,
                              .device_latency = 50 * HD_NS,
                              .port_latency = 30 * HD_NS,
                              .mmio_write_latency = 150 * HD_NS,
                              .mmio_read_latency = 150 * HD_NS,
                              .root_latency = 25 * HD_NS,
                              .switch_latency = 110 * HD_NS};
}

static inline struct hd_engine *test_engine(hd_time window, uint32_t shuffle)
{
  struct hd_engine_options options = {
      .seed = 1, .window = window, .shuffle = shuffle};
  struct hd_engine *e = hd_engine_create(&options);
  hd_engine_add_host(e, "host");
  return e;
}

/* Runs body(argument, result) in a child; its asserts fail this test. */
static inline void in_child(void (*body)(const void *, void *),
                            const void *argument, void *result, size_t size)
{
  int fd[2];
  ck_assert_int_eq(pipe(fd), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    memset(result, 0, size);
    body(argument, result);
    _exit(write(fd[1], result, size) == (ssize_t)size ? 0 : 1);
  }
  close(fd[1]);
  size_t got = 0;
  for (ssize_t n;
       got < size && (n = read(fd[0], (char *)result + got, size - got)) > 0;)
    got += (size_t)n;
  close(fd[0]);
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                "the child failed, status %#x", status);
  ck_assert_uint_eq(got, size);
}

/* ---- a memory: fixed latency, reads answered, writes swallowed ----------- */

enum { MEMORY_LOG = 256 };

struct fake_memory {
  struct hd_component base;
  struct hd_channel *answer;
  hd_time latency;
  uint64_t reads, writes;
  struct {
    uint64_t address;
    hd_time when;
    uint8_t type;
  } log[MEMORY_LOG]; /* of the first accesses, in order */
};

static inline void fake_memory_handle(struct hd_component *self,
                                      struct hd_msg *msg)
{
  struct fake_memory *m = (struct fake_memory *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)msg;
  uint64_t n = m->reads + m->writes;
  if (n < MEMORY_LOG) {
    m->log[n].address = t->hpa;
    m->log[n].when = hd_now(self);
    m->log[n].type = t->type;
  }
  if (t->type == PCIE_MWR) {
    m->writes++;
    hd_msg_free(self, t);
    return;
  }
  m->reads++;
  t->msg.kind = MSG_TLP_ACCESSED;
  hd_send(m->answer, m->latency, t);
}

static inline void fake_memory_attach(struct fake_memory *m,
                                      struct hd_engine *e,
                                      struct root_complex *rc, hd_time latency)
{
  static const struct hd_component_ops ops = {.kind = "fake_memory",
                                              .handle = fake_memory_handle};
  *m = (struct fake_memory){.latency = latency};
  hd_component_initialize(&m->base, e, &ops, "memory", "host");
  root_complex_attach_memory(rc, &m->base, HD_NS);
  m->answer = root_complex_answer_channel(rc, &m->base, HD_NS);
}

/* ---- an IOMMU: latency and verdict by page ------------------------------- */

struct fake_iommu {
  struct hd_component base;
  struct hd_channel *answer;
  hd_time (*latency)(const struct pcie_tlp *t);
  bool (*faults)(const struct pcie_tlp *t);
};

static inline void fake_iommu_handle(struct hd_component *self,
                                     struct hd_msg *msg)
{
  struct fake_iommu *u = (struct fake_iommu *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)msg;
  t->entered = hd_now(self); /* as tlp.h allows every unit to do */
  t->translation = u->latency(t);
  if (u->faults && u->faults(t))
    t->status = PCIE_UR;
  else
    t->hpa = t->address + (1ull << 40);
  t->msg.kind = MSG_TLP_TRANSLATED;
  hd_send(u->answer, t->translation, t);
}

static inline void fake_iommu_attach(struct fake_iommu *u, struct hd_engine *e,
                                     struct root_complex *rc)
{
  static const struct hd_component_ops ops = {.kind = "fake_iommu",
                                              .handle = fake_iommu_handle};
  hd_component_initialize(&u->base, e, &ops, "iommu", "host");
  root_complex_attach_iommu(rc, 0, &u->base, HD_NS);
  u->answer = root_complex_answer_channel(rc, &u->base, HD_NS);
}

/* ---- a device that reads and writes in a closed loop --------------------- */

enum { LOOP_MOST = 2048 };

struct loop_device {
  struct hd_component base;
  struct pcie_requester *requester;
  struct pcie_receiver receiver;
  struct pcie_dma dma[LOOP_MOST];
  uint32_t n_reads, n_writes; /* outstanding transfers */
  uint32_t size;
  uint8_t flags;
  uint16_t requester_id;
  uint64_t base_address;
  uint64_t limit; /* transfers to start; 0: no limit */
  uint64_t started, finished, errors;
};

static inline void loop_done(struct hd_component *self, struct pcie_dma *d);

static inline void loop_start_one(struct loop_device *x, struct pcie_dma *d)
{
  if (x->limit && x->started >= x->limit)
    return;
  uint64_t slot = x->started++ % 4096;
  bool is_read = d->context != NULL;
  *d = (struct pcie_dma){.address = x->base_address + slot * 4096,
                         .length = x->size,
                         .pasid = 5,
                         .requester = x->requester_id,
                         .flags = x->flags,
                         .observer = PCIE_NO_OBSERVER,
                         .done = loop_done,
                         .context = d->context};
  if (is_read)
    pcie_requester_read(x->requester, d);
  else
    pcie_requester_write(x->requester, d);
}

static inline void loop_done(struct hd_component *self, struct pcie_dma *d)
{
  struct loop_device *x = (struct loop_device *)self;
  x->finished++;
  x->errors += d->status != PCIE_SC;
  loop_start_one(x, d);
}

static inline void loop_start(struct hd_component *self)
{
  struct loop_device *x = (struct loop_device *)self;
  for (uint32_t i = 0; i < x->n_reads + x->n_writes; i++) {
    x->dma[i].context = i < x->n_writes ? NULL : x; /* writes come first */
    loop_start_one(x, &x->dma[i]);
  }
}

static inline void loop_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct loop_device *x = (struct loop_device *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)msg;
  if (msg->kind == MSG_TLP)
    pcie_receiver_free(&x->receiver, t);
  pcie_requester_receive(x->requester, t);
}

static inline void loop_attach(struct loop_device *x, struct hd_engine *e,
                               const char *path, struct pcie_link *l,
                               const struct pcie_params *p)
{
  static const struct hd_component_ops ops = {
      .kind = "loop_device", .handle = loop_handle, .start = loop_start};
  hd_component_initialize(&x->base, e, &ops, path, "host");
  struct hd_channel *ch =
      pcie_link_connect(l, PCIE_DOWNSTREAM_END, &x->base, p->device_latency);
  pcie_receiver_initialize(&x->receiver, p, ch, PCIE_DOWNSTREAM_END);
  x->requester = pcie_requester_create(&x->base, ch, p);
}

#endif
