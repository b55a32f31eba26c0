/*
 * guest_memory.c - where a guest's rings and buffers lie, and the first
 * touch of device pages.
 *
 * One area, at a 2 MiB boundary drawn per guest, holds all that the driver
 * shares with its device.
 */
#include "models/workload/blockdev.h"
#include "models/workload/web_server.h"
#include "sim/engine/rng.h"

#define AREA_ALIGNMENT (2u << 20)

uint64_t guest_memory_needed(const struct guest_config *c)
{
  uint64_t rings = guest_device_of(c)->memory(c);
  if (c->workload == WORKLOAD_WEB_SERVER)
    rings += web_server_memory(c);
  return c->blockdev == BLOCKDEV_NONE ? rings : rings + block_buffers(c);
}

uint64_t guest_draw_area(const struct guest *g)
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

uint64_t guest_take(uint64_t *next, uint64_t bytes)
{
  uint64_t address = *next;
  *next += guest_page_round(bytes);
  return address;
}

/* ---- device pages ------------------------------------------------------ */

static void fault(struct guest_cpu *cpu)
{
  cpu->counters.page_faults++;
  vcpu_exit(&cpu->vcpu, EXIT_EPT_VIOLATION);
}

/* Without lazy_pages vCPU 0's first touch, at boot, maps them all. */
static void map(struct guest *g, size_t page)
{
  if (g->registers.lazy_pages) {
    g->touched[page] = true;
    return;
  }
  for (size_t i = 0; i < g->device->pages(&g->config); i++)
    g->touched[i] = true;
}

/* After a move each vCPU meets the new host's empty tables once; which of them
 * fills them is not told apart, since vCPUs run ahead of each other. */
void guest_touch(struct guest_cpu *cpu, size_t page)
{
  struct guest *g = cpu->guest;
  if (__builtin_expect(cpu->mapping != g->mapping, 0)) {
    cpu->mapping = g->mapping;
    fault(cpu);
  }
  if (__builtin_expect(g->touched[page], 1))
    return;
  map(g, page);
  fault(cpu);
}

void guest_map_pages(struct guest_cpu *cpu)
{
  if (!cpu->guest->registers.lazy_pages)
    guest_touch(cpu, 0);
}
