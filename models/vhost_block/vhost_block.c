/* vhost_block.c - building the software block back ends of a server. */
#include "models/vhost_block/vhost_block.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/hypervisor/control.h"
#include "models/vhost_block/internal.h"

/* From the decision to start a thread to the scheduler. */
#define START_LATENCY (1 * HD_US)
/* Vector of the host's own that a drive's interrupts have; any. */
enum { HOST_VECTOR = 33 };

/* ---- what it takes ------------------------------------------------------- */

static size_t of_kind(const struct vhost_block_config *c,
                      enum vhost_block_kind kind)
{
  size_t n = 0;
  for (size_t i = 0; i < c->n_guests; i++)
    n += c->guests[i].kind == kind;
  return n;
}

uint32_t vhost_block_dedicated(const struct vhost_block_config *c)
{
  return of_kind(c, VHOST_BLOCK_SPDK) > 0 ? (uint32_t)c->params->pmd_cores : 0;
}

uint32_t vhost_block_threads(const struct vhost_block_config *c)
{
  return vhost_block_dedicated(c) + (uint32_t)of_kind(c, VHOST_BLOCK_IOTHREAD);
}

/* Whether a poll-mode thread has a guest on the drive. */
static bool uses(const struct vhost_block_config *c, size_t thread,
                 uint8_t drive)
{
  size_t number = 0;
  for (size_t i = 0; i < c->n_guests; i++) {
    const struct vhost_block_guest *g = &c->guests[i];
    if (g->kind != VHOST_BLOCK_SPDK)
      continue;
    if (number++ % (size_t)c->params->pmd_cores == thread && g->drive == drive)
      return true;
  }
  return false;
}

static uint16_t polled_pairs(const struct vhost_block_config *c, uint8_t drive)
{
  uint16_t n = 0;
  for (size_t i = 0; i < vhost_block_dedicated(c); i++)
    n = (uint16_t)(n + uses(c, i, drive));
  return n;
}

uint16_t vhost_block_queue_pairs(const struct vhost_block_config *c,
                                 uint8_t drive)
{
  uint16_t n = polled_pairs(c, drive);
  for (size_t i = 0; i < c->n_guests; i++)
    n = (uint16_t)(n + (c->guests[i].kind == VHOST_BLOCK_IOTHREAD &&
                        c->guests[i].drive == drive));
  return n;
}

uint64_t vhost_block_memory(const struct vhost_block_config *c)
{
  uint64_t polled = host_queue_memory((uint32_t)c->params->spdk_ring);
  uint64_t kernel = host_queue_memory((uint32_t)c->params->kernel_ring);
  uint64_t bytes = of_kind(c, VHOST_BLOCK_IOTHREAD) * kernel;
  for (unsigned d = 0; d < c->n_drives; d++)
    bytes += polled_pairs(c, (uint8_t)d) * polled;
  return bytes;
}

/* ---- parts --------------------------------------------------------------- */

static void describe_drive(struct vhost_block *v, uint8_t number)
{
  const struct vhost_block_config *c = &v->config;
  const struct vhost_block_drive *d = &c->drives[number];
  struct vhost_block_pairs *p = &v->drives[number];
  p->count = vhost_block_queue_pairs(c, number);
  p->rings = hd_array(NULL, p->count, sizeof *p->rings, "block back ends");
  p->queues = hd_array(NULL, p->count, sizeof *p->queues, "block back ends");
  p->interface = (struct storage_interface){.requester = d->requester,
                                            .queue_pairs = p->count,
                                            .vectors = p->count,
                                            .first_queue = d->first_queue,
                                            .first_vector = d->first_vector,
                                            .first_handle = d->first_handle,
                                            .rings = p->rings};
}

/* The next queue pair of the drive becomes the thread's. */
static struct host_queue *make_pair(struct vhost_block *v, uint8_t number,
                                    struct host_thread *t, int64_t size)
{
  const struct vhost_block_config *c = &v->config;
  const struct vhost_block_drive *d = &c->drives[number];
  struct vhost_block_pairs *p = &v->drives[number];
  uint16_t i = p->made++;
  struct host_queue_place place = {.device = d->device,
                                   .number = d->first_queue + i,
                                   .vector = d->first_vector + i,
                                   .interface_vector = i,
                                   .size = (uint32_t)size,
                                   .base = v->memory_next,
                                   .max_transfer = d->max_transfer};
  struct hd_component *owner = host_thread_component(t);
  host_queue_initialize(&p->queues[i], &p->rings[i], &place, owner, c->window);
  p->rings[i].observer = memory_add_observer(c->memory, c->region, owner);
  v->memory_next += host_queue_memory((uint32_t)size);
  return &p->queues[i];
}

static void attach_thread(struct vhost_block *v, struct host_thread *t)
{
  const struct vhost_block_config *c = &v->config;
  host_thread_attach(t, c->scheduler, c->interrupts, c->descriptors, c->root);
}

static void attach_guest(struct vhost_block *v, struct block_guest *g,
                         const struct vhost_block_guest *from,
                         struct host_thread *t, struct host_queue *q)
{
  const struct vhost_block_config *c = &v->config;
  struct hd_channel *irq =
      interrupt_unit_connect_software(c->interrupts, host_thread_component(t));
  block_guest_attach(g, t, q, c->interrupts, irq, from->front, from->guest,
                     c->params->kick_latency);
}

/* ---- SPDK vhost ---------------------------------------------------------- */

static uint32_t vms(const struct vhost_block *v)
{
  uint32_t n = 0;
  for (size_t i = 0; i < v->n_guests; i++)
    n = v->guests[i].vm >= n ? v->guests[i].vm + 1u : n;
  return n;
}

static void make_pmds(struct vhost_block *v, struct hd_engine *e)
{
  const struct vhost_block_config *c = &v->config;
  for (size_t i = 0; i < v->n_pmds; i++) {
    struct spdk_thread *s = &v->pmds[i];
    char path[128];
    snprintf(path, sizeof path, "%s/pmd%03zu", v->base.path, i);
    spdk_thread_initialize(s, e, path, c->host, c->params, c->cpu,
                           (uint32_t)v->n_guests, vms(v), (uint32_t)c->n_drives,
                           c->window);
    attach_thread(v, &s->thread);
    for (unsigned d = 0; d < c->n_drives; d++)
      if (uses(c, i, (uint8_t)d))
        spdk_thread_add_drive(
            s, make_pair(v, (uint8_t)d, &s->thread, c->params->spdk_ring));
  }
}

static struct host_queue *pair_of(const struct vhost_block *v,
                                  const struct spdk_thread *s, uint8_t drive)
{
  const struct vhost_block_pairs *p = &v->drives[drive];
  for (uint16_t i = 0; i < p->made; i++)
    if (p->queues[i].owner == &s->thread.vcpu.task.base)
      return &p->queues[i];
  hd_fail(&v->base, __FILE__, __LINE__, "a thread without its drive");
}

/* ---- iothreads ----------------------------------------------------------- */

static void make_iothread(struct vhost_block *v, struct hd_engine *e,
                          size_t number, struct block_guest *g,
                          const struct vhost_block_guest *from)
{
  const struct vhost_block_config *c = &v->config;
  struct iothread *t = &v->iothreads[number];
  const struct vhost_block_pairs *p = &v->drives[from->drive];
  uint16_t pair = p->made;
  char path[128];
  snprintf(path, sizeof path, "%s/iothread%05u", v->base.path, g->vm);
  iothread_initialize(t, e, path, c->host, c->params, c->cpu, g,
                      &p->queues[pair], c->window);
  attach_thread(v, &t->thread);
  struct host_queue *q =
      make_pair(v, from->drive, &t->thread, c->params->kernel_ring);
  interrupt_unit_set_host_entry(
      c->interrupts, p->interface.first_handle + pair, p->interface.requester,
      vcpu_interrupt_index(&t->thread.vcpu, 0), HOST_VECTOR);
  attach_guest(v, g, from, &t->thread, q);
}

/* ---- guests -------------------------------------------------------------- */

static void make_guest(struct vhost_block *v, size_t i)
{
  const struct vhost_block_config *c = &v->config;
  const struct vhost_block_guest *from = &c->guests[i];
  HD_REQUIRE(&v->base, from->drive < c->n_drives, "there is no drive %u",
             from->drive);
  struct block_guest *g = &v->guests[i];
  *g =
      (struct block_guest){.first_block = from->first_block,
                           .blocks = from->blocks,
                           .side = c->side,
                           .offset = from->guest_offset,
                           .max_transfer = c->drives[from->drive].max_transfer};
  block_guest_initialize(g, from->function, c->window);
}

static void serve_guests(struct vhost_block *v, struct hd_engine *e)
{
  size_t polled = 0, iothreads = 0;
  for (size_t i = 0; i < v->n_guests; i++) {
    const struct vhost_block_guest *from = &v->config.guests[i];
    struct block_guest *g = &v->guests[i];
    if (from->kind == VHOST_BLOCK_IOTHREAD) {
      make_iothread(v, e, iothreads++, g, from);
      continue;
    }
    struct spdk_thread *s = &v->pmds[polled++ % v->n_pmds];
    attach_guest(v, g, from, &s->thread, pair_of(v, s, from->drive));
    spdk_thread_add_guest(s, g);
  }
}

/* ---- life ---------------------------------------------------------------- */

static void start_threads(struct vhost_block *v)
{
  for (size_t i = 0; i < vhost_block_n_threads(v); i++) {
    struct sched_msg *m = hd_msg_new_zero(&v->base, MSG_SCHED_WAKE);
    m->vcpu = vhost_block_thread(v, i)->vcpu.index;
    hd_send(v->to_scheduler, START_LATENCY, m);
  }
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  if (msg->kind == MSG_VM_BOOT)
    start_threads((struct vhost_block *)self);
  hd_msg_free(self, msg);
}

struct vhost_block *vhost_block_create(struct hd_engine *e, const char *path,
                                       const struct vhost_block_config *c)
{
  static const struct hd_component_ops ops = {.kind = "vhost_block",
                                              .handle = handle};
  struct vhost_block *v = hd_array(NULL, 1, sizeof *v, "block back ends");
  hd_component_initialize(&v->base, e, &ops, path, c->host);
  HD_REQUIRE(&v->base, c->n_drives <= VHOST_BLOCK_DRIVES, "too many drives");
  v->config = *c;
  v->to_scheduler = scheduler_connect(c->scheduler, &v->base, START_LATENCY);
  v->memory_next = c->memory_base;
  v->n_guests = c->n_guests;
  v->n_pmds = vhost_block_dedicated(c);
  v->n_iothreads = of_kind(c, VHOST_BLOCK_IOTHREAD);
  v->guests = hd_array(NULL, v->n_guests, sizeof *v->guests, "block back ends");
  v->pmds = hd_array(NULL, v->n_pmds, sizeof *v->pmds, "block back ends");
  v->iothreads =
      hd_array(NULL, v->n_iothreads, sizeof *v->iothreads, "block back ends");
  for (unsigned d = 0; d < c->n_drives; d++)
    describe_drive(v, (uint8_t)d);
  for (size_t i = 0; i < v->n_guests; i++)
    make_guest(v, i);
  make_pmds(v, e);
  serve_guests(v, e);
  v->config.guests = NULL;
  v->config.drives = NULL;
  return v;
}

void vhost_block_destroy(struct vhost_block *v)
{
  for (unsigned d = 0; d < v->config.n_drives; d++) {
    struct vhost_block_pairs *p = &v->drives[d];
    for (uint16_t i = 0; i < p->made; i++)
      host_queue_terminate(&p->queues[i]);
    free(p->queues);
    free(p->rings);
  }
  for (size_t i = 0; i < v->n_guests; i++)
    block_guest_terminate(&v->guests[i]);
  for (size_t i = 0; i < v->n_pmds; i++)
    spdk_thread_terminate(&v->pmds[i]);
  free(v->guests);
  free(v->pmds);
  free(v->iothreads);
  free(v);
}

struct hd_component *vhost_block_component(struct vhost_block *v)
{
  return &v->base;
}

const struct storage_interface *
vhost_block_interface(const struct vhost_block *v, uint8_t drive)
{
  const struct vhost_block_pairs *p = &v->drives[drive];
  return p->count > 0 ? &p->interface : NULL;
}

struct hd_component *vhost_block_server_of(struct vhost_block *v, uint16_t vm)
{
  for (size_t i = 0; i < v->n_guests; i++)
    if (v->guests[i].vm == vm)
      return host_thread_component(v->guests[i].thread);
  hd_fail(&v->base, __FILE__, __LINE__, "no guest %u", vm);
}
