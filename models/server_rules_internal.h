/*
 * server_rules_internal.h - shared by the files that check a configuration;
 * not for others.
 */
#ifndef HD_MODELS_SERVER_RULES_INTERNAL_H
#define HD_MODELS_SERVER_RULES_INTERNAL_H

#include <stdio.h>

#include "models/server_plan.h"

struct checker {
  const struct server_config *c;
  server_complain complain;
  void *ctx;
  bool ok;
};

/* Complains about the parameter at `path`. */
#define COMPLAIN(k, path, ...)                                                 \
  ((k)->complain((k)->ctx, path, __VA_ARGS__), (k)->ok = false)

/* Complains about a key of a group. */
#define COMPLAIN_GROUP(k, g, key, ...)                                         \
  do {                                                                         \
    char path_[HD_PARAM_STRING_MAX + 32];                                      \
    snprintf(path_, sizeof path_, "vms.%s.%s", (g)->name, key);                \
    COMPLAIN(k, path_, __VA_ARGS__);                                           \
  } while (0)

/* server_rules_group.c: group `i` of VMs. */
void server_check_group(struct checker *k, size_t i);
/* server_rules_peers.c: whom its machines send to. */
void server_check_peers(struct checker *k, const struct vm_group *g);
/* server_rules_migration.c: live migration of one VM. */
void server_check_migration(struct checker *k);
/* server_rules_bench.c: what runs in place of a server. */
void server_check_bench(struct checker *k);
void server_check_irq_bench(struct checker *k);
void server_check_lifecycle(struct checker *k);

#endif
