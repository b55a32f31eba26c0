/*
 * dma_bench.h - a programmable DMA device that measures its host, as the
 * Netronome NFP-6000 does in pcie-bench: worker threads that issue reads and
 * writes of host memory through a DMA engine with separate read and write
 * queues, or as direct PCIe commands, and take times with the device's clock.
 */
#ifndef HD_MODELS_DMABENCH_DMA_BENCH_H
#define HD_MODELS_DMABENCH_DMA_BENCH_H

#include "models/dmabench/dma_bench_params.h"
#include "models/pcie/link.h"
#include "models/pcie/requester.h"
#include "sim/measure/gauge.h"
#include "sim/measure/histogram.h"

struct dma_bench; /* is a struct hd_component */

/* Where the host's buffer is, as the device sees it: physically contiguous
 * chunks in bus addresses. A window is the first bytes of chunk 0, 1, ... */
struct dma_bench_buffer {
  const uint64_t *chunks; /* bus address (IOVA) of each; lives on */
  size_t n_chunks;
  uint64_t chunk_size; /* bytes */
  uint16_t requester;
  bool has_pasid;
  uint32_t pasid;
};

struct dma_bench *dma_bench_create(struct hd_engine *e, const char *path,
                                   const char *host,
                                   const struct bench_params *bench,
                                   const struct dma_device_params *device,
                                   const struct pcie_params *pcie,
                                   const struct hd_window *window);
void dma_bench_destroy(struct dma_bench *b);
struct hd_component *dma_bench_component(struct dma_bench *b);
void dma_bench_attach_link(struct dma_bench *b, struct pcie_link *l);
void dma_bench_set_buffer(struct dma_bench *b,
                          const struct dma_bench_buffer *buffer);

/* Starts at time 0 and goes on for ever; what ends within the window counts. */
struct dma_bench_stats {
  uint64_t reads, writes;             /* DMAs completed */
  uint64_t read_bytes, write_bytes;   /* payload of those */
  const struct hd_histogram *latency; /* ps, by the device's clock */
  double tags_mean; /* in use, until the data is in the device's memory */
  struct pcie_requester_stats requester;
};
void dma_bench_get_stats(const struct dma_bench *b, struct dma_bench_stats *s);
const char *dma_bench_check(const struct dma_bench *b);

#endif
