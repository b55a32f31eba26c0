#include "sim/measure/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool hd_series_initialize(struct hd_series *s, hd_time width, hd_time duration)
{
  assert(width > 0 && duration > 0);
  hd_time n = (duration - 1) / width + 1;
  *s = (struct hd_series){0};
  if (n > HD_SERIES_BINS_MAX)
    return false;
  s->bins = calloc((size_t)n * HD_SERIES_COUNTS, sizeof *s->bins);
  if (s->bins == NULL)
    return false;
  s->width = width;
  s->duration = duration;
  s->n = (size_t)n;
  return true;
}

void hd_series_terminate(struct hd_series *s)
{
  free(s->bins);
  *s = (struct hd_series){0};
}

void hd_series_reset(struct hd_series *s)
{
  memset(s->bins, 0, s->n * HD_SERIES_COUNTS * sizeof *s->bins);
  s->recorded = 0;
}

void hd_series_merge(struct hd_series *into, const struct hd_series *from)
{
  assert(into->width == from->width && into->duration == from->duration);
  into->recorded |= from->recorded;
  for (size_t i = 0; i < into->n * HD_SERIES_COUNTS; i++)
    into->bins[i] += from->bins[i];
}

hd_time hd_series_begin(const struct hd_series *s, size_t bin)
{
  return (hd_time)bin * s->width;
}

bool hd_series_amount(const struct hd_series *s, size_t bin,
                      enum hd_series_count what, uint64_t *amount)
{
  assert(bin < s->n);
  *amount = s->bins[bin * HD_SERIES_COUNTS + what];
  return s->recorded >> what & 1;
}

double hd_series_rate(const struct hd_series *s, size_t bin,
                      enum hd_series_count what)
{
  uint64_t amount;
  if (!hd_series_amount(s, bin, what, &amount))
    return NAN;
  hd_time begin = hd_series_begin(s, bin);
  hd_time length = hd_time_min(s->width, s->duration - begin);
  return (double)amount * ((double)HD_S / (double)length);
}
