/*
 * structures.h - what the remapping hardware sees of the tables (tables.h):
 * addresses of entries, and what the entries hold now. For the walker only.
 */
#ifndef HD_MODELS_IOMMU_STRUCTURES_H
#define HD_MODELS_IOMMU_STRUCTURES_H

#include "models/iommu/paging.h"
#include "models/iommu/tables.h"

/* Nested translation: the guest's own first-stage tables lie in guest memory,
 * here from this guest physical address on, above anything a guest maps. */
#define VTD_GUEST_TABLES (UINT64_C(1) << 46)

struct vtd_domain {
  struct vtd_paging second; /* guest address -> host address. Also serves as
                               first stage where that is the only one */
  struct vtd_paging first;  /* nested: the guest's tables, an identity map */
  struct vtd_paging guest_tables; /* second-stage map of VTD_GUEST_TABLES */
  uint64_t next_guest_table;
};

/* What a context entry says (VT-d 9.3, 9.4). */
struct vtd_context {
  uint64_t pasid_directory; /* scalable: address; else 0 */
  uint32_t domain;          /* legacy */
  bool pasid_enabled;       /* scalable: requests with PASID are allowed */
  bool ats;                 /* translation and translated requests are, too */
};

/* PASID of requests without PASID in scalable mode (RID_PASID; Linux uses 0).
 */
#define VTD_RID_PASID 0u

bool vtd_is_scalable(const struct vtd_tables *t);
uint64_t vtd_root_address(const struct vtd_tables *t, uint16_t requester);
/* The context entry's address, or 0: no context table for the bus. */
uint64_t vtd_context_address(const struct vtd_tables *t, uint16_t requester);
/* False: not present. */
bool vtd_get_context(const struct vtd_tables *t, uint16_t requester,
                     struct vtd_context *context);
/* The PASID table page that the directory names for the PASID, or 0. */
uint64_t vtd_pasid_page(const struct vtd_tables *t, uint16_t requester,
                        uint32_t pasid);
/* The domain in the PASID entry, or 0: not present. */
uint32_t vtd_pasid_domain(const struct vtd_tables *t, uint16_t requester,
                          uint32_t pasid);
/* The domain, or NULL when there is none of this ID. */
const struct vtd_domain *vtd_get_domain(const struct vtd_tables *t,
                                        uint32_t domain);

static inline const struct vtd_paging *
vtd_second_stage(const struct vtd_domain *d, uint64_t guest_address)
{
  return guest_address >= VTD_GUEST_TABLES ? &d->guest_tables : &d->second;
}

/* Gives every domain, present and future, first-stage tables. False when the
 * arena is full. */
bool vtd_tables_make_nested(struct vtd_tables *t);

#endif
