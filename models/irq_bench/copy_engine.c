/*
 * copy_engine.c - a copy engine: descriptors complete one after another; each
 * writes its data, its completion record and an interrupt. It stops while as
 * many interrupts as it can keep have not left.
 */
#include "models/irq_bench/internal.h"

enum { KEPT = 4, RECORD_BYTES = 32 };
#define DATA_ADDRESS UINT64_C(0x20000000)

static void write_up(struct irq_engine *d, uint64_t address, uint32_t length,
                     uint64_t data, uint8_t flags)
{
  struct pcie_tlp *t = hd_msg_new_zero(&d->base, MSG_TLP);
  t->type = PCIE_MWR;
  t->flags = flags;
  t->requester = (uint16_t)(d->handle << 8);
  t->address = address;
  t->length = length;
  t->data = data;
  t->observer = PCIE_NO_OBSERVER;
  hd_send(d->to_link, d->to_link->latency, t);
}

static void wait_for_next(struct irq_engine *d)
{
  hd_schedule(&d->base, d->config->bench.descriptor_time,
              hd_msg_new(&d->base, IRQ_NEXT));
}

static void complete(struct irq_engine *d)
{
  uint32_t left = (uint32_t)d->config->bench.descriptor_bytes;
  uint32_t most = (uint32_t)d->config->pcie.mps;
  for (uint64_t at = DATA_ADDRESS; left > 0;) {
    uint32_t n = left < most ? left : most;
    write_up(d, at, n, 0, 0);
    at += n;
    left -= n;
  }
  write_up(d, DATA_ADDRESS, RECORD_BYTES, 0, PCIE_DESCRIPTOR);
  write_up(d, PCIE_MSI_BASE, 4, d->handle, PCIE_NOTIFY_SENT);
  d->completed += hd_window_contains(d->measure, hd_now(&d->base));
  d->unsent++;
  d->stopped = d->unsent == KEPT;
  if (!d->stopped)
    wait_for_next(d);
}

static void handle(struct hd_component *self, struct hd_msg *m)
{
  struct irq_engine *d = (struct irq_engine *)self;
  if (m->kind == IRQ_NEXT) {
    complete(d);
  } else if (m->kind == MSG_TLP_SENT) {
    d->unsent--;
    if (d->stopped)
      wait_for_next(d);
    d->stopped = false;
  }
  hd_msg_free(self, m);
}

/* Engines begin a part of a descriptor apart. */
static void start(struct hd_component *self)
{
  struct irq_engine *d = (struct irq_engine *)self;
  const struct irq_bench_params *p = &d->config->bench;
  hd_schedule(self, p->descriptor_time * (d->handle + 1) / (p->queues + 1),
              hd_msg_new(self, IRQ_NEXT));
}

static const struct hd_component_ops ops = {
    .kind = "copy_engine", .handle = handle, .start = start};

void irq_engine_initialize(struct irq_engine *d, struct hd_engine *e,
                           const struct irq_bench_config *config,
                           const struct hd_window *measure, const char *path)
{
  *d = (struct irq_engine){.config = config, .measure = measure};
  hd_component_initialize(&d->base, e, &ops, path, IRQ_BENCH_HOST);
}
