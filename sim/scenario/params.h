/*
 * params.h - what the registry's tables say, for people and for editors.
 */
#ifndef HD_SCENARIO_PARAMS_H
#define HD_SCENARIO_PARAMS_H

#include "sim/scenario/scenario.h"

/* Lists the parameters of one section, group or alternative, or with NULL of
 * all; the top level is called "top". false: no such section. */
bool hd_params_print(const struct hd_param_registry *registry,
                     const char *section, FILE *out);
/* The known section nearest to `section`, or NULL. */
const char *hd_params_suggest(const struct hd_param_registry *registry,
                              const char *section);
/* Calls `visit` with every name that hd_params_print knows. */
void hd_params_sections(const struct hd_param_registry *registry,
                        void (*visit)(void *ctx, const char *name), void *ctx);

/* JSON Schema (draft-07) of a scenario file, ended by a newline. false: could
 * not be written. */
bool hd_params_schema(const struct hd_scenario_env *env, FILE *out);

/* Checks the tables themselves: defaults and limits that parse and are in
 * range, no name twice, no reserved name, offsets inside the configuration,
 * as many alternatives as choices. For the models' tests. */
bool hd_params_verify(const struct hd_param_registry *registry,
                      struct hd_errors *errors);

#endif
