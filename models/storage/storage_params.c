/*
 * storage_params.c - section "storage"; defaults: a data-centre TLC drive of
 * 2023 with a PCIe 5.0 x4 port (2.0 million random reads of 4 KiB a second,
 * 12 GB/s read, 6.8 GB/s written, 75 us read and 14 us write at depth 1).
 *
 * Makers publish what a drive does, not how. "derived" is what makes these
 * figures come out; they come out as results, no figure is used as such.
 */
#include "models/storage/storage_params.h"

#define FIELD(f) offsetof(struct storage_params, f)

#define GAP "not public; "
#define NVMEVIRT "NVMeVirt, ssd_config.h: "

static const struct hd_param params[] = {
    {"drives", HD_PARAM_INT, FIELD(drives), "1", "1", "8", NULL,
     "drives of this kind in the machine; guests take turns", "convention"},
    {"generation", HD_PARAM_INT, FIELD(generation), "5", "1", "5", NULL,
     "PCIe generation of each drive", "drives of 2022 and later"},
    {"lanes", HD_PARAM_INT, FIELD(lanes), "4", "1", "16", NULL,
     "PCIe lanes of each drive", "U.2 and E3.S drives have four"},

    /* what there is to share */
    {"queue_pairs", HD_PARAM_INT, FIELD(queue_pairs), "512", "1", "65535", NULL,
     "I/O queue pairs of the device", GAP "128 to 512; from memory"},
    {"pf_queue_pairs", HD_PARAM_INT, FIELD(pf_queue_pairs), "32", "0", "65535",
     NULL, "I/O queue pairs the host's own driver takes",
     "derived: one per host core, as Linux' driver asks for"},
    {"virtual_functions", HD_PARAM_INT, FIELD(virtual_functions), "32", "0",
     "65535", NULL, "SR-IOV virtual functions (secondary controllers)",
     "data-centre drives of 2020 to 2023; from memory, unverified"},
    {"vectors", HD_PARAM_INT, FIELD(vectors), "512", "1", "65536", NULL,
     "MSI-X vectors", "derived: one per queue pair"},
    {"pf_vectors", HD_PARAM_INT, FIELD(pf_vectors), "33", "0", "65536", NULL,
     "MSI-X vectors the host's own driver takes",
     "derived: one per queue pair and one for the admin queue"},
    {"capacity", HD_PARAM_SIZE, FIELD(capacity), "7680 GB", "1 MiB", "1024 TiB",
     NULL, "Bytes that can be addressed",
     "a common size; no result depends on it"},
    {"max_transfer", HD_PARAM_SIZE, FIELD(max_transfer), "256 KiB", "4 KiB",
     "1 MiB", NULL, "Largest command (MDTS)",
     "NVMeVirt: MDTS 6; 4 KiB shifted by 6"},

    /* controller */
    {"clock", HD_PARAM_FREQUENCY, FIELD(clock), "1 GHz", "1 MHz", "10 GHz",
     NULL, "Clock of the controller", GAP "order of magnitude from memory"},
    {"doorbell_latency", HD_PARAM_TIME, FIELD(doorbell_latency), "50 ns",
     "0 ns", "100 us", NULL, "From a register write's arrival to its effect",
     GAP "some 50 cycles; from memory"},
    {"arbitration_burst", HD_PARAM_INT, FIELD(arbitration_burst), "8", "1",
     "65535", NULL, "Commands a queue may have fetched per turn",
     "NVMe 1.4, 5.21.1.1 recommends by the drive; 8 from memory"},
    {"fetches", HD_PARAM_INT, FIELD(fetches), "16", "1", "4096", NULL,
     "Reads of submission entries under way",
     GAP "keeps 2 million single fetches of 1.2 us a second going, with room"},
    {"fetch_cycles", HD_PARAM_CYCLES, FIELD(fetch_cycles), "20", "0", "100000",
     NULL, "Arbiter's time between two fetches", GAP "from memory"},
    {"commands", HD_PARAM_INT, FIELD(commands), "2048", "1", "65535", NULL,
     "Commands inside the device; others wait in host memory",
     GAP "order of magnitude from memory"},
    {"command_cycles", HD_PARAM_CYCLES, FIELD(command_cycles), "490", "0",
     "1000000", NULL, "Pipeline's time per command",
     "derived: 2.0 million reads of 4 KiB a second (PM9D3a; LKML, coalesced "
     "posted interrupts, 2.02 million a disk)"},
    {"read_overhead", HD_PARAM_TIME, FIELD(read_overhead), "20 us", "0 ns",
     "1 s", NULL, "Firmware, mapping and error correction of a read; latency",
     NVMEVIRT "FW_4KB_READ_LATENCY of a ZN540"},
    {"write_overhead", HD_PARAM_TIME, FIELD(write_overhead), "10 us", "0 ns",
     "1 s", NULL, "Firmware and mapping of a write or flush; latency",
     "derived: 14 us in all (Kioxia CD7), less transfers"},
    {"dma_window", HD_PARAM_SIZE, FIELD(dma_window), "64 KiB", "4 KiB",
     "64 MiB", NULL, "Payload under way between device and host, a direction",
     GAP "four times what 14 GB/s move in a DMA read of 1.2 us"},
    {"coalesce_threshold", HD_PARAM_INT, FIELD(coalesce_threshold), "1", "1",
     "256", NULL, "Completions an interrupt waits for; 1: no coalescing",
     "NVMe 1.4, 5.21.1.8: off after reset"},
    {"coalesce_time", HD_PARAM_TIME, FIELD(coalesce_time), "100 us", "0 ns",
     "25500 us", NULL, "Coalescing: a completion waits at most this long",
     "NVMe 1.4, 5.21.1.8: steps of 100 us"},
    {"admin_cost", HD_PARAM_TIME, FIELD(admin_cost), "50 us", "0 ns", "10 s",
     NULL, "Execution of an administration command", GAP "from memory"},

    /* store */
    {"internal_rate", HD_PARAM_RATE, FIELD(internal_rate), "96 Gb/s", "0 b/s",
     "100 Tb/s", NULL, "All data through the device; 0: unlimited",
     "PM9D3a: 12 GB/s of sequential reads (AnandTech, FMS 2024)"},
    {"cache", HD_PARAM_SIZE, FIELD(cache), "64 MiB", "0 B", "64 GiB", NULL,
     "Write cache, kept through a power failure; 0: none",
     GAP "several times what the dies are programming; from memory"},
    {"channels", HD_PARAM_INT, FIELD(channels), "16", "1", "1024", NULL,
     "Channels of the media", "16 in the class (AnandTech on PM1753)"},
    {"dies", HD_PARAM_INT, FIELD(dies), "16", "1", "1024", NULL,
     "Dies of each channel", "derived: 256 dies of 256 Gb make 8 TB"},
    {"channel_rate", HD_PARAM_RATE, FIELD(channel_rate), "19200 Mb/s", "1 Mb/s",
     "10 Tb/s", NULL, "A channel's bus", "ONFI 5.0: 2400 MT/s of 8 bit"},
    {"page_size", HD_PARAM_SIZE, FIELD(page_size), "16 KiB", "512 B", "1 MiB",
     NULL, "Bytes one read of a die fetches", "TLC NAND; from memory"},
    {"read_time", HD_PARAM_TIME, FIELD(read_time), "50 us", "0 ns", "1 s", NULL,
     "A die's read of a page, mean", NVMEVIRT "4 KiB read of a ZN540"},
    {"read_jitter", HD_PARAM_RATIO, FIELD(read_jitter), "5 %", NULL, NULL, NULL,
     "Standard deviation of a read over its mean, log-normal",
     GAP "from memory"},
    {"program_size", HD_PARAM_SIZE, FIELD(program_size), "48 KiB", "4 KiB",
     "64 MiB", NULL, "Bytes one program stores",
     "a word line of three pages of 16 KiB, as in NVMeVirt's ZN540"},
    {"program_time", HD_PARAM_TIME, FIELD(program_time), "1900 us", "0 ns",
     "1 s", NULL, "A die's program, mean",
     NVMEVIRT "1914 us of its ZNS prototype; with 256 dies 6.6 GB/s, where the "
              "PM9D3a writes 6.8 GB/s"},
    {"program_jitter", HD_PARAM_RATIO, FIELD(program_jitter), "5 %", NULL, NULL,
     NULL, "Standard deviation of a program over its mean, log-normal",
     GAP "from memory"},
    {"write_amplification", HD_PARAM_REAL, FIELD(write_amplification), "1", "1",
     "100", NULL, "Programs for each program's worth of data written",
     "sequential writes; 4 gives the PM9D3a's 400,000 random writes a second "
     "in the steady state"},
    {0}};

const struct hd_param_table storage_param_table = {
    "storage", "The storage device: an NVMe-like drive", params};

enum { UNIT = 4096 /* of the cache, see store.h */ };

const char *storage_params_problem(const struct storage_params *p)
{
  if (p->cache > 0 && p->cache < p->max_transfer + UNIT)
    return "storage.cache must hold the largest command and 4 KiB more, or be "
           "0";
  if (p->page_size % 512 != 0)
    return "storage.page_size must be a multiple of 512 B";
  if (p->program_size % UNIT != 0)
    return "storage.program_size must be a multiple of 4 KiB";
  if (p->max_transfer % UNIT != 0)
    return "storage.max_transfer must be a multiple of 4 KiB";
  return NULL;
}
