#include "models/pcie/pcie_params.h"

#include "models/pcie/tlp.h"

static const char *const dllp_modes[] = {"on-demand", "periodic", NULL};

#define FIELD(name) offsetof(struct pcie_params, name)
#define INT(n, value, lo, hi, what, from)                                      \
  {                                                                            \
    .name = #n, .type = HD_PARAM_INT, .offset = FIELD(n), .fallback = value,   \
    .min = lo, .max = hi, .meaning = what, .source = from                      \
  }
#define SIZE(n, value, lo, hi, what, from)                                     \
  {                                                                            \
    .name = #n, .type = HD_PARAM_SIZE, .offset = FIELD(n), .fallback = value,  \
    .min = lo, .max = hi, .meaning = what, .source = from                      \
  }
#define TIME(n, value, lo, hi, what, from)                                     \
  {                                                                            \
    .name = #n, .type = HD_PARAM_TIME, .offset = FIELD(n), .fallback = value,  \
    .min = lo, .max = hi, .meaning = what, .source = from                      \
  }
#define BOOL(n, value, what, from)                                             \
  {                                                                            \
    .name = #n, .type = HD_PARAM_BOOL, .offset = FIELD(n), .fallback = value,  \
    .meaning = what, .source = from                                            \
  }

static const struct hd_param params[] = {
    INT(generation, "4", "1", "5",
        "PCIe generation; 1 and 2 use 8b/10b, 3 to 5 128b/130b",
        "E810 is a Gen4 x16 device (data sheet)"),
    INT(lanes, "16", "1", "16", "link width; 1, 2, 4, 8 or 16",
        "E810 is a Gen4 x16 device (data sheet)"),
    SIZE(mps, "512 B", "128 B", "4096 B", "maximum payload of a TLP",
         "pcie-model and from memory: 256 or 512 on servers"),
    SIZE(mrrs, "512 B", "128 B", "4096 B", "maximum read request",
         "pcie-model: 512"),
    SIZE(rcb, "64 B", "64 B", "128 B", "read completion boundary",
         "pcie-model: 64"),
    BOOL(ecrc, "false", "end-to-end CRC, 4 B a TLP",
         "pcie-model: off by default"),
    INT(tags, "256", "1", "1024", "outstanding non-posted requests per device",
        "PCIe 2.2.6.2: 8-bit tags"),
    SIZE(framing, "8 B", "0 B", "32 B",
         "bytes a TLP costs below its header: STP, sequence number, LCRC",
         "pcie-model: 8 (Gen3 and later: STP token 4, LCRC 4)"),
    {.name = "dllp_mode",
     .type = HD_PARAM_ENUM,
     .offset = FIELD(dllp_mode),
     .fallback = "on-demand",
     .choices = dllp_modes,
     .meaning = "Acks and UpdateFCs only while owed, or at every interval",
     .source = "PCIe 3.6.3; periodic is what pcie-model charges"},
    INT(ack_interval, "168", "32", "100000",
        "symbol times between Acks while one is owed",
        "pcie-model: 168 for x16 MPS 256 (203 for x8)"),
    INT(fc_interval, "168", "32", "100000",
        "symbol times between UpdateFCs while one is owed",
        "pcie-model: as for Acks"),
    INT(skip_interval, "1538", "16", "1000000",
        "symbols between SKIP ordered sets of 4 symbols",
        "PCIe 4.2.7.3; pcie-model: 4 per 1538"),
    {.name = "bit_error_rate",
     .type = HD_PARAM_REAL,
     .offset = FIELD(bit_error_rate),
     .fallback = "0",
     .min = "0",
     .max = "0.0001",
     .meaning = "probability that a bit arrives wrong",
     .source = "0: no errors; PCIe 8.4 allows 1e-12"},
    TIME(replay_timer, "1 us", "100 ns", "10 ms",
         "from the last progress of a sent TLP to its replay",
         "PCIe 3.6.2: 24000 to 31000 symbol times per lane, about 1 us"),
    SIZE(replay_buffer, "16 KiB", "256 B", "1 MiB",
         "sent and not yet acknowledged bytes a transmitter can keep",
         "from memory: covers the Ack round trip several times"),
    INT(posted_headers, "256", "0", "65535",
        "header credits for posted requests; 0: infinite",
        "from memory: server ports advertise some hundred"),
    INT(posted_data, "2048", "0", "65535",
        "data credits (16 B) for posted requests; 0: infinite",
        "from memory: 32 KiB"),
    INT(non_posted_headers, "128", "0", "65535",
        "header credits for read requests; 0: infinite",
        "from memory: about 128"),
    INT(non_posted_data, "0", "0", "65535",
        "data credits (16 B) for non-posted requests; 0: infinite",
        "reads carry no data"),
    INT(completion_headers, "0", "0", "65535",
        "header credits for completions; 0: infinite",
        "PCIe 2.6.1: end points and root complexes advertise infinite"),
    INT(completion_data, "0", "0", "65535",
        "data credits (16 B) for completions; 0: infinite",
        "PCIe 2.6.1: end points and root complexes advertise infinite"),
    TIME(propagation, "20 ns", "1 ps", "1 ms",
         "flight time and both PHYs, one way",
         "from memory: 15 to 25 ns for a Gen4 PHY pair"),
    TIME(device_latency, "50 ns", "1 ps", "1 ms",
         "device's transaction and link layer, out",
         "from memory: about 50 ns"),
    TIME(port_latency, "30 ns", "1 ps", "1 ms",
         "root port's transaction and link layer, out",
         "from memory: about 30 ns"),
    TIME(mmio_write_latency, "150 ns", "1 ps", "1 ms",
         "core to root complex, posted uncached write",
         "public reports: 100 to 300 ns until the device sees it, rough"),
    TIME(mmio_read_latency, "150 ns", "1 ps", "1 ms",
         "core to root complex, uncached read, each way",
         "public reports: 300 to 2000 ns round trip, one device 741 ns"),
    TIME(root_latency, "25 ns", "0 ps", "1 ms",
         "root complex pipeline, each pass", "from memory"),
    BOOL(switch_present, "false", "a switch sits between root port and device",
         "most server slots have none"),
    TIME(switch_latency, "110 ns", "1 ps", "1 ms",
         "through the switch, each way",
         "from memory: 100 to 150 ns in vendors' data sheets"),
    BOOL(rcb_chunks, "false",
         "completions are cut at the RCB instead of at MPS boundaries",
         "pcie-model: rcb_chunks off"),
    {.name = NULL},
};

const struct hd_param_table pcie_param_table = {
    .section = "pcie",
    .meaning = "PCIe link, its ends and the root complex",
    .params = params,
};

/* Per lane: generation 1 and 2 take 10 bits a byte at 2.5 and 5 GT/s, later
 * ones 8 * 130 / 128 bits at 8, 16 and 32 GT/s (PCIe 4.2.1, 4.2.2). */
int64_t pcie_byte_time(const struct pcie_params *p)
{
  static const int64_t lane_time[] = {4000 * 512, 2000 * 512, 520000, 260000,
                                      130000};
  return lane_time[p->generation - 1] / p->lanes;
}

double pcie_raw_rate(const struct pcie_params *p)
{
  return 8e12 * (1 << PCIE_WIRE_SHIFT) / (double)pcie_byte_time(p);
}

uint32_t pcie_header_limit(const struct pcie_params *p, int class)
{
  const int64_t limit[] = {p->posted_headers, p->non_posted_headers,
                           p->completion_headers};
  return (uint32_t)limit[class];
}

uint32_t pcie_data_limit(const struct pcie_params *p, int class)
{
  const int64_t limit[] = {p->posted_data, p->non_posted_data,
                           p->completion_data};
  const int64_t least = class == PCIE_NON_POSTED ? 1 : p->mps / 16;
  if (limit[class] == 0)
    return 0;
  return (uint32_t)(limit[class] > least ? limit[class] : least);
}

static bool power_of_two(int64_t x)
{
  return x > 0 && (x & (x - 1)) == 0;
}

const char *pcie_params_problem(const struct pcie_params *p)
{
  if (!power_of_two(p->lanes))
    return "lanes must be 1, 2, 4, 8 or 16";
  if (!power_of_two(p->mps))
    return "mps must be a power of two";
  if (!power_of_two(p->mrrs))
    return "mrrs must be a power of two";
  if (p->rcb != 64 && p->rcb != 128)
    return "rcb must be 64 B or 128 B";
  return NULL;
}
