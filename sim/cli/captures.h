/*
 * captures.h - the capture files that scenarios name, each read once.
 *
 * They stay until the program ends; processes that simulate inherit them.
 */
#ifndef HD_CLI_CAPTURES_H
#define HD_CLI_CAPTURES_H

#include "models/server.h"
#include "sim/measure/manifest.h"

/* server_check_config(), and captures: reads those that the configuration
 * names, and complains about what is wrong with them. */
bool cli_captures_check(const void *config, server_complain complain,
                        void *ctx);

/* By group, as server_options.captures wants it; of a checked configuration. */
void cli_captures_of(const struct server_config *config,
                     const struct capture *captures[SERVER_MAX_GROUPS]);
/* `hash` and what the files contain. Unchanged when none is named. */
uint64_t cli_captures_hash(const struct server_config *config, uint64_t hash);
/* A list `captures` of all that have been read; none: nothing. */
void cli_captures_put(struct hd_manifest *m);

#endif
