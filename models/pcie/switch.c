#include "models/pcie/switch.h"

#include <stdlib.h>

/* The part of switch_latency between an egress queue and its link. */
#define ISSUE_LATENCY HD_NS

/* TLPs of one class handed to an egress link and not yet sent: covers issue
 * and MSG_TLP_SENT for the shortest TLPs of Gen5 x16. */
enum { ISSUE_WINDOW = 8, MAX_PORTS = 33, UPSTREAM_PORT = 0 };

struct fifo {
  struct hd_msg *first, *last;
};

struct port {
  struct hd_component *link;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  /* As egress: */
  struct fifo waiting[PCIE_CLASSES][MAX_PORTS]; /* by ingress port */
  uint32_t turn[PCIE_CLASSES];                  /* next ingress port */
  uint32_t issued[PCIE_CLASSES];
};

struct pcie_switch {
  struct hd_component base;
  const struct pcie_params *params;
  const struct hd_window *window;
  struct port *ports[MAX_PORTS];
  uint32_t n_ports;
  uint8_t route[65536]; /* port by requester ID; 0: not seen */
  struct hd_counter forwarded[2];
  uint64_t arrived, left, waiting, passing;
};

/* ---- queues ------------------------------------------------------------- */

static void put(struct fifo *f, struct hd_msg *m)
{
  m->next = NULL;
  if (f->first)
    f->last->next = m;
  else
    f->first = m;
  f->last = m;
}

/* Everything queued was last sent by the switch to itself. */
static bool earlier(const struct hd_msg *a, const struct hd_msg *b)
{
  return a->order < b->order;
}

/* The oldest TLP of a class and ingress port, if it may go: nothing passes an
 * earlier posted request, but completions with relaxed ordering. */
static struct pcie_tlp *candidate(const struct port *p, int class,
                                  uint32_t ingress)
{
  struct hd_msg *m = p->waiting[class][ingress].first;
  const struct hd_msg *posted = p->waiting[PCIE_POSTED][ingress].first;
  if (!m || class == PCIE_POSTED || !posted || !earlier(posted, m))
    return (struct pcie_tlp *)m;
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  bool relaxed = class == PCIE_COMPLETION && (t->flags & PCIE_RELAXED);
  return relaxed ? t : NULL;
}

static void issue(struct pcie_switch *s, uint32_t egress, uint32_t ingress,
                  struct pcie_tlp *t)
{
  struct port *p = s->ports[egress];
  enum pcie_class c = pcie_class_of(t);
  p->waiting[c][ingress].first = t->msg.next;
  p->issued[c]++;
  s->waiting--;
  s->left++;
  hd_counter_add(&s->forwarded[egress != UPSTREAM_PORT], s->window,
                 hd_now(&s->base), 1);
  pcie_receiver_free(&s->ports[ingress]->receiver, t);
  t->flags |= PCIE_NOTIFY_SENT;
  hd_send(p->to_link, p->to_link->latency, t);
}

/* One TLP of the class, from the next ingress port that has one. */
static bool issue_one(struct pcie_switch *s, uint32_t egress, int class)
{
  struct port *p = s->ports[egress];
  for (uint32_t i = 0; i < s->n_ports; i++) {
    uint32_t ingress = (p->turn[class] + i) % s->n_ports;
    struct pcie_tlp *t = candidate(p, class, ingress);
    if (!t)
      continue;
    p->turn[class] = (ingress + 1) % s->n_ports;
    issue(s, egress, ingress, t);
    return true;
  }
  return false;
}

static void arbitrate(struct pcie_switch *s, uint32_t egress)
{
  struct port *p = s->ports[egress];
  static const int order[] = {PCIE_POSTED, PCIE_COMPLETION, PCIE_NON_POSTED};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    while (p->issued[order[i]] < ISSUE_WINDOW && issue_one(s, egress, order[i]))
      ;
}

/* ---- messages ----------------------------------------------------------- */

static uint32_t port_of_sender(const struct pcie_switch *s,
                               const struct hd_msg *m)
{
  for (uint32_t i = 0; i < s->n_ports; i++)
    if (s->ports[i]->link->id == m->order >> 40)
      return i;
  hd_fail(&s->base, __FILE__, __LINE__, "TLP from an unknown link");
}

static uint32_t route(struct pcie_switch *s, const struct pcie_tlp *t,
                      uint32_t ingress)
{
  bool completion = pcie_class_of(t) == PCIE_COMPLETION;
  if (ingress != UPSTREAM_PORT) {
    if (!completion)
      s->route[t->requester] = (uint8_t)ingress;
    return UPSTREAM_PORT;
  }
  bool by_id = completion || t->type == PCIE_MSG;
  uint32_t egress = by_id ? s->route[t->requester] : t->port + 1u;
  HD_REQUIRE(&s->base, egress > 0 && egress < s->n_ports,
             "no way to requester %#x, port %u", t->requester, t->port);
  return egress;
}

static void receive(struct pcie_switch *s, struct pcie_tlp *t)
{
  uint32_t ingress = port_of_sender(s, &t->msg);
  t->slot = ingress << 16 | route(s, t, ingress);
  s->arrived++;
  s->passing++;
  hd_schedule(&s->base,
              hd_time_max(s->params->switch_latency - ISSUE_LATENCY, 0), t);
}

static void enqueue(struct pcie_switch *s, struct pcie_tlp *t)
{
  uint32_t ingress = t->slot >> 16, egress = t->slot & 0xffff;
  s->passing--;
  s->waiting++;
  put(&s->ports[egress]->waiting[pcie_class_of(t)][ingress], &t->msg);
  arbitrate(s, egress);
}

static void handle(struct hd_component *self, struct hd_msg *m)
{
  struct pcie_switch *s = (struct pcie_switch *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  if (m->kind == MSG_TLP_SENT) {
    uint32_t egress = port_of_sender(s, m);
    s->ports[egress]->issued[pcie_class_of(t)]--;
    hd_msg_free(self, m);
    arbitrate(s, egress);
    return;
  }
  HD_REQUIRE(self, m->kind == MSG_TLP, "message of kind %u", m->kind);
  if (m->order >> 40 == self->id)
    enqueue(s, t);
  else
    receive(s, t);
}

static const struct hd_component_ops ops = {.kind = "pcie_switch",
                                            .handle = handle};

/* ---- life and wiring ---------------------------------------------------- */

struct pcie_switch *pcie_switch_create(struct hd_engine *e, const char *path,
                                       const char *host,
                                       const struct pcie_params *params,
                                       const struct hd_window *window)
{
  struct pcie_switch *s = calloc(1, sizeof *s);
  HD_REQUIRE(NULL, s != NULL, "out of memory for %s", path);
  hd_component_initialize(&s->base, e, &ops, path, host);
  s->params = params;
  s->window = window;
  return s;
}

void pcie_switch_destroy(struct pcie_switch *s)
{
  for (uint32_t i = 0; i < s->n_ports; i++)
    free(s->ports[i]);
  free(s);
}

struct hd_component *pcie_switch_component(struct pcie_switch *s)
{
  return &s->base;
}

static void attach(struct pcie_switch *s, struct pcie_link *l, int end)
{
  HD_REQUIRE(NULL, s->n_ports < MAX_PORTS, "switch %s has no port left",
             s->base.path);
  struct port *p = calloc(1, sizeof *p);
  HD_REQUIRE(NULL, p != NULL, "out of memory for %s", s->base.path);
  hd_time latency = hd_time_min(ISSUE_LATENCY, s->params->switch_latency);
  p->link = pcie_link_component(l);
  p->to_link = pcie_link_connect(l, end, &s->base, latency);
  pcie_receiver_initialize(&p->receiver, s->params, p->to_link, end);
  s->ports[s->n_ports++] = p;
}

void pcie_switch_attach_upstream(struct pcie_switch *s, struct pcie_link *l)
{
  HD_REQUIRE(NULL, s->n_ports == 0, "switch %s: the upstream link comes first",
             s->base.path);
  attach(s, l, PCIE_DOWNSTREAM_END);
}

void pcie_switch_attach_downstream(struct pcie_switch *s, struct pcie_link *l)
{
  HD_REQUIRE(NULL, s->n_ports > 0, "switch %s: the upstream link comes first",
             s->base.path);
  attach(s, l, PCIE_UPSTREAM_END);
}

/* ---- statistics --------------------------------------------------------- */

void pcie_switch_get_stats(const struct pcie_switch *s,
                           struct pcie_switch_stats *stats)
{
  stats->forwarded[0] = s->forwarded[0].count;
  stats->forwarded[1] = s->forwarded[1].count;
}

const char *pcie_switch_check(const struct pcie_switch *s)
{
  uint64_t queued = 0;
  for (uint32_t p = 0; p < s->n_ports; p++)
    for (int c = 0; c < PCIE_CLASSES; c++)
      for (uint32_t i = 0; i < s->n_ports; i++)
        for (const struct hd_msg *m = s->ports[p]->waiting[c][i].first; m;
             m = m->next)
          queued++;
  if (queued != s->waiting)
    return "the switch's queues do not balance";
  if (s->arrived != s->left + s->waiting + s->passing)
    return "TLPs lost or duplicated in the switch";
  return NULL;
}
