/*
 * migration_copy.c - reads pages and sends them, a chunk at a time.
 *
 * Reading and sending overlap, as with a socket's buffer: a chunk lasts as long
 * as the slower of the thread's work and the flow. The bandwidth limit is
 * QEMU's: so many bytes in each 100 ms at the link's rate, then a pause.
 */
#include "models/hypervisor/migration_internal.h"

#define LIMIT_WINDOW (100 * HD_MS)

/* ---- the bandwidth limit ------------------------------------------------- */

static int64_t window_budget(const struct migration_source *s)
{
  int64_t limit = migration_of(s)->config.params->bandwidth_limit;
  return limit / 80 > 0 ? limit / 80 : 1;
}

/* Windows that are over take their budget along; what they did not use is lost,
 * what they used too much counts for the next. */
static void roll_window(struct migration_source *s)
{
  hd_time past = migration_now(&s->thread) - s->window_start;
  int64_t windows = past / LIMIT_WINDOW, budget = window_budget(s);
  s->window_start += windows * LIMIT_WINDOW;
  int64_t over = s->window_sent / budget;
  s->window_sent = windows > over ? 0 : s->window_sent - windows * budget;
}

/* Bytes that may be sent now, > 0; waits until there are any. */
static int64_t allowance(struct migration_source *s, bool limited)
{
  int64_t budget = window_budget(s);
  if (!limited || migration_of(s)->config.params->bandwidth_limit == 0)
    return INT64_MAX;
  roll_window(s);
  while (s->window_sent >= budget) {
    while (migration_wait(&s->thread, s->window_start + LIMIT_WINDOW))
      ;
    roll_window(s);
  }
  return budget - s->window_sent;
}

/* ---- chunks -------------------------------------------------------------- */

struct content {
  uint32_t pages, zeros;
  int64_t headers;
};

static int64_t bytes_of(const struct content *c)
{
  return (c->pages - c->zeros) * MIGRATION_PAGE + c->headers;
}

/* Takes pages from *cursor on, as many as fit the chunk and `allowed`. */
static struct content read_pages(struct migration_source *s, uint32_t *cursor,
                                 int64_t allowed, struct migration_chunk *to)
{
  const struct migration *m = migration_of(s);
  const struct migration_params *p = m->config.params;
  struct content c = {0};
  while (c.pages < m->chunk_pages && bytes_of(&c) < allowed) {
    uint32_t page = migration_memory_next(&s->memory, *cursor);
    *cursor = page;
    if (page == m->n_pages)
      break;
    bool zero = p->zero_detection && migration_memory_is_zero(&s->memory, page);
    to->page[c.pages] = page;
    to->version[c.pages++] = s->memory.version[page];
    c.zeros += zero;
    c.headers += p->page_header + zero;
    migration_memory_taken(&s->memory, page);
  }
  to->n = c.pages;
  return c;
}

static void count(struct migration_source *s, const struct content *c)
{
  struct migration_report *r = &migration_of(s)->report;
  r->pages += c->pages;
  r->zero_pages += c->zeros;
  r->bytes_headers += (uint64_t)c->headers;
  r->bytes_pages += (uint64_t)(bytes_of(c) - c->headers);
  r->bytes += (uint64_t)bytes_of(c);
  s->window_sent += bytes_of(c);
}

static hd_time work_of(struct migration *m, const struct content *c)
{
  const struct migration_params *p = m->config.params;
  int64_t cycles = (int64_t)(c->pages - c->zeros) * p->page_send;
  if (p->zero_detection)
    cycles += c->pages * p->page_check;
  return hd_clock_take(&m->clock, cycles);
}

static bool push(struct migration_source *s, int64_t bytes)
{
  if (hd_flow_push(&s->thread.task, migration_of(s)->config.link, bytes) ==
      HD_FLOW_DONE)
    return true;
  return migration_source_fail(s, "the link between the hosts was cut");
}

static bool send_chunk(struct migration_source *s, struct migration_chunk *k,
                       const struct content *c)
{
  struct migration *m = migration_of(s);
  hd_time begin = migration_now(&s->thread), work = work_of(m, c);
  m->report.thread_cpu += work;
  if (!push(s, bytes_of(c)))
    return false;
  hd_time over = begin + work / m->config.params->channels;
  if (over > migration_now(&s->thread))
    hd_task_advance(&s->thread.task, over - migration_now(&s->thread));
  migration_follow(&s->thread, &(struct migration_control_msg){
                                   .word = MIGRATION_PAGES, .chunk = k});
  count(s, c);
  return true;
}

static bool free_chunk(struct migration_source *s)
{
  migration_source_poll(s);
  while (s->n_free == 0 && !s->reason[0])
    if (!migration_source_await(s, MIGRATION_TAKEN, NULL))
      return false;
  return !s->reason[0];
}

bool migration_copy_pages(struct migration_source *s, bool limited)
{
  uint32_t cursor = 0;
  s->window_start = migration_now(&s->thread);
  s->window_sent = 0;
  while (s->memory.n_todo > 0) {
    int64_t allowed = allowance(s, limited);
    if (!free_chunk(s))
      return false;
    migration_tracking_update(s);
    struct migration_chunk *k = s->free[--s->n_free];
    struct content c = read_pages(s, &cursor, allowed, k);
    HD_REQUIRE(&s->thread.task.base, c.pages > 0, "pages counted, none found");
    if (!send_chunk(s, k, &c))
      return false;
    migration_series_add(s);
  }
  return true;
}

bool migration_copy_state(struct migration_source *s, int64_t bytes,
                          struct migration_control_msg *then)
{
  struct migration_report *r = &migration_of(s)->report;
  if (!push(s, bytes))
    return false;
  r->bytes_state += (uint64_t)bytes;
  r->bytes += (uint64_t)bytes;
  then->bytes = bytes;
  migration_follow(&s->thread, then);
  return true;
}
