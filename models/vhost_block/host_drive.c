/* host_drive.c - an NVMe queue pair in the host's hands. */
#include "models/vhost_block/host_drive.h"

#include <stdlib.h>

enum { LIST_BYTES = BLOCK_PAGE_BYTES, LIST_ENTRIES = LIST_BYTES / 8 };

/* ---- lists --------------------------------------------------------------- */

static void push(struct host_commands *l, struct host_command *c)
{
  c->next = NULL;
  if (l->first)
    l->last->next = c;
  else
    l->first = c;
  l->last = c;
  l->count++;
}

static struct host_command *pop(struct host_commands *l)
{
  struct host_command *c = l->first;
  if (!c)
    return NULL;
  l->first = c->next;
  l->count--;
  return c;
}

/* ---- life ---------------------------------------------------------------- */

static uint64_t whole_pages(uint64_t bytes)
{
  return (bytes + LIST_BYTES - 1) / LIST_BYTES * LIST_BYTES;
}

uint64_t host_queue_memory(uint32_t size)
{
  return whole_pages((uint64_t)size * STORAGE_SQ_ENTRY) +
         whole_pages((uint64_t)size * STORAGE_CQ_ENTRY) +
         (uint64_t)size * LIST_BYTES;
}

static void describe(struct storage_ring *ring,
                     const struct host_queue_place *p)
{
  uint64_t entries = whole_pages((uint64_t)p->size * STORAGE_SQ_ENTRY);
  *ring = (struct storage_ring){.submission = p->base,
                                .completion = p->base + entries,
                                .size = p->size,
                                .slot = hd_array(NULL, p->size,
                                                 sizeof(struct block_request *),
                                                 "a drive's queue pair"),
                                .vector = p->interface_vector};
}

void host_queue_initialize(struct host_queue *q, struct storage_ring *ring,
                           const struct host_queue_place *p,
                           struct hd_component *owner,
                           const struct hd_window *window)
{
  HD_REQUIRE(owner, p->max_transfer / BLOCK_PAGE_BYTES <= LIST_ENTRIES,
             "commands of %lld bytes need more than one page list",
             (long long)p->max_transfer);
  describe(ring, p);
  *q = (struct host_queue){
      .ring = ring,
      .owner = owner,
      .window = window,
      .device = p->device,
      .number = p->number,
      .vector = p->vector,
      .lists =
          p->base + host_queue_memory(p->size) - (uint64_t)p->size * LIST_BYTES,
      .max_pages = (uint32_t)(p->max_transfer / BLOCK_PAGE_BYTES),
      .tags = hd_array(NULL, p->size, sizeof *q->tags, "a drive's queue pair"),
      .n_tags = p->size - 1,
      .pages =
          hd_array(NULL, p->size, sizeof *q->pages, "a drive's queue pair")};
  for (uint32_t i = 0; i < q->n_tags; i++)
    q->tags[i] = (uint16_t)(q->n_tags - 1 - i);
  hd_pool_initialize(&q->commands, sizeof(struct host_command));
}

void host_queue_terminate(struct host_queue *q)
{
  for (uint32_t i = 0; i < q->ring->size; i++)
    free(q->pages[i]);
  free(q->pages);
  free(q->tags);
  free(q->ring->slot);
  hd_pool_terminate(&q->commands);
}

/* ---- doorbells ----------------------------------------------------------- */

static bool counts(const struct host_queue *q, hd_time now)
{
  return hd_window_contains(q->window, now);
}

static void doorbell(struct host_queue *q, struct host_thread *t,
                     uint64_t address, uint64_t position)
{
  q->stats.doorbells += counts(q, host_thread_now(t));
  vcpu_mmio_write(&t->vcpu, q->device, address, position % q->ring->size, NULL);
}

void host_queue_enable(struct host_queue *q, struct host_thread *t)
{
  vcpu_mmio_write(&t->vcpu, q->device, STORAGE_VECTOR(q->vector),
                  STORAGE_INT_ENABLE, NULL);
}

void host_queue_announce(struct host_queue *q, struct host_thread *t)
{
  if (q->announced == q->submitted)
    return;
  q->announced = q->submitted;
  doorbell(q, t, STORAGE_SQ_TAIL(q->number), q->submitted);
}

void host_queue_tell(struct host_queue *q, struct host_thread *t)
{
  if (q->told == q->completed)
    return;
  q->told = q->completed;
  doorbell(q, t, STORAGE_CQ_HEAD(q->number), q->completed);
}

/* ---- submission ---------------------------------------------------------- */

struct host_command *host_queue_command(struct host_queue *q,
                                        struct block_request *origin,
                                        uint64_t first_block, uint64_t offset)
{
  struct host_command *c = hd_pool_get(&q->commands);
  *c = (struct host_command){.request = *origin, .queue = q, .origin = origin};
  c->request.lba += first_block;
  c->request.buffer += offset;
  c->request.owner = NULL;
  c->request.next = NULL;
  q->begun++;
  q->in_hand++;
  return c;
}

/* The drive reads the list from host memory; its entries are host addresses. */
static void make_list(struct host_queue *q, struct block_request *r,
                      uint64_t offset)
{
  r->list = q->lists + (uint64_t)r->tag * LIST_BYTES;
  if (r->pages == NULL || offset == 0 || r->op == BLOCK_FLUSH)
    return;
  uint32_t n = block_pages(r->buffer, r->bytes) - 1;
  HD_REQUIRE(q->owner, n <= q->max_pages, "a command of %u bytes", r->bytes);
  uint64_t **pages = &q->pages[r->tag];
  if (*pages == NULL)
    *pages =
        hd_array(NULL, q->max_pages, sizeof **pages, "a drive's queue pair");
  for (uint32_t i = 0; i < n; i++)
    (*pages)[i] = r->pages[i] + offset;
  r->pages = *pages;
}

static bool has_room(const struct host_queue *q)
{
  return q->n_tags > 0 && q->submitted - q->fetched < q->ring->size - 1;
}

static void put(struct host_queue *q, struct host_command *c, hd_time now)
{
  c->request.tag = q->tags[--q->n_tags];
  make_list(q, &c->request, c->request.buffer - c->origin->buffer);
  hd_stamps_mark(&c->request.stamps, HD_STAGE_DEVICE_QUEUE, now);
  q->ring->slot[q->submitted % q->ring->size] = &c->request;
  q->submitted++;
}

void host_queue_submit(struct host_queue *q, struct host_command *c,
                       hd_time now)
{
  q->in_hand--;
  if (q->waiting.count == 0 && has_room(q)) {
    put(q, c, now);
    return;
  }
  q->stats.waited += counts(q, now);
  push(&q->waiting, c);
}

/* ---- completion ---------------------------------------------------------- */

struct host_queue *host_queue_written(const struct guest_memory_msg *m)
{
  struct host_command *c = m->object;
  struct host_queue *q = c->queue;
  uint64_t position = q->completed + q->written.count;
  uint32_t size = q->ring->size;
  HD_REQUIRE(q->owner,
             STORAGE_EVENT_SLOT(m->data) == position % size &&
                 STORAGE_EVENT_PHASE(m->data) == ((position / size + 1) & 1),
             "completion entry %u of queue %u out of turn",
             STORAGE_EVENT_SLOT(m->data), q->number);
  c->head = STORAGE_EVENT_HEAD(m->data);
  push(&q->written, c);
  return q;
}

static void read_entry(struct host_queue *q, struct host_command *c,
                       hd_time now)
{
  uint32_t size = q->ring->size;
  q->fetched += (c->head + size - q->fetched % size) % size;
  q->completed++;
  q->tags[q->n_tags++] = c->request.tag;
  q->stats.commands += counts(q, now);
  push(&q->ready, c);
}

uint32_t host_queue_harvest(struct host_queue *q, hd_time now)
{
  uint32_t n = 0;
  for (struct host_command *c; (c = pop(&q->written)) != NULL; n++)
    read_entry(q, c, now);
  while (q->waiting.count > 0 && has_room(q))
    put(q, pop(&q->waiting), now);
  return n;
}

struct host_command *host_queue_take(struct host_queue *q)
{
  struct host_command *c = pop(&q->ready);
  q->in_hand += c != NULL;
  return c;
}

void host_queue_release(struct host_queue *q, struct host_command *c)
{
  q->ended++;
  q->in_hand--;
  hd_pool_put(&q->commands, c);
}

/* ---- checks -------------------------------------------------------------- */

const char *host_queue_check(const struct host_queue *q)
{
  uint64_t with_drive = q->submitted - q->completed;
  if (with_drive + q->n_tags != q->ring->size - 1)
    return "drive's queue pair: tags are neither free nor with the drive";
  if (q->announced > q->submitted || q->fetched > q->announced ||
      q->completed > q->fetched || q->told > q->completed)
    return "drive's queue pair: completed before submitted";
  if (q->begun !=
      q->ended + with_drive + q->waiting.count + q->ready.count + q->in_hand)
    return "drive's queue pair: a command is lost";
  if (q->waiting.count > 0 && has_room(q))
    return "drive's queue pair: a command waits though the ring has room";
  return NULL;
}
