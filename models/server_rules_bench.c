/*
 * server_rules_bench.c - rules of what runs in place of a server.
 */
#include "models/irq_machine.h"
#include "models/lifecycle_machine.h"
#include "models/server_rules_internal.h"

/* What a test transfers, and where. */
static void check_bench_sizes(struct checker *k)
{
  const struct bench_params *b = &k->c->bench;
  int64_t end = b->host_offset + b->transfer;
  if (b->window > (int64_t)PLAN_BENCH_BUFFER)
    COMPLAIN(k, "bench.window",
             "the buffer that a window is a part of has %d "
             "MiB",
             (int)(PLAN_BENCH_BUFFER >> 20));
  if (b->window % 64 != 0)
    COMPLAIN(k, "bench.window", "must be a multiple of 64 B");
  else if (b->window > 4096 && b->window % 4096 != 0)
    COMPLAIN(k, "bench.window",
             "must be a multiple of 4 KiB when it is larger than that");
  if (end > 4096)
    COMPLAIN(k, "bench.transfer",
             "a transfer of %lld B at host_offset %lld B crosses a 4 KiB page",
             (long long)b->transfer, (long long)b->host_offset);
  else if (bench_unit(b) > b->window)
    COMPLAIN(k, "bench.transfer",
             "a transfer of %lld B at host_offset %lld B takes more than the "
             "window of %lld B",
             (long long)b->transfer, (long long)b->host_offset,
             (long long)b->window);
  if (b->engine == BENCH_CMD && b->transfer > 64)
    COMPLAIN(k, "bench.transfer",
             "a direct command (bench.engine: cmd) transfers at most 64 B");
}

/* What remains: rules that tie the test to the device. */
static void check_bench_device(struct checker *k)
{
  const struct server_config *c = k->c;
  const char *problem = bench_params_problem(&c->bench, &c->device, &c->pcie);
  if (k->ok && problem)
    COMPLAIN(k, "bench", "%s", problem);
}

void server_check_bench(struct checker *k)
{
  const struct bench_params *b = &k->c->bench;
  char path[HD_PARAM_STRING_MAX + 8];
  snprintf(path, sizeof path, "vms.%s", k->c->groups[0].name);
  if (k->c->n_groups > 0)
    COMPLAIN(k, path,
             "a DMA benchmark has no virtual machines; leave vms out, or set "
             "bench.mode to none");
  if (b->mode == BENCH_LATENCY && (b->op == BENCH_WR || b->op == BENCH_RDWR))
    COMPLAIN(k, "bench.op",
             "posted writes are not answered, so that they have no latency; "
             "mode latency measures rd and wrrd");
  if (b->mode == BENCH_BANDWIDTH && b->op == BENCH_WRRD)
    COMPLAIN(k, "bench.op",
             "wrrd is one operation after the other: mode latency only");
  if (b->mode == BENCH_BANDWIDTH && b->engine == BENCH_CMD)
    COMPLAIN(k, "bench.engine",
             "direct commands are issued one after the other: mode latency "
             "only");
  check_bench_sizes(k);
  check_bench_device(k);
}

void server_check_irq_bench(struct checker *k)
{
  const char *problem = irq_machine_problem(k->c);
  if (problem)
    COMPLAIN(k, "irq_bench", "%s", problem);
  if (k->c->n_groups > 0)
    COMPLAIN(k, "vms",
             "an interrupt benchmark has no virtual machines; leave vms out, "
             "or set irq_bench.mode to off");
}

void server_check_lifecycle(struct checker *k)
{
  const char *problem = lifecycle_machine_problem(k->c);
  if (problem)
    COMPLAIN(k, "design", "%s", problem);
  if (k->c->n_groups > 0)
    COMPLAIN(k, "vms",
             "a run of starts has no groups of virtual machines; leave vms "
             "out, or set lifecycle.mode to off");
}
