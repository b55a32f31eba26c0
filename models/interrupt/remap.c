/*
 * remap.c - interrupt remapping (VT-d 4.0, 5.1): the entry of a handle, its
 * cache, the check of the source.
 *
 * A cached entry costs remap_latency; another is read from memory first, 16 B.
 * Interrupts do not wait for each other here.
 */
#include "models/interrupt/internal.h"

enum { ENTRY_BYTES = 16 };

static void block(struct interrupt_unit *u, struct pcie_tlp *tlp)
{
  interrupt_count(u, &u->count.blocked);
  u->ended++;
  hd_msg_free(&u->base, tlp);
}

static void to_host(struct interrupt_unit *u, struct pcie_tlp *tlp,
                    const struct remap_entry *e)
{
  HD_REQUIRE(&u->base, u->to_scheduler != NULL, "no scheduler for interrupts");
  struct interrupt_msg *m = hd_msg_new_zero(&u->base, MSG_IRQ_HOST);
  m->vcpu = e->vcpu;
  m->vectors[e->vector >> 6] = UINT64_C(1) << (e->vector & 63);
  hd_send(u->to_scheduler,
          hd_time_max(u->params.remap_latency + u->params.host_latency,
                      u->to_scheduler->latency),
          m);
  interrupt_count(u, &u->count.host);
  u->ended++;
  hd_msg_free(&u->base, tlp);
}

static void dispatch(struct interrupt_unit *u, struct pcie_tlp *tlp)
{
  uint32_t handle = (uint32_t)tlp->data;
  const struct remap_entry *e =
      handle < u->n_entries ? &u->entries[handle] : NULL;
  if (!e || !e->present || e->requester != tlp->requester) {
    block(u, tlp);
  } else if (!u->params.posted || e->host) {
    to_host(u, tlp, e);
  } else {
    tlp->data = e->vector;
    tlp->length = e->vcpu;
    interrupt_post(u, tlp, u->params.remap_latency);
  }
}

void interrupt_arrives(struct interrupt_unit *u, struct pcie_tlp *tlp)
{
  uint32_t handle = (uint32_t)tlp->data;
  interrupt_count(u, &u->count.interrupts);
  u->arrived++;
  if (handle >= u->n_entries || vtd_cache_find(&u->cache, handle)) {
    dispatch(u, tlp); /* beyond the table's end: blocked without a read */
    return;
  }
  interrupt_count(u, &u->count.cache_misses);
  u->remapping++;
  interrupt_access(u, READ_ENTRY, false,
                   u->table + (uint64_t)ENTRY_BYTES * handle, ENTRY_BYTES, tlp,
                   0);
}

void interrupt_entry_read(struct interrupt_unit *u, struct pcie_tlp *tlp)
{
  uint32_t handle = (uint32_t)tlp->data;
  u->remapping--;
  if (u->entries[handle].present) /* absent entries are not cached */
    vtd_cache_insert(&u->cache, handle, handle, 0);
  dispatch(u, tlp);
}
