/*
 * run.c - builds the benchmark's machine, runs it, and collects.
 */
#include "models/irq_bench/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH = 48, STACKS = IRQ_BENCH_DISKS };
#define ADMIN_OBSERVER (PCIE_NO_OBSERVER - 1)

struct irq_bench {
  const struct irq_bench_config *config;
  struct hd_engine *engine;
  struct hd_window measure;
  struct irq_agent agent;
  struct irq_core *cores;
  struct irq_stack *stacks;
  uint32_t n_cores, n_stacks, n_devices;
  struct pcie_link *links[STACKS];
  struct irq_engine engines[IRQ_BENCH_QUEUES];
  struct storage *drives[IRQ_BENCH_DISKS];
  struct storage_ring *rings; /* one a core */
};

const char *irq_bench_problem(const struct irq_bench_config *c)
{
  const struct irq_bench_params *p = &c->bench;
  if (p->mode == IRQ_BENCH_OFF)
    return "irq_bench.mode is off";
  if (p->mode == IRQ_BENCH_DSA)
    return NULL;
  if (p->disks * p->jobs > IRQ_BENCH_CORES)
    return "irq_bench: disks times jobs must not exceed 256 cores";
  if (p->jobs > c->storage.queue_pairs || p->jobs > c->storage.vectors)
    return "irq_bench.jobs: the drive has fewer queue pairs or vectors";
  if (p->block_size > c->storage.max_transfer || p->block_size % BLOCK_BYTES)
    return "irq_bench.block_size must be a multiple of 512 B and at most "
           "storage.max_transfer";
  return NULL;
}

/* ---- building ---------------------------------------------------------- */

static const char *name(char *path, const char *what, uint32_t i)
{
  snprintf(path, PATH, "host/%s%u", what, i);
  return path;
}

static void connect(struct irq_bench *m, struct irq_stack *s)
{
  const struct irq_bench_params *p = &m->config->bench;
  s->to_agent = hd_channel_open(&s->base, &m->agent.base, p->mesh_latency);
  s->from_agent = hd_channel_open(&m->agent.base, &s->base, p->mesh_latency);
  for (uint32_t i = 0; i < m->n_cores; i++) {
    struct hd_component *core = &m->cores[i].base;
    s->to_core[i] = hd_channel_open(&s->base, core, p->mesh_latency);
    s->from_core[i] = hd_channel_open(core, &s->base, p->mesh_latency);
  }
}

static void make_host(struct irq_bench *m)
{
  const struct irq_bench_params *p = &m->config->bench;
  char path[PATH];
  bool dsa = p->mode == IRQ_BENCH_DSA;
  m->n_devices = (uint32_t)(dsa ? p->queues : p->disks);
  m->n_cores = dsa ? 1 : (uint32_t)(p->disks * p->jobs);
  uint32_t each = dsa ? 1 : (uint32_t)p->disks_per_stack;
  m->n_stacks = (m->n_devices + each - 1) / each;
  irq_agent_initialize(&m->agent, m->engine, p, &m->measure);
  m->cores =
      hd_array(NULL, m->n_cores, sizeof *m->cores, "the interrupt benchmark");
  m->rings =
      hd_array(NULL, m->n_cores, sizeof *m->rings, "the interrupt benchmark");
  m->stacks =
      hd_array(NULL, m->n_stacks, sizeof *m->stacks, "the interrupt benchmark");
  for (uint32_t i = 0; i < m->n_cores; i++) {
    irq_core_initialize(&m->cores[i], m->engine, m->config, &m->measure,
                        name(path, "core", i));
    m->agent.to_core[i] =
        hd_channel_open(&m->agent.base, &m->cores[i].base, p->mesh_latency);
  }
  for (uint32_t i = 0; i < m->n_stacks; i++) {
    irq_stack_initialize(&m->stacks[i], m->engine, m->config, &m->measure,
                         name(path, "stack", i));
    connect(m, &m->stacks[i]);
  }
}

static struct irq_stack *stack_of(struct irq_bench *m, uint32_t device)
{
  const struct irq_bench_params *p = &m->config->bench;
  return p->mode == IRQ_BENCH_DSA
             ? &m->stacks[device]
             : &m->stacks[device / (uint32_t)p->disks_per_stack];
}

static void make_engine(struct irq_bench *m, uint32_t i)
{
  struct irq_engine *d = &m->engines[i];
  char path[PATH];
  irq_engine_initialize(d, m->engine, m->config, &m->measure,
                        name(path, "engine", i));
  d->handle = i;
  d->to_link = pcie_link_connect(m->links[i], PCIE_DOWNSTREAM_END, &d->base,
                                 m->config->pcie.device_latency);
}

static void administrate(struct irq_bench *m, uint32_t i, struct irq_stack *s,
                         uint32_t port)
{
  uint32_t jobs = (uint32_t)m->config->bench.jobs;
  struct storage_admin a = {.type = STORAGE_ADD_INTERFACE,
                            .address = 0x1000,
                            .observer = ADMIN_OBSERVER,
                            .requester = (uint16_t)((i + 1) << 8)};
  a.interface = (struct storage_interface){.requester = a.requester,
                                           .queue_pairs = (uint16_t)jobs,
                                           .vectors = (uint16_t)jobs,
                                           .first_handle = i * jobs,
                                           .rings = &m->rings[i * jobs]};
  s->commands[port][0] = a;
  a.type = STORAGE_START_QUEUES;
  s->commands[port][1] = a;
}

static void make_drive(struct irq_bench *m, uint32_t i, struct irq_stack *s,
                       uint32_t port)
{
  uint32_t jobs = (uint32_t)m->config->bench.jobs;
  char path[PATH];
  m->drives[i] =
      storage_create(m->engine, name(path, "drive", i), IRQ_BENCH_HOST,
                     &m->config->storage, &m->config->pcie, &m->measure);
  storage_attach_link(m->drives[i], m->links[i]);
  for (uint32_t j = 0; j < jobs; j++) {
    uint32_t core = i * jobs + j;
    struct hd_channel *ch = hd_channel_open(&m->cores[core].base, &s->base,
                                            m->config->pcie.mmio_write_latency);
    irq_driver_initialize(&m->cores[core], &m->rings[core], core, ch, port, j);
  }
  administrate(m, i, s, port);
}

static void build(struct irq_bench *m)
{
  char path[PATH];
  make_host(m);
  for (uint32_t i = 0; i < m->n_devices; i++) {
    m->links[i] =
        pcie_link_create(m->engine, name(path, "link", i), IRQ_BENCH_HOST,
                         &m->config->pcie, &m->measure);
    struct irq_stack *s = stack_of(m, i);
    uint32_t port = irq_stack_attach(s, m->links[i]);
    if (m->config->bench.mode == IRQ_BENCH_DSA)
      make_engine(m, i);
    else
      make_drive(m, i, s, port);
  }
}

/* ---- conservation -------------------------------------------------------- */

static void complain(const char *trouble)
{
  HD_REQUIRE(NULL, trouble == NULL, "conservation: %s", trouble);
}

/* Interrupts: arrived = ended + those that hold a port, one each. */
static void check_interrupts(const struct irq_bench *m)
{
  for (uint32_t i = 0; i < m->n_stacks; i++) {
    const struct irq_stack *s = &m->stacks[i];
    uint64_t held = 0;
    for (uint32_t p = 0; p < s->n_ports; p++)
      held += s->ports[p].interrupt != NULL;
    complain(s->arrived == s->ended + held ? NULL : "interrupts of a stack");
    complain(vtd_cache_check(&s->entries));
  }
  uint64_t at_agent = 0;
  for (const struct irq_msg *q = m->agent.first; q;
       q = (const struct irq_msg *)q->msg.next)
    at_agent++;
  complain(m->agent.accepted == m->agent.delivered + at_agent
               ? NULL
               : "messages of the interrupt agent");
}

/* Vectors: came = were pending already + called + pending. */
static void check_cores(const struct irq_bench *m)
{
  for (uint32_t i = 0; i < m->n_cores; i++) {
    const struct irq_core *c = &m->cores[i];
    uint64_t bits = c->posted ? c->pid.pending : c->requested;
    uint64_t pending = (uint64_t)(__builtin_popcountll(bits) +
                                  __builtin_popcountll(c->to_call));
    complain(c->messages == c->messages_merged + c->called + pending
                 ? NULL
                 : "vectors of a core");
    const struct irq_driver *d = &c->driver;
    complain(d->submitted - d->completed <= (uint64_t)m->config->bench.io_depth
                 ? NULL
                 : "requests of a job");
  }
}

static void check(const struct irq_bench *m)
{
  check_interrupts(m);
  check_cores(m);
  for (uint32_t i = 0; i < m->n_devices; i++) {
    complain(pcie_link_check(m->links[i]));
    if (m->drives[i])
      complain(storage_check(m->drives[i]));
  }
  for (uint32_t i = 0; m->drives[0] && i < m->n_stacks; i++)
    complain(m->stacks[i].commands_done == 2 * m->stacks[i].n_ports
                 ? NULL
                 : "administration commands without an answer");
}

/* ---- results ---------------------------------------------------------------
 */

static void collect_cores(const struct irq_bench *m, double seconds,
                          struct irq_bench_results *r)
{
  double span = (double)m->config->duration;
  for (uint32_t i = 0; i < m->n_cores; i++) {
    const struct irq_core_stats *s = &m->cores[i].stats;
    r->merged_per_s += (double)s->merged / seconds;
    r->handlers_per_s += (double)s->handlers / seconds;
    r->notifications_per_s += (double)s->entered / seconds;
    r->operations_per_s += (double)s->completed / seconds;
    r->core_utilization += (double)s->busy / span / m->n_cores;
  }
}

static void collect(const struct irq_bench *m, struct irq_bench_results *r)
{
  double seconds = (double)m->config->duration / (double)HD_S;
  *r = (struct irq_bench_results){0};
  collect_cores(m, seconds, r);
  for (uint32_t i = 0; i < m->n_stacks; i++) {
    r->messages_per_s += (double)m->stacks[i].messages / seconds;
    r->entry_misses_per_s += (double)m->stacks[i].misses / seconds;
  }
  for (uint32_t i = 0; m->drives[0] == NULL && i < m->n_devices; i++)
    r->operations_per_s += (double)m->engines[i].completed / seconds;
  r->operations_per_disk =
      m->drives[0] ? r->operations_per_s / m->n_devices : NAN;
  r->agent_utilization = (double)m->agent.busy / (double)m->config->duration;
  hd_engine_get_report(m->engine, &r->engine);
}

/* ---- life
 * -------------------------------------------------------------------- */

struct irq_bench *irq_bench_create(struct hd_engine *e,
                                   const struct irq_bench_config *c)
{
  const char *problem = irq_bench_problem(c);
  HD_REQUIRE(NULL, problem == NULL, "%s", problem);
  struct irq_bench *m = hd_array(NULL, 1, sizeof *m, "the interrupt benchmark");
  hd_time begin = IRQ_BENCH_START + c->warmup;
  m->config = c;
  m->engine = e;
  m->measure = (struct hd_window){begin, begin + c->duration};
  hd_engine_add_host(e, IRQ_BENCH_HOST);
  build(m);
  return m;
}

void irq_bench_simulate(struct irq_bench *m, struct irq_bench_results *r)
{
  hd_engine_run(m->engine, m->measure.end);
  check(m);
  collect(m, r);
}

void irq_bench_destroy(struct irq_bench *m)
{
  for (uint32_t i = 0; i < m->n_devices; i++) {
    pcie_link_destroy(m->links[i]);
    if (m->drives[i])
      storage_destroy(m->drives[i]);
  }
  for (uint32_t i = 0; i < m->n_cores; i++)
    irq_core_terminate(&m->cores[i]);
  for (uint32_t i = 0; i < m->n_stacks; i++)
    irq_stack_terminate(&m->stacks[i]);
  free(m->cores);
  free(m->rings);
  free(m->stacks);
  free(m);
}

/* The engine goes first: it still looks at its components. */
void irq_bench_run(const struct irq_bench_config *c,
                   struct irq_bench_results *r)
{
  struct hd_engine *e = hd_engine_create(
      &(struct hd_engine_options){.seed = c->seed, .window = c->window});
  struct irq_bench *m = irq_bench_create(e, c);
  irq_bench_simulate(m, r);
  hd_engine_destroy(e);
  irq_bench_destroy(m);
}
