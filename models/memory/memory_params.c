/* memory_params.c - section "memory"; defaults: one Sapphire Rapids socket. */
#include "models/memory/memory.h"

#define FIELD(f) offsetof(struct memory_params, f)

static const struct hd_param params[] = {
    {"llc_size", HD_PARAM_SIZE, FIELD(llc_size), "105 MiB", "4 KiB", "4 GiB",
     NULL, "Last-level cache of a socket",
     "Xeon 8480+: 56 slices of 1.875 MiB, from memory"},
    {"llc_ways", HD_PARAM_INT, FIELD(llc_ways), "15", "1", "32", NULL,
     "Ways of a set of the last-level cache", "Xeon 8480+, from memory"},
    {"ddio_ways", HD_PARAM_INT, FIELD(ddio_ways), "2", "0", "32", NULL,
     "Ways in which device writes allocate; 0 sends them to DRAM",
     "pcie-bench data: 2 of 20 ways on Haswell; the reset value on SPR, from "
     "memory"},
    {"llc_latency", HD_PARAM_TIME, FIELD(llc_latency), "70 ns", "1 ns", "10 us",
     NULL, "From the IO stack to the last-level cache and back",
     "public reports: SPR LLC about 70 ns, from memory"},
    {"snoop_latency", HD_PARAM_TIME, FIELD(snoop_latency), "15 ns", "0 ns",
     "10 us", NULL,
     "Added when a core has written the line and may have a newer copy",
     "pcie-bench data: 15 ns between CPU-written and device-written lines"},
    {"dram_latency", HD_PARAM_TIME, FIELD(dram_latency), "55 ns", "0 ns",
     "10 us", NULL, "Added by a miss when DRAM is idle",
     "pcie-bench data: LLC instead of DRAM saves 52 to 58 ns"},
    {"evict_latency", HD_PARAM_TIME, FIELD(evict_latency), "13 ns", "0 ns",
     "10 us", NULL,
     "Added to a device write for which a dirty line must be evicted",
     "pcie-bench data: 13 ns more once the DDIO ways are full"},
    {"merge_latency", HD_PARAM_TIME, FIELD(merge_latency), "11 ns", "0 ns",
     "10 us", NULL,
     "Added to a device write of a part of a line: it needs the line's data",
     "pcie-bench data, wrrd: 7 ns less for 64 B than for 48 B, which are 5 ns "
     "faster on the way"},
    {"dram_channels", HD_PARAM_INT, FIELD(dram_channels), "8", "1", "64", NULL,
     "DRAM channels of a socket", "SPR: 8 channels of DDR5, from memory"},
    {"dram_rate", HD_PARAM_RATE, FIELD(dram_rate), "307.2 Gb/s", "1 Mb/s",
     "10 Tb/s", NULL, "Data rate of one channel",
     "DDR5-4800: 4800 MT/s of 64 bit"},
    {"refresh_interval", HD_PARAM_TIME, FIELD(refresh_interval), "3.9 us",
     "0 ns", "1 ms", NULL,
     "Time between refreshes of a channel; 0 disables refresh",
     "DDR5 tREFI, from memory"},
    {"refresh_duration", HD_PARAM_TIME, FIELD(refresh_duration), "295 ns",
     "0 ns", "100 us", NULL, "Time a refresh blocks its channel",
     "DDR5 tRFC1 of a 16 Gb die, from memory"},
    {"write_latency", HD_PARAM_TIME, FIELD(write_latency), "67 ns", "0 ns",
     "10 us", NULL, "Posted device write: arrival to global visibility",
     "pcie-bench data: wrrd less rd of a device-written line, 150 ns for 64 B, "
     "of which 83 ns are the device's and the link's"},
    {"visible_latency", HD_PARAM_TIME, FIELD(visible_latency), "70 ns", "1 ns",
     "10 us", NULL, "Written line until a polling core has read it",
     "public reports: a core's LLC hit, about 70 ns, from memory"},
    {"numa_latency", HD_PARAM_TIME, FIELD(numa_latency), "100 ns", "0 ns",
     "10 us", NULL, "Added to accesses to the other socket's memory",
     "pcie-bench data: remote adds 115 ns to a warm read on Ivy Bridge; 100 "
     "estimated for later ones"},
    {"size", HD_PARAM_SIZE, FIELD(size), "512 GiB", "1 MiB", "16 TiB", NULL,
     "DRAM of a socket", "8 channels of one 64 GB module, estimate"},
    {.name = NULL}};

const struct hd_param_table memory_param_table = {
    .section = "memory",
    .meaning = "Last-level cache and DRAM of a socket",
    .params = params};
