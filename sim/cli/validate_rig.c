#include "sim/cli/validate_rig.h"

#include "models/pcie/requester.h"
#include "models/pcie/root_complex.h"
#include "sim/cli/cli.h"

#include <math.h>
#include <stdlib.h>

enum { SLOTS_READ = 1024, SLOTS_WRITE = 128, TRANSFERS = 1500 };
#define SETTLE (2 * HD_US)
#define SHORTEST (4 * HD_US)
#define BASE (UINT64_C(1) << 32) /* addresses above: headers are wide */
#define BASE_NARROW (UINT64_C(1) << 28)

/* -- memory: answers reads at once, swallows writes ----------------------- */

struct rig_memory {
  struct hd_component base;
  struct hd_channel *answer;
};

static void memory_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct rig_memory *m = (struct rig_memory *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)msg;
  if (t->type == PCIE_MWR) {
    hd_msg_free(self, t);
    return;
  }
  t->msg.kind = MSG_TLP_ACCESSED;
  hd_send(m->answer, HD_NS, t);
}

static void memory_attach(struct rig_memory *m, struct hd_engine *e,
                          struct root_complex *rc)
{
  static const struct hd_component_ops ops = {.kind = "rig_memory",
                                              .handle = memory_handle};
  hd_component_initialize(&m->base, e, &ops, "memory", "host");
  root_complex_attach_memory(rc, &m->base, HD_NS);
  m->answer = root_complex_answer_channel(rc, &m->base, HD_NS);
}

/* -- device: every slot transfers again when it is done ------------------- */

struct rig_device {
  struct hd_component base;
  struct pcie_requester *requester;
  struct pcie_receiver receiver;
  const struct link_case *what;
  struct pcie_dma dma[SLOTS_READ];
  size_t slots;
  uint64_t started;
};

/* A slot's next transfer. In a mix each slot alternates, so that there are as
 * many reads as writes; `context` is set while it reads. */
static void done(struct hd_component *self, struct pcie_dma *d)
{
  struct rig_device *x = (struct rig_device *)self;
  enum link_op op = x->what->op;
  bool read = op == LINK_READ || (op == LINK_BOTH && d->context == NULL);
  uint64_t base = x->what->wide ? BASE : BASE_NARROW;
  uint64_t page = x->started++ % 4096;
  *d = (struct pcie_dma){.address = base + page * 4096,
                         .length = (uint32_t)x->what->transfer,
                         .observer = PCIE_NO_OBSERVER,
                         .done = done,
                         .context = read ? d : NULL};
  if (read)
    pcie_requester_read(x->requester, d);
  else
    pcie_requester_write(x->requester, d);
}

/* Half of the slots begin with a read, half with a write. */
static void start(struct hd_component *self)
{
  struct rig_device *x = (struct rig_device *)self;
  for (size_t i = 0; i < x->slots; i++) {
    x->dma[i].context = i % 2 == 1 ? &x->dma[i] : NULL;
    done(self, &x->dma[i]);
  }
}

static void device_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct rig_device *x = (struct rig_device *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)msg;
  if (msg->kind == MSG_TLP)
    pcie_receiver_free(&x->receiver, t);
  pcie_requester_receive(x->requester, t);
}

static void device_attach(struct rig_device *x, struct hd_engine *e,
                          struct pcie_link *l, const struct pcie_params *p)
{
  static const struct hd_component_ops ops = {
      .kind = "rig_device", .handle = device_handle, .start = start};
  hd_component_initialize(&x->base, e, &ops, "device", "host");
  struct hd_channel *ch =
      pcie_link_connect(l, PCIE_DOWNSTREAM_END, &x->base, p->device_latency);
  pcie_receiver_initialize(&x->receiver, p, ch, PCIE_DOWNSTREAM_END);
  x->requester = pcie_requester_create(&x->base, ch, p);
}

/* -- the whole ------------------------------------------------------------ */

/* Unlimited credits; Acks and UpdateFCs at every interval, as the public model
 * charges them. */
static struct pcie_params params_of(const struct link_case *c)
{
  int64_t interval = cli_link_ack_interval(c);
  return (struct pcie_params){.generation = c->generation,
                              .lanes = c->lanes,
                              .mps = c->mps,
                              .mrrs = c->mrrs,
                              .rcb = c->rcb,
                              .rcb_chunks = c->rcb_chunks,
                              .tags = 1024,
                              .framing = 8,
                              .dllp_mode = PCIE_DLLP_PERIODIC,
                              .ack_interval = interval,
                              .fc_interval = interval,
                              .skip_interval = 1538,
                              .replay_timer = 10 * HD_US,
                              .replay_buffer = 1 << 20,
                              .propagation = 5 * HD_NS,
                              .device_latency = 5 * HD_NS,
                              .port_latency = 5 * HD_NS,
                              .mmio_write_latency = 100 * HD_NS,
                              .mmio_read_latency = 100 * HD_NS,
                              .root_latency = 5 * HD_NS,
                              .switch_latency = 100 * HD_NS};
}

/* Reads need many for their latency. */
static size_t slots_of(const struct link_case *c)
{
  return c->op == LINK_READ ? SLOTS_READ : SLOTS_WRITE;
}

/* Long enough for the ends of the window not to matter. */
static struct hd_window window_of(const struct link_case *c)
{
  double transfer_ps = 8e3 * (double)c->transfer / cli_link_payload_gbps(c);
  hd_time length = (hd_time)(TRANSFERS * transfer_ps);
  /* All slots queue at first; measured is what comes when all were served. */
  double rounds = c->op == LINK_BOTH ? 8 : 1;
  hd_time settle =
      SETTLE + (hd_time)(rounds * (double)slots_of(c) * transfer_ps);
  return (struct hd_window){settle,
                            settle + (length > SHORTEST ? length : SHORTEST)};
}

static double payload_gbps(const struct link_case *c, struct pcie_link *l,
                           const struct hd_window *w)
{
  struct pcie_link_stats stats;
  pcie_link_get_stats(l, &stats);
  double bytes = 0;
  if (c->op != LINK_READ)
    bytes += (double)stats.payload[PCIE_DOWNSTREAM_END];
  if (c->op != LINK_WRITE)
    bytes += (double)stats.payload[PCIE_UPSTREAM_END];
  if (c->op == LINK_BOTH)
    bytes /= 2;
  return bytes * 8e3 / (double)(w->end - w->start);
}

double cli_rig_payload_gbps(const struct link_case *c)
{
  struct pcie_params params = params_of(c);
  struct hd_window window = window_of(c);
  struct hd_engine_options options = {.seed = 1, .window = 100 * HD_NS};
  struct hd_engine *e = hd_engine_create(&options);
  hd_engine_add_host(e, "host");
  struct pcie_link *l = pcie_link_create(e, "link", "host", &params, &window);
  struct root_complex *rc =
      root_complex_create(e, "root", "host", &params, &window);
  root_complex_attach_link(rc, l);
  struct rig_memory memory = {.answer = NULL};
  struct rig_device *device = cli_allocate(1, sizeof *device);
  memory_attach(&memory, e, rc);
  device->what = c;
  device->slots = slots_of(c);
  device_attach(device, e, l, &params);
  hd_engine_run(e, window.end);
  bool good = pcie_link_check(l) == NULL && root_complex_check(rc) == NULL &&
              pcie_requester_check(device->requester) == NULL;
  double gbps = good ? payload_gbps(c, l, &window) : NAN;
  hd_engine_destroy(e); /* components live until then */
  pcie_link_destroy(l);
  root_complex_destroy(rc);
  pcie_requester_destroy(device->requester);
  free(device);
  return gbps;
}
