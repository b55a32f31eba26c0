/* dram.c - DRAM channels, see dram.h. */
#include "models/memory/dram.h"

#include <stdlib.h>

#define LINE_BYTES 64

bool dram_initialize(struct dram *d, uint32_t n_channels, int64_t rate,
                     hd_time latency, hd_time interval, hd_time duration)
{
  *d = (struct dram){.n_channels = n_channels,
                     .power_of_two = (n_channels & (n_channels - 1)) == 0,
                     .service = hd_time_of_bytes(LINE_BYTES, rate),
                     .latency = latency,
                     .interval = duration > 0 ? interval : 0,
                     .duration = duration};
  d->channels = calloc(n_channels, sizeof *d->channels);
  if (!d->channels)
    return false;
  for (uint32_t c = 0; c < n_channels; c++)
    d->channels[c].refresh =
        d->interval ? d->interval * (c + 1) / n_channels : HD_TIME_NEVER;
  return true;
}

void dram_terminate(struct dram *d)
{
  free(d->channels);
}
