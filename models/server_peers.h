/*
 * server_peers.h - traffic between the guests of a server: which group sends to
 * which, and which guest to which. Pure.
 *
 * Machine i of a group with a peer sends to machine i modulo the count of the
 * peer. All functions want a configuration that the rules have passed, but for
 * peers_name(), peers_find() and peers_any().
 */
#ifndef HD_MODELS_SERVER_PEERS_H
#define HD_MODELS_SERVER_PEERS_H

#include "models/server_plan.h"

/* The group that `g` says it sends to; NULL: the client, or its workload has no
 * peer. */
const char *peers_name(const struct vm_group *g);
/* The group of that name; NULL: there is none. */
const struct vm_group *peers_find(const struct server_config *c,
                                  const char *name);
/* Some group sends to another. */
bool peers_any(const struct server_config *c);
/* Others send to this one. */
bool peers_receives(const struct server_config *c, const struct vm_group *g);
/* Whom a guest sends to; false: the client, or nobody. */
bool peers_guest(const struct server_config *c, const struct guest_plan *p,
                 uint16_t *vm);
/* Who sends to a guest, ascending; returns how many. sources NULL: only that.
 */
size_t peers_sources(const struct server_config *c, const struct guest_plan *p,
                     uint16_t *sources);

#endif
