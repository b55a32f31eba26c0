/* machine_endpoints.c - see machine_endpoints.h. */
#include "models/machine_endpoints.h"

#include <math.h>
#include <stdio.h>

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

/* Rows of resources. */
static const char *const slices[ACCELERATOR_SLICES] = {
    [ACCELERATOR_WIDE_CIPHER] = "engines: wide cipher slices",
    [ACCELERATOR_CIPHER] = "engines: cipher slices",
    [ACCELERATOR_HASH] = "engines: hash slices",
    [ACCELERATOR_KEY] = "engines: key slices",
    [ACCELERATOR_COMPRESS] = "engines: compress slices",
    [ACCELERATOR_TRANSLATE] = "engines: translate slices",
    [ACCELERATOR_VERIFY] = "engines: verify slices"};

struct busiest {
  const char *name;
  double utilization, tags;
};

static void take(struct busiest *b, const char *name, double utilization)
{
  if (utilization <= b->utilization)
    return;
  b->name = name;
  b->utilization = utilization;
}

/* Of all endpoints: firmware, or a kind of slices. */
static struct busiest find_busiest(const struct machine *m)
{
  struct busiest b = {.name = "engines: firmware"};
  for (unsigned i = 0; i < m->n_endpoints; i++) {
    struct accelerator_stats a = {0};
    accelerator_get_stats(m->endpoint[i], &a);
    for (int s = 0; s < ACCELERATOR_SERVICES; s++)
      take(&b, "engines: firmware", a.engine_utilization[s]);
    for (int s = 0; s < ACCELERATOR_SLICES; s++)
      take(&b, slices[s], a.slice_utilization[s]);
    b.tags = fmax(b.tags, a.tags_mean);
  }
  return b;
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
  metric[METRIC_engine_utilization] = find_busiest(m).utilization;
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
  struct busiest b = find_busiest(m);
  server_add_resource(r, b.name, b.utilization);
  server_add_resource(r, "read tags", b.tags / (double)m->config->pcie.tags);
}
