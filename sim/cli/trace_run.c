/* trace_run.c - reads a trace, checks it, and simulates it. */
#include "models/io_stack.h"
#include "models/server_plan.h"
#include "sim/cli/finish.h"
#include "sim/cli/trace.h"
#include "sim/cli/trace_reader.h"
#include "sim/cli/trace_store.h"

#include <inttypes.h>
#include <stdlib.h>

/* Where the run's accesses come from. */
struct source {
  struct trace_reader reader;
  struct trace_store store;
};

/* ---- reading -------------------------------------------------------- */

static struct iommu_trace_access access_of(const struct trace_row *row)
{
  return (struct iommu_trace_access){.iova = row->value[TRACE_IOVA],
                                     .domain =
                                         (uint32_t)row->value[TRACE_DOMAIN],
                                     .first = row->first};
}

static struct trace_limits limits_of(const struct iommu_params *p)
{
  struct trace_limits l = {.domains = TRACE_MAP_DOMAINS,
                           .domains_why = "",
                           .address_bits = TRACE_MAP_ADDRESS_BITS,
                           .address_why = ""};
  if (p->mode == IOMMU_LEGACY) {
    l.domains = 65535;
    l.domains_why = ", which is all that requester IDs of mode legacy tell "
                    "apart; choose --set iommu.mode=scalable";
  } else if (p->stage == IOMMU_NESTED) {
    l.address_bits = 46;
    l.address_why = " with nested translation, whose tables need the others";
  }
  return l;
}

static bool map_row(struct trace *t, struct trace_reader *r,
                    const struct trace_row *row)
{
  enum trace_page other = TRACE_4K;
  enum trace_map_status status =
      trace_map_add(&t->map, (uint32_t)row->value[TRACE_DOMAIN],
                    row->value[TRACE_IOVA], row->page, &other);
  if (__builtin_expect(status == TRACE_MAP_ADDED, 1))
    return true;
  if (status == TRACE_MAP_NO_MEMORY) {
    cli_message("out of memory for the pages of %s", r->name);
    exit(CLI_FAILED);
  }
  cli_trace_complain(r, TRACE_PAGE_BYTES,
                     "the page of %" PRIu64 " bytes at 0x%" PRIx64
                     " of domain %" PRIu64 " overlaps one of %" PRIu64
                     " bytes in an earlier line; an address has one page size",
                     trace_page_bytes(row->page),
                     row->value[TRACE_IOVA] &
                         ~(trace_page_bytes(row->page) - 1),
                     row->value[TRACE_DOMAIN], trace_page_bytes(other));
  return false;
}

/* All of the file is read and checked before anything is simulated. */
static bool read_pages(struct trace *t, struct source *s)
{
  struct trace_reader *r = &s->reader;
  struct trace_row row;
  double begin = cli_finish_clock();
  while (cli_trace_next(r, &row)) {
    if (!map_row(t, r, &row))
      return false;
    cli_trace_store_add(&s->store, access_of(&row));
  }
  if (r->failed)
    return false;
  if (r->rows == 0) {
    cli_message("%s has no accesses: nothing follows its first line", r->name);
    return false;
  }
  t->read_s = cli_finish_clock() - begin;
  return cli_trace_rewind(r);
}

static size_t take_accesses(void *context, struct iommu_trace_access *out,
                            size_t count)
{
  struct source *s = context;
  struct trace_row row;
  size_t n = 0;
  if (!s->store.given_up)
    return cli_trace_store_take(&s->store, out, count);
  for (; n < count && cli_trace_next(&s->reader, &row); n++)
    out[n] = access_of(&row);
  return n;
}

/* ---- the run -------------------------------------------------------- */

static enum iommu_trace_status run(struct trace *t, struct source *s)
{
  const struct server_config *c = t->config;
  struct iommu_trace_config config = {
      .iommu = &c->iommu,
      .memory = &c->memory,
      .map = &t->map,
      .arena_base = PLAN_TABLES,
      .arena_size = (uint64_t)c->host.memory_reserved - PLAN_TABLES,
      .memory_latency = IO_STACK_HOP,
      .depth = t->depth,
      .seed = (uint64_t)c->run.seed,
      .window = c->run.window,
      .source = take_accesses,
      .source_context = s};
  double begin = cli_finish_clock();
  enum iommu_trace_status status = iommu_trace_run(&config, &t->results);
  t->wall_s = cli_finish_clock() - begin;
  return status;
}

static bool ran_well(const struct trace *t, const struct trace_reader *r,
                     enum iommu_trace_status status)
{
  if (status == IOMMU_TRACE_NO_ROOM)
    cli_message("the page tables of %s need more than host.memory_reserved",
                r->name);
  else if (r->failed || status == IOMMU_TRACE_UNMAPPED)
    cli_message("%s changed while it was read", r->name);
  else if (!t->options->quiet)
    cli_message("%" PRIu64 " accesses in %.3g s of wall time, %.3g a second "
                "(checking the file: %.3g s)",
                t->results.accesses, t->wall_s,
                (double)t->results.accesses / (t->wall_s + t->read_s),
                t->read_s);
  return status == IOMMU_TRACE_DONE && !r->failed;
}

static int read_and_run(struct trace *t, struct source *s)
{
  if (!trace_map_initialize(&t->map)) {
    cli_message("out of memory");
    return CLI_FAILED;
  }
  int status = CLI_USAGE;
  if (read_pages(t, s) && ran_well(t, &s->reader, run(t, s)))
    status = CLI_OK;
  trace_map_terminate(&t->map);
  return status;
}

int cli_trace_run(struct trace *t)
{
  struct trace_limits limits = limits_of(&t->config->iommu);
  struct source s = {.store = {.count = 0}};
  if (!cli_trace_open(&s.reader, t->file, &limits))
    return CLI_USAGE;
  int status = read_and_run(t, &s);
  cli_trace_store_terminate(&s.store);
  cli_trace_close(&s.reader);
  return status;
}
