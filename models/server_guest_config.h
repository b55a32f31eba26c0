/*
 * server_guest_config.h - the part of a guest's configuration that follows from
 * the scenario alone. For models/server*.c.
 */
#ifndef HD_MODELS_SERVER_GUEST_CONFIG_H
#define HD_MODELS_SERVER_GUEST_CONFIG_H

#include "models/server.h"
#include "models/workload/guest.h"

/* Of a guest of group `g`: what it runs, its drivers, its costs. Points into
 * `c` and `g`. What the plan and the engine know is missing. */
struct guest_config server_guest_config(const struct server_config *c,
                                        const struct vm_group *g);

#endif
