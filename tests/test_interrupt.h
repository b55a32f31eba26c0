/*
 * test_interrupt.h - an interrupt unit with its memory, four vCPUs and a
 * scheduler that note what they get, and a device that sends interrupts.
 */
#ifndef HD_TEST_INTERRUPT_H
#define HD_TEST_INTERRUPT_H

#include "models/interrupt/interrupt.h"
#include "tests/test_memory.h"

#define HOP (5 * HD_NS)
#define REMAP (20 * HD_NS)
#define NOTIFY (300 * HD_NS)
#define WAKEUP (1000 * HD_NS) /* of which, to the scheduler: */
#define TO_SCHEDULER NOTIFY
#define HOST (400 * HD_NS)
#define STATE (70 * HD_NS)
#define UPDATE (HOP + 70 * HD_NS) /* of a descriptor in the LLC */
#define READ_ENTRY (HOP + 125 * HD_NS)
#define TABLE 0x100000u
#define DESCRIPTORS 0x200000u
enum { VCPUS = 4, RECORDS = 4096, SOURCE = 0x1608 };

/* ---- rig ------------------------------------------------------------ */

struct record {
  hd_time when, extra;
  uint32_t kind, vcpu;
  uint64_t vectors[4];
};

/* A vCPU or the scheduler: notes what it gets, sends planned states. */
struct party {
  struct hd_component base;
  struct hd_channel *state; /* to the unit */
  uint32_t index;
  struct record records[RECORDS];
  size_t n;
  hd_time at[16]; /* when planned states arrive */
  uint32_t states[16];
  size_t n_states;
};

struct rig {
  struct hd_engine *e;
  struct hd_window window;
  struct memory *memory;
  struct interrupt_unit *unit;
  struct test_agent agent;
  struct party vcpu[VCPUS], scheduler;
};

static inline void party_start(struct hd_component *self)
{
  struct party *p = (struct party *)self;
  for (size_t i = 0; i < p->n_states; i++) {
    struct interrupt_msg *m = hd_msg_new_zero(self, MSG_PID_STATE);
    m->vcpu = p->index;
    m->state = p->states[i];
    hd_send_at(p->state, p->at[i], m);
  }
}

static inline void party_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct party *p = (struct party *)self;
  const struct interrupt_msg *m = (struct interrupt_msg *)msg;
  struct record *r = &p->records[p->n++ % RECORDS];
  *r =
      (struct record){.when = hd_now(self), .kind = msg->kind, .vcpu = m->vcpu};
  r->extra = msg->kind == MSG_IRQ_WAKE ? m->extra : 0;
  for (int i = 0; i < 4; i++)
    r->vectors[i] = m->vectors[i];
  hd_msg_free(self, msg);
}

static const struct hd_component_ops party_ops = {
    .kind = "party", .handle = party_handle, .start = party_start};

static inline struct interrupt_params params(void)
{
  return (struct interrupt_params){.posted = true,
                                   .cache_entries = 64,
                                   .remap_latency = REMAP,
                                   .notify_latency = NOTIFY,
                                   .wakeup_latency = WAKEUP,
                                   .host_latency = HOST,
                                   .state_latency = STATE};
}

/* Handles 0..31 of vCPU v are 32 * v ..., with vectors 64 + handle % 32. */
static inline void rig_new(struct rig *r, const struct interrupt_params *p,
                           hd_time window,
                           const struct hd_component_ops *vcpu_ops)
{
  static const char *const names[VCPUS] = {"vcpu0", "vcpu1", "vcpu2", "vcpu3"};
  struct memory_params m = test_memory_params();
  *r = (struct rig){.window = {0, HD_TIME_NEVER}};
  r->e = test_engine(window);
  r->memory = memory_create(r->e, "memory", "host", &m, &r->window);
  memory_warm(r->memory, DESCRIPTORS, VCPUS * 64, false);
  r->unit =
      interrupt_unit_create(r->e, "interrupts", "host", p, TABLE, &r->window);
  interrupt_unit_attach_memory(r->unit, r->memory, HOP);
  hd_component_initialize(&r->scheduler.base, r->e, &party_ops, "scheduler",
                          "host");
  interrupt_unit_attach_scheduler(r->unit, &r->scheduler.base);
  for (uint32_t v = 0; v < VCPUS; v++) {
    hd_component_initialize(&r->vcpu[v].base, r->e, vcpu_ops, names[v], "host");
    r->vcpu[v].index = v;
    r->vcpu[v].state = interrupt_unit_add_vcpu(r->unit, &r->vcpu[v].base,
                                               DESCRIPTORS + 64 * v);
    for (uint32_t h = 0; h < 32; h++)
      interrupt_unit_set_entry(r->unit, 32 * v + h, SOURCE, v,
                               (uint8_t)(64 + h));
  }
  test_agent_initialize(&r->agent, r->e, MSG_TLP_INTERRUPT);
  r->agent.out = hd_channel_open(&r->agent.base,
                                 interrupt_unit_component(r->unit), 1 * HD_NS);
}

static inline struct pcie_tlp *interrupt_at(struct rig *r, hd_time when,
                                            uint32_t handle)
{
  struct pcie_tlp *tlp = test_plan(&r->agent, when, PCIE_MWR, PCIE_MSI_BASE, 4);
  tlp->requester = SOURCE;
  tlp->data = handle;
  return tlp;
}

static inline void state_at(struct rig *r, uint32_t vcpu, hd_time when,
                            uint32_t state)
{
  struct party *p = &r->vcpu[vcpu];
  p->at[p->n_states] = when;
  p->states[p->n_states++] = state;
}

static inline struct interrupt_stats rig_run(struct rig *r, hd_time limit)
{
  hd_engine_run(r->e, limit);
  const char *wrong = interrupt_unit_check(r->unit);
  ck_assert_msg(wrong == NULL, "%s", wrong);
  struct interrupt_stats s;
  interrupt_unit_get_stats(r->unit, &s);
  return s;
}

static inline void rig_free(struct rig *r)
{
  hd_engine_destroy(r->e);
  test_agent_terminate(&r->agent);
  interrupt_unit_destroy(r->unit);
  memory_destroy(r->memory);
}

static inline void expect(const struct party *p, size_t i, hd_time when,
                          uint32_t kind, uint32_t vcpu, uint64_t vectors)
{
  ck_assert_uint_lt(i, p->n);
  const struct record *r = &p->records[i];
  ck_assert_msg(r->when == when, "message %zu at %lld instead of %lld ps", i,
                (long long)r->when, (long long)when);
  ck_assert_uint_eq(r->kind, kind);
  ck_assert_uint_eq(r->vcpu, vcpu);
  ck_assert_int_eq(r->extra, kind == MSG_IRQ_WAKE ? WAKEUP - TO_SCHEDULER : 0);
  ck_assert_uint_eq(r->vectors[0], 0);
  ck_assert_uint_eq(r->vectors[1], vectors); /* vectors 64.. */
  ck_assert_uint_eq(r->vectors[2], 0);
  ck_assert_uint_eq(r->vectors[3], 0);
}

/* When an interrupt that arrives at `when` with a cached entry is posted. */
static inline hd_time posted_at(hd_time when)
{
  return when + REMAP + UPDATE;
}

/* Warms the entry cache: handle 0 to a running vCPU 0. */
#define WARM (1 * HD_US)
#define T (10 * HD_US)

static inline void rig_warm(struct rig *r, const struct interrupt_params *p)
{
  rig_new(r, p, HD_US, &party_ops);
  for (uint32_t h = 0; h < 8; h++)
    interrupt_at(r, WARM, h);
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
