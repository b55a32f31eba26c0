/* interrupt_params.c - section "interrupt". */
#include "models/interrupt/interrupt.h"

#define FIELD(f) offsetof(struct interrupt_params, f)

static const struct hd_param params[] = {
    {"posted", HD_PARAM_BOOL, FIELD(posted), "true", NULL, NULL, NULL,
     "Posted interrupts; false: remapped to the host, which injects them",
     "ice driver: each vector registers for interrupt bypass"},
    {"cache_entries", HD_PARAM_INT, FIELD(cache_entries), "128", "0", "65536",
     NULL, "Interrupt entry cache", "unknown for SPR; assumption"},
    {"remap_latency", HD_PARAM_TIME, FIELD(remap_latency), "20 ns", "0 ns",
     "10 us", NULL, "Unit's pipeline when the entry is cached",
     "LKML, posted MSI on SPR: 111 ns per posted interrupt, less an LLC "
     "access; estimate"},
    {"notify_latency", HD_PARAM_TIME, FIELD(notify_latency), "300 ns", "2 ps",
     "100 us", NULL,
     "Notification until a running guest's handler, without an exit",
     "public reports: device to handler 0.5 to 1 us with PCIe, from memory"},
    {"wakeup_latency", HD_PARAM_TIME, FIELD(wakeup_latency), "1 us", "1 ns",
     "1 ms", NULL, "Wake-up vector until the host's scheduler has it",
     "an interrupt and its handler on the host, from memory"},
    {"host_latency", HD_PARAM_TIME, FIELD(host_latency), "400 ns", "1 ns",
     "1 ms", NULL, "Remapped interrupt until the host's handler",
     "LKML, remapped MSI on SPR: 194 ns an interrupt saturated; idle, from "
     "memory"},
    {"state_latency", HD_PARAM_TIME, FIELD(state_latency), "150 ns", "1 ns",
     "10 us", NULL, "Host thread's write of its posted descriptor",
     "a line in the LLC as seen across the mesh; from memory"},
    {.name = NULL}};

const struct hd_param_table interrupt_param_table = {
    .section = "interrupt",
    .meaning = "Interrupt remapping and posting",
    .params = params};
