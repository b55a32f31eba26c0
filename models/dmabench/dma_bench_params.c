/*
 * dma_bench_params.c - sections "bench" and "device"; the device's defaults are
 * those of a Netronome NFP-6000.
 *
 * The sources name the rows of the pcie-bench data (IOMMU off, host-warm) that
 * each constant was found from. Each reproduces several rows; where rows only
 * bound a value, the bounds are given.
 */
#include "models/dmabench/dma_bench_params.h"

#define BENCH(f) offsetof(struct bench_params, f)
#define DEVICE(f) offsetof(struct dma_device_params, f)

static const char *const modes[] = {"none", "latency", "bandwidth", NULL};
static const char *const engines[] = {"dma", "cmd", NULL};
static const char *const ops[] = {"rd", "wr", "rdwr", "wrrd", NULL};
static const char *const patterns[] = {"seq", "rand", NULL};
static const char *const caches[] = {"cold", "hwarm", "dwarm", NULL};
static const char *const numas[] = {"local", "remote", NULL};

#define METHOD "pcie-bench: "

static const struct hd_param bench[] = {
    {"mode", HD_PARAM_ENUM, BENCH(mode), "none", NULL, NULL, modes,
     "What to measure: one operation at a time, or all the device can do",
     METHOD "a test is either; none: there is no such device"},
    {"engine", HD_PARAM_ENUM, BENCH(engine), "dma", NULL, NULL, engines,
     "Through the DMA engine, or as direct PCIe commands of at most 64 B",
     METHOD "both are measured"},
    {"op", HD_PARAM_ENUM, BENCH(op), "rd", NULL, NULL, ops,
     "Reads, writes, both one to one (bandwidth), or a write and then a read "
     "of its address (latency)",
     METHOD "operations as seen by the device"},
    {"pattern", HD_PARAM_ENUM, BENCH(pattern), "rand", NULL, NULL, patterns,
     "Sequential or uniformly random addresses in the window",
     METHOD "windows are swept with random addresses"},
    {"cache", HD_PARAM_ENUM, BENCH(cache), "hwarm", NULL, NULL, caches,
     "Before the test the window is nowhere, written by the CPU, or written "
     "by the device",
     METHOD "cold, hwarm, dwarm"},
    {"numa", HD_PARAM_ENUM, BENCH(numa), "local", NULL, NULL, numas,
     "The window is in memory of the device's socket, or of another one",
     METHOD "local and remote"},
    {"transfer", HD_PARAM_SIZE, BENCH(transfer), "64 B", "1 B", "4 KiB", NULL,
     "Payload of a DMA", METHOD "1 B to 2 KiB"},
    {"window", HD_PARAM_SIZE, BENCH(window), "8 KiB", "64 B", "1 GiB", NULL,
     "Bytes at the beginning of the host's buffer that are accessed",
     METHOD "8 KiB when sizes are swept"},
    {"host_offset", HD_PARAM_SIZE, BENCH(host_offset), "0 B", "0 B", "63 B",
     NULL, "Distance of host addresses from a cache line's beginning",
     METHOD "0 unless swept"},
    {"device_offset", HD_PARAM_SIZE, BENCH(device_offset), "0 B", "0 B", "63 B",
     NULL, "Distance of device addresses from 64 B alignment",
     METHOD "0 unless swept"},
    {.name = NULL}};

const struct hd_param_table bench_param_table = {
    .section = "bench",
    .meaning = "A DMA benchmark in place of virtual machines",
    .params = bench};

static const struct hd_param device[] = {
    {"frequency", HD_PARAM_FREQUENCY, DEVICE(frequency), "1.2 GHz", "1 MHz",
     "10 GHz", NULL, "Clock of the device's cores and time stamps",
     "pcie-bench: NFP-6000 at 1.2 GHz"},
    {"timestamp_cycles", HD_PARAM_CYCLES, DEVICE(timestamp_cycles), "16", "1",
     "100000", NULL, "Resolution of time stamps",
     "pcie-bench: 16 cycles, 13.33 ns"},
    {"threads", HD_PARAM_INT, DEVICE(threads), "95", "1", "4096", NULL,
     "Threads with one DMA each in bandwidth tests", "pcie-bench: 95 threads"},
    {"tags", HD_PARAM_INT, DEVICE(tags), "32", "1", "1024", NULL,
     "Read requests in progress, until their data is in the device's memory",
     "pcie-bench: extended tags off, at most 32"},

    /* the internal bus */
    {"bus_latency", HD_PARAM_TIME, DEVICE(bus_latency), "33 ns", "1 ps",
     "10 us", NULL,
     "One way over the device's internal bus: core, DMA engine, memory, PCIe",
     "lone command writes, wrrd less rd: 130 to 138 ns are four ways "
     "(command, request of the data, data, done)"},
    {"memory_latency", HD_PARAM_TIME, DEVICE(memory_latency), "81 ns", "0 ns",
     "10 us", NULL, "The device's memory, read or written by the DMA engine",
     "lone DMA less lone command of 4 to 64 B: reads +125 ns = this, one way "
     "and set-ups; writes +85 ns = this and a set-up"},
    {"burst", HD_PARAM_SIZE, DEVICE(burst), "128 B", "8 B", "4 KiB", NULL,
     "Bytes of a bus transaction at most",
     "write bandwidth: steps at 129, 257 and 513 B"},
    {"burst_time", HD_PARAM_TIME, DEVICE(burst_time), "17 ns", "0 ns", "10 us",
     NULL, "A transaction's time on a port of the DMA engine, 7.5 B/ns",
     "write bandwidth: 21.0, 38.0, 55.0, 72.0, 89.0 and 157.0 ns a DMA of 1, "
     "2, 3, 4, 5 and 9 transactions"},
    {"bus_word", HD_PARAM_SIZE, DEVICE(bus_word), "8 B", "1 B", "64 B", NULL,
     "Device addresses that are no multiple of it are unaligned",
     "device offsets 8, 16, 32, 48 cost nothing, 1 to 6, 12, 20 all the same"},

    /* the DMA engine */
    {"dma_setup", HD_PARAM_TIME, DEVICE(dma_setup), "4 ns", "0 ns", "10 us",
     NULL, "DMA engine's time for a descriptor, separately for both directions",
     "write bandwidth: what remains of 21, 38, 55, ... ns a DMA"},
    {"read_setup", HD_PARAM_TIME, DEVICE(read_setup), "7.2 ns", "0 ns", "10 us",
     NULL, "Added when the data of a read request is moved to memory",
     "read bandwidth of 128, 256, 512, 2048 B: what remains beside the bus, "
     "least error; 6.4, 8.9, 6.4, 6.1 ns"},
    {"write_contexts", HD_PARAM_INT, DEVICE(write_contexts), "16", "1", "4096",
     NULL, "Writes in progress in the DMA engine",
     "a lower bound: fewer than 11 would slow writes of 64 B, more change "
     "nothing"},
    {"write_buffer", HD_PARAM_SIZE, DEVICE(write_buffer), "8 KiB", "4 KiB",
     "1 MiB", NULL, "Their data, which is complete before it is sent",
     "a lower bound: less than 6 KiB would slow writes of 2 KiB, more changes "
     "nothing"},

    /* the PCIe core's transmitter */
    {"write_unit", HD_PARAM_SIZE, DEVICE(write_unit), "512 B", "128 B", "4 KiB",
     NULL,
     "Writes are handed to the PCIe core in parts, cut at multiples of it",
     "write bandwidth: 2 ns more a DMA when 512 B do not divide it: 256, 768, "
     "1280, 1792 B"},
    {"unit_setup", HD_PARAM_TIME, DEVICE(unit_setup), "3.9 ns", "0 ns", "10 us",
     NULL, "PCIe core's time for such a part, and for a read request",
     "write bandwidth: 40.56 ns for 256 B, but 38.63 ns a half of 512 B"},
    {"tlp_setup", HD_PARAM_TIME, DEVICE(tlp_setup), "3.9 ns", "0 ns", "10 us",
     NULL, "PCIe core's time for a TLP to be sent, beside its payload",
     "write bandwidth: 24.18 ns for 128 B, 40.56 ns for 256 B; 24 B of header "
     "and framing, and a pause of a symbol time"},
    {"tlp_rate", HD_PARAM_RATE, DEVICE(tlp_rate), "62.5 Gb/s", "1 Mb/s",
     "10 Tb/s", NULL, "Rate at which the PCIe core takes payload to be sent",
     "as tlp_setup; 1 % below the raw rate of Gen3 x8"},

    /* its receiver */
    {"receive_word", HD_PARAM_SIZE, DEVICE(receive_word), "64 B", "1 B",
     "4 KiB", NULL, "Completions leave the PCIe core in words of this size",
     "lone commands and DMAs: between 4 and 64 B only link and bus add time"},
    {"receive_time", HD_PARAM_TIME, DEVICE(receive_time), "7.4 ns", "0 ns",
     "10 us", NULL, "A word's time, once its completion is here",
     "lone reads of 64, 128, 256 B: 0, 11, 22 ns beside link and bus, alike on "
     "two hosts, warm, cold and remote, so the device's; 8.6 B/ns"},

    /* firmware */
    {"bookkeeping", HD_PARAM_TIME, DEVICE(bookkeeping), "187.5 ns", "0 ns",
     "1 ms", NULL, "Firmware between two operations of a latency test",
     "latency: time per operation less latency is 194 ns"},
    {"bookkeeping_jitter", HD_PARAM_CYCLES, DEVICE(bookkeeping_jitter), "16",
     "0", "100000", NULL,
     "Added, uniformly distributed: result's wait for the device's memory",
     "assumed: one tick, so that operations start anywhere between ticks"},
    {.name = NULL}};

const struct hd_param_table dma_device_param_table = {
    .section = "device",
    .meaning = "The DMA benchmark device: a Netronome NFP-6000",
    .params = device};

int64_t bench_unit(const struct bench_params *p)
{
  return (p->transfer + p->host_offset + 63) & ~INT64_C(63);
}

/* Read requests of a transfer whose first is as short as can be. */
static int64_t most_requests(const struct bench_params *p, int64_t mrrs)
{
  int64_t begin = mrrs - 64 + p->host_offset;
  return (begin + p->transfer + mrrs - 1) / mrrs;
}

const char *bench_params_problem(const struct bench_params *p,
                                 const struct dma_device_params *d,
                                 const struct pcie_params *pcie)
{
  if (p->mode == BENCH_NONE)
    return NULL;
  if (p->transfer + p->host_offset > BENCH_PAGE)
    return "transfer and host_offset together must fit in a page of 4 KiB";
  if (p->transfer + p->host_offset > p->window)
    return "transfer and host_offset together must fit in the window";
  if (p->engine == BENCH_CMD && p->transfer > BENCH_COMMAND_MOST)
    return "a direct command transfers at most 64 B";
  if (p->mode == BENCH_LATENCY && p->op == BENCH_RDWR)
    return "op rdwr is for bandwidth";
  if (p->mode == BENCH_BANDWIDTH && p->op == BENCH_WRRD)
    return "op wrrd is for latency";
  if (most_requests(p, pcie->mrrs) > d->tags)
    return "a transfer needs more read requests than there are tags";
  if (p->transfer > d->write_buffer)
    return "a transfer must fit in the device's write_buffer";
  return NULL;
}
