/*
 * iommu_params.c - section "iommu".
 *
 * Nothing public says how large the caches of Sapphire Rapids are. What is
 * known of a predecessor comes from the pcie-bench measurements on Haswell;
 * where a size below is an assumption, its source says so.
 */
#include "models/iommu/iommu.h"

#define FIELD(f) offsetof(struct iommu_params, f)

static const char *const modes[] = {"off", "legacy", "scalable", NULL};
static const char *const stages[] = {"second", "first", "nested", NULL};
static const char *const pages[] = {"4 KiB", "2 MiB", "1 GiB", NULL};
static const char *const units[] = {"stack", "shared", NULL};
static const char *const replacements[] = {"lru", "random", "fifo", NULL};

static const struct hd_param params[] = {
    {"mode", HD_PARAM_ENUM, FIELD(mode), "scalable", NULL, NULL, modes,
     "Format of the remapping tables", "HD-IOV artifact: intel_iommu=on,sm=on"},
    {"units", HD_PARAM_ENUM, FIELD(units), "stack", NULL, NULL, units,
     "Whom a unit serves; stack: one device, each has an IO stack and a unit "
     "of "
     "its own; shared: all devices",
     "Sapphire Rapids: each IO stack has its own (uncore counters count each "
     "stack's misses); Haswell: one a socket, from memory"},
    {"stage", HD_PARAM_ENUM, FIELD(stage), "second", NULL, NULL, stages,
     "Scalable mode: which page tables translate",
     "ice driver: auxiliary domains use the second stage"},
    {"page_size", HD_PARAM_ENUM, FIELD(page_size), "2 MiB", NULL, NULL, pages,
     "Largest leaf page used for guest memory",
     "HD-IOV artifact: hosts back guests by 2 MiB pages; VFIO maps the "
     "largest"},
    {"iotlb_entries", HD_PARAM_INT, FIELD(iotlb_entries), "512", "1", "1048576",
     NULL, "IOTLB entries for 4 KiB pages",
     "unknown for SPR; assumed 4 times the 120 effective ones measured on "
     "Haswell (pcie-bench data)"},
    {"iotlb_ways", HD_PARAM_INT, FIELD(iotlb_ways), "8", "0", "4096", NULL,
     "Its associativity; 0: full", "unknown for SPR; as HyperSIO"},
    {"iotlb_large_entries", HD_PARAM_INT, FIELD(iotlb_large_entries), "128",
     "0", "1048576", NULL,
     "IOTLB entries for 2 MiB and 1 GiB pages; 0: they share the 4 KiB entries",
     "unknown for SPR; assumed a quarter of the 4 KiB entries"},
    {"iotlb_large_ways", HD_PARAM_INT, FIELD(iotlb_large_ways), "8", "0",
     "4096", NULL, "Its associativity; 0: full",
     "unknown for SPR; as iotlb_ways"},
    {"index_domain", HD_PARAM_BOOL, FIELD(index_domain), "true", NULL, NULL,
     NULL, "The IOTLB's set depends on the domain, not on the page alone",
     "unknown; guests that use the same addresses would share few sets without "
     "it"},
    {"context_entries", HD_PARAM_INT, FIELD(context_entries), "64", "0",
     "65536", NULL, "Context cache entries", "unknown for SPR; assumption"},
    {"pasid_dir_entries", HD_PARAM_INT, FIELD(pasid_dir_entries), "32", "0",
     "65536", NULL, "PASID-directory cache entries",
     "unknown for SPR; one serves 64 PASIDs; assumption"},
    {"pasid_entries", HD_PARAM_INT, FIELD(pasid_entries), "256", "0", "65536",
     NULL, "PASID-entry cache entries", "unknown for SPR; assumption"},
    {"paging_entries", HD_PARAM_INT, FIELD(paging_entries), "64", "0", "65536",
     NULL, "Paging-structure cache entries, for each level",
     "Intel uncore counters: each stack counts misses of L1/L2/L3 walk caches; "
     "the size is "
     "an "
     "assumption"},
    {"replacement", HD_PARAM_ENUM, FIELD(replacement), "lru", NULL, NULL,
     replacements, "Replacement in all caches of the unit",
     "unknown; uniform random misses, 1 - N/P, fit any (pcie-bench data)"},
    {"walkers", HD_PARAM_INT, FIELD(walkers), "5", "1", "1024", NULL,
     "Page walks at a time",
     "pcie-bench data: about 5 on Haswell; unknown for SPR"},
    {"lookup_latency", HD_PARAM_TIME, FIELD(lookup_latency), "2 ns", "0 ns",
     "1 us", NULL, "Added to every request by the unit's pipeline",
     "pcie-bench data: a hit costs at most 3 ns; HyperSIO 2 ns"},
    {"check_latency", HD_PARAM_TIME, FIELD(check_latency), "2 ns", "0 ns",
     "1 us", NULL,
     "The same for a request that a device has translated (ATS): its context "
     "entry is looked up, no page",
     "estimated from memory: as lookup_latency"},
    {"walk_step", HD_PARAM_TIME, FIELD(walk_step), "5 ns", "0 ns", "1 us", NULL,
     "Walker's own time for each structure read",
     "HyperSIO, walk-cache access 5 ns"},
    {"miss_queue", HD_PARAM_INT, FIELD(miss_queue), "0", "0", "65536", NULL,
     "Requests that may wait for walks; with more the unit stalls its input",
     "pcie-bench data: writes times miss ratio are the same 21.3 to 21.8 M/s "
     "in windows of 256 to 16384 pages, so misses neither wait nor merge"},
    {"coherent", HD_PARAM_BOOL, FIELD(coherent), "true", NULL, NULL, NULL,
     "Walks look into the last-level cache",
     "page walks are coherent on the measured host (pcie-bench)"},
    {"walk_allocate", HD_PARAM_BOOL, FIELD(walk_allocate), "false", NULL, NULL,
     NULL, "Structures that walks read stay in the last-level cache",
     "pcie-bench data: walks meet DRAM refresh even after each page has been "
     "walked for a hundred times, so they find nothing in the cache"},
    {"invalidation_latency", HD_PARAM_TIME, FIELD(invalidation_latency),
     "200 ns", "0 ns", "1 ms", NULL,
     "Unit's time for one queued invalidation command",
     "public reports: a batch saves > 800 cycles a submission; estimate"},
    {.name = NULL}};

const struct hd_param_table iommu_param_table = {
    .section = "iommu",
    .meaning = "DMA remapping unit (VT-d) of the IO stack",
    .params = params};
