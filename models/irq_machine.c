/* irq_machine.c - see irq_machine.h. */
#include "models/irq_machine.h"

#include <math.h>
#include <stdlib.h>

#include "models/io_stack.h"

struct irq_machine {
  struct irq_bench_config config;
  struct irq_bench *bench;
  struct irq_bench_results results;
  struct hd_histogram latency;   /* empty */
  struct hd_breakdown breakdown; /* empty */
};

bool irq_machine_wanted(const struct server_config *c)
{
  return c->irq_bench.mode != IRQ_BENCH_OFF;
}

static struct irq_bench_config config_of(const struct server_config *c)
{
  return (struct irq_bench_config){.bench = c->irq_bench,
                                   .pcie = c->pcie,
                                   .storage = c->storage,
                                   .interrupt = c->interrupt,
                                   .warmup = c->run.warmup,
                                   .duration = c->run.duration};
}

const char *irq_machine_problem(const struct server_config *c)
{
  struct irq_bench_config config = config_of(c);
  return irq_bench_problem(&config);
}

struct irq_machine *irq_machine_create(struct hd_engine *e,
                                       const struct server_config *c)
{
  struct irq_machine *m = calloc(1, sizeof *m);
  HD_REQUIRE(NULL, m != NULL, "out of memory for the benchmark");
  m->config = config_of(c);
  hd_histogram_initialize(&m->latency);
  hd_breakdown_initialize(&m->breakdown);
  m->bench = irq_bench_create(e, &m->config);
  return m;
}

void irq_machine_run(struct irq_machine *m)
{
  irq_bench_simulate(m->bench, &m->results);
}

void irq_machine_results(const struct irq_machine *m, struct server_results *r)
{
  *r = (struct server_results){.n_groups = 1, .engine = m->results.engine};
  const struct irq_bench_results *b = &m->results;
  struct group_results *g = &r->group[0];
  for (int i = 0; i < METRIC_COUNT; i++)
    g->metric[i] = NAN;
  g->name = "all";
  g->latency = &m->latency;
  g->breakdown = &m->breakdown;
  g->metric[METRIC_interrupts_per_s] = b->handlers_per_s;
  g->metric[METRIC_interrupt_notifications_per_s] = b->notifications_per_s;
  g->metric[METRIC_interrupts_coalesced_per_s] = b->merged_per_s;
  g->metric[METRIC_requests_per_s] = b->operations_per_s;
  if (m->config.bench.mode == IRQ_BENCH_NVME)
    g->metric[METRIC_requests_per_disk] = b->operations_per_disk;
  server_add_resource(r, "interrupt agent", b->agent_utilization);
  server_add_resource(r, "host cores", b->core_utilization);
  g->limited_by = b->agent_utilization > SERVER_LIMITING  ? "interrupt agent"
                  : b->core_utilization > SERVER_LIMITING ? "host cores"
                                                          : "nothing";
}

void irq_machine_destroy(struct irq_machine *m)
{
  irq_bench_destroy(m->bench);
  hd_histogram_terminate(&m->latency);
  hd_breakdown_terminate(&m->breakdown);
  free(m);
}
