/*
 * machine_endpoints.h - a machine's QAT-like accelerators: endpoints, each with
 * a link of its own. For models/machine*.c.
 */
#ifndef HD_MODELS_MACHINE_ENDPOINTS_H
#define HD_MODELS_MACHINE_ENDPOINTS_H

#include "models/machine.h"

/* accelerator.endpoints of them, one after the other below the root complex. */
void machine_make_endpoints(struct machine *m);
/* After the engine has been destroyed. */
void machine_destroy_endpoints(struct machine *m);
/* Their physical functions use the host's address space; false: no room. */
bool machine_attach_endpoints(const struct machine *m, uint32_t domain);

/* Stops the run (hd_fail) when something does not balance. */
void machine_check_endpoints(const struct machine *m);
/* Sets their metrics: the busiest one's utilisation, and what only NICs and
 * drives have otherwise. */
void machine_endpoint_metrics(const struct machine *m, double *metric);
/* Rows of those units of theirs that were used at all. */
void machine_endpoint_resources(const struct machine *m,
                                struct server_results *r);
/* False: the resource is a unit of accelerators, and requests for `algorithm`
 * (negative: of those who have none) do not use it. */
bool machine_endpoint_concerns(const char *resource, int algorithm);

#endif
