/*
 * measured_outcome.h - what one simulation says, as an array of numbers.
 *
 * First the metrics of summary.csv (row `all`), then quantiles of the latency
 * distribution that summary.csv does not have. Times are nanoseconds; NaN: does
 * not apply.
 */
#ifndef HD_CLI_MEASURED_OUTCOME_H
#define HD_CLI_MEASURED_OUTCOME_H

#include "models/server.h"

enum { OUTCOME_QUANTILES = 9, OUTCOMES = METRIC_COUNT + OUTCOME_QUANTILES };

/* The index of "latency_p5_ns", "dma_gbps", ...; OUTCOMES: no such outcome. */
size_t cli_outcome_find(const char *name);
const char *cli_outcome_name(size_t outcome);
void cli_outcome_fill(const struct server_results *r, double values[OUTCOMES]);

#endif
