/*
 * sched_smt.c - logical cores that are threads of one physical core.
 *
 * With two threads a physical core, logical cores c and c + n / 2 are siblings,
 * as Linux numbers them on Intel's processors. A thread works while a vCPU has
 * it that does not halt-poll: PAUSE leaves the core's units to the sibling.
 * Whoever runs on a thread is told when the sibling begins or ceases to work.
 */
#include "models/cpu/sched_internal.h"

static uint32_t sibling_of(const struct scheduler *s, uint32_t core)
{
  return core < s->siblings ? core + s->siblings : core - s->siblings;
}

static bool has_work(const struct scheduler *s, const struct core *c)
{
  return c->running != NO_VCPU && !s->entities[c->running].polling;
}

bool sched_is_shared(const struct scheduler *s, uint32_t core)
{
  return s->siblings > 0 && s->cores[sibling_of(s, core)].works;
}

static void tell_sibling(struct scheduler *s, uint32_t core, bool shared)
{
  uint32_t vcpu = s->cores[core].running;
  const struct entity *e = &s->entities[vcpu];
  struct sched_msg *m = hd_msg_new_zero(&s->base, MSG_SCHED_SHARE);
  m->msg.tag = e->run;
  m->vcpu = vcpu;
  m->shared = shared;
  hd_send(e->to, s->to_vcpu, m);
}

void sched_smt_update(struct scheduler *s, uint32_t core)
{
  if (s->siblings == 0)
    return;
  struct core *c = &s->cores[core];
  uint32_t sibling = sibling_of(s, core);
  bool works = has_work(s, c);
  sched_smt_mark(s, core);
  sched_smt_mark(s, sibling);
  if (c->works == works)
    return;
  c->works = works;
  if (s->cores[sibling].works) /* else its next run tells */
    tell_sibling(s, sibling, works);
}

void sched_smt_mark(struct scheduler *s, uint32_t core)
{
  if (s->siblings == 0)
    return;
  bool whole = core_set_has(s->idle_set, core) &&
               s->cores[sibling_of(s, core)].running == NO_VCPU;
  if (whole)
    core_set_add(s->whole_set, core);
  else
    core_set_remove(s->whole_set, core);
}

const char *sched_smt_check(const struct scheduler *s, uint32_t core)
{
  const struct core *c = &s->cores[core];
  if (s->siblings == 0)
    return NULL;
  if (c->works != has_work(s, c))
    return "whether a thread works is wrong";
  bool idle = c->running == NO_VCPU;
  bool other = s->cores[sibling_of(s, core)].running == NO_VCPU;
  if (core_set_has(s->whole_set, core) != (idle && !c->reserved && other))
    return "the set of whole cores is wrong";
  return NULL;
}
