/*
 * ats_params.c - section "ats".
 *
 * No data sheet of the modelled devices tells the size or speed of a
 * device-TLB.
 */
#include "models/pcie/ats_params.h"

#define FIELD(f) offsetof(struct ats_params, f)

static const struct hd_param params[] = {
    {"enabled", HD_PARAM_BOOL, FIELD(enabled), "false", NULL, NULL, NULL,
     "Devices ask the IOMMU for translations, keep them, and send translated "
     "addresses",
     "from memory: the E810 has the capability, hosts leave it off unless "
     "shared virtual memory is used"},
    {"entries", HD_PARAM_INT, FIELD(entries), "256", "1", "1048576", NULL,
     "Translations of any page size that a device keeps",
     "unknown; estimated from memory: some tens to some thousands"},
    {"ways", HD_PARAM_INT, FIELD(ways), "8", "0", "4096", NULL,
     "Their associativity; 0: full; the least recently used goes",
     "unknown; as iommu.iotlb_ways"},
    {"lookup_latency", HD_PARAM_TIME, FIELD(lookup_latency), "10 ns", "0 ns",
     "1 ms", NULL, "Device's look-up, before each part of a transfer",
     "estimated from memory: a few cycles at 500 MHz"},
    {"requests", HD_PARAM_INT, FIELD(requests), "32", "1", "1024", NULL,
     "Translation Requests outstanding, by device; each holds a tag",
     "estimated from memory"},
    {.name = NULL}};

const struct hd_param_table ats_param_table = {
    .section = "ats",
    .meaning = "Address translation services of devices: the device-TLB",
    .params = params};
