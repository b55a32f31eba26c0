/* node.c - one socket's lines, see node.h. */
#include "models/memory/node.h"

bool memory_node_initialize(struct memory_node *n,
                            const struct memory_params *p,
                            const struct hd_window *window)
{
  unsigned ways = (unsigned)p->llc_ways;
  unsigned ddio = p->ddio_ways < p->llc_ways ? (unsigned)p->ddio_ways : ways;
  *n = (struct memory_node){.params = p,
                            .window = window,
                            .all_ways = llc_way_mask(ways),
                            .ddio_ways = llc_way_mask(ddio)};
  return llc_initialize(&n->llc, (uint64_t)p->llc_size, ways) &&
         dram_initialize(&n->dram, (uint32_t)p->dram_channels, p->dram_rate,
                         p->dram_latency, p->refresh_interval,
                         p->refresh_duration);
}

void memory_node_terminate(struct memory_node *n)
{
  llc_terminate(&n->llc);
  dram_terminate(&n->dram);
}

static inline hd_time serve(struct memory_node *n, uint64_t line, hd_time at)
{
  return dram_serve(&n->dram, n->window, line, at);
}

/* Fills a missing line; a dirty line in its place goes to DRAM: then true. */
static bool fill(struct memory_node *n, const struct llc_place *p,
                 uint32_t ways, enum llc_access access, hd_time now)
{
  uint64_t victim;
  if (!llc_allocate(&n->llc, p, ways, access, &victim))
    return false;
  hd_counter_add(&n->evictions, n->window, now, 1);
  (void)serve(n, victim, now + n->params->llc_latency);
  return true;
}

hd_time memory_node_fetch(struct memory_node *n, hd_time now,
                          struct memory_span s, uint32_t ways,
                          enum llc_access access, uint64_t *hits)
{
  if (!ways && !llc_may_hold(&n->llc, s.first, s.last))
    return memory_node_bypass(n, now, s);
  hd_time ready = now + n->params->llc_latency, done = ready;
  struct llc_place p = llc_locate(&n->llc, s.first);
  for (; p.line <= s.last; llc_advance(&n->llc, &p)) {
    enum llc_state found = llc_touch(&n->llc, &p, access);
    if (found == LLC_ABSENT) {
      done = hd_time_max(done, serve(n, p.line, ready));
      if (ways)
        (void)fill(n, &p, ways, access, now);
      continue;
    }
    ++*hits;
    if (found == LLC_IN_CORE)
      done = hd_time_max(done, ready + n->params->snoop_latency);
  }
  return done;
}

hd_time memory_node_bypass(struct memory_node *n, hd_time now,
                           struct memory_span s)
{
  hd_time ready = now + n->params->llc_latency, done = ready;
  for (uint64_t line = s.first; line <= s.last; line++)
    done = hd_time_max(done, serve(n, line, ready));
  return done;
}

/* A line written by a device and not present. A partial line must be read from
 * DRAM before it can be merged (full lines are claimed without a read). Returns
 * by how much that delays the write. */
static hd_time write_miss(struct memory_node *n, hd_time now,
                          const struct llc_place *p, bool whole)
{
  hd_time ready = now + n->params->llc_latency, delay = 0;
  if (!n->ddio_ways) {
    (void)serve(n, p->line, ready);
    return 0;
  }
  if (!whole)
    delay = serve(n, p->line, ready) - ready;
  if (fill(n, p, n->ddio_ways, LLC_DEVICE_WRITE, now))
    delay = hd_time_max(delay, n->params->evict_latency);
  hd_counter_add(&n->allocations, n->window, now, 1);
  return delay;
}

hd_time memory_node_write(struct memory_node *n, hd_time now,
                          struct memory_span s, uint64_t *hits)
{
  hd_time delay = 0;
  struct llc_place p = llc_locate(&n->llc, s.first);
  for (; p.line <= s.last; llc_advance(&n->llc, &p)) {
    uint64_t start = p.line << LLC_LINE_SHIFT;
    bool whole = start >= s.address && start + LLC_LINE <= s.end;
    enum llc_state found = LLC_ABSENT;
    if (n->ddio_ways)
      found = llc_touch(&n->llc, &p, LLC_DEVICE_WRITE);
    else
      llc_drop(&n->llc, &p); /* the copy in the LLC is out of date */
    hd_time more = whole ? 0 : n->params->merge_latency;
    if (found == LLC_ABSENT)
      more += write_miss(n, now, &p, whole);
    else if (found == LLC_IN_CORE)
      more += n->params->snoop_latency;
    delay = hd_time_max(delay, more);
    *hits += found != LLC_ABSENT;
  }
  return now + n->params->write_latency + delay;
}

void memory_node_warm(struct memory_node *n, struct memory_span s, bool device)
{
  uint32_t ways = device ? n->ddio_ways : n->all_ways;
  enum llc_access access = device ? LLC_DEVICE_WRITE : LLC_CORE_WRITE;
  uint64_t victim;
  if (ways == 0)
    return;
  struct llc_place p = llc_locate(&n->llc, s.first);
  for (; p.line <= s.last; llc_advance(&n->llc, &p))
    if (llc_touch(&n->llc, &p, access) == LLC_ABSENT)
      (void)llc_allocate(&n->llc, &p, ways, access, &victim);
}
