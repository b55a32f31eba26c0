/*
 * server_cores.c - who used the host's cores: machines and host threads, one by
 * one, where they differ in kind.
 */
#include <stdio.h>
#include <stdlib.h>

#include "models/server_internal.h"
#include "models/server_software.h"

static void list_guest(const struct server *s, size_t i, struct cores_row *row)
{
  const struct guest_plan *p = &s->plan.guests[i];
  double window = (double)(s->window.end - s->window.start);
  struct guest_stats g = {0};
  guest_get_stats(s->guests[i], &g);
  *row = (struct cores_row){.kind = "vm",
                            .group = s->config->groups[p->group].name,
                            .guest = (double)g.guest_time / window,
                            .host = (double)g.host_time / window};
  snprintf(row->name, sizeof row->name, "vm%05u", p->vm);
}

static bool list_thread(const struct server *s, size_t i, struct cores_row *row)
{
  double cores = 0;
  const char *name =
      server_software_thread(s->software, i, s->window.end, &cores);
  if (!name)
    return false;
  *row = (struct cores_row){.kind = "thread", .host = cores};
  snprintf(row->name, sizeof row->name, "%s", name);
  return true;
}

void server_list_cores(struct server *s, struct server_results *r)
{
  size_t threads = 0;
  double cores;
  if (!s->plan.software && s->config->n_groups < 2)
    return;
  while (server_software_thread(s->software, threads, s->window.end, &cores))
    threads++;
  free(s->cores);
  s->cores = calloc(s->plan.n_guests + threads, sizeof *s->cores);
  HD_REQUIRE(NULL, s->cores != NULL, "out of memory for results");
  for (size_t i = 0; i < s->plan.n_guests; i++)
    list_guest(s, i, &s->cores[r->n_cores++]);
  for (size_t i = 0; i < threads; i++)
    (void)list_thread(s, i, &s->cores[r->n_cores++]);
  r->cores = s->cores;
}
