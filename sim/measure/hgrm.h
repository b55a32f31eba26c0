/*
 * hgrm.h - a histogram as a percentile table in HdrHistogram's text format.
 *
 * Columns Value, Percentile, TotalCount, 1/(1-Percentile), five steps for each
 * halving of the distance to 100 %, then a footer; read by HdrHistogram's
 * plotters. Values are taken as picoseconds and written in nanoseconds with
 * three decimals, so none is rounded. LC_NUMERIC must be "C".
 */
#ifndef HD_MEASURE_HGRM_H
#define HD_MEASURE_HGRM_H

#include "sim/measure/histogram.h"

#include <stdbool.h>
#include <stdio.h>

/* Writes to an open stream; the caller checks ferror(). */
void hd_hgrm_print(const struct hd_histogram *h, FILE *out);

/* Writes the whole file or nothing. On failure false, and the reason in
 * `error` (up to `error_size` bytes with the NUL). */
bool hd_hgrm_write(const struct hd_histogram *h, const char *path, char *error,
                   size_t error_size);

#endif
