/*
 * guest_memory.c - where a guest's rings and packet buffers lie, and the first
 * touch of device pages.
 *
 * One area, at a 2 MiB boundary drawn per guest, holds for each queue pair in
 * turn: transmit descriptors, receive descriptors, transmit buffers, receive
 * buffers. Every buffer is half a page, so with 4 KiB leaves each pair of
 * neighbouring descriptors needs an IOTLB entry.
 */
#include "models/workload/guest_internal.h"
#include "sim/engine/rng.h"

#define AREA_ALIGNMENT (2u << 20)

static uint64_t draw_area(const struct guest *g)
{
  const struct guest_config *c = &g->config;
  uint64_t needed = guest_memory_needed(c);
  HD_REQUIRE(NULL, needed <= c->memory_size,
             "%s: %llu B of memory, rings and buffers need %llu B", c->path,
             (unsigned long long)c->memory_size, (unsigned long long)needed);
  uint64_t places = (c->memory_size - needed) / AREA_ALIGNMENT + 1;
  gsl_rng *r = hd_rng_new(hd_engine_seed(g->engine), c->path, "memory");
  uint64_t place = (uint64_t)(gsl_rng_uniform(r) * (double)places);
  gsl_rng_free(r);
  return c->memory_base + place * AREA_ALIGNMENT;
}

static uint64_t take(uint64_t *next, uint64_t bytes)
{
  uint64_t address = *next;
  *next += guest_page_round(bytes);
  return address;
}

void guest_memory_layout(struct guest *g)
{
  const struct nic_params *n = g->config.nic;
  uint32_t tx = (uint32_t)n->tx_ring, rx = (uint32_t)n->rx_ring;
  uint64_t next = draw_area(g);
  for (uint32_t q = 0; q < g->config.queue_pairs; q++) {
    g->tx_rings[q] = (struct nic_ring){.size = tx,
                                       .descriptor = GUEST_TX_DESCRIPTOR,
                                       .slot = g->tx_rings[q].slot,
                                       .buffer_size = GUEST_BUFFER,
                                       .vector = (uint8_t)(1 + q)};
    g->rx_rings[q] = g->tx_rings[q];
    g->rx_rings[q].size = rx;
    g->rx_rings[q].descriptor = GUEST_RX_DESCRIPTOR;
    g->rx_rings[q].slot = NULL;
    g->tx_rings[q].address = take(&next, (uint64_t)tx * GUEST_TX_DESCRIPTOR);
    g->rx_rings[q].address = take(&next, (uint64_t)rx * GUEST_RX_DESCRIPTOR);
    g->tx_rings[q].buffers = take(&next, (uint64_t)tx * GUEST_BUFFER);
    g->rx_rings[q].buffers = take(&next, (uint64_t)rx * GUEST_BUFFER);
    g->txq[q].buffers = g->tx_rings[q].buffers;
  }
}

/* ---- device pages ------------------------------------------------------ */

/* A doorbell page per queue and direction, a page per vector, the mailbox's:
 * 14 for four queue pairs (ice driver). */
size_t guest_pages(const struct guest_config *c)
{
  return 3u * c->queue_pairs + 2;
}

static size_t page_index(const struct guest_config *c,
                         enum guest_page_kind kind, unsigned i)
{
  switch (kind) {
  case PAGE_TX_TAIL:
    return i;
  case PAGE_RX_TAIL:
    return c->queue_pairs + i;
  case PAGE_VECTOR:
    return 2u * c->queue_pairs + i;
  default:
    return 3u * c->queue_pairs + 1;
  }
}

/* Without lazy_pages vCPU 0's first touch, at boot, maps them all. */
static void map(struct guest *g, size_t page)
{
  if (g->registers.lazy_pages) {
    g->touched[page] = true;
    return;
  }
  for (size_t i = 0; i < guest_pages(&g->config); i++)
    g->touched[i] = true;
}

void guest_touch(struct guest_cpu *cpu, enum guest_page_kind kind, unsigned i)
{
  struct guest *g = cpu->guest;
  size_t page = page_index(&g->config, kind, i);
  if (__builtin_expect(g->touched[page], 1))
    return;
  map(g, page);
  cpu->counters.page_faults++;
  vcpu_exit(&cpu->vcpu, EXIT_EPT_VIOLATION);
}
