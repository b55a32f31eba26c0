/*
 * mmio.h - accesses of CPU software to device registers.
 *
 * Addresses are offsets in the BAR space of one device below the root complex;
 * the device decodes them. Writes are posted and uncached; a read stalls the
 * core until its data is back.
 */
#ifndef HD_MODELS_PCIE_MMIO_H
#define HD_MODELS_PCIE_MMIO_H

#include "models/messages.h"
#include "sim/engine/engine.h"

struct mmio_msg {
  struct hd_msg msg;
  uint64_t address;         /* in the device's BAR space */
  uint64_t data;            /* value written, or read */
  uint32_t length;          /* bytes: 4 or 8 */
  uint16_t device;          /* index of the device below the root complex */
  void *object;             /* travels along; e.g. an admin command */
  struct hd_channel *reply; /* root complex -> the CPU, for reads */
};

_Static_assert(sizeof(struct mmio_msg) <= HD_MSG_BYTES, "mmio_msg too large");

#endif
