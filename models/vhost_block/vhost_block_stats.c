/* vhost_block_stats.c - what the software block back ends have done. */
#include "models/vhost_block/internal.h"
#include "models/workload/guest.h"

/* ---- the front of struct guest ------------------------------------------- */

static struct vcpu *vcpu_of_queue(void *guest, unsigned q)
{
  return guest_vcpu_of_queue(guest, q);
}

static void attach(void *guest, struct hd_component *backend,
                   hd_time kick_latency)
{
  guest_attach_backend(guest, backend, kick_latency);
}

const struct block_guest_front vhost_block_guest_front = {
    .vcpu_of_queue = vcpu_of_queue, .attach = attach};

/* ---- threads ------------------------------------------------------------- */

size_t vhost_block_n_threads(const struct vhost_block *v)
{
  return v->n_pmds + v->n_iothreads;
}

struct host_thread *vhost_block_thread(const struct vhost_block *v, size_t i)
{
  return i < v->n_pmds ? &v->pmds[i].thread
                       : &v->iothreads[i - v->n_pmds].thread;
}

void vhost_block_get_thread_stats(const struct vhost_block *v, size_t i,
                                  hd_time end,
                                  struct vhost_block_thread_stats *st)
{
  const struct host_thread *t = vhost_block_thread(v, i);
  *st = (struct vhost_block_thread_stats){.name = t->vcpu.task.base.path,
                                          .role = VHOST_BLOCK_PMD,
                                          .cores = host_thread_cores(t, end)};
  if (i < v->n_pmds) {
    st->requests = v->pmds[i].handled;
    return;
  }
  const struct iothread_stats *s = &v->iothreads[i - v->n_pmds].stats;
  st->role = VHOST_BLOCK_QEMU;
  st->requests = s->requests;
  st->sleeps = s->sleeps;
  st->polls = s->polls;
  st->hits = s->hits;
  st->batches = s->batches;
}

double vhost_block_cores(const struct vhost_block *v, hd_time end)
{
  double cores = 0;
  for (size_t i = 0; i < vhost_block_n_threads(v); i++)
    cores += host_thread_cores(vhost_block_thread(v, i), end);
  return cores;
}

/* ---- guests and drives --------------------------------------------------- */

bool vhost_block_get_guest_stats(const struct vhost_block *v, uint16_t vm,
                                 struct block_guest_stats *st)
{
  for (size_t i = 0; i < v->n_guests; i++)
    if (v->guests[i].vm == vm) {
      *st = v->guests[i].stats;
      return true;
    }
  return false;
}

void vhost_block_get_drive_stats(const struct vhost_block *v, uint8_t drive,
                                 struct host_queue_stats *st)
{
  const struct vhost_block_pairs *p = &v->drives[drive];
  *st = (struct host_queue_stats){0};
  for (uint16_t i = 0; i < p->made; i++) {
    const struct host_queue_stats *s = &p->queues[i].stats;
    st->commands += s->commands;
    st->doorbells += s->doorbells;
    st->waited += s->waited;
  }
}

/* ---- conservation -------------------------------------------------------- */

uint64_t vhost_block_requests_inside(const struct vhost_block *v)
{
  uint64_t n = 0;
  for (size_t i = 0; i < v->n_guests; i++)
    n += v->guests[i].taken - v->guests[i].returned;
  return n;
}

uint64_t vhost_block_commands_out(const struct vhost_block *v, uint8_t drive)
{
  const struct vhost_block_pairs *p = &v->drives[drive];
  uint64_t n = 0;
  for (uint16_t i = 0; i < p->made; i++)
    n += p->queues[i].announced - p->queues[i].completed;
  return n;
}

static uint64_t commands(const struct vhost_block *v)
{
  uint64_t n = 0;
  for (unsigned d = 0; d < v->config.n_drives; d++)
    for (uint16_t i = 0; i < v->drives[d].made; i++)
      n += v->drives[d].queues[i].begun - v->drives[d].queues[i].ended;
  return n;
}

const char *vhost_block_check(const struct vhost_block *v)
{
  const char *wrong = NULL;
  for (unsigned d = 0; d < v->config.n_drives; d++)
    for (uint16_t i = 0; wrong == NULL && i < v->drives[d].made; i++)
      wrong = host_queue_check(&v->drives[d].queues[i]);
  for (size_t i = 0; wrong == NULL && i < v->n_guests; i++)
    wrong = block_guest_check(&v->guests[i]);
  uint64_t refused = 0;
  for (size_t i = 0; i < v->n_guests; i++)
    refused += v->guests[i].refused.request != NULL;
  if (wrong == NULL && commands(v) + refused != vhost_block_requests_inside(v))
    return "block back ends: requests taken are not commands";
  return wrong;
}
