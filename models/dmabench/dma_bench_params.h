/*
 * dma_bench_params.h - sections "bench" (what to measure) and "device" (the DMA
 * benchmark device's own constants, apart from those of the host).
 */
#ifndef HD_MODELS_DMABENCH_DMA_BENCH_PARAMS_H
#define HD_MODELS_DMABENCH_DMA_BENCH_PARAMS_H

#include "models/pcie/pcie_params.h"
#include "sim/engine/param.h"

enum bench_mode { BENCH_NONE, BENCH_LATENCY, BENCH_BANDWIDTH };
enum bench_engine { BENCH_DMA, BENCH_CMD };
enum bench_op { BENCH_RD, BENCH_WR, BENCH_RDWR, BENCH_WRRD };
enum bench_pattern { BENCH_SEQ, BENCH_RAND };
enum bench_cache { BENCH_COLD, BENCH_HWARM, BENCH_DWARM };
enum bench_numa { BENCH_LOCAL, BENCH_REMOTE };

/* Section "bench". */
struct bench_params {
  int mode;                           /* enum bench_mode; none: no benchmark */
  int engine, op, pattern;            /* enums above */
  int cache;                          /* enum bench_cache, before the test */
  int numa;                           /* enum bench_numa */
  int64_t transfer;                   /* bytes a DMA */
  int64_t window;                     /* bytes of the buffer that are used */
  int64_t host_offset, device_offset; /* bytes off 64 B alignment */
};

/* Section "device". See dma_bench_params.c for meanings and sources. */
struct dma_device_params {
  int64_t frequency;        /* Hz: of the device's cores and clock */
  int64_t timestamp_cycles; /* resolution of its clock, in its own cycles */
  int64_t threads;          /* that issue DMAs in bandwidth tests */
  int64_t tags;             /* outstanding read requests */

  /* the internal bus between cores, DMA engine, memory and PCIe core */
  int64_t bus_latency;    /* ps, one way */
  int64_t memory_latency; /* ps, of the device's memory */
  int64_t burst;          /* bytes of a bus transaction, at most */
  int64_t burst_time;     /* ps that one takes of an engine's port */
  int64_t bus_word;       /* bytes; other device addresses are unaligned */

  /* the DMA engine */
  int64_t dma_setup;      /* ps a DMA */
  int64_t read_setup;     /* ps a read request, when its data is moved */
  int64_t write_contexts; /* writes in progress */
  int64_t write_buffer;   /* bytes of writes in progress */

  /* the PCIe core's transmitter */
  int64_t write_unit; /* bytes: a write is handed over in such parts */
  int64_t unit_setup; /* ps a part of a write, or a read request */
  int64_t tlp_setup;  /* ps a TLP */
  int64_t tlp_rate;   /* bit/s of payload */

  /* its receiver */
  int64_t receive_word; /* bytes */
  int64_t receive_time; /* ps a word of a completion */

  /* firmware, between two operations of a latency test */
  int64_t bookkeeping;        /* ps */
  int64_t bookkeeping_jitter; /* cycles: up to that many more */
};

extern const struct hd_param_table bench_param_table;
extern const struct hd_param_table dma_device_param_table;

enum {
  BENCH_PAGE = 4096,      /* bytes that no transfer crosses */
  BENCH_COMMAND_MOST = 64 /* bytes of a direct command */
};

/* The distance of two transfers' addresses: transfer and offset together, in
 * whole cache lines. Bytes. */
int64_t bench_unit(const struct bench_params *p);

/* NULL, or what is wrong with values that are in range one by one. */
const char *bench_params_problem(const struct bench_params *p,
                                 const struct dma_device_params *device,
                                 const struct pcie_params *pcie);

#endif
