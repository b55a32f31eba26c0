/*
 * block.h - requests to block devices, as drivers and devices share them.
 *
 * The driver owns a request from block_request_new() to block_request_free();
 * a device borrows it from the doorbell (or kick) that announces it to the
 * completion that names it. In between only the device touches `status` and
 * `stamps`.
 */
#ifndef HD_MODELS_STORAGE_BLOCK_H
#define HD_MODELS_STORAGE_BLOCK_H

#include "sim/engine/pool.h"
#include "sim/measure/breakdown.h"

enum {
  BLOCK_BYTES = 512,      /* a logical block; lba counts these */
  BLOCK_PAGE_BYTES = 4096 /* a host memory page, as PRP entries point to */
};

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

/* NVMe generic command status (NVMe 1.4, 4.6.1.2.1). */
enum block_status {
  BLOCK_OK = 0x00,
  BLOCK_INVALID_OPCODE = 0x01,
  BLOCK_INVALID_FIELD = 0x02,  /* bytes: none, a fraction, too many */
  BLOCK_TRANSFER_ERROR = 0x04, /* data or list could not be read */
  BLOCK_LIST_MISPLACED = 0x13, /* PRP offset invalid */
  BLOCK_OUT_OF_RANGE = 0x80    /* beyond the namespace */
};

struct block_request {
  struct block_request *next; /* the holder's, for queues */
  uint8_t op;                 /* enum block_op */
  uint8_t status;             /* enum block_status; set by the device */
  uint16_t vm;                /* guest */
  uint16_t queue;             /* guest's queue pair */
  uint16_t tag;               /* the driver's: command identifier */
  uint32_t bytes;             /* a multiple of BLOCK_BYTES; flush: ignored */
  uint64_t lba;               /* first logical block, in the namespace */
  uint64_t buffer;            /* IOVA of the first byte */
  uint64_t list;              /* IOVA of the list of further pages, 8 B each;
                                 read if the data touches more than 2 pages */
  const uint64_t *pages;      /* IOVA of each page after the first; NULL: the
                                 buffer is contiguous */
  struct hd_stamps stamps;
  void *owner; /* the driver's */
};

/* Pages of host memory that the data touches. */
static inline uint32_t block_pages(uint64_t buffer, uint32_t bytes)
{
  uint64_t offset = buffer % BLOCK_PAGE_BYTES;
  return (uint32_t)((offset + bytes + BLOCK_PAGE_BYTES - 1) / BLOCK_PAGE_BYTES);
}

/* One pool for a server; conservation is checked on it. */
struct block_pool {
  struct hd_pool pool;
  uint64_t created, destroyed;
};
void block_pool_initialize(struct block_pool *bp);
void block_pool_terminate(struct block_pool *bp);

/* Fields are the last user's; set all of them. */
static inline struct block_request *block_request_new(struct block_pool *bp)
{
  bp->created++;
  return hd_pool_get(&bp->pool);
}

static inline void block_request_free(struct block_pool *bp,
                                      struct block_request *r)
{
  bp->destroyed++;
  hd_pool_put(&bp->pool, r);
}

#endif
