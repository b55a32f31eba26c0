#include "models/hypervisor/hypervisor_params.h"

#define FIELD(f) offsetof(struct hypervisor_params, f)

static const struct hd_param params[] = {
    {"trap_cost", HD_PARAM_TIME, FIELD(trap_cost), "2 us", "0 ns", "1 ms", NULL,
     "emulating one trapped register access in the VDCM or the VMM",
     "public reports: an exit to a user-space VMM takes 1 to 3 us"},
    {"relay_cost", HD_PARAM_TIME, FIELD(relay_cost), "1 us", "0 ns", "1 ms",
     NULL,
     "Un-IOV: passing one trapped access on to the accelerator, beside the "
     "access itself",
     "estimated from memory: an ioctl of the vDPA device by the VMM"},
    {"relay_kicks", HD_PARAM_BOOL, FIELD(relay_kicks), "false", NULL, NULL,
     NULL,
     "Un-IOV: the accelerator's doorbell pages cannot be mapped into guests; a "
     "host thread relays kicks",
     "DPDK's ifc driver relays where a page cannot be mapped"},
    {"flr_wait", HD_PARAM_TIME, FIELD(flr_wait), "100 ms", "0 ns", "10 s", NULL,
     "fixed sleep of a function-level reset when a VF is opened",
     "Linux vfio_pci_core.c and pci.c"},
    {"vsi_reset_poll", HD_PARAM_TIME, FIELD(vsi_reset_poll), "15 us", "1 ns",
     "10 ms", NULL, "time between polls of an interface's reset",
     "ice driver: VSIGEN_RSTAT polled every 10 to 20 us"},
    {"admin_poll", HD_PARAM_TIME, FIELD(admin_poll), "5 us", "1 ns", "10 ms",
     NULL, "time between polls for an administration command's completion",
     "ice_controlq.c: udelay(5)"},
    {"vfio_open_cost", HD_PARAM_TIME, FIELD(vfio_open_cost), "500 us", "0 ns",
     "1 s", NULL, "opening a device through VFIO, without its reset",
     "estimated from memory"},
    {"pin_cost", HD_PARAM_TIME, FIELD(pin_cost), "250 ns", "0 ns", "1 ms", NULL,
     "pinning and mapping one page of guest memory for DMA",
     "estimated from memory"},
    {"vdcm_create_cost", HD_PARAM_TIME, FIELD(vdcm_create_cost), "100 us",
     "0 ns", "1 s", NULL, "composing a virtual device from an interface",
     "estimated from memory"},
    {0}};

const struct hd_param_table hypervisor_param_table = {
    "hypervisor", "Creating, opening and mapping virtual devices", params};
