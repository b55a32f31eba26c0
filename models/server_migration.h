/*
 * server_migration.h - the second server of a scenario with live migration, and
 * the move of one guest to it. For models/server*.c.
 *
 *   guest -- machine "server" ------ wires --.
 *     \\                                     Ethernet switches -- clients
 *      `---- machine "destination" -- wires -'
 *   migration threads and agents at both; a link for pages between them
 */
#ifndef HD_MODELS_SERVER_MIGRATION_H
#define HD_MODELS_SERVER_MIGRATION_H

#include "models/hypervisor/migration.h"
#include "models/server_internal.h"

struct server_migration; /* opaque */

/* The second machine; before clients and guests are made. */
struct server_migration *server_migration_create(struct server *s);
/* The guest's second home, threads, agents; after guests and hypervisor. */
void server_migration_join(struct server_migration *m);
/* After the engine has been destroyed. */
void server_migration_destroy(struct server_migration *m);

/* The end of wire `port` that the client is at. */
struct wire *server_migration_client_wire(struct server_migration *m,
                                          unsigned port);
/* Stops the run (hd_fail) when something does not balance. */
void server_migration_check(const struct server_migration *m);
/* Packets in the second machine, the switches and their wires. */
uint64_t server_migration_packets(const struct server_migration *m);
/* Sets the metrics of a migration, and adds to drops. */
void server_migration_metrics(const struct server_migration *m, double *metric);
/* What became of it, in words. */
const char *server_migration_status(const struct server_migration *m);
/* Why the VM does not run at the destination; NULL: it does. */
const char *server_migration_note(const struct server_migration *m);
const struct migration_report *
server_migration_report(const struct server_migration *m);
/* Host cores at the destination that serve a guest, within the window. */
double server_migration_busy_for(const struct server_migration *m, uint16_t vm,
                                 hd_time end);
struct machine *server_migration_machine(struct server_migration *m);

#endif
