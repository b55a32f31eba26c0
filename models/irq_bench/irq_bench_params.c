/*
 * irq_bench_params.c - section "irq_bench".
 *
 * LKML: J. Pan, "Coalesced Interrupt Delivery with posted MSI", RFC of 12 Nov
 * 2023 and v1 of 27 Jan 2024, and the answers to it.
 */
#include "models/irq_bench/irq_bench.h"

#define FIELD(f) offsetof(struct irq_bench_params, f)

static const char *const modes[] = {"off", "dsa", "nvme", NULL};
static const char *const deliveries[] = {"remapped", "posted", NULL};

static const struct hd_param params[] = {
    {"mode", HD_PARAM_ENUM, FIELD(mode), "off", NULL, NULL, modes,
     "Interrupt benchmark instead of a server; dsa: copy engines on one core, "
     "nvme: drives on many",
     "off: a server is simulated"},
    {"delivery", HD_PARAM_ENUM, FIELD(delivery), "remapped", NULL, NULL,
     deliveries, "How interrupts reach the host's cores",
     "Linux: posted needs intremap=posted_msi"},
    {"queues", HD_PARAM_INT, FIELD(queues), "2", "1", "8", NULL,
     "Copy engines with an interrupt each, in stacks of their own",
     "LKML: work queues of two DSA devices, interrupts on one core"},
    {"disks", HD_PARAM_INT, FIELD(disks), "4", "1", "16", NULL,
     "Drives of the socket", "LKML: 2, 4, 8"},
    {"disks_per_stack", HD_PARAM_INT, FIELD(disks_per_stack), "4", "1", "16",
     NULL, "Drives that share an IO stack",
     "derived: an SPR stack has 16 lanes, a drive takes 4"},
    {"jobs", HD_PARAM_INT, FIELD(jobs), "8", "1", "32", NULL,
     "Jobs of each drive, each with a core and a queue pair",
     "LKML, 12 Feb 2024: numjobs=8, 8 CPUs a drive"},
    {"io_depth", HD_PARAM_INT, FIELD(io_depth), "64", "1", "1023", NULL,
     "Requests a job keeps outstanding", "LKML, 12 Feb 2024: iodepth=64"},
    {"block_size", HD_PARAM_SIZE, FIELD(block_size), "4 KiB", "512 B",
     "256 KiB", NULL, "Size of a random read", "LKML, 12 Feb 2024: bs=4k"},
    {"rounds", HD_PARAM_INT, FIELD(rounds), "3", "2", "16", NULL,
     "Rounds over the pending bits in one notification, the one after the next "
     "notification is let through included",
     "Linux: MAX_POSTED_MSI_COALESCING_LOOP 3"},
    {"descriptor_time", HD_PARAM_TIME, FIELD(descriptor_time), "50 ns", "1 ns",
     "1 s", NULL, "An engine's time between two completions",
     "DSA: some 20 million small descriptors a second, from memory"},
    {"descriptor_bytes", HD_PARAM_SIZE, FIELD(descriptor_bytes), "512 B",
     "64 B", "4 KiB", NULL, "What a descriptor writes",
     "derived: LKML, bandwidth over interrupts is 512 B"},
    {"clock", HD_PARAM_FREQUENCY, FIELD(clock), "2700 MHz", "100 MHz", "10 GHz",
     NULL, "Frequency of the cores", "LKML, 12 Feb 2024: fixed at 2.7 GHz"},
    {"entry_cycles", HD_PARAM_CYCLES, FIELD(entry_cycles), "283", "1", "100000",
     NULL, "From the interrupt to the vector's handler",
     "derived: LKML, 5.157 and 8.987 M/s on one core, together with "
     "handler_cycles"},
    {"exit_cycles", HD_PARAM_CYCLES, FIELD(exit_cycles), "141", "1", "100000",
     NULL, "End of interrupt, leaving, until what was interrupted continues",
     "derived with entry_cycles; the split between them changes nothing"},
    {"handler_cycles", HD_PARAM_CYCLES, FIELD(handler_cycles), "100", "1",
     "100000", NULL, "Handler of a vector, without completed requests",
     "derived: LKML, 5.157 and 8.987 M/s on one core, together with "
     "entry_cycles"},
    {"round_cycles", HD_PARAM_CYCLES, FIELD(round_cycles), "20", "0", "100000",
     NULL, "Reading four words of pending bits, exchanging those that are set",
     "an atomic exchange in the L1 cache, from memory"},
    {"completion_cycles", HD_PARAM_CYCLES, FIELD(completion_cycles), "2200",
     "0", "1000000", NULL, "A completed request, in the interrupt",
     "derived: with request_cycles 3.3 us a request, LKML, 12 Feb 2024: 882 "
     "CPU seconds for 8.9 M/s over 30 s; the split is from memory"},
    {"request_cycles", HD_PARAM_CYCLES, FIELD(request_cycles), "6200", "0",
     "1000000", NULL, "A request in its job: reaping, preparing, submitting",
     "derived with completion_cycles"},
    {"step_jitter", HD_PARAM_RATIO, FIELD(step_jitter), "10 %", "0", "0.5",
     NULL, "Standard deviation over mean of each of these times, uniform",
     "cache misses and predictions; from memory. Without any, cores and "
     "devices "
     "fall into step"},
    {"agent_time", HD_PARAM_TIME, FIELD(agent_time), "150 ns", "1 ns", "10 us",
     NULL, "Socket's interrupt agent (UBox), each message, until acknowledged",
     "derived, upper bound: LKML, 12 Feb 2024, most remapped interrupts seen: "
     "32 x 207,932 a second on EMR"},
    {"mesh_latency", HD_PARAM_TIME, FIELD(mesh_latency), "25 ns", "1 ns",
     "1 us", NULL, "Between stack, interrupt agent and core, one way",
     "half of an LLC access of 70 ns less the slice's own 20; from memory"},
    {"coherent_latency", HD_PARAM_TIME, FIELD(coherent_latency), "70 ns",
     "1 ns", "1 us", NULL, "A cache line from the LLC or another owner",
     "SPR: LLC about 70 ns, from memory"},
    {.name = NULL}};

const struct hd_param_table irq_bench_param_table = {
    .section = "irq_bench",
    .meaning = "Interrupt benchmark: rates of remapped and posted interrupts",
    .params = params};
