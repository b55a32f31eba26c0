/*
 * memory.c - the memory component: device and host accesses, regions, their
 * sockets, order, observers.
 */
#include "models/memory/memory.h"

#include <math.h>
#include <stdlib.h>

#include "models/memory/node.h"

struct region {
  uint64_t base, size;
  uint64_t written, read; /* bytes by devices, since the start */
  bool remote;            /* on the other socket */
};

/* Root ports whose writes and reads are ordered apart; ports beyond share. */
enum { PORTS = 16 };

/* Addresses that are told apart by what is remembered of earlier searches, and
 * log2 of how near to each other they are not. */
enum { RECENT = 4096, RECENT_SHIFT = 24 };

struct memory {
  struct hd_component base;
  struct memory_params params;
  const struct hd_window *window;
  struct memory_node near, far; /* sockets: the IO stack's, the other */
  bool has_far;
  hd_time written[PORTS];    /* when all writes so far are visible */
  struct hd_channel *answer; /* to the root complex */
  struct region *regions;
  uint64_t *bases;         /* of the regions, for the search */
  uint16_t recent[RECENT]; /* by recent_at(): where an address was found last */
  struct hd_channel **observers;
  struct hd_channel_hint *hints; /* of the observers; set by start() */
  uint32_t n_regions, n_observers, n_hints;
  struct hd_counter reads, writes, lines, hits;
  uint64_t arrived, finished, stray; /* accesses, since the start */
  uint64_t held;                     /* reads that wait for writes, now */
  hd_time served;                    /* the last request that arrived */
};

/* ---- regions -------------------------------------------------------- */

static inline struct memory_span span_of(const struct memory *m,
                                         uint64_t address, uint32_t length)
{
  HD_REQUIRE(&m->base, length > 0, "access of no bytes at %#llx",
             (unsigned long long)address);
  struct memory_span s = memory_span_of(address, length);
  HD_REQUIRE(&m->base, llc_can_hold(&m->near.llc, s.last),
             "address %#llx is too large for the LLC's tags",
             (unsigned long long)address);
  return s;
}

static inline bool in_region(const struct region *r, uint64_t address)
{
  return address - r->base < r->size;
}

/* The region with the address, or NULL. */
static struct region *search(const struct memory *m, uint64_t address)
{
  const uint64_t *last = m->bases; /* the last base not above the address */
  for (uint32_t n = m->n_regions; n > 1;) {
    uint32_t half = n / 2;
    last += last[half] <= address ? half : 0; /* a conditional move */
    n -= half;
  }
  size_t i = (size_t)(last - m->bases);
  bool found = m->n_regions > 0 && in_region(&m->regions[i], address);
  return found ? &m->regions[i] : NULL;
}

static inline uint32_t recent_at(uint64_t address)
{
  uint64_t hash = (address >> RECENT_SHIFT) * 0x9e3779b97f4a7c15u;
  return (uint32_t)(hash >> 32) % RECENT;
}

/* The same, first where such an address was found before. */
static struct region *region_at(struct memory *m, uint64_t address)
{
  uint16_t *recent = &m->recent[recent_at(address)];
  if (*recent < m->n_regions && in_region(&m->regions[*recent], address))
    return &m->regions[*recent];
  struct region *r = search(m, address);
  if (r)
    *recent = (uint16_t)(r - m->regions);
  return r;
}

/* The region with the TLP's address, or NULL; sets tlp->owner. */
static struct region *owner_of(struct memory *m, struct pcie_tlp *tlp)
{
  if (tlp->owner < m->n_regions && in_region(&m->regions[tlp->owner], tlp->hpa))
    return &m->regions[tlp->owner];
  struct region *r = region_at(m, tlp->hpa);
  tlp->owner = r ? (uint16_t)(r - m->regions) : MEMORY_NO_REGION;
  return r;
}

/* The socket of a region, and *hop: the way there, which is also the way back.
 */
static inline struct memory_node *node_of(struct memory *m,
                                          const struct region *r, hd_time *hop)
{
  bool far = r && r->remote;
  *hop = far ? m->params.numa_latency / 2 : 0;
  return far ? &m->far : &m->near;
}

static void account(struct memory *m, hd_time now, struct memory_span s,
                    bool write, uint64_t hits)
{
  if (!hd_window_contains(m->window, now))
    return;
  (write ? &m->writes : &m->reads)->count++;
  m->lines.count += memory_span_lines(s);
  m->hits.count += hits;
}

/* ---- device accesses ------------------------------------------------ */

static inline hd_time *written_by(struct memory *m, const struct pcie_tlp *tlp)
{
  return &m->written[tlp->port % PORTS];
}

static void device_read(struct memory *m, struct pcie_tlp *tlp)
{
  struct region *r = owner_of(m, tlp);
  struct memory_span s = span_of(m, tlp->hpa, tlp->length);
  hd_time hop, now = hd_now(&m->base);
  struct memory_node *n = node_of(m, r, &hop);
  uint64_t hits = 0;
  hd_time done = memory_node_fetch(n, now + hop, s, 0, LLC_READ, &hits) + hop;
  account(m, now, s, false, hits);
  if (r) {
    r->read += tlp->length;
  } else {
    m->stray++;
    tlp->status = PCIE_UR;
  }
  tlp->msg.kind = MSG_TLP_ACCESSED;
  m->finished++;
  hd_send_at(m->answer, hd_time_max(done, now + m->answer->latency), tlp);
}

/* A read pushes the writes before it (PCIe 2.4.1): it waits until they are
 * visible, unless its ordering is relaxed. */
static void read_behind_writes(struct memory *m, struct pcie_tlp *tlp)
{
  hd_time wait = *written_by(m, tlp) - hd_now(&m->base);
  if (wait <= 0 || tlp->flags & PCIE_RELAXED) {
    device_read(m, tlp);
    return;
  }
  m->held++;
  tlp->msg.kind = MSG_TIMER;
  hd_schedule(&m->base, wait, tlp);
}

static void tell_observer(struct memory *m, const struct pcie_tlp *tlp,
                          hd_time written)
{
  HD_REQUIRE(&m->base, tlp->observer < m->n_observers, "unknown observer %u",
             tlp->observer);
  struct guest_memory_msg *g = hd_msg_new(&m->base, MSG_GUEST_MEMORY);
  g->address = tlp->hpa;
  g->data = tlp->data;
  g->object = tlp->object;
  g->length = tlp->length;
  g->observer = tlp->observer;
  hd_send_at(m->observers[tlp->observer], written + m->params.visible_latency,
             g);
}

/* Writes of a port become visible in their order; one with relaxed ordering
 * does not wait, and nobody waits for it. */
static hd_time commit(struct memory *m, const struct pcie_tlp *tlp,
                      hd_time done)
{
  if (tlp->flags & PCIE_RELAXED)
    return done;
  hd_time *written = written_by(m, tlp);
  *written = hd_time_max(*written, done);
  return *written;
}

static void device_write(struct memory *m, struct pcie_tlp *tlp)
{
  struct region *r = owner_of(m, tlp);
  m->finished++;
  if (r) {
    struct memory_span s = span_of(m, tlp->hpa, tlp->length);
    hd_time hop;
    struct memory_node *n = node_of(m, r, &hop);
    uint64_t hits = 0;
    hd_time done = memory_node_write(n, hd_now(&m->base) + hop, s, &hits) + hop;
    done = commit(m, tlp, done);
    account(m, hd_now(&m->base), s, true, hits);
    r->written += tlp->length;
    if (tlp->observer != PCIE_NO_OBSERVER)
      tell_observer(m, tlp, done);
  } else {
    m->stray++;
  }
  hd_msg_free(&m->base, tlp);
}

/* ---- other accesses ------------------------------------------------- */

/* When the answer to what arrives at `now` reaches its receiver. */
static hd_time host_access(struct memory *m, struct memory_request *q,
                           hd_time now)
{
  struct memory_span s = span_of(m, q->address, q->length);
  hd_time hop, done;
  struct memory_node *n =
      node_of(m, m->has_far ? region_at(m, q->address) : NULL, &hop);
  uint32_t ways = q->msg.tag & MEMORY_NO_ALLOCATE ? 0 : n->all_ways;
  uint64_t hits = 0;
  if (q->msg.tag & MEMORY_UNCACHED)
    done = memory_node_bypass(n, now + hop, s) + hop;
  else
    done = memory_node_fetch(n, now + hop, s, ways,
                             q->write ? LLC_DEVICE_WRITE : LLC_READ, &hits) +
           hop;
  account(m, now, s, q->write, hits);
  q->hit = hits == memory_span_lines(s);
  q->msg.kind = MSG_MEMORY_DONE;
  m->arrived++;
  m->finished++;
  return hd_time_max(done, now + q->reply->latency);
}

hd_time memory_serve(struct memory *m, struct memory_request *q,
                     hd_time arrival)
{
  HD_REQUIRE(&m->base, arrival >= m->served,
             "an access that arrives before the one served last");
  m->served = arrival;
  return host_access(m, q, arrival);
}

static void device_access(struct memory *m, struct pcie_tlp *tlp)
{
  m->arrived++;
  if (tlp->type == PCIE_MWR)
    device_write(m, tlp);
  else
    read_behind_writes(m, tlp);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct memory *m = (struct memory *)self;
  switch (msg->kind) {
  case MSG_MEMORY_ACCESS: {
    struct memory_request *q = (struct memory_request *)msg;
    hd_send_at(q->reply, memory_serve(m, q, hd_now(self)), q);
    break;
  }
  case MSG_TLP_ACCESS:
    device_access(m, (struct pcie_tlp *)msg);
    break;
  case MSG_TIMER:
    m->held--;
    device_read(m, (struct pcie_tlp *)msg);
    break;
  default:
    hd_fail(self, __FILE__, __LINE__, "message of kind %u", msg->kind);
  }
}

/* ---- fetching ahead ------------------------------------------------- */

/* The region that is known from the TLP itself, or from an earlier search. */
static void fetch_region(const struct memory *m, const struct pcie_tlp *tlp)
{
  uint32_t i =
      tlp->owner < m->n_regions ? tlp->owner : m->recent[recent_at(tlp->hpa)];
  hd_fetch(&m->regions[i], sizeof *m->regions);
}

static void ahead_of_access(const struct memory *m, uint64_t address,
                            uint32_t length, bool allocates)
{
  const struct llc *l = &m->near.llc;
  struct memory_span s = memory_span_of(address, length);
  if (allocates || llc_may_hold(l, s.first, s.last))
    llc_fetch(l, s.first, length);
}

static void ahead(const struct hd_component *self, const struct hd_msg *msg)
{
  const struct memory *m = (const struct memory *)self;
  if (msg->kind == MSG_TLP_ACCESS) {
    const struct pcie_tlp *tlp = (const struct pcie_tlp *)msg;
    ahead_of_access(m, tlp->hpa, tlp->length, tlp->type == PCIE_MWR);
    fetch_region(m, tlp);
    if (tlp->type == PCIE_MWR && tlp->observer < m->n_hints)
      hd_channel_fetch(m->hints[tlp->observer]);
  } else if (msg->kind == MSG_MEMORY_ACCESS) {
    const struct memory_request *q = (const struct memory_request *)msg;
    ahead_of_access(m, q->address, q->length, true);
  }
}

static void start(struct hd_component *self)
{
  struct memory *m = (struct memory *)self;
  m->hints = hd_array(self, m->n_observers, sizeof *m->hints, "observers");
  for (; m->n_hints < m->n_observers; m->n_hints++)
    m->hints[m->n_hints] = hd_channel_hint(m->observers[m->n_hints]);
}

/* ---- building ------------------------------------------------------- */

static const struct hd_component_ops ops = {
    .kind = "memory", .handle = handle, .start = start, .ahead = ahead};

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
  HD_REQUIRE(&m->base, memory_node_initialize(&m->near, &m->params, window),
             "out of memory for %s", path);
  return m;
}

void memory_destroy(struct memory *m)
{
  memory_node_terminate(&m->near);
  if (m->has_far)
    memory_node_terminate(&m->far);
  free(m->regions);
  free(m->bases);
  free(m->observers);
  free(m->hints);
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

void memory_set_remote(struct memory *m, uint16_t region)
{
  HD_REQUIRE(&m->base, region < m->n_regions, "no region %u", region);
  m->regions[region].remote = true;
  if (m->has_far)
    return;
  m->has_far = true;
  HD_REQUIRE(&m->base, memory_node_initialize(&m->far, &m->params, m->window),
             "out of memory for the other socket");
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
  hd_time hop;
  if (size > 0)
    memory_node_warm(node_of(m, region_at(m, base), &hop),
                     memory_span_of(base, size), device);
}

/* ---- results -------------------------------------------------------- */

static hd_time end_of(const struct memory *m)
{
  struct hd_engine_report r;
  hd_engine_get_report(m->base.engine, &r);
  return r.end != HD_TIME_NEVER ? r.end : hd_now(&m->base);
}

static double utilization(const struct memory *m, const struct memory_node *n)
{
  return hd_busy_utilization(&n->dram.busy, m->window, end_of(m)) /
         n->dram.n_channels;
}

void memory_get_stats(const struct memory *m, struct memory_stats *s)
{
  *s = (struct memory_stats){
      .reads = m->reads.count,
      .writes = m->writes.count,
      .lines = m->lines.count,
      .hits = m->hits.count,
      .ddio_allocations = m->near.allocations.count + m->far.allocations.count,
      .evictions = m->near.evictions.count + m->far.evictions.count,
      .dram_utilization = fmax(utilization(m, &m->near),
                               m->has_far ? utilization(m, &m->far) : 0)};
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
  if (m->arrived != m->finished + m->held)
    return "an access to memory was lost";
  if (m->hits.count > m->lines.count)
    return "more LLC hits than lines";
  const char *wrong = m->has_far ? llc_check(&m->far.llc) : NULL;
  return wrong ? wrong : llc_check(&m->near.llc);
}
