/*
 * migration_agent.c - the agent's thread, see migration_agent.h.
 */
#include <stdlib.h>

#include "models/cpu/vcpu_control.h"
#include "models/hypervisor/control.h"
#include "models/hypervisor/migration_agent_internal.h"

/* ---- waiting ------------------------------------------------------------- */

static void keep(struct migration_agent *a, struct hd_msg *m)
{
  m->next = NULL;
  if (a->first)
    a->last->next = m;
  else
    a->first = m;
  a->last = m;
}

/* Of vCPU 0, whose device has been plugged. */
static void emulate(struct migration_agent *a, struct control_msg *m)
{
  hd_task_advance(&a->task, a->config.trap_cost * m->register_count);
  m->msg.kind = MSG_VM_TRAPPED;
  hd_send(a->to_vcpu[0], MIGRATION_AGENT_LATENCY, m);
}

struct hd_msg *migration_agent_await(struct migration_agent *a, uint32_t kind)
{
  for (;;) {
    struct hd_msg *m = hd_task_wait_eager(&a->task, HD_TIME_NEVER);
    if (m->kind == kind)
      return m;
    if (m->kind == MSG_VM_TRAP) {
      emulate(a, (struct control_msg *)m);
      continue;
    }
    HD_REQUIRE(&a->task.base, m->kind == MSG_AGENT, "message of kind %u",
               m->kind);
    keep(a, m);
  }
}

static struct agent_msg *next_request(struct migration_agent *a)
{
  struct hd_msg *m = a->first;
  if (!m)
    return (struct agent_msg *)migration_agent_await(a, MSG_AGENT);
  a->first = m->next;
  return (struct agent_msg *)m;
}

void migration_agent_ask_guest(struct migration_agent *a, enum guest_plug verb)
{
  struct guest_plug_msg *m = hd_msg_new_zero(&a->task.base, MSG_GUEST_PLUG);
  m->verb = verb;
  m->reply = a->from_vcpu[0];
  hd_send(a->to_vcpu[0], MIGRATION_AGENT_LATENCY, m);
  hd_msg_free(&a->task.base, migration_agent_await(a, MSG_GUEST_PLUG));
}

void migration_agent_command(struct migration_agent *a, uint16_t device,
                             uint64_t doorbell, void *command)
{
  hd_time posted = hd_now(&a->task.base), poll = a->config.admin_poll;
  struct mmio_msg *m = hd_msg_new_zero(&a->task.base, MSG_MMIO_WRITE);
  m->address = doorbell;
  m->length = 4;
  m->device = device;
  m->object = command;
  hd_send(a->to_root, a->to_root->latency, m);
  hd_msg_free(&a->task.base, migration_agent_await(a, MSG_GUEST_MEMORY));
  hd_time waited = hd_now(&a->task.base) - posted;
  hd_task_advance(&a->task, (waited + poll - 1) / poll * poll - waited);
}

void migration_agent_log(const struct migration_agent *a,
                         struct hd_channel *channel, struct hd_component *from,
                         const struct virtio_dirty_run *run, uint16_t runs)
{
  struct migration_dirty_msg *m = hd_msg_new_zero(from, MSG_MIGRATION_DIRTY);
  m->runs = runs;
  uint32_t base = (uint32_t)(a->config.memory_base / MIGRATION_PAGE);
  for (uint16_t i = 0; i < runs; i++) {
    m->run[i].first = run[i].first - base;
    m->run[i].count = run[i].count;
  }
  hd_send(channel, channel->latency, m);
}

/* ---- the guest ----------------------------------------------------------- */

static void pause_guest(struct migration_agent *a)
{
  size_t n = guest_vcpus(a->config.guest);
  for (size_t i = 0; i < n; i++) {
    struct vcpu_control_msg *m = hd_msg_new_zero(&a->task.base, MSG_VCPU_PAUSE);
    m->reply = a->from_vcpu[i];
    hd_send(a->to_vcpu[i], MIGRATION_AGENT_LATENCY, m);
  }
  for (size_t i = 0; i < n; i++)
    hd_msg_free(&a->task.base, migration_agent_await(a, MSG_VCPU_PAUSED));
}

/* All vectors of the device's queues that this vCPU handles: whoever resumes a
 * device cannot know which it had signalled (QEMU raises them all, too). Masked
 * ones stay pending. */
static void all_vectors(const struct migration_agent *a, const struct vcpu *v,
                        uint64_t *mask)
{
  unsigned first = a->config.first_pair, end = first + a->config.pairs;
  for (unsigned q = first; !guest_polls(a->config.guest) && q < end; q++)
    if (guest_vcpu_of_queue(a->config.guest, q) == v) {
      unsigned vector = GUEST_VECTOR(1 + q);
      mask[vector / 64] |= UINT64_C(1) << (vector % 64);
    }
}

static void run_guest(struct migration_agent *a)
{
  struct guest *g = a->config.guest;
  if (a->config.side == 1) {
    if (a->ops->arrive)
      a->ops->arrive(a->back_end, a);
    guest_switch_backend(g, a->config.function, 1);
  }
  for (size_t i = 0; i < guest_vcpus(g); i++) {
    struct vcpu_control_msg *m =
        hd_msg_new_zero(&a->task.base, MSG_VCPU_RESUME);
    m->side = a->config.side;
    all_vectors(a, guest_vcpu(g, i), m->vectors);
    hd_send(a->to_vcpu[i], MIGRATION_AGENT_LATENCY, m);
  }
}

/* ---- the thread ---------------------------------------------------------- */

static void answer(struct migration_agent *a, const struct agent_msg *asked,
                   enum migration_verb verb, bool ok)
{
  bool guest = asked->verb == AGENT_PAUSE || asked->verb == AGENT_RUN;
  struct migration_answer_msg *m =
      hd_msg_new_zero(&a->task.base, MSG_MIGRATION_ANSWER);
  m->device = guest ? MIGRATION_CPU : 0;
  m->queue = asked->queue;
  m->verb = verb;
  m->ok = ok;
  if (asked->verb == AGENT_SUSPEND)
    m->ring.words[0] = virtq_state_base(a->config.function->queue[asked->queue],
                                        &a->config.queues[asked->queue].state);
  hd_send(a->to_migration, MIGRATION_AGENT_LATENCY, m);
}

/* One queue, or all of them: an image is the whole device's. */
static bool for_queues(struct migration_agent *a, const struct agent_msg *m,
                       bool (*verb)(void *, struct migration_agent *, uint32_t))
{
  if (!m->on)
    return verb(a->back_end, a, m->queue);
  bool ok = true;
  for (uint32_t q = 0; q < a->config.served; q++)
    ok = verb(a->back_end, a, q) && ok;
  return ok;
}

static void serve(struct migration_agent *a, const struct agent_msg *m)
{
  switch (m->verb) {
  case AGENT_PAUSE:
    pause_guest(a);
    answer(a, m, MIGRATION_SUSPEND, true);
    break;
  case AGENT_RUN:
    run_guest(a);
    answer(a, m, MIGRATION_RESUME, true);
    break;
  case AGENT_SUSPEND:
    if (!a->config.stuck)
      answer(a, m, MIGRATION_SUSPEND, for_queues(a, m, a->ops->suspend));
    break;
  case AGENT_RESUME: /* a device that never suspended has nothing to do */
    answer(a, m, MIGRATION_RESUME,
           a->config.stuck || for_queues(a, m, a->ops->resume));
    break;
  case AGENT_TRACK:
    a->ops->track(a->back_end, a, m->on);
    break;
  case AGENT_SWITCH:
    if (a->hooks.switched)
      a->hooks.switched(a->hooks.context, &a->task.base);
    break;
  case AGENT_UNPLUG:
    a->plug_ops->unplug(a->plug, a);
    answer(a, m, MIGRATION_TAKE_OUT, true);
    break;
  case AGENT_PLUG:
    a->plug_ops->plug(a->plug, a);
    answer(a, m, MIGRATION_PUT_IN, true);
    break;
  case AGENT_LEAVE:
    if (a->ops->leave)
      a->ops->leave(a->back_end, a);
    break;
  }
}

static void body(struct hd_task *t)
{
  struct migration_agent *a = (struct migration_agent *)t;
  if (a->config.side == 1 && a->ops->prepare)
    a->ops->prepare(a->back_end, a);
  for (;;) {
    struct agent_msg *m = next_request(a);
    serve(a, m);
    hd_msg_free(&t->base, m);
  }
}

/* ---- building ------------------------------------------------------------ */

static void connect_vcpus(struct migration_agent *a)
{
  struct guest *g = a->config.guest;
  size_t n = guest_vcpus(g);
  a->to_vcpu = calloc(n, sizeof(struct hd_channel *));
  a->from_vcpu = calloc(n, sizeof(struct hd_channel *));
  HD_REQUIRE(NULL, a->to_vcpu && a->from_vcpu, "out of memory for an agent");
  for (size_t i = 0; i < n; i++)
    a->to_vcpu[i] =
        vcpu_connect_control(guest_vcpu(g, i), &a->task.base,
                             MIGRATION_AGENT_LATENCY, &a->from_vcpu[i]);
}

struct migration_agent *
migration_agent_create(struct hd_engine *e, const char *path, const char *host,
                       const struct migration_agent_config *c)
{
  struct migration_agent *a = calloc(1, sizeof *a);
  HD_REQUIRE(NULL, a != NULL, "out of memory for %s", path);
  a->config = *c;
  hd_task_initialize(&a->task, e, body, "migration_agent", path, host);
  connect_vcpus(a);
  return a;
}

void migration_agent_destroy(struct migration_agent *a)
{
  free(a->to_vcpu);
  free(a->from_vcpu);
  free(a);
}

struct hd_component *migration_agent_component(struct migration_agent *a)
{
  return &a->task.base;
}

const struct migration_agent_config *
migration_agent_config(const struct migration_agent *a)
{
  return &a->config;
}

uint16_t migration_agent_observer(const struct migration_agent *a)
{
  return a->observer;
}

void migration_agent_attach(struct migration_agent *a,
                            struct root_complex *root, uint16_t observer)
{
  a->to_root = root_complex_connect_cpu(root, &a->task.base, &a->root_reply);
  a->observer = observer;
}

void migration_agent_set_back_end(struct migration_agent *a,
                                  const struct migration_back_end_ops *ops,
                                  void *back_end)
{
  a->ops = ops;
  a->back_end = back_end;
}

void migration_agent_set_plug(struct migration_agent *a,
                              const struct migration_plug_ops *ops,
                              void *device)
{
  a->plug_ops = ops;
  a->plug = device;
}

void migration_agent_join(struct migration_agent *a, struct migration *m)
{
  struct hd_component *thread = migration_component(m, a->config.side);
  a->to_migration =
      hd_channel_open(&a->task.base, thread, MIGRATION_AGENT_LATENCY);
  a->from_migration =
      hd_channel_open(thread, &a->task.base, MIGRATION_AGENT_LATENCY);
  a->ops->join(a->back_end, a, m);
}

void migration_agent_set_hooks(struct migration_agent *a,
                               const struct migration_agent_hooks *h)
{
  a->hooks = *h;
}
