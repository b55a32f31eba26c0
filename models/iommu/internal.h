/* internal.h - shared by the IOMMU's own files. */
#ifndef HD_MODELS_IOMMU_INTERNAL_H
#define HD_MODELS_IOMMU_INTERNAL_H

#include "models/iommu/cache.h"
#include "models/iommu/iommu.h"
#include "models/iommu/structures.h"
#include "sim/measure/gauge.h"

/* What the next answer from memory is. */
enum walk_step {
  STEP_ROOT,
  STEP_CONTEXT,
  STEP_PASID_DIRECTORY,
  STEP_PASID_ENTRY,
  STEP_PAGE,  /* entry of the only stage, or of the first of two */
  STEP_SECOND /* nested: entry of the second stage */
};

/* A miss: the requests to one 4 KiB page of one requester and PASID, in order
 * of arrival. Waits for a walker, then is one. */
struct iommu_walk {
  struct iommu_walk *next;  /* in the queue, or in the free list */
  struct iommu_walk *chain; /* in its bucket */
  struct hd_msg *first, *last;
  uint32_t n_requests;
  struct memory_request *request; /* while walking */
  uint64_t iova;                  /* of the page */
  uint32_t pasid, domain;         /* domain: once known */
  uint16_t requester;
  bool has_pasid;
  bool translated;      /* only the context entry is wanted, see ats.c */
  bool stale;           /* an invalidation came in between: fill no cache */
  uint8_t step;         /* enum walk_step */
  uint8_t level;        /* of the entry being read, STEP_PAGE */
  uint8_t second_level; /* likewise, STEP_SECOND */
  bool final;           /* STEP_SECOND translates the page, not a table */
  uint64_t context;     /* as cached */
  uint64_t guest;       /* STEP_SECOND: the address being translated */
  uint64_t table;       /* table page being read */
  struct vtd_leaf leaf; /* nested: the first stage's */
  hd_time started;
};

struct iommu_counters {
  struct hd_counter lookups, hits, merged, walks, walk_reads, faults;
  struct hd_counter context_hits, context_misses, pasid_hits, pasid_misses;
  struct hd_counter pasid_dir_hits, pasid_dir_misses, stalls, held;
  struct hd_counter translations, refused, checked, invalidations;
  struct hd_counter page_hits[3];                /* enum iommu_page */
  struct hd_counter paging_hits[VTD_LEVELS - 1]; /* as `paging` */
};

struct iommu {
  struct hd_component base;
  struct iommu_params params;
  const struct hd_window *window;
  struct vtd_tables *tables;
  struct hd_channel *answer, *to_memory, *from_memory;
  hd_time hit_delay;      /* arrival -> answer of a hit */
  hd_time walk_delay;     /* arrival -> begin of a walk */
  hd_time check_delay;    /* arrival -> answer of a translated request */
  uint32_t read_tag;      /* of walks' reads, see struct memory_request */
  struct memory *own;     /* the memory that nobody else uses, or NULL */
  bool alone;             /* the request under way is IOMMU_ALONE */
  bool served;            /* and its walk's read has been served, */
  hd_time ahead;          /* so much later than now */
  hd_time messages_until; /* `own`: messages to it have arrived by then */
  gsl_rng *rng;

  struct vtd_cache iotlb, large; /* see iotlb_of() */
  uint32_t used_sizes;           /* bit per enum iommu_page ever filled */
  struct vtd_cache contexts, pasid_directory, pasids;
  struct vtd_cache paging[VTD_LEVELS - 1]; /* [level - 2]: entries of `level` */

  struct iommu_walk *pool, *free_walks;
  struct iommu_walk **buckets;
  uint64_t bucket_mask;
  struct iommu_walk *queue_first, *queue_last; /* waiting for a walker */
  int64_t active;                              /* walkers in use */
  int64_t waiting;  /* requests that wait for a walk they did not begin, or for
                       a walker */
  bool in_progress; /* see misses.c */
  struct hd_msg *input_first, *input_last; /* stalled */

  hd_time commands_until; /* queued invalidation is busy until */
  int64_t stale_walks;
  struct hd_msg *waits_first, *waits_last; /* IOMMU_WAIT for stale walks and
                                              for devices */
  uint32_t tags;      /* ITags of Invalidate Requests not yet answered */
  int64_t at_devices; /* commands that these and the next have come from */
  struct hd_msg *untagged_first, *untagged_last; /* commands without a tag */

  struct iommu_counters count;
  struct hd_gauge walkers_busy;
  hd_time walk_time;
  uint64_t arrived, answered; /* requests, since the start */
  struct iommu_fault faults[IOMMU_FAULT_LOG];
  uint64_t n_faults;
};

/* A walk that is alone runs ahead of the engine's time. */
static inline hd_time iommu_now(const struct iommu *u)
{
  return hd_now(&u->base) + u->ahead;
}

static inline void iommu_count(struct iommu *u, struct hd_counter *c)
{
  hd_counter_add(c, u->window, iommu_now(u), 1);
}

static inline bool iommu_first_stage_only(const struct iommu *u)
{
  return u->params.mode == IOMMU_SCALABLE &&
         u->params.stage == IOMMU_FIRST_STAGE;
}

static inline void iommu_append(struct hd_msg **first, struct hd_msg **last,
                                struct hd_msg *m)
{
  m->next = NULL;
  if (*first)
    (*last)->next = m;
  else
    *first = m;
  *last = m;
}

static inline struct hd_msg *iommu_pop(struct hd_msg **first)
{
  struct hd_msg *m = *first;
  *first = m->next;
  m->next = NULL;
  return m;
}

/* PASID that selects the PASID entry of a request (scalable mode). */
static inline uint32_t iommu_pasid(bool has_pasid, uint32_t pasid)
{
  return has_pasid ? pasid : VTD_RID_PASID;
}

/* ---- keys and values of the caches ---------------------------------- */

/* Context cache: requester -> domain (legacy) or directory address, both with
 * CONTEXT_PASID when requests with PASID are allowed. */
#define CONTEXT_PASID 1u
#define CONTEXT_ATS 2u /* and with this when ATS is */
#define CONTEXT_DOMAIN_SHIFT 2
/* PASID caches: (requester, PASID) -> domain; (requester, PASID >> 6) -> PASID
 * table page. */
static inline uint64_t iommu_pasid_key(uint16_t requester, uint32_t pasid)
{
  return (uint64_t)requester << 20 | pasid;
}

/* IOTLB: domain 21 bits, size 2, page number 41; value: page | IOTLB_WRITE. */
#define IOTLB_WRITE 1u
#define IOMMU_DOMAIN_SHIFT 43
static inline uint64_t iommu_page_key(uint32_t domain, unsigned size,
                                      uint64_t iova)
{
  return (uint64_t)domain << IOMMU_DOMAIN_SHIFT | (uint64_t)size << 41 |
         iova >> (12 + 9 * size);
}
#define IOMMU_DOMAIN_MASK (UINT64_MAX << IOMMU_DOMAIN_SHIFT)

/* Paging-structure caches: like the IOTLB; the second stage of nested
 * translation is marked. Value: the table page that the entry names. */
#define PAGING_SECOND (UINT64_C(1) << 41)
static inline uint64_t iommu_paging_key(uint32_t domain, unsigned level,
                                        uint64_t address, bool second)
{
  return (uint64_t)domain << IOMMU_DOMAIN_SHIFT | (second ? PAGING_SECOND : 0) |
         address >> vtd_level_shift(level);
}

/* Consecutive pages go to consecutive sets; each domain starts at another, or,
 * without the domain in the index, all at the same. */
static inline uint64_t iommu_set_index(const struct iommu *u, uint64_t key)
{
  uint64_t page = key & ((UINT64_C(1) << 41) - 1);
  uint64_t domain = u->params.index_domain ? key >> IOMMU_DOMAIN_SHIFT : 0;
  return page + domain * IOMMU_DOMAIN_STRIDE;
}

static inline struct vtd_cache *iotlb_of(struct iommu *u, unsigned size)
{
  return size == IOMMU_4K || u->large.n_lines == 0 ? &u->iotlb : &u->large;
}

/* ---- iommu.c -------------------------------------------------------- */
/* Looks the page up in the IOTLB; NULL on a miss. */
uint64_t *iommu_lookup_page(struct iommu *u, uint32_t domain, uint64_t iova,
                            unsigned *size);
/* Answers a request whose page is known, at now + delay; faults when the page
 * forbids it. */
void iommu_finish(struct iommu *u, struct pcie_tlp *tlp, uint64_t page,
                  unsigned shift, bool writable, hd_time delay);
/* Answers a request, whose result is in it, at now + delay. */
void iommu_answer(struct iommu *u, struct pcie_tlp *tlp, hd_time delay);
/* Answers a request with a fault. */
void iommu_block(struct iommu *u, struct pcie_tlp *tlp,
                 enum iommu_fault_reason reason, hd_time delay);
/* The domain of a request by the context and PASID caches alone. */
enum iommu_known { KNOWN, NO_CONTEXT, NO_PASID };
enum iommu_known iommu_cached_domain(struct iommu *u, uint16_t requester,
                                     bool has_pasid, uint32_t pasid,
                                     uint32_t *domain);
/* Takes stalled requests, in order, until one must stall again. */
void iommu_resume_input(struct iommu *u);

/* ---- misses.c ------------------------------------------------------- */
bool iommu_walks_initialize(struct iommu *u);
void iommu_walks_terminate(struct iommu *u);
/* Gives a missing request to a walk: one under way, a free walker or the queue.
 * False: no room, the input must stall. */
bool iommu_miss(struct iommu *u, struct pcie_tlp *tlp);
/* All of the walk's requests have been answered. */
void iommu_walk_ended(struct iommu *u, struct iommu_walk *w);

/* ---- walker.c ------------------------------------------------------- */
/* Begins to read at now + delay; may fault, and so end, at once. */
void iommu_walk(struct iommu *u, struct iommu_walk *w, hd_time delay);
/* A structure read has come back. */
void iommu_walk_read(struct iommu *u, struct memory_request *request);

/* ---- faults.c ------------------------------------------------------- */
void iommu_record_fault(struct iommu *u, const struct pcie_tlp *tlp,
                        enum iommu_fault_reason reason);
/* The reason for an entry of a page table that is absent or forbids it. */
static inline enum iommu_fault_reason iommu_page_fault(bool first_stage,
                                                       bool write)
{
  if (first_stage)
    return IOMMU_FAULT_FIRST_STAGE;
  return write ? IOMMU_FAULT_SECOND_WRITE : IOMMU_FAULT_SECOND_READ;
}

/* ---- ats.c ---------------------------------------------------------- */
/* Checks a translated request. False: no room, the input must stall. */
bool iommu_check_translated(struct iommu *u, struct pcie_tlp *tlp);
/* Answers one whose context entry is known. */
void iommu_pass_translated(struct iommu *u, struct pcie_tlp *tlp,
                           uint64_t context, hd_time delay);
/* Answers a Translation Request whose page is known. */
void iommu_give_translation(struct iommu *u, struct pcie_tlp *tlp,
                            uint64_t page, unsigned shift, bool writable,
                            hd_time delay);
/* Answers a Translation Request that met a fault, if that is one the device can
 * recover from. Otherwise says which fault to record. */
bool iommu_withhold_translation(struct iommu *u, struct pcie_tlp *tlp,
                                enum iommu_fault_reason *reason, hd_time delay);
/* Takes a command for a device-TLB; owns it. */
void iommu_invalidate_device(struct iommu *u, struct iommu_command *command);
/* An Invalidate Completion has come. */
void iommu_device_answered(struct iommu *u, struct pcie_tlp *tlp);
/* NULL, or what does not balance. */
const char *iommu_ats_check(const struct iommu *u);

/* ---- invalidate.c --------------------------------------------------- */
/* Answers the waits that wait for nothing any more. */
void iommu_answer_waits(struct iommu *u);
void iommu_command(struct iommu *u, struct iommu_command *command);
void iommu_command_done(struct iommu *u, struct iommu_command *command);
/* A walk that an invalidation had made stale has ended. */
void iommu_stale_walk_ended(struct iommu *u);

#endif
