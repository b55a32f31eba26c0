/* pcie_params.h - section "pcie": the link, its ends and the root complex. */
#ifndef HD_MODELS_PCIE_PARAMS_H
#define HD_MODELS_PCIE_PARAMS_H

#include "models/pcie/ats_params.h"

enum pcie_dllp_mode { PCIE_DLLP_ON_DEMAND, PCIE_DLLP_PERIODIC };

struct pcie_params {
  int64_t generation;     /* 1..5 */
  int64_t lanes;          /* 1, 2, 4, 8, 16 */
  int64_t mps, mrrs, rcb; /* bytes */
  bool ecrc;
  int64_t tags;          /* outstanding non-posted requests: 32, 256, 768... */
  int64_t framing;       /* bytes per TLP: STP, sequence number, LCRC */
  int dllp_mode;         /* enum pcie_dllp_mode */
  int64_t ack_interval;  /* symbol times between Acks while owed */
  int64_t fc_interval;   /* symbol times between UpdateFCs while owed */
  int64_t skip_interval; /* symbols between SKIP ordered sets (each 4) */
  double bit_error_rate;
  int64_t replay_timer;                /* ps */
  int64_t replay_buffer;               /* bytes */
  int64_t posted_headers, posted_data; /* credits; 0: infinite */
  int64_t non_posted_headers, non_posted_data;
  int64_t completion_headers, completion_data;
  int64_t propagation;        /* ps: flight time and both PHYs, one way */
  int64_t device_latency;     /* ps: device's transaction and link layer */
  int64_t port_latency;       /* ps: root port's transaction and link layer */
  int64_t mmio_write_latency; /* ps: core to root complex, posted write */
  int64_t mmio_read_latency;  /* ps: core to root complex and back, each way */
  int64_t root_latency;       /* ps: root complex pipeline, each pass */
  bool switch_present;
  int64_t switch_latency; /* ps: through the switch, each way */
  bool rcb_chunks; /* root complex cuts all completions at the RCB; else at
                      MPS-aligned addresses, which satisfies the RCB rule */
  struct ats_params ats; /* section "ats" */
};

extern const struct hd_param_table pcie_param_table;

/* NULL, or what is wrong with values that are in range one by one. */
const char *pcie_params_problem(const struct pcie_params *p);

/* Wire time is counted in 1/512 ps: every generation and width has a whole
 * number of them per byte, so serialisation times add up without rounding.
 * 63 bits hold 5 hours. */
#define PCIE_WIRE_SHIFT 9

/* Time of one byte at the raw rate (after 8b/10b or 128b/130b), also called a
 * symbol time here: a byte over all lanes. In 1/512 ps. */
int64_t pcie_byte_time(const struct pcie_params *p);
/* The raw rate in bit/s, for reports. */
double pcie_raw_rate(const struct pcie_params *p);

/* Credits a receiver advertises for a class (enum pcie_class); 0: infinite.
 * Data credits are at least what the largest payload needs (PCIe 2.6.1, table
 * of minimum advertisements), whatever the parameter says. */
uint32_t pcie_header_limit(const struct pcie_params *p, int class);
uint32_t pcie_data_limit(const struct pcie_params *p, int class);

#endif
