/*
 * guest_thread.c - which of a vCPU's sending threads runs.
 *
 * A thread keeps the vCPU until it blocks, all its streams are ahead of their
 * rates, or its slice is over; then the next runnable one gets it.
 */
#include "models/workload/guest_internal.h"

/* Linux's minimal preemption granularity with some CPUs (from memory). */
#define SLICE (3 * HD_MS)

struct guest_stream *guest_thread_stream(struct guest_thread *t)
{
  for (uint32_t i = 0; i < t->count; i++) {
    uint32_t k = (t->next + i) % t->count;
    if (t->streams[k]->green) {
      t->next = k;
      return t->streams[k];
    }
  }
  return NULL;
}

static bool runnable(struct guest_thread *t)
{
  return !t->blocked && guest_thread_stream(t) != NULL;
}

struct guest_thread *guest_thread_pick(struct guest_sender *s, hd_time now)
{
  bool was = s->running < s->count;
  if (was && now < s->slice_end && runnable(&s->threads[s->running]))
    return &s->threads[s->running];
  uint32_t from = was ? s->running + 1 : 0;
  for (uint32_t i = 0; i < s->count; i++) {
    uint32_t k = (from + i) % s->count;
    if (!runnable(&s->threads[k]))
      continue;
    s->slice_end = now + SLICE;
    return &s->threads[k];
  }
  return NULL;
}

bool guest_thread_enter_call(struct guest_cpu *cpu, struct guest_thread *t,
                             struct guest_stream *s)
{
  if (!t->in_call) {
    t->in_call = true;
    t->call = vcpu_now(&cpu->vcpu);
  }
  if (!socket_full(s))
    return true;
  socket_block(cpu, s);
  if (guest_in_window(cpu))
    cpu->counters.blocked++;
  return false;
}
