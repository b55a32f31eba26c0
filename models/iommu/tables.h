/*
 * tables.h - the remapping structures in host memory, as software builds them:
 * root and context tables, PASID directories and tables, page tables.
 *
 * Structures have host physical addresses, so that walks touch real lines of
 * the memory model. Page tables of large regular mappings are not stored entry
 * by entry: an entry's address and content follow from the mapping, which is
 * contiguous. Software changes the tables before it tells the device (a
 * message later), so that no walk can see a half-made change.
 */
#ifndef HD_MODELS_IOMMU_TABLES_H
#define HD_MODELS_IOMMU_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vtd_tables;

/* `arena`: host physical memory for the structures. */
struct vtd_tables *vtd_tables_create(uint64_t arena_base, uint64_t arena_size,
                                     bool scalable);
void vtd_tables_destroy(struct vtd_tables *t);

/* A domain: one guest's address space. Returns the domain ID (from 1), or 0
 * when the arena is full or VTD_DOMAINS_MAX exist: what tells address spaces
 * apart is at most a PASID of 20 bits. (The second stage's domain ID has 16
 * bits; who models real ones creates 65535 at most.) */
#define VTD_DOMAINS_MAX (1u << 20)
uint32_t vtd_domain_create(struct vtd_tables *t);
/* Maps [iova, iova+size) to [hpa, ...) with leaves of 2^page_shift bytes (12,
 * 21 or 30); all aligned to 4 KiB. Parts not aligned to the leaf size are
 * mapped with smaller leaves. Later mappings must lie above earlier ones.
 * Addresses have 48 bits, of which nested translation leaves 46 to guests.
 * False when the arena is full. */
bool vtd_domain_map(struct vtd_tables *t, uint32_t domain, uint64_t iova,
                    uint64_t hpa, uint64_t size, unsigned page_shift,
                    bool writable);
/* Removes all mappings. */
void vtd_domain_unmap_all(struct vtd_tables *t, uint32_t domain);

/* Attaches the requester ID itself to the domain (legacy: second stage in the
 * context entry; scalable: RID_PASID). */
bool vtd_attach_requester(struct vtd_tables *t, uint16_t requester,
                          uint32_t domain);
/* Scalable mode: lets `requester` use PASIDs, and binds one to a domain. */
bool vtd_attach_pasid(struct vtd_tables *t, uint16_t requester, uint32_t pasid,
                      uint32_t domain);
/* Lets every requester attached from now on use address translation services:
 * DTE of its context entry, or in legacy mode its translation type (VT-d 9.3,
 * 9.4). Linux does so for every trusted device that has them. */
void vtd_tables_allow_ats(struct vtd_tables *t);
/* The same for one requester, or no more. False: it is not attached. */
bool vtd_allow_ats(struct vtd_tables *t, uint16_t requester, bool allowed);
bool vtd_ats_allowed(const struct vtd_tables *t, uint16_t requester);
void vtd_detach_pasid(struct vtd_tables *t, uint16_t requester, uint32_t pasid);

#endif
