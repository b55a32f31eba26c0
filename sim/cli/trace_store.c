#include "sim/cli/trace_store.h"

#include <stdlib.h>
#include <string.h>

static bool make_room(struct trace_store *s)
{
  size_t room = s->room ? 2 * s->room : 4096;
  struct iommu_trace_access *bigger =
      room <= TRACE_STORE_MAX ? realloc(s->accesses, room * sizeof *bigger)
                              : NULL;
  if (!bigger) {
    cli_trace_store_terminate(s);
    s->given_up = true;
    return false;
  }
  s->accesses = bigger;
  s->room = room;
  return true;
}

void cli_trace_store_add(struct trace_store *s, struct iommu_trace_access a)
{
  if (s->given_up || (s->count == s->room && !make_room(s)))
    return;
  s->accesses[s->count++] = a;
}

size_t cli_trace_store_take(struct trace_store *s,
                            struct iommu_trace_access *out, size_t count)
{
  size_t left = s->count - s->taken;
  size_t n = left < count ? left : count;
  if (n > 0)
    memcpy(out, s->accesses + s->taken, n * sizeof *out);
  s->taken += n;
  return n;
}

void cli_trace_store_terminate(struct trace_store *s)
{
  free(s->accesses);
  *s = (struct trace_store){.given_up = s->given_up};
}
