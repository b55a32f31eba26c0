/* vhost.c - building the software back ends of a server. */
#include "models/vhost/vhost.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/hypervisor/control.h"
#include "models/vhost/internal.h"

/* From the decision to start a thread to the scheduler. */
#define START_LATENCY (1 * HD_US)

/* ---- what it takes --------------------------------------------------------
 */

static bool has(const struct vhost_config *c, unsigned port,
                enum vhost_kind kind)
{
  for (size_t i = 0; i < c->n_guests; i++)
    if (c->guests[i].port == port && c->guests[i].kind == kind)
      return true;
  return false;
}

static bool has_kind(const struct vhost_config *c, enum vhost_kind kind)
{
  return has(c, 0, kind) || has(c, 1, kind);
}

static uint16_t kernel_pairs(const struct vhost_config *c, unsigned port)
{
  return has(c, port, VHOST_NET) ? (uint16_t)c->params->net_queues : 0;
}

uint16_t vhost_queue_pairs(const struct vhost_config *c, unsigned port)
{
  uint16_t poll_mode =
      has(c, port, VHOST_USER) ? (uint16_t)c->params->pmd_cores : 0;
  return (uint16_t)(kernel_pairs(c, port) + poll_mode);
}

uint64_t vhost_memory(const struct vhost_config *c)
{
  uint64_t bytes = 0;
  for (unsigned port = 0; port < VHOST_PORTS; port++)
    bytes += host_port_memory(c->params, vhost_queue_pairs(c, port));
  return bytes;
}

uint32_t vhost_dedicated(const struct vhost_config *c)
{
  return has_kind(c, VHOST_USER) ? (uint32_t)c->params->pmd_cores : 0;
}

uint32_t vhost_threads(const struct vhost_config *c)
{
  uint32_t n = vhost_dedicated(c);
  for (unsigned port = 0; port < VHOST_PORTS; port++)
    n += kernel_pairs(c, port);
  for (size_t i = 0; i < c->n_guests; i++)
    if (c->guests[i].kind == VHOST_NET)
      n += c->guests[i].queue_pairs;
  return n;
}

/* ---- parts -----------------------------------------------------------------
 */

static void make_ports(struct vhost *v, struct hd_engine *e)
{
  const struct vhost_config *c = &v->config;
  uint64_t base = c->memory_base;
  for (unsigned i = 0; i < VHOST_PORTS; i++) {
    uint16_t pairs = vhost_queue_pairs(c, i);
    if (pairs == 0)
      continue;
    char path[128];
    snprintf(path, sizeof path, "%s/port%u", v->base.path, i);
    struct host_port_numbers numbers = c->ports[i];
    numbers.port = (uint8_t)i;
    numbers.device = c->nic_device;
    host_port_initialize(&v->ports[i], e, path, c->host, c->params, &numbers,
                         pairs, kernel_pairs(c, i), base, c->packets,
                         c->window);
    host_port_attach(&v->ports[i], c->root, c->memory, c->region);
    base += host_port_memory(c->params, pairs);
  }
}

static void count_guests(struct vhost *v)
{
  const struct vhost_config *c = &v->config;
  for (size_t i = 0; i < c->n_guests; i++) {
    const struct vhost_guest *g = &c->guests[i];
    v->guests = g->vm >= v->guests ? g->vm + 1u : v->guests;
    v->per_guest =
        g->queue_pairs > v->per_guest ? g->queue_pairs : v->per_guest;
    v->n_pairs += g->queue_pairs;
    v->n_workers += g->kind == VHOST_NET ? g->queue_pairs : 0;
  }
  for (unsigned port = 0; port < VHOST_PORTS; port++)
    v->n_napis += kernel_pairs(c, port);
  v->n_pmds = vhost_dedicated(c);
  v->pairs = hd_array(NULL, v->n_pairs, sizeof *v->pairs, "vhost");
  v->workers = hd_array(NULL, v->n_workers, sizeof *v->workers, "vhost");
  v->napis = hd_array(NULL, v->n_napis, sizeof *v->napis, "vhost");
  v->pmds = hd_array(NULL, v->n_pmds, sizeof *v->pmds, "vhost");
}

static void attach(struct vhost *v, struct host_thread *t)
{
  const struct vhost_config *c = &v->config;
  host_thread_attach(t, c->scheduler, c->interrupts, c->descriptors, c->root);
}

static struct hd_channel *irq_channel(struct vhost *v, struct host_thread *t)
{
  return interrupt_unit_connect_software(v->config.interrupts,
                                         host_thread_component(t));
}

/* ---- vhost-net --------------------------------------------------------------
 */

static void make_napis(struct vhost *v, struct hd_engine *e)
{
  const struct vhost_config *c = &v->config;
  size_t next = 0;
  for (unsigned port = 0; port < VHOST_PORTS; port++)
    for (uint16_t q = 0; q < kernel_pairs(c, port); q++) {
      struct vhost_napi *n = &v->napis[next++];
      struct host_port *hp = &v->ports[port];
      char path[128];
      snprintf(path, sizeof path, "%s/napi%u-%03u", v->base.path, port, q);
      vhost_napi_initialize(n, e, path, c->host, c->params, c->cpu, &hp->rxq[q],
                            v->guests, v->per_guest, c->packets, c->window);
      attach(v, &n->thread);
      hp->rx_rings[q].observer = memory_add_observer(
          c->memory, c->region, host_thread_component(&n->thread));
      interrupt_unit_set_host_entry(
          c->interrupts, hp->interface.first_handle + 1 + q,
          hp->interface.requester, vcpu_interrupt_index(&n->thread.vcpu, 0),
          33);
    }
}

/* A worker sends on one of the port's kernel queues, as a core's threads do. */
static void make_worker(struct vhost *v, struct hd_engine *e, size_t number,
                        struct vhost_pair *pair)
{
  const struct vhost_config *c = &v->config;
  struct vhost_worker *w = &v->workers[number];
  struct host_port *hp = &v->ports[pair->port];
  char path[128];
  snprintf(path, sizeof path, "%s/vm%05u-%03u", v->base.path, pair->vm,
           pair->number);
  vhost_worker_initialize(w, e, path, c->host, c->params, c->cpu, pair,
                          &hp->txq[number % kernel_pairs(c, pair->port)],
                          c->window);
  attach(v, &w->thread);
  vhost_pair_attach(pair, &w->thread, c->interrupts, irq_channel(v, &w->thread),
                    c->params->kick_latency);
  for (size_t i = 0; i < v->n_napis; i++)
    if (v->napis[i].rxq >= hp->rxq &&
        v->napis[i].rxq < hp->rxq + hp->queue_pairs)
      vhost_napi_add(&v->napis[i], w);
}

/* ---- vhost-user -------------------------------------------------------------
 */

static void make_pmds(struct vhost *v, struct hd_engine *e)
{
  const struct vhost_config *c = &v->config;
  for (size_t i = 0; i < v->n_pmds; i++) {
    struct vhost_pmd *d = &v->pmds[i];
    char path[128];
    snprintf(path, sizeof path, "%s/pmd%03zu", v->base.path, i);
    vhost_pmd_initialize(d, e, path, c->host, c->params, c->cpu, v->guests,
                         v->per_guest, c->packets, c->window);
    attach(v, &d->thread);
    for (unsigned port = 0; port < VHOST_PORTS; port++) {
      if (!has(c, port, VHOST_USER))
        continue;
      struct host_port *hp = &v->ports[port];
      size_t q = kernel_pairs(c, port) + i;
      vhost_pmd_add_port(d, port, &hp->rxq[q], &hp->txq[q]);
      hp->rx_rings[q].observer = memory_add_observer(
          c->memory, c->region, host_thread_component(&d->thread));
    }
  }
}

static void give_to_pmd(struct vhost *v, size_t number, struct vhost_pair *pair)
{
  const struct vhost_config *c = &v->config;
  size_t i = number % v->n_pmds;
  struct vhost_pmd *d = &v->pmds[i];
  vhost_pair_attach(pair, &d->thread, c->interrupts, irq_channel(v, &d->thread),
                    c->params->kick_latency);
  vhost_pmd_add_pair(d, pair);
  v->rules[pair->port][(size_t)pair->vm * v->per_guest + pair->number] =
      (uint16_t)(kernel_pairs(c, pair->port) + i);
}

/* ---- guests
 * ------------------------------------------------------------------ */

static void make_rules(struct vhost *v)
{
  size_t n = (size_t)v->guests * v->per_guest;
  for (unsigned port = 0; port < VHOST_PORTS; port++) {
    v->rules[port] = hd_array(NULL, n, sizeof **v->rules, "vhost");
    for (size_t i = 0; i < n; i++)
      v->rules[port][i] = NIC_NO_RULE;
    v->ports[port].interface.steering =
        (struct nic_steering){.rss_queues = kernel_pairs(&v->config, port),
                              .pairs = (uint16_t)v->per_guest,
                              .guests = v->guests,
                              .rule = v->rules[port]};
  }
}

static void make_pairs(struct vhost *v, struct hd_engine *e)
{
  const struct vhost_config *c = &v->config;
  size_t next = 0, workers = 0, polled = 0;
  for (size_t i = 0; i < c->n_guests; i++)
    for (uint16_t q = 0; q < c->guests[i].queue_pairs; q++) {
      const struct vhost_guest *g = &c->guests[i];
      struct vhost_pair *pair = &v->pairs[next++];
      vhost_pair_initialize(pair, g->guest, g->stand_in, g->vm, q, g->port,
                            c->side, c->packets, c->window);
      if (g->kind == VHOST_NET)
        make_worker(v, e, workers++, pair);
      else
        give_to_pmd(v, polled++, pair);
    }
}

/* ---- life
 * --------------------------------------------------------------------- */

static void start_threads(struct vhost *v)
{
  for (size_t i = 0; i < vhost_n_threads(v); i++) {
    struct sched_msg *m = hd_msg_new_zero(&v->base, MSG_SCHED_WAKE);
    m->vcpu = vhost_thread(v, i)->vcpu.index;
    hd_send(v->to_scheduler, START_LATENCY, m);
  }
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  if (msg->kind == MSG_VM_BOOT)
    start_threads((struct vhost *)self);
  hd_msg_free(self, msg);
}

struct vhost *vhost_create(struct hd_engine *e, const char *path,
                           const struct vhost_config *c)
{
  static const struct hd_component_ops ops = {.kind = "vhost",
                                              .handle = handle};
  struct vhost *v = hd_array(NULL, 1, sizeof *v, "vhost");
  hd_component_initialize(&v->base, e, &ops, path, c->host);
  v->config = *c;
  v->to_scheduler = scheduler_connect(c->scheduler, &v->base, START_LATENCY);
  count_guests(v);
  make_ports(v, e);
  make_rules(v);
  make_napis(v, e);
  make_pmds(v, e);
  make_pairs(v, e);
  v->config.guests = NULL;
  return v;
}

void vhost_destroy(struct vhost *v)
{
  for (size_t i = 0; i < v->n_pairs; i++)
    vhost_pair_terminate(&v->pairs[i]);
  for (size_t i = 0; i < v->n_workers; i++)
    vhost_worker_terminate(&v->workers[i]);
  for (size_t i = 0; i < v->n_napis; i++)
    vhost_napi_terminate(&v->napis[i]);
  for (size_t i = 0; i < v->n_pmds; i++)
    vhost_pmd_terminate(&v->pmds[i]);
  for (unsigned port = 0; port < VHOST_PORTS; port++) {
    host_port_terminate(&v->ports[port]);
    free(v->rules[port]);
  }
  free(v->pairs);
  free(v->workers);
  free(v->napis);
  free(v->pmds);
  free(v);
}

struct hd_component *vhost_component(struct vhost *v)
{
  return &v->base;
}

const struct nic_interface *vhost_interface(const struct vhost *v,
                                            unsigned port)
{
  return v->ports[port].queue_pairs > 0 ? &v->ports[port].interface : NULL;
}

struct hd_component *vhost_server_of(struct vhost *v, uint16_t vm,
                                     uint16_t pair)
{
  for (size_t i = 0; i < v->n_pairs; i++)
    if (v->pairs[i].vm == vm && v->pairs[i].number == pair)
      return host_thread_component(v->pairs[i].thread);
  hd_fail(&v->base, __FILE__, __LINE__, "no queue pair %u of guest %u", pair,
          vm);
}
