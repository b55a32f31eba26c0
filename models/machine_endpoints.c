/* machine_endpoints.c - see machine_endpoints.h. */
#include "models/machine_endpoints.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- building ------------------------------------------------------------ */

static void make_endpoint(struct machine *m, unsigned index)
{
  const struct server_config *c = m->config;
  struct io_stack *io = &m->io;
  char name[24], path[IO_STACK_PATH];
  snprintf(name, sizeof name, "-accelerator%u", index);
  struct io_port *port = io_stack_add_device(io, name, &c->pcie);
  struct accelerator *a =
      accelerator_create(io->engine, io_stack_path(io, path, name + 1),
                         io->host, &c->accelerator, &port->params, io->window);
  accelerator_attach_link(a, port->link);
  m->endpoint[m->n_endpoints++] = a;
}

void machine_make_endpoints(struct machine *m)
{
  m->device[DEVICE_ACCELERATOR] = (uint16_t)m->io.n_ports;
  for (unsigned i = 0; i < (unsigned)m->config->accelerator.endpoints; i++)
    make_endpoint(m, i);
}

void machine_destroy_endpoints(struct machine *m)
{
  for (unsigned i = 0; i < m->n_endpoints; i++)
    accelerator_destroy(m->endpoint[i]);
}

bool machine_attach_endpoints(const struct machine *m, uint32_t domain)
{
  bool ok = true;
  for (unsigned i = 0; ok && i < m->n_endpoints; i++)
    ok = vtd_attach_requester(
        m->io.tables,
        (uint16_t)(PLAN_ACCELERATOR_REQUESTER + i * PLAN_ACCELERATOR_STEP),
        domain);
  return ok;
}

void machine_check_endpoints(const struct machine *m)
{
  for (unsigned i = 0; i < m->n_endpoints; i++) {
    const char *trouble = accelerator_check(m->endpoint[i]);
    HD_REQUIRE(accelerator_component(m->endpoint[i]), trouble == NULL,
               "conservation: %s", trouble);
  }
}

/* ---- results ------------------------------------------------------------- */

enum { UNITS = ACCELERATOR_SERVICES + ACCELERATOR_SLICES };

/* Rows of resources: firmware of each service, then slices of each kind. */
static const struct unit {
  const char *name;
  enum accelerator_service service;
} units[UNITS] = {
    {"engines: symmetric firmware", ACCELERATOR_SYM},
    {"engines: public-key firmware", ACCELERATOR_ASYM},
    {"engines: compression firmware", ACCELERATOR_DC},
    [ACCELERATOR_SERVICES +
        ACCELERATOR_WIDE_CIPHER] = {"engines: wide cipher slices",
                                    ACCELERATOR_SYM},
    [ACCELERATOR_SERVICES +
        ACCELERATOR_CIPHER] = {"engines: cipher slices", ACCELERATOR_SYM},
    [ACCELERATOR_SERVICES +
        ACCELERATOR_HASH] = {"engines: hash slices", ACCELERATOR_SYM},
    [ACCELERATOR_SERVICES +
        ACCELERATOR_KEY] = {"engines: key slices", ACCELERATOR_ASYM},
    [ACCELERATOR_SERVICES +
        ACCELERATOR_COMPRESS] = {"engines: compress slices", ACCELERATOR_DC},
    [ACCELERATOR_SERVICES +
        ACCELERATOR_TRANSLATE] = {"engines: translate slices", ACCELERATOR_DC},
    [ACCELERATOR_SERVICES +
        ACCELERATOR_VERIFY] = {"engines: verify slices", ACCELERATOR_DC}};

/* Of each unit, at the endpoint where it is busiest. */
static void find_busiest(const struct machine *m, double use[UNITS],
                         double *tags)
{
  *tags = 0;
  for (int u = 0; u < UNITS; u++)
    use[u] = 0;
  for (unsigned i = 0; i < m->n_endpoints; i++) {
    struct accelerator_stats a = {0};
    accelerator_get_stats(m->endpoint[i], &a);
    *tags = fmax(*tags, a.tags_mean);
    for (int k = 0; k < ACCELERATOR_SERVICES; k++)
      use[k] = fmax(use[k], a.engine_utilization[k]);
    for (int k = 0; k < ACCELERATOR_SLICES; k++)
      use[ACCELERATOR_SERVICES + k] =
          fmax(use[ACCELERATOR_SERVICES + k], a.slice_utilization[k]);
  }
}

static double busiest(const struct machine *m)
{
  double use[UNITS], tags, most = 0;
  find_busiest(m, use, &tags);
  for (int u = 0; u < UNITS; u++)
    most = fmax(most, use[u]);
  return most;
}

void machine_endpoint_metrics(const struct machine *m, double *metric)
{
  double time = (double)m->config->run.duration / (double)HD_S;
  double doorbells = 0, fetches = 0, queue = 0, tags = 0, reads = 0, spent = 0;
  for (unsigned i = 0; i < m->n_endpoints; i++) {
    struct accelerator_stats a = {0};
    accelerator_get_stats(m->endpoint[i], &a);
    doorbells += (double)(a.tail_writes + a.head_writes);
    fetches += (double)a.fetches;
    queue += a.depth_mean;
    tags += a.tags_mean;
    reads += (double)a.read_requests;
    spent += (double)a.read_latency_sum / 1e3;
  }
  metric[METRIC_engine_utilization] = busiest(m);
  if (m->nic || m->n_drives > 0)
    return;
  metric[METRIC_doorbells_per_s] = doorbells / time;
  metric[METRIC_descriptor_fetches_per_s] = fetches / time;
  metric[METRIC_device_queue_mean] = queue;
  metric[METRIC_pcie_tags_mean] = tags;
  metric[METRIC_pcie_read_latency_mean_ns] = reads > 0 ? spent / reads : NAN;
}

void machine_endpoint_resources(const struct machine *m,
                                struct server_results *r)
{
  double use[UNITS], tags;
  find_busiest(m, use, &tags);
  for (int u = 0; u < UNITS; u++)
    if (use[u] > 0)
      server_add_resource(r, units[u].name, use[u]);
  server_add_resource(r, "accelerator read tags",
                      tags / (double)m->config->pcie.tags);
}

bool machine_endpoint_concerns(const char *resource, int algorithm)
{
  for (int u = 0; u < UNITS; u++)
    if (strcmp(resource, units[u].name) == 0)
      return algorithm >= 0 &&
             accelerator_kinds[algorithm].service == units[u].service;
  return true;
}
