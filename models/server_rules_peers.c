/*
 * server_rules_peers.c - rules of traffic between guests: both ends are
 * interfaces of one port of the NIC, and the receiving one runs nothing else.
 */
#include <string.h>

#include "models/server_peers.h"
#include "models/server_rules_internal.h"
#include "sim/engine/nearest.h"

#define PEER "workload.peer"

/* ", did you mean ..." or "". */
struct hint {
  char text[HD_PARAM_STRING_MAX + 32];
};

static struct hint hint_at(const struct server_config *c, const char *name)
{
  struct hint h = {""};
  struct hd_nearest n = hd_nearest_to(name);
  hd_nearest_try(&n, WORKLOAD_CLIENT);
  for (size_t i = 0; i < c->n_groups; i++)
    hd_nearest_try(&n, c->groups[i].name);
  if (n.best)
    snprintf(h.text, sizeof h.text, "; did you mean '%s'?", n.best);
  return h;
}

static bool has_network(const struct vm_group *g)
{
  return !plan_is_block(g) && !plan_is_accelerated(g);
}

/* Its guests have interfaces of the NIC of their own. */
static bool is_on_nic(const struct server_config *c, const struct vm_group *g)
{
  enum design d = plan_design(c, g);
  return plan_device(c, g) == DEVICE_NIC && !plan_is_software(d);
}

static void check_design(struct checker *k, const struct vm_group *g,
                         const struct vm_group *of)
{
  COMPLAIN_GROUP(k, g, PEER,
                 "machines reach each other by the NIC's bridge, and group %s "
                 "with design %s has no interfaces there; designs sriov and "
                 "hdiov have",
                 of->name, server_design_names[plan_design(k->c, of)]);
}

static void check_peer(struct checker *k, const struct vm_group *g,
                       const struct vm_group *to)
{
  const struct server_config *c = k->c;
  if (to == g)
    COMPLAIN_GROUP(k, g, PEER,
                   "group %s cannot be its own peer: each machine would send "
                   "to itself",
                   g->name);
  else if (!has_network(to))
    COMPLAIN_GROUP(k, g, PEER,
                   "group %s has no network device: its workload is %s",
                   to->name, workload_type_names[to->workload]);
  else if (to->workload != WORKLOAD_IDLE)
    COMPLAIN_GROUP(k, g, PEER,
                   "group %s runs %s; a peer only receives and answers: "
                   "workload: {type: idle}",
                   to->name, workload_type_names[to->workload]);
  else if (!is_on_nic(c, g))
    check_design(k, g, g);
  else if (!is_on_nic(c, to))
    check_design(k, g, to);
  else if (g->port != to->port)
    COMPLAIN_GROUP(k, g, PEER,
                   "groups %s and %s are on ports %lld and %lld; the NIC's "
                   "bridge joins interfaces of one port",
                   g->name, to->name, (long long)g->port, (long long)to->port);
}

/* What is not made for it. */
static void check_company(struct checker *k, const struct vm_group *g)
{
  if (k->c->migration.enabled)
    COMPLAIN_GROUP(k, g, PEER,
                   "traffic between machines stays in the NIC of one server: "
                   "it cannot be combined with migration.enabled");
  if (k->c->run.series > 0)
    COMPLAIN_GROUP(k, g, PEER,
                   "time series have what the client sees, which is nothing of "
                   "traffic between machines; set run.series to 0 ps");
}

void server_check_peers(struct checker *k, const struct vm_group *g)
{
  const char *name = peers_name(g);
  if (!name)
    return;
  const struct vm_group *to = peers_find(k->c, name);
  if (to)
    check_peer(k, g, to);
  else
    COMPLAIN_GROUP(k, g, PEER, "there is no group '%s' to send to%s", name,
                   hint_at(k->c, name).text);
  check_company(k, g);
}
