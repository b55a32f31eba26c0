/*
 * root_complex.c - life, wiring, downstream accesses and statistics.
 */
#include "models/pcie/root_complex.h"

#include <stdlib.h>

#include "models/pcie/root_internal.h"

/* ---- downstream --------------------------------------------------------- */

void root_send_down(struct root_complex *rc, struct root_port *p, hd_time delay,
                    struct pcie_tlp *t)
{
  hd_time at = hd_now(&rc->base) + delay + rc->params->root_latency +
               p->to_link->latency;
  p->last_down = hd_time_max(p->last_down, at);
  hd_send_at(p->to_link, p->last_down, t);
}

static struct pcie_tlp *down_tlp(struct root_complex *rc,
                                 const struct mmio_msg *m,
                                 const struct root_device *d,
                                 enum pcie_tlp_type type)
{
  struct pcie_tlp *t = hd_msg_new_zero(&rc->base, MSG_TLP);
  t->type = (uint8_t)type;
  t->flags = m->address >> 32 ? PCIE_ADDR64 : 0;
  t->address = m->address;
  t->length = m->length;
  t->data = m->data;
  t->object = m->object;
  t->observer = PCIE_NO_OBSERVER;
  t->port = d->switch_port;
  return t;
}

static void mmio(struct root_complex *rc, struct mmio_msg *m)
{
  HD_REQUIRE(&rc->base, m->device < rc->n_devices, "no device %u", m->device);
  const struct root_device *d = &rc->devices[m->device];
  struct root_port *p = &rc->ports[d->port];
  hd_time now = hd_now(&rc->base);
  if (m->msg.kind == MSG_MMIO_WRITE) {
    hd_counter_add(&rc->mmio_writes, rc->window, now, 1);
    root_send_down(rc, p, rc->params->mmio_write_latency - rc->cpu_latency,
                   down_tlp(rc, m, d, PCIE_MWR));
    hd_msg_free(&rc->base, m);
    return;
  }
  hd_counter_add(&rc->mmio_reads, rc->window, now, 1);
  struct pcie_tlp *t = down_tlp(rc, m, d, PCIE_MRD);
  t->context = m; /* kept until the answer is here */
  rc->mmio_open++;
  root_send_down(rc, p, rc->params->mmio_read_latency - rc->cpu_latency, t);
}

void root_mmio_answer(struct root_complex *rc, struct pcie_tlp *t)
{
  struct mmio_msg *m = t->context;
  HD_REQUIRE(&rc->base, rc->mmio_open > 0 && m && m->reply,
             "a completion that no CPU waits for");
  rc->mmio_open--;
  m->data = t->status == PCIE_SC ? t->data : UINT64_MAX; /* all ones */
  m->msg.kind = MSG_MMIO_DATA;
  hd_send(m->reply, rc->params->root_latency + rc->params->mmio_read_latency,
          m);
  hd_msg_free(&rc->base, t);
}

/* ---- messages ----------------------------------------------------------- */

static uint16_t port_of_sender(const struct root_complex *rc,
                               const struct hd_msg *m)
{
  uint64_t id = m->order >> 40;
  for (size_t i = 0; i < rc->n_ports; i++)
    if (rc->ports[i].link->id == id)
      return (uint16_t)i;
  hd_fail(&rc->base, __FILE__, __LINE__, "TLP from an unknown link");
}

static void handle(struct hd_component *self, struct hd_msg *m)
{
  struct root_complex *rc = (struct root_complex *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  switch (m->kind) {
  case MSG_TLP:
    t->port = port_of_sender(rc, m);
    root_order_arrive(rc, t);
    break;
  case MSG_TLP_TRANSLATED:
    root_order_translated(rc, t);
    break;
  case MSG_TLP_ACCESSED:
    root_order_accessed(rc, t);
    break;
  case MSG_TLP_MESSAGE:
    root_ats_message(rc, t);
    break;
  case MSG_MMIO_WRITE:
  case MSG_MMIO_READ:
    mmio(rc, (struct mmio_msg *)m);
    break;
  default:
    hd_fail(self, __FILE__, __LINE__, "message of kind %u", m->kind);
  }
}

static const struct hd_component_ops ops = {.kind = "root_complex",
                                            .handle = handle};

/* ---- life and wiring ---------------------------------------------------- */

struct root_complex *root_complex_create(struct hd_engine *e, const char *path,
                                         const char *host,
                                         const struct pcie_params *params,
                                         const struct hd_window *window)
{
  struct root_complex *rc = calloc(1, sizeof *rc);
  HD_REQUIRE(NULL, rc != NULL, "out of memory for %s", path);
  hd_component_initialize(&rc->base, e, &ops, path, host);
  rc->params = params;
  rc->window = window;
  rc->cpu_latency =
      hd_time_min(params->mmio_write_latency, params->mmio_read_latency);
  return rc;
}

void root_complex_destroy(struct root_complex *rc)
{
  for (size_t i = 0; i < rc->n_ports; i++)
    root_order_terminate(&rc->ports[i]);
  free(rc->ports);
  free(rc->devices);
  free(rc->asked);
  free(rc);
}

struct hd_component *root_complex_component(struct root_complex *rc)
{
  return &rc->base;
}

static void *one_more(void *array, size_t *n, size_t size)
{
  void *bigger = realloc(array, (*n + 1) * size);
  HD_REQUIRE(NULL, bigger != NULL, "out of memory for a root port");
  ++*n;
  return bigger;
}

static void add_port(struct root_complex *rc, struct pcie_link *l)
{
  rc->ports = one_more(rc->ports, &rc->n_ports, sizeof *rc->ports);
  struct root_port *p = &rc->ports[rc->n_ports - 1];
  *p = (struct root_port){.link = pcie_link_component(l)};
  p->to_link = pcie_link_connect(l, PCIE_UPSTREAM_END, &rc->base,
                                 rc->params->port_latency);
  pcie_receiver_initialize(&p->receiver, rc->params, p->to_link,
                           PCIE_UPSTREAM_END);
  root_order_initialize(p);
}

void root_complex_attach_fabric(struct root_complex *rc, struct pcie_link *l,
                                size_t devices)
{
  add_port(rc, l);
  for (size_t i = 0; i < devices; i++) {
    rc->devices = one_more(rc->devices, &rc->n_devices, sizeof *rc->devices);
    rc->devices[rc->n_devices - 1] =
        (struct root_device){(uint16_t)(rc->n_ports - 1), (uint16_t)i};
  }
}

void root_complex_attach_link(struct root_complex *rc, struct pcie_link *l)
{
  root_complex_attach_fabric(rc, l, 1);
}

void root_complex_attach_iommu(struct root_complex *rc, size_t port,
                               struct hd_component *c, hd_time latency)
{
  HD_REQUIRE(&rc->base, port < rc->n_ports && !rc->ports[port].to_iommu,
             "an IOMMU for port %zu", port);
  rc->ports[port].to_iommu = hd_channel_open(&rc->base, c, latency);
}

void root_complex_attach_memory(struct root_complex *rc, struct hd_component *c,
                                hd_time latency)
{
  rc->to_memory = hd_channel_open(&rc->base, c, latency);
}

void root_complex_attach_interrupts(struct root_complex *rc,
                                    struct hd_component *c, hd_time latency)
{
  rc->to_interrupts = hd_channel_open(&rc->base, c, latency);
}

struct hd_channel *root_complex_answer_channel(struct root_complex *rc,
                                               struct hd_component *from,
                                               hd_time latency)
{
  return hd_channel_open(from, &rc->base, latency);
}

struct hd_channel *root_complex_connect_cpu(struct root_complex *rc,
                                            struct hd_component *cpu,
                                            struct hd_channel **reply)
{
  *reply = hd_channel_open(&rc->base, cpu, rc->params->mmio_read_latency);
  return hd_channel_open(cpu, &rc->base, rc->cpu_latency);
}

/* ---- statistics --------------------------------------------------------- */

void root_complex_get_stats(const struct root_complex *rc,
                            struct root_complex_stats *s)
{
  *s = (struct root_complex_stats){.reads = rc->reads.count,
                                   .writes = rc->writes.count,
                                   .interrupts = rc->interrupts.count,
                                   .blocked = rc->blocked.count,
                                   .mmio_reads = rc->mmio_reads.count,
                                   .mmio_writes = rc->mmio_writes.count,
                                   .read_bytes = rc->read_bytes.count,
                                   .write_bytes = rc->write_bytes.count};
}

const char *root_complex_check(const struct root_complex *rc)
{
  return root_order_check(rc);
}
