/*
 * nvme.h - the NVMe driver (NVM Express 1.4), for its own files.
 *
 * A queue pair is a submission and a completion ring shared with the device
 * (struct storage_ring), a page of doorbells and a vector. size - 1 tags: so
 * many requests are in the rings at most, and a submission entry that is to be
 * filled has always been fetched. The administration queue is not modelled in
 * the guest: its commands cost time at the start only.
 */
#ifndef HD_MODELS_WORKLOAD_NVME_H
#define HD_MODELS_WORKLOAD_NVME_H

#include "models/workload/blockdev.h"

struct nvme_queue {
  struct storage_ring *ring;
  struct block_request **request; /* by tag; NULL: free */
  uint16_t *tags;                 /* a stack of free ones */
  uint32_t n_tags;
  uint64_t posted; /* submission entries, since the start */
  uint64_t shown;  /* completion entries seen */
  uint64_t taken;  /* of these, the device has been told */
};

struct nvme { /* arrays by queue pair */
  struct nvme_queue *queues;
  struct storage_ring *rings;
};

#endif
