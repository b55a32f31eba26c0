/*
 * iommu.h - VT-d DMA remapping of one IO stack (VT-d 4.0, chapters 3, 6, 9).
 *
 * Requests are looked up in the IOTLB; on a miss a walker reads the structures
 * (root, context, PASID directory and entry, page tables) step by step through
 * the memory model, using the context, PASID and paging-structure caches.
 * Misses to one page are merged. Faults block the request.
 *
 * Address translation services (4.1; PCIe chapter 10): a Translation Request is
 * looked up and walked for like any other and answered with the page, its size
 * and rights. A translated request passes when its context entry allows ATS;
 * no page is looked up for it: the unit trusts the device's device-TLB.
 */
#ifndef HD_MODELS_IOMMU_IOMMU_H
#define HD_MODELS_IOMMU_IOMMU_H

#include "models/iommu/tables.h"
#include "models/memory/memory.h"
#include "models/pcie/tlp.h"
#include "sim/engine/param.h"

enum iommu_mode { IOMMU_OFF, IOMMU_LEGACY, IOMMU_SCALABLE };
enum iommu_stage { IOMMU_SECOND_STAGE, IOMMU_FIRST_STAGE, IOMMU_NESTED };
enum iommu_replacement { IOMMU_LRU, IOMMU_RANDOM, IOMMU_FIFO };
enum iommu_page { IOMMU_4K, IOMMU_2M, IOMMU_1G };
enum iommu_units { IOMMU_EACH_STACK, IOMMU_SHARED };

struct iommu_params {
  int mode;      /* enum iommu_mode */
  int units;     /* enum iommu_units; for whoever builds a machine */
  int stage;     /* scalable mode: enum iommu_stage */
  int page_size; /* enum iommu_page: leaf size used for guest memory */
  int64_t iotlb_entries, iotlb_ways; /* 4 KiB entries; ways 0: full */
  int64_t iotlb_large_entries, iotlb_large_ways; /* 2 MiB and 1 GiB; 0: share
                                                    the 4 KiB array */
  bool index_domain; /* the set depends on the domain, too */
  int64_t context_entries, pasid_dir_entries, pasid_entries;
  int64_t paging_entries; /* per level of the paging-structure caches */
  int replacement;        /* enum iommu_replacement */
  int64_t walkers;
  int64_t lookup_latency;       /* ps: pipeline of a hit */
  int64_t walk_step;            /* ps: unit's own time per structure read */
  int64_t miss_queue;           /* requests that may wait for walks; beyond: the
                                   unit stalls its input */
  int64_t check_latency;        /* ps: pipeline of a translated request */
  bool coherent;                /* walks may hit the LLC */
  bool walk_allocate;           /* and leave their lines there */
  int64_t invalidation_latency; /* ps: one queued invalidation command */
};

extern const struct hd_param_table iommu_param_table;

/* Fault reasons (VT-d 4.0, 7.1.3; scalable-mode encodings). */
enum iommu_fault_reason {
  IOMMU_FAULT_NONE = 0,
  IOMMU_FAULT_ROOT = 0x38,        /* root entry not present */
  IOMMU_FAULT_CONTEXT = 0x40,     /* context entry not present */
  IOMMU_FAULT_ATS = 0x44,         /* DTE of the context entry is clear */
  IOMMU_FAULT_PASID_DIR = 0x50,   /* PASID directory entry not present */
  IOMMU_FAULT_PASID_ENTRY = 0x58, /* PASID table entry not present */
  IOMMU_FAULT_FIRST_STAGE = 0x70, /* not present in first stage */
  IOMMU_FAULT_SECOND_READ = 0x78, /* no read permission / not present */
  IOMMU_FAULT_SECOND_WRITE = 0x79,
  IOMMU_FAULT_PASID_BLOCKED = 0x46 /* request with PASID, context forbids */
};

struct iommu_fault {
  hd_time when;
  uint64_t address;
  uint32_t pasid;
  uint16_t requester;
  bool write, has_pasid;
  uint8_t at; /* enum pcie_at */
  enum iommu_fault_reason reason;
};

/* With index_domain the IOTLB's set is (number of the page in units of its own
 * size + domain ID * IOMMU_DOMAIN_STRIDE) modulo the number of sets. */
#define IOMMU_DOMAIN_STRIDE UINT64_C(0x9e3779b1)

struct iommu; /* is a struct hd_component */

struct iommu *iommu_create(struct hd_engine *e, const char *path,
                           const char *host, const struct iommu_params *params,
                           struct vtd_tables *tables,
                           const struct hd_window *window);
void iommu_destroy(struct iommu *u);
struct hd_component *iommu_component(struct iommu *u);
/* Walks read through this memory. */
void iommu_attach_memory(struct iommu *u, struct memory *m, hd_time latency);
/* The same, and nobody else uses it: reads take as long as always, but need not
 * be messages. A request with msg.tag IOMMU_ALONE promises that no other is
 * under way and that nothing comes to the unit before it has been answered;
 * then its walk needs no events. */
enum { IOMMU_ALONE = 1 };
void iommu_own_memory(struct iommu *u, struct memory *m, hd_time latency);
/* Answers to the root complex, once. */
void iommu_set_root_complex(struct iommu *u, struct hd_channel *answer);
/* Software's queue: returns its channel for MSG_IOMMU_COMMAND, which takes
 * IOMMU_COMMAND_LATENCY at least (a write of the queue's tail register). */
#define IOMMU_COMMAND_LATENCY (100 * HD_NS)
struct hd_channel *iommu_connect_software(struct iommu *u,
                                          struct hd_component *software);
/* What that software puts into iommu_command.reply. */
struct hd_channel *iommu_status_channel(struct iommu *u,
                                        struct hd_component *software);

/* Queued invalidation (VT-d 6.5). After entries of the IOTLB, software
 * invalidates those of the device-TLBs that may hold them, too (6.5.2.5): a
 * command for each requester and PASID. The unit sends an Invalidate Request to
 * the function, of which PCIE_ITAGS may be unanswered; more wait. */
enum iommu_command_type {
  IOMMU_INVALIDATE_CONTEXT, /* whole context cache */
  IOMMU_INVALIDATE_PASID,   /* domain-selective PASID cache */
  IOMMU_INVALIDATE_IOTLB,   /* domain-selective */
  IOMMU_INVALIDATE_PAGE,    /* one page of a domain */
  IOMMU_INVALIDATE_DEVICE,  /* 2^shift bytes from address on (multiple of it;
                               shift 64: all) in the device-TLB of requester,
                               with the PASID or without */
  IOMMU_WAIT                /* answers MSG_IOMMU_STATUS on `reply`, with the
                               same message, when all commands before it are
                               done, by devices too, and no walk that began
                               before them is left; the unit frees the other
                               commands */
};
struct iommu_command {
  struct hd_msg msg;
  uint32_t type; /* enum iommu_command_type */
  uint32_t domain;
  uint64_t address;
  struct hd_channel *reply;
  uint32_t pasid;
  uint16_t requester;
  uint8_t shift;
  bool has_pasid;
};

/* Within the window. lookups = hits + merged + walks, but for those that wait.
 * merged: served by a walk that another request began. stalls: requests that
 * waited in front of the unit. context and pasid: by request; pasid_dir: by
 * walk without a PASID entry. page_hits: hits, by enum iommu_page of the leaf.
 * paging_level: paging_hits, of entries of level 2, 3, 4. held: walks at whose
 * end the page was in the IOTLB already; when requests come one at a time, that
 * is because the context or PASID entry, without which the IOTLB cannot be
 * asked, was missing.
 * Of ATS: translations, Translation Requests answered with a page; refused,
 * those answered without; checked, translated requests, which are lookups only
 * if their context entry had to be read; invalidations, Invalidate Requests
 * sent. */
struct iommu_stats {
  uint64_t lookups, hits, merged, walks, walk_reads, faults;
  uint64_t context_hits, context_misses, pasid_hits, pasid_misses;
  uint64_t pasid_dir_hits, pasid_dir_misses, held;
  uint64_t page_hits[3], paging_level[3];
  uint64_t paging_hits, stalls;
  uint64_t translations, refused, checked, invalidations;
  double walkers_busy; /* time-weighted mean */
  hd_time walk_time;   /* sum over walks */
};
void iommu_get_stats(const struct iommu *u, struct iommu_stats *s);
/* All faults since the start; the first IOMMU_FAULT_LOG are recorded. */
enum { IOMMU_FAULT_LOG = 64 };
size_t iommu_faults(const struct iommu *u, const struct iommu_fault **log,
                    uint64_t *total);
const char *iommu_check(const struct iommu *u);

#endif
