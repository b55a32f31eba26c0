/*
 * registers.h - the device's BAR 0.
 *
 * Doorbells are NVMe's with a stride of 2 KiB (CAP.DSTRD = 9; NVMe 1.4, 3.1.1,
 * 3.1.24, 3.1.25), so that a queue pair has a 4 KiB page to itself, which can
 * be mapped into a guest. Queue 0 of NVMe is the admin queue; I/O queue pairs
 * are counted from 0 here. Vectors have a page each, like an E810's.
 */
#ifndef HD_MODELS_STORAGE_REGISTERS_H
#define HD_MODELS_STORAGE_REGISTERS_H

#include <stdint.h>

enum { STORAGE_PAGE = 4096, STORAGE_CQ_OFFSET = 2048 };

#define STORAGE_ADMIN_DOORBELL 0x00001000u /* SQ0TDBL */
#define STORAGE_QUEUE_BASE 0x00002000u     /* SQ1TDBL, a page a queue pair */
#define STORAGE_VECTOR_BASE 0x10002000u    /* a page a vector */

/* Submission queue tail: index of the next free entry. */
#define STORAGE_SQ_TAIL(queue)                                                 \
  (STORAGE_QUEUE_BASE + (uint64_t)(queue)*STORAGE_PAGE)
/* Completion queue head: index of the next entry to be read. */
#define STORAGE_CQ_HEAD(queue) (STORAGE_SQ_TAIL(queue) + STORAGE_CQ_OFFSET)
#define STORAGE_VECTOR(vector)                                                 \
  (STORAGE_VECTOR_BASE + (uint64_t)(vector)*STORAGE_PAGE)

/* Value of a vector's control register: without it the vector is masked (the
 * inverse of an MSI-X table entry's mask bit, PCIe 7.7.2). */
#define STORAGE_INT_ENABLE 0x1u

#endif
