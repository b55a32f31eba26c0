/*
 * control.h - messages of a guest's life: boot, readiness, start of work,
 * trapped accesses.
 */
#ifndef HD_MODELS_HYPERVISOR_CONTROL_H
#define HD_MODELS_HYPERVISOR_CONTROL_H

#include "models/messages.h"
#include "sim/engine/engine.h"

/* MSG_VM_BOOT, MSG_VM_READY, MSG_VM_GO, MSG_VM_TRAP, MSG_VM_TRAPPED */
struct control_msg {
  struct hd_msg msg;
  hd_time start; /* MSG_VM_GO: when workloads begin */
  uint32_t vm;
  uint32_t register_count; /* MSG_VM_TRAP: accesses in one go, >= 1 */
  struct hd_channel *reply;
};

_Static_assert(sizeof(struct control_msg) <= HD_MSG_BYTES, "too large");

#endif
