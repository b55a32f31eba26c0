/*
 * lifecycle_machine.h - the machine of a scenario with lifecycle.mode: starts
 * of containers or VMs (lifecycle/lifecycle.h), in the terms of a server. For
 * models/server*.c only.
 */
#ifndef HD_MODELS_LIFECYCLE_MACHINE_H
#define HD_MODELS_LIFECYCLE_MACHINE_H

#include "models/server.h"

struct lifecycle_machine; /* opaque */

bool lifecycle_machine_wanted(const struct server_config *c);
/* NULL, or what is wrong with the parameters together. */
const char *lifecycle_machine_problem(const struct server_config *c);
/* False: *s says which kind of device runs out. Pure. */
bool lifecycle_machine_feasible(const struct server_config *c,
                                struct server_shortage *s);

struct lifecycle_machine *
lifecycle_machine_create(struct hd_engine *e, const struct server_config *c);
void lifecycle_machine_run(struct lifecycle_machine *m);
void lifecycle_machine_results(const struct lifecycle_machine *m,
                               struct server_results *r);
/* After the engine has been destroyed. */
void lifecycle_machine_destroy(struct lifecycle_machine *m);

#endif
