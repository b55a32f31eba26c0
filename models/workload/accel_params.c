#include "models/workload/accel_params.h"

#define FIELD(f) offsetof(struct guest_accelerator_params, f)

static const struct hd_param params[] = {
    {"boot_traps", HD_PARAM_INT, FIELD(boot_traps), "80", "0", "100000", NULL,
     "trapped accesses of the driver's start, besides those of ring banks: "
     "configuration space, capabilities, messages to the host's driver",
     "estimated from memory: capabilities and BARs 60; version, capability and "
     "ring set-up exchanges of the vQAT driver 20"},
    {"bank_traps", HD_PARAM_INT, FIELD(bank_traps), "10", "0", "100000", NULL,
     "the same per ring bank: bases and sizes of its two rings, an MSI-X entry",
     "derived: two rings of a base (two registers) and a configuration "
     "register, and the four double words of an MSI-X entry"},
    {"boot_cycles", HD_PARAM_CYCLES, FIELD(boot_cycles), "3000000 cycles",
     "0 cycles", "1000000000000 cycles", NULL,
     "the driver's own work until the device is up",
     "free choice: 1 ms, as guest.boot_cycles"},
    {0}};

const struct hd_param_table guest_accelerator_param_table = {
    "guest_accelerator", "The start of a guest's accelerator driver", params};
