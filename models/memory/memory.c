/*
 * memory.c - the memory component: device and host accesses, regions,
 * observers.
 *
 * Timing. The tag lookup of all lines of an access happens when it arrives.
 * Hits are there after llc_latency; missing lines reach DRAM at that time.
 */
#include "models/memory/memory.h"

#include <stdlib.h>

#include "models/memory/dram.h"
#include "models/memory/llc.h"

struct region {
  uint64_t base, size;
  uint64_t written, read; /* bytes by devices, since the start */
};

struct memory {
  struct hd_component base;
  struct memory_params params;
  const struct hd_window *window;
  struct llc llc;
  struct dram dram;
  uint32_t all_ways, ddio_ways; /* masks */
  struct hd_channel *answer;    /* to the root complex */
  struct region *regions;
  uint64_t *bases; /* of the regions, for the search */
  struct hd_channel **observers;
  uint32_t n_regions, n_observers;
  struct hd_counter reads, writes, lines, hits, allocations, evictions;
  uint64_t arrived, finished, stray; /* accesses, since the start */
};

/* ---- lines ---------------------------------------------------------- */

struct span {
  uint64_t first, last; /* lines */
};

static inline struct span lines_of(const struct memory *m, uint64_t address,
                                   uint32_t length)
{
  HD_REQUIRE(&m->base, length > 0, "access of no bytes at %#llx",
             (unsigned long long)address);
  struct span s = {address >> LLC_LINE_SHIFT,
                   (address + length - 1) >> LLC_LINE_SHIFT};
  HD_REQUIRE(&m->base, llc_can_hold(&m->llc, s.last),
             "address %#llx is too large for the LLC's tags",
             (unsigned long long)address);
  return s;
}

static inline void count(struct memory *m, struct hd_counter *c, uint64_t n)
{
  hd_counter_add(c, m->window, hd_now(&m->base), n);
}

/* Fills a missing line; a dirty line in its place goes to DRAM. */
static void fill(struct memory *m, uint64_t line, uint32_t ways, bool dirty,
                 hd_time ready)
{
  uint64_t victim;
  if (!llc_allocate(&m->llc, line, ways, dirty, &victim))
    return;
  count(m, &m->evictions, 1);
  (void)dram_serve(&m->dram, m->window, victim, ready);
}

/* Reads lines; `ways`: where missing ones are allocated (0: nowhere). Returns
 * when the last is there; *hits counts those found in the LLC. */
static hd_time fetch(struct memory *m, struct span s, uint32_t ways, bool write,
                     uint64_t *hits)
{
  hd_time ready = hd_now(&m->base) + m->params.llc_latency, done = ready;
  for (uint64_t line = s.first; line <= s.last; line++) {
    if (llc_touch(&m->llc, line, write)) {
      ++*hits;
      continue;
    }
    done = hd_time_max(done, dram_serve(&m->dram, m->window, line, ready));
    if (ways)
      fill(m, line, ways, write, ready);
  }
  return done;
}

static void account(struct memory *m, struct span s, bool write, uint64_t hits)
{
  if (!hd_window_contains(m->window, hd_now(&m->base)))
    return;
  (write ? &m->writes : &m->reads)->count++;
  m->lines.count += s.last - s.first + 1;
  m->hits.count += hits;
}

/* ---- device accesses ------------------------------------------------ */

static inline bool in_region(const struct region *r, uint64_t address)
{
  return address - r->base < r->size;
}

/* The region with the TLP's address, or NULL; sets tlp->owner. */
static struct region *owner_of(struct memory *m, struct pcie_tlp *tlp)
{
  if (tlp->owner < m->n_regions && in_region(&m->regions[tlp->owner], tlp->hpa))
    return &m->regions[tlp->owner];
  const uint64_t *last = m->bases; /* the last base not above the address */
  for (uint32_t n = m->n_regions; n > 1;) {
    uint32_t half = n / 2;
    last += last[half] <= tlp->hpa ? half : 0; /* a conditional move */
    n -= half;
  }
  size_t i = (size_t)(last - m->bases);
  bool found = m->n_regions > 0 && in_region(&m->regions[i], tlp->hpa);
  tlp->owner = found ? (uint16_t)i : MEMORY_NO_REGION;
  return found ? &m->regions[i] : NULL;
}

static void device_read(struct memory *m, struct pcie_tlp *tlp)
{
  struct region *r = owner_of(m, tlp);
  struct span s = lines_of(m, tlp->hpa, tlp->length);
  uint64_t hits = 0;
  hd_time done = fetch(m, s, 0, false, &hits);
  account(m, s, false, hits);
  if (r) {
    r->read += tlp->length;
  } else {
    m->stray++;
    tlp->status = PCIE_UR;
  }
  tlp->msg.kind = MSG_TLP_ACCESSED;
  m->finished++;
  hd_send_at(m->answer,
             hd_time_max(done, hd_now(&m->base) + m->answer->latency), tlp);
}

/* A line written by a device and not present. A partial line must be read from
 * DRAM before it can be merged (full lines are claimed without a read). */
static void write_miss(struct memory *m, uint64_t line, bool whole)
{
  hd_time ready = hd_now(&m->base) + m->params.llc_latency;
  if (!m->ddio_ways) {
    (void)dram_serve(&m->dram, m->window, line, ready);
    return;
  }
  if (!whole)
    (void)dram_serve(&m->dram, m->window, line, ready);
  fill(m, line, m->ddio_ways, true, ready);
  count(m, &m->allocations, 1);
}

static uint64_t write_lines(struct memory *m, const struct pcie_tlp *tlp,
                            struct span s)
{
  uint64_t hits = 0, end = tlp->hpa + tlp->length;
  for (uint64_t line = s.first; line <= s.last; line++) {
    uint64_t start = line << LLC_LINE_SHIFT;
    bool whole = start >= tlp->hpa && start + LLC_LINE <= end;
    if (!m->ddio_ways)
      llc_drop(&m->llc, line); /* the copy in the LLC is out of date */
    if (m->ddio_ways && llc_touch(&m->llc, line, true))
      hits++;
    else
      write_miss(m, line, whole);
  }
  return hits;
}

static void tell_observer(struct memory *m, const struct pcie_tlp *tlp)
{
  HD_REQUIRE(&m->base, tlp->observer < m->n_observers, "unknown observer %u",
             tlp->observer);
  struct guest_memory_msg *g = hd_msg_new(&m->base, MSG_GUEST_MEMORY);
  g->address = tlp->hpa;
  g->data = tlp->data;
  g->object = tlp->object;
  g->length = tlp->length;
  g->observer = tlp->observer;
  hd_send(m->observers[tlp->observer],
          m->params.write_latency + m->params.visible_latency, g);
}

static void device_write(struct memory *m, struct pcie_tlp *tlp)
{
  struct region *r = owner_of(m, tlp);
  m->finished++;
  if (r) {
    struct span s = lines_of(m, tlp->hpa, tlp->length);
    account(m, s, true, write_lines(m, tlp, s));
    r->written += tlp->length;
    if (tlp->observer != PCIE_NO_OBSERVER)
      tell_observer(m, tlp);
  } else {
    m->stray++;
  }
  hd_msg_free(&m->base, tlp);
}

/* ---- other accesses ------------------------------------------------- */

/* A write takes as long as a read: the line must be owned before it counts. */
static void host_access(struct memory *m, struct memory_request *q)
{
  struct span s = lines_of(m, q->address, q->length);
  uint64_t hits = 0;
  hd_time done;
  if (q->msg.tag & MEMORY_UNCACHED) {
    done = hd_now(&m->base) + m->params.llc_latency;
    for (uint64_t line = s.first; line <= s.last; line++)
      done = hd_time_max(done,
                         dram_serve(&m->dram, m->window, line,
                                    hd_now(&m->base) + m->params.llc_latency));
  } else {
    done = fetch(m, s, m->all_ways, q->write, &hits);
  }
  account(m, s, q->write, hits);
  q->hit = hits == s.last - s.first + 1;
  q->msg.kind = MSG_MEMORY_DONE;
  m->finished++;
  hd_send_at(q->reply, hd_time_max(done, hd_now(&m->base) + q->reply->latency),
             q);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct memory *m = (struct memory *)self;
  m->arrived++;
  if (msg->kind == MSG_MEMORY_ACCESS) {
    host_access(m, (struct memory_request *)msg);
    return;
  }
  HD_REQUIRE(self, msg->kind == MSG_TLP_ACCESS, "message of kind %u",
             msg->kind);
  struct pcie_tlp *tlp = (struct pcie_tlp *)msg;
  if (tlp->type == PCIE_MWR)
    device_write(m, tlp);
  else
    device_read(m, tlp);
}

/* ---- building ------------------------------------------------------- */

static const struct hd_component_ops ops = {.kind = "memory", .handle = handle};

struct memory *memory_create(struct hd_engine *e, const char *path,
                             const char *host,
                             const struct memory_params *params,
                             const struct hd_window *window)
{
  struct memory *m = calloc(1, sizeof *m);
  HD_REQUIRE(NULL, m != NULL, "out of memory for %s", path);
  hd_component_initialize(&m->base, e, &ops, path, host);
  m->params = *params;
  m->window = window;
  HD_REQUIRE(&m->base,
             params->llc_ways >= 1 && params->llc_ways <= LLC_WAYS_MAX,
             "an LLC of %lld ways", (long long)params->llc_ways);
  unsigned ways = (unsigned)params->llc_ways;
  unsigned ddio =
      params->ddio_ways < params->llc_ways ? (unsigned)params->ddio_ways : ways;
  m->all_ways = llc_way_mask(ways);
  m->ddio_ways = llc_way_mask(ddio);
  bool done =
      llc_initialize(&m->llc, (uint64_t)params->llc_size, ways) &&
      dram_initialize(&m->dram, (uint32_t)params->dram_channels,
                      params->dram_rate, params->dram_latency,
                      params->refresh_interval, params->refresh_duration);
  HD_REQUIRE(&m->base, done, "out of memory for %s", path);
  return m;
}

void memory_destroy(struct memory *m)
{
  llc_terminate(&m->llc);
  dram_terminate(&m->dram);
  free(m->regions);
  free(m->bases);
  free(m->observers);
  free(m);
}

struct hd_component *memory_component(struct memory *m)
{
  return &m->base;
}

uint16_t memory_add_region(struct memory *m, uint64_t base, uint64_t size)
{
  HD_REQUIRE(&m->base, m->n_regions < MEMORY_NO_REGION, "too many regions");
  HD_REQUIRE(&m->base, size > 0 && base + size > base, "an empty region");
  if (m->n_regions > 0) {
    const struct region *last = &m->regions[m->n_regions - 1];
    HD_REQUIRE(&m->base, base >= last->base + last->size,
               "region at %#llx is not above the one before",
               (unsigned long long)base);
  }
  m->regions = realloc(m->regions, (m->n_regions + 1) * sizeof *m->regions);
  m->bases = realloc(m->bases, (m->n_regions + 1) * sizeof *m->bases);
  HD_REQUIRE(&m->base, m->regions && m->bases, "out of memory for regions");
  m->bases[m->n_regions] = base;
  m->regions[m->n_regions] = (struct region){.base = base, .size = size};
  return (uint16_t)m->n_regions++;
}

uint16_t memory_add_observer(struct memory *m, uint16_t region,
                             struct hd_component *software)
{
  HD_REQUIRE(&m->base, region < m->n_regions, "observer of no region");
  HD_REQUIRE(&m->base, m->n_observers < PCIE_NO_OBSERVER, "too many observers");
  m->observers =
      realloc(m->observers, (m->n_observers + 1) * sizeof *m->observers);
  HD_REQUIRE(&m->base, m->observers != NULL, "out of memory for observers");
  m->observers[m->n_observers] =
      hd_channel_open(&m->base, software, m->params.visible_latency);
  if (software->is_task) /* it looks at memory when it runs */
    hd_channel_set_passive(m->observers[m->n_observers]);
  return (uint16_t)m->n_observers++;
}

struct hd_channel *memory_connect(struct memory *m, struct hd_component *c,
                                  hd_time latency, struct hd_channel **reply)
{
  *reply = hd_channel_open(&m->base, c, latency);
  return hd_channel_open(c, &m->base, latency);
}

void memory_set_root_complex(struct memory *m, struct hd_channel *answer)
{
  HD_REQUIRE(&m->base, m->answer == NULL, "two root complexes on one memory");
  m->answer = answer;
}

void memory_warm(struct memory *m, uint64_t base, uint64_t size, bool device)
{
  uint32_t ways = device ? m->ddio_ways : m->all_ways;
  uint64_t victim;
  if (size == 0 || ways == 0)
    return;
  uint64_t last = (base + size - 1) >> LLC_LINE_SHIFT;
  for (uint64_t line = base >> LLC_LINE_SHIFT; line <= last; line++)
    if (!llc_touch(&m->llc, line, true))
      (void)llc_allocate(&m->llc, line, ways, true, &victim);
}

/* ---- results -------------------------------------------------------- */

static hd_time end_of(const struct memory *m)
{
  struct hd_engine_report r;
  hd_engine_get_report(m->base.engine, &r);
  return r.end != HD_TIME_NEVER ? r.end : hd_now(&m->base);
}

void memory_get_stats(const struct memory *m, struct memory_stats *s)
{
  *s = (struct memory_stats){
      .reads = m->reads.count,
      .writes = m->writes.count,
      .lines = m->lines.count,
      .hits = m->hits.count,
      .ddio_allocations = m->allocations.count,
      .evictions = m->evictions.count,
      .dram_utilization =
          hd_busy_utilization(&m->dram.busy, m->window, end_of(m)) /
          m->dram.n_channels};
}

uint64_t memory_region_written(const struct memory *m, uint16_t region)
{
  return region < m->n_regions ? m->regions[region].written : 0;
}

uint64_t memory_region_read(const struct memory *m, uint16_t region)
{
  return region < m->n_regions ? m->regions[region].read : 0;
}

uint64_t memory_stray(const struct memory *m)
{
  return m->stray;
}

const char *memory_check(const struct memory *m)
{
  if (m->arrived != m->finished)
    return "an access to memory was lost";
  if (m->hits.count > m->lines.count)
    return "more LLC hits than lines";
  return llc_check(&m->llc);
}
