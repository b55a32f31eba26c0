/*
 * claims_internal.h - what is found at a point about a published figure.
 */
#ifndef HD_CLI_CLAIMS_INTERNAL_H
#define HD_CLI_CLAIMS_INTERNAL_H

#include "sim/cli/claims.h"
#include "sim/cli/summary.h"

/* From what matters least to what matters most among an entry's points. */
enum claims_verdict {
  CLAIM_INFEASIBLE,
  CLAIM_NOT_RUN,
  CLAIM_HOLDS, /* from here on the point was judged */
  CLAIM_NO_VALUE,
  CLAIM_OFF,
  CLAIM_FAILED,
};

struct claims_judge {
  const struct hd_scenario *scenario;
  const struct summary *summary;
  size_t *first; /* by point: its first case; summary->n_cases: none */
  size_t n_points;
  size_t entry;
  const struct hd_published *facts;
};

/* What is found at one point. */
struct claims_finding {
  enum claims_verdict verdict;
  size_t point;
  double simulated, error; /* NaN: none */
  double severity;         /* orders findings of the same verdict */
  const char *status;      /* said instead of `simulated`; NULL: not */
};

/* The rows of a point and group; NULL: there are none. */
const struct summary_case *cli_claims_case(const struct claims_judge *j,
                                           size_t point, const char *group);
/* Judges the entry at one of its points. */
struct claims_finding cli_claims_judge(const struct claims_judge *j,
                                       size_t point);
bool cli_claims_is_worse(const struct claims_finding *a,
                         const struct claims_finding *b);

#endif
