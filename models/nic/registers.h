/*
 * registers.h - the part of the E810's BAR 0 that the models use; one 4 KiB
 * page per queue, vector or interface, so that pages can be mapped into guests
 * (public driver source: ice_hw_autogen.h, ice_siov.c).
 */
#ifndef HD_MODELS_NIC_REGISTERS_H
#define HD_MODELS_NIC_REGISTERS_H

#include <stdint.h>

enum { NIC_PAGE = 4096 };

#define NIC_ADMIN_DOORBELL 0x00080000u /* PF_FW_ATQT */
#define NIC_MAILBOX_BASE 0x02000000u   /* VSI_MBX_ATQBAL, a page a VSI */
#define NIC_VECTOR_BASE 0x03000000u    /* PF0INT_DYN_CTL, a page a vector */
#define NIC_RX_TAIL_BASE 0x03800000u   /* QRX_TAIL_PAGE, a page a queue */
#define NIC_TX_TAIL_BASE 0x04000000u   /* QTX_COMM_DBELL_PAGE, a page a queue */
/* Beyond the E810's 128 MiB: what a device has of more than 2048 vectors and
 * receive queues. */
#define NIC_RX_TAIL_MORE 0x08000000u
#define NIC_VECTOR_MORE 0x10000000u
enum { NIC_FEW = 2048 };        /* pages in the first region of either */
#define NIC_BAR_END 0x40000000u /* 1 GiB */

static inline uint64_t nic_page_of(uint32_t index, uint64_t few, uint64_t more)
{
  return index < NIC_FEW ? few + (uint64_t)index * NIC_PAGE
                         : more + (uint64_t)(index - NIC_FEW) * NIC_PAGE;
}
/* The inverse, of any address in a page; what is in neither region gives an
 * index that no device has. */
static inline uint64_t nic_index_of(uint64_t address, uint64_t few,
                                    uint64_t more)
{
  if (address >= more)
    return (address - more) / NIC_PAGE + NIC_FEW;
  uint64_t index = (address - few) / NIC_PAGE;
  return address >= few && index < NIC_FEW ? index : UINT64_MAX;
}
#define NIC_TX_TAIL(queue) (NIC_TX_TAIL_BASE + (uint64_t)(queue)*NIC_PAGE)
#define NIC_RX_TAIL(queue)                                                     \
  nic_page_of(queue, NIC_RX_TAIL_BASE, NIC_RX_TAIL_MORE)
#define NIC_VECTOR(vector) nic_page_of(vector, NIC_VECTOR_BASE, NIC_VECTOR_MORE)

/* Value written to a vector's control register: enable, and the throttling
 * interval in units of 2 us (E810's granularity), NIC_ITR_KEEP: unchanged.
 * Without NIC_INT_ENABLE the vector is masked and the interval stays. */
#define NIC_INT_ENABLE 0x1u
#define NIC_ITR_KEEP 0xffffu
#define NIC_INT_CONTROL(itr) (NIC_INT_ENABLE | (uint64_t)(itr) << 16)

#endif
