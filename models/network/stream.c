#include "models/network/client_internal.h"

enum { REMEMBERED = 64 };

static enum stream_verdict note_new(struct stream *s, uint64_t sequence,
                                    uint64_t *gap)
{
  uint64_t step = sequence + 1 - s->next;
  s->seen = step < REMEMBERED ? s->seen << step | 1 : 1;
  s->next = sequence + 1;
  *gap = step - 1;
  return STREAM_NEW;
}

enum stream_verdict stream_note(struct stream *s, uint64_t sequence,
                                uint64_t *gap)
{
  *gap = 0;
  if (sequence >= s->next)
    return note_new(s, sequence, gap);
  uint64_t age = s->next - 1 - sequence;
  if (age >= REMEMBERED)
    return STREAM_LATE;
  uint64_t bit = UINT64_C(1) << age;
  if (s->seen & bit)
    return STREAM_DUPLICATE;
  s->seen |= bit;
  return STREAM_LATE;
}
