/*
 * stack.c - an IO stack: what comes up its links, in order, and interrupts.
 *
 * Data that devices write goes to memory without further ado; what they read
 * (submission entries) is in the last-level cache.
 */
#include "models/irq_bench/internal.h"

static hd_time answer_latency(const struct irq_stack *s)
{
  return 2 * s->config->pcie.root_latency + s->config->bench.coherent_latency;
}

static void free_buffer(struct irq_stack *s, struct irq_port *p,
                        struct pcie_tlp *t)
{
  pcie_receiver_free(&p->receiver, t);
  hd_msg_free(&s->base, t);
}

/* ---- messages to the interrupt agent --------------------------------------
 */

static void send(struct irq_stack *s)
{
  struct irq_msg *m = s->first;
  if (m == NULL || s->sending)
    return;
  s->first = (struct irq_msg *)m->msg.next;
  s->sending = true;
  hd_send_at(s->to_agent,
             hd_time_max(hd_now(&s->base), m->ready) + s->to_agent->latency, m);
}

static void queue(struct irq_stack *s, struct irq_msg *m)
{
  m->msg.kind = IRQ_SEND;
  m->msg.next = NULL;
  m->answer = s->from_agent;
  if (s->first)
    s->last->msg.next = &m->msg;
  else
    s->first = m;
  s->last = m;
  send(s);
}

/* ---- interrupts ------------------------------------------------------------
 */

/* From here to when its remapping entry is known. */
static hd_time remap(struct irq_stack *s, uint64_t handle)
{
  hd_time latency =
      s->config->pcie.root_latency + s->config->interrupt.remap_latency;
  if (vtd_cache_find(&s->entries, handle))
    return latency;
  vtd_cache_insert(&s->entries, 0, handle, 0);
  s->misses += hd_window_contains(s->measure, hd_now(&s->base));
  return latency + s->config->bench.coherent_latency;
}

static void interrupt(struct irq_stack *s, uint32_t port, struct pcie_tlp *t)
{
  bool one_core = s->config->bench.mode == IRQ_BENCH_DSA;
  struct irq_msg *m = hd_msg_new_zero(&s->base, IRQ_POST);
  m->port = port;
  m->core = one_core ? 0 : (uint32_t)t->data;
  m->source = one_core ? (uint32_t)t->data : 0;
  hd_time latency = remap(s, t->data);
  s->ports[port].interrupt = t;
  s->arrived++;
  if (s->config->bench.delivery == IRQ_BENCH_REMAPPED) {
    m->ready = hd_now(&s->base) + latency;
    queue(s, m);
    return;
  }
  m->answer = s->from_core[m->core];
  hd_send(s->to_core[m->core], latency + s->config->bench.mesh_latency, m);
}

/* ---- order ------------------------------------------------------------------
 */

static void to_memory(struct irq_stack *s, struct irq_port *p,
                      struct pcie_tlp *t)
{
  pcie_receiver_free(&p->receiver, t);
  if (t->observer == PCIE_NO_OBSERVER || t->observer >= IRQ_BENCH_CORES) {
    s->commands_done += t->observer != PCIE_NO_OBSERVER;
    hd_msg_free(&s->base, t);
    return;
  }
  t->msg.kind = IRQ_WRITTEN;
  hd_send(s->to_core[t->observer],
          s->config->pcie.root_latency + s->config->bench.mesh_latency, t);
}

static void advance(struct irq_stack *s, uint32_t port)
{
  struct irq_port *p = &s->ports[port];
  while (p->first && !p->interrupt) {
    struct pcie_tlp *t = p->first;
    p->first = (struct pcie_tlp *)t->msg.next;
    if (pcie_is_msi(t)) {
      interrupt(s, port, t);
    } else if (t->type == PCIE_MWR) {
      to_memory(s, p, t);
    } else if (t->type == PCIE_MRD) {
      pcie_receiver_free(&p->receiver, t);
      pcie_complete(t, PCIE_SC);
      hd_send(p->to_link, p->to_link->latency + answer_latency(s), t);
    } else {
      free_buffer(s, p, t);
    }
  }
}

static void arrive(struct irq_stack *s, struct pcie_tlp *t)
{
  uint32_t port = 0;
  while (port < s->n_ports && s->ports[port].link->id != t->msg.order >> 40)
    port++;
  HD_REQUIRE(&s->base, port < s->n_ports, "TLP from an unknown link");
  struct irq_port *p = &s->ports[port];
  t->msg.next = NULL;
  if (p->first)
    p->last->msg.next = &t->msg;
  else
    p->first = t;
  p->last = t;
  advance(s, port);
}

/* The interrupt has taken effect; what came after it may follow. */
static void release(struct irq_stack *s, uint32_t port)
{
  struct irq_port *p = &s->ports[port];
  s->ended++;
  s->messages += hd_window_contains(s->measure, hd_now(&s->base));
  free_buffer(s, p, p->interrupt);
  p->interrupt = NULL;
  advance(s, port);
}

static void sent(struct irq_stack *s, struct irq_msg *m)
{
  uint32_t port = m->port;
  hd_msg_free(&s->base, m);
  s->sending = false;
  send(s);
  if (port != IRQ_NO_PORT)
    release(s, port);
}

static void posted(struct irq_stack *s, struct irq_msg *m)
{
  uint32_t port = m->port;
  m->port = IRQ_NO_PORT;
  m->ready = 0;
  if (m->notify)
    queue(s, m);
  else
    hd_msg_free(&s->base, m);
  release(s, port);
}

/* ---- registers
 * --------------------------------------------------------------- */

static void write_down(struct irq_stack *s, uint32_t port, uint64_t address,
                       uint64_t data, void *object)
{
  struct hd_channel *ch = s->ports[port].to_link;
  struct pcie_tlp *t = hd_msg_new_zero(&s->base, MSG_TLP);
  t->type = PCIE_MWR;
  t->address = address;
  t->length = 4;
  t->data = data;
  t->object = object;
  t->observer = PCIE_NO_OBSERVER;
  hd_send(ch, ch->latency + s->config->pcie.root_latency, t);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct irq_stack *s = (struct irq_stack *)self;
  struct irq_msg *m = (struct irq_msg *)msg;
  switch (msg->kind) {
  case MSG_TLP:
    arrive(s, (struct pcie_tlp *)msg);
    break;
  case IRQ_SENT:
    sent(s, m);
    break;
  case IRQ_POSTED:
    posted(s, m);
    break;
  default: /* IRQ_REGISTER */
    write_down(s, m->port, m->address, m->data, NULL);
    hd_msg_free(self, msg);
  }
}

static void start(struct hd_component *self)
{
  struct irq_stack *s = (struct irq_stack *)self;
  if (s->config->bench.mode != IRQ_BENCH_NVME)
    return;
  for (uint32_t port = 0; port < s->n_ports; port++)
    for (int i = 0; i < 2; i++)
      write_down(s, port, STORAGE_ADMIN_DOORBELL, 1, &s->commands[port][i]);
}

static const struct hd_component_ops ops = {
    .kind = "irq_stack", .handle = handle, .start = start};

/* ---- life
 * --------------------------------------------------------------------- */

void irq_stack_initialize(struct irq_stack *s, struct hd_engine *e,
                          const struct irq_bench_config *config,
                          const struct hd_window *measure, const char *path)
{
  *s = (struct irq_stack){.config = config, .measure = measure};
  bool ok = vtd_cache_initialize(&s->entries, config->interrupt.cache_entries,
                                 0, VTD_LRU, NULL);
  HD_REQUIRE(NULL, ok, "out of memory for an interrupt entry cache");
  hd_component_initialize(&s->base, e, &ops, path, IRQ_BENCH_HOST);
}

void irq_stack_terminate(struct irq_stack *s)
{
  vtd_cache_terminate(&s->entries);
}

uint32_t irq_stack_attach(struct irq_stack *s, struct pcie_link *l)
{
  struct irq_port *p = &s->ports[s->n_ports];
  *p = (struct irq_port){.link = pcie_link_component(l)};
  p->to_link = pcie_link_connect(l, PCIE_UPSTREAM_END, &s->base,
                                 s->config->pcie.port_latency);
  pcie_receiver_initialize(&p->receiver, &s->config->pcie, p->to_link,
                           PCIE_UPSTREAM_END);
  return s->n_ports++;
}
