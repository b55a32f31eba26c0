/*
 * transmit.c - the PCIe core's transmitter: read requests and the TLPs of
 * writes in the order in which the engines hand them over, each for its time.
 * A write is cut at multiples of MPS.
 */
#include "models/dmabench/internal.h"

static hd_time send_request(struct dma_bench *b, struct bench_request *r)
{
  pcie_requester_read(b->requester, &r->dma);
  return b->params.unit_setup + b->params.tlp_setup;
}

/* Whether the next TLP of the write is the first of a part. */
static bool begins_unit(const struct dma_bench *b,
                        const struct bench_transfer *t)
{
  return t->issued == 0 ||
         (t->address + t->issued) % (uint64_t)b->params.write_unit == 0;
}

/* Only the last TLP tells when it has left. */
static hd_time send_piece(struct dma_bench *b, struct bench_transfer *t)
{
  uint32_t n = bench_piece(t, b->pcie.mps);
  hd_time time = b->params.tlp_setup + hd_time_of_bytes(n, b->params.tlp_rate) +
                 (begins_unit(b, t) ? b->params.unit_setup : 0);
  struct pcie_dma *d = &t->last;
  *d = (struct pcie_dma){.address = t->address + t->issued,
                         .length = n,
                         .requester = b->buffer.requester,
                         .pasid = b->buffer.pasid,
                         .observer = PCIE_NO_OBSERVER,
                         .context = t};
  if (b->buffer.has_pasid)
    d->flags = PCIE_HAS_PASID;
  t->issued += n;
  if (t->issued == t->length)
    d->done = bench_write_sent;
  pcie_requester_write(b->requester, d);
  return time;
}

static void take(struct dma_bench *b)
{
  b->sending = b->sending->next;
}

/* Sends the next TLP; the item leaves the queue with its last one. */
static hd_time send_next(struct dma_bench *b)
{
  struct bench_item *i = b->sending;
  if (i->is_request) {
    take(b);
    return send_request(b, (struct bench_request *)i);
  }
  struct bench_transfer *t = (struct bench_transfer *)i;
  hd_time time = send_piece(b, t);
  if (t->issued == t->length)
    take(b);
  return time;
}

void bench_transmit(struct dma_bench *b)
{
  hd_time now = hd_now(&b->base);
  while (b->sending != NULL && b->transmit_free <= now)
    b->transmit_free = now + send_next(b);
  if (b->sending != NULL && !b->transmit_armed) {
    b->transmit_armed = true;
    bench_timer(b, TIMER_TRANSMIT, b->transmit_free - now, NULL);
  }
}

void bench_transmit_put(struct dma_bench *b, struct bench_item *i)
{
  i->next = NULL;
  if (b->sending != NULL)
    b->sending_last->next = i;
  else
    b->sending = i;
  b->sending_last = i;
  bench_transmit(b);
}
