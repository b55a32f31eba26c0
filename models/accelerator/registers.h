/*
 * registers.h - the device's BARs, one after the other in one space.
 *
 * A ring bank (bundle) has 8 KiB; its first 4 KiB are what a driver touches
 * while it runs, and can be mapped into a guest; the second 4 KiB, bases and
 * sizes of rings, are the host's. Offsets are those of the gen4 driver of Linux
 * (adf_gen4_hw_csr_data.h). Ring 0 has the requests, ring 1 the responses.
 */
#ifndef HD_MODELS_ACCELERATOR_REGISTERS_H
#define HD_MODELS_ACCELERATOR_REGISTERS_H

#include <stdint.h>

enum {
  ACCELERATOR_BANK_BYTES = 0x2000,
  ACCELERATOR_FAST_PAGE = 0x1000,  /* of it: registers in use */
  ACCELERATOR_HEAD_OFFSET = 0x0c4, /* RING_HEAD of ring 1 */
  ACCELERATOR_TAIL_OFFSET = 0x100, /* RING_TAIL of ring 0 */
  ACCELERATOR_INT_OFFSET = 0x184   /* INT_FLAG_AND_COL */
};

#define ACCELERATOR_BANK(bank) ((uint64_t)(bank)*ACCELERATOR_BANK_BYTES)
/* Request ring's tail: index of the next free entry. */
#define ACCELERATOR_TAIL(bank)                                                 \
  (ACCELERATOR_BANK(bank) + ACCELERATOR_TAIL_OFFSET)
/* Response ring's head: index of the next entry to be read. */
#define ACCELERATOR_HEAD(bank)                                                 \
  (ACCELERATOR_BANK(bank) + ACCELERATOR_HEAD_OFFSET)
/* Clears the bank's interrupt flag and enables or disables its interrupt. */
#define ACCELERATOR_INT(bank) (ACCELERATOR_BANK(bank) + ACCELERATOR_INT_OFFSET)
#define ACCELERATOR_INT_ENABLE 0x80000000u

/* Written with a command as object; the host's. */
#define ACCELERATOR_ADMIN_DOORBELL 0x10500574u

#endif
