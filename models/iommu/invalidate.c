/*
 * invalidate.c - queued invalidation (VT-d 4.0, 6.5).
 *
 * Commands are executed one after another, each for invalidation_latency, and
 * take effect at the end of it. A walk that is under way when an invalidation
 * takes effect may have read the old structures: it still answers its requests
 * but fills no cache, and IOMMU_WAIT is answered only when all such walks have
 * ended. So nothing translated by the old structures leaves the unit after the
 * wait's answer, as with the draining that software asks for. Nor does a device
 * use an old translation then: the wait's answer also waits for the devices'.
 */
#include "models/iommu/internal.h"

void iommu_command(struct iommu *u, struct iommu_command *command)
{
  hd_time now = hd_now(&u->base);
  u->commands_until =
      hd_time_max(now, u->commands_until) + u->params.invalidation_latency;
  command->msg.kind = MSG_TIMER;
  hd_schedule(&u->base, u->commands_until - now, command);
}

static void mark_walks_stale(struct iommu *u)
{
  for (uint64_t b = 0; b <= u->bucket_mask; b++)
    for (struct iommu_walk *w = u->buckets[b]; w; w = w->chain)
      if (w->request && !w->stale) {
        w->stale = true;
        u->stale_walks++;
      }
}

static void forget_page(struct iommu *u, uint32_t domain, uint64_t address)
{
  for (unsigned size = IOMMU_4K; size <= IOMMU_1G; size++)
    vtd_cache_remove_keys(iotlb_of(u, size), UINT64_MAX,
                          iommu_page_key(domain, size, address));
  for (unsigned level = 2; level <= VTD_LEVELS; level++)
    vtd_cache_remove_keys(&u->paging[level - 2], ~PAGING_SECOND,
                          iommu_paging_key(domain, level, address, false));
}

static void forget_domain(struct iommu *u, uint32_t domain)
{
  uint64_t match = (uint64_t)domain << IOMMU_DOMAIN_SHIFT;
  vtd_cache_remove_keys(&u->iotlb, IOMMU_DOMAIN_MASK, match);
  vtd_cache_remove_keys(&u->large, IOMMU_DOMAIN_MASK, match);
  for (unsigned i = 0; i < VTD_LEVELS - 1; i++)
    vtd_cache_remove_keys(&u->paging[i], IOMMU_DOMAIN_MASK, match);
}

static void execute(struct iommu *u, const struct iommu_command *c)
{
  switch (c->type) {
  case IOMMU_INVALIDATE_CONTEXT:
    vtd_cache_remove_keys(&u->contexts, 0, 0);
    break;
  case IOMMU_INVALIDATE_PASID: /* the directory's entries name no domain */
    vtd_cache_remove_values(&u->pasids, UINT64_MAX, c->domain);
    vtd_cache_remove_keys(&u->pasid_directory, 0, 0);
    break;
  case IOMMU_INVALIDATE_IOTLB:
    forget_domain(u, c->domain);
    break;
  case IOMMU_INVALIDATE_PAGE:
    forget_page(u, c->domain, c->address);
    break;
  default:
    HD_REQUIRE(&u->base, false, "unknown invalidation command %u", c->type);
  }
  mark_walks_stale(u);
}

static void answer_wait(struct iommu_command *c)
{
  c->msg.kind = MSG_IOMMU_STATUS;
  hd_send(c->reply, c->reply->latency, c);
}

static bool unfinished(const struct iommu *u)
{
  return u->stale_walks > 0 || u->at_devices > 0;
}

void iommu_command_done(struct iommu *u, struct iommu_command *c)
{
  if (c->type == IOMMU_INVALIDATE_DEVICE) {
    iommu_invalidate_device(u, c);
  } else if (c->type != IOMMU_WAIT) {
    execute(u, c);
    hd_msg_free(&u->base, c);
  } else if (unfinished(u)) {
    iommu_append(&u->waits_first, &u->waits_last, &c->msg);
  } else {
    answer_wait(c);
  }
}

void iommu_answer_waits(struct iommu *u)
{
  while (!unfinished(u) && u->waits_first)
    answer_wait((struct iommu_command *)iommu_pop(&u->waits_first));
}

void iommu_stale_walk_ended(struct iommu *u)
{
  u->stale_walks--;
  iommu_answer_waits(u);
}
