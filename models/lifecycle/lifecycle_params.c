/*
 * lifecycle_params.c - section "lifecycle".
 *
 * HD-IOV: its artifact, github.com/Maphist0/hdiov-ae, nic-exp.md, section 3.
 * DPDK 20.11: drivers/net/iavf, lib/librte_ethdev and app/test-pmd of that
 * long-term release, read as github.com/F-Stack/f-stack has them: 20.11.6
 * (commit ff8fd2bd) and no earlier one (5aafc908). The artifact takes 20.11.9.
 * ice: github.com/intel/ethernet-linux-ice, 1.11.14 (commit a5089d82). Virtual
 * functions and interfaces are served by the same functions there, and offered
 * the same capabilities.
 */
#include "models/lifecycle/lifecycle_params.h"

#define FIELD(f) offsetof(struct lifecycle_params, f)
#define TIME(field, value, most, what, from)                                   \
  {                                                                            \
#field, HD_PARAM_TIME, FIELD(field), value, "0 ns", most, NULL, what, from \
  }
#define INT(field, value, least, most, what, from)                             \
  {                                                                            \
#field, HD_PARAM_INT, FIELD(field), value, least, most, NULL, what, from   \
  }

static const char *const modes[] = {"off", "sequential", "storm", NULL};
static const char *const machines[] = {"container", "vm", NULL};
static const char *const networks[] = {"none", "device", NULL};
static const char *const arrivals[] = {"together", "poisson", NULL};
static const char *const pages[] = {"4K", "2M", "1G", NULL};
static const char *const pauses[] = {"spin", "sleep", "tick", NULL};

static const struct hd_param params[] = {
    {"mode", HD_PARAM_ENUM, FIELD(mode), "off", NULL, NULL, modes,
     "Starts of containers or VMs instead of a server's traffic; sequential: "
     "one after another, storm: at once",
     "off: a server is simulated"},
    {"machine", HD_PARAM_ENUM, FIELD(machine), "container", NULL, NULL,
     machines,
     "What is started; container: a DPDK process has the device, vm: a guest's "
     "kernel",
     "HD-IOV, figure 12: containers with testpmd"},
    {"network", HD_PARAM_ENUM, FIELD(network), "device", NULL, NULL, networks,
     "none: the same starts without a device", "convention"},
    INT(starts, "256", "1", "1000", "Starts, each with a device of its own",
        "HD-IOV artifact: 256 containers"),
    {"arrival", HD_PARAM_ENUM, FIELD(arrival), "together", NULL, NULL, arrivals,
     "Storm: when starts are asked for", "FastIOV: all at once"},
    {"arrival_rate", HD_PARAM_REAL, FIELD(arrival_rate), "20", "0.001",
     "1000000", NULL, "Arrival poisson: starts asked for a second, mean",
     "choice of the experimenter"},
    TIME(
        restart_gap, "1 s", "100 s",
        "Sequential: mean time from one's stop to the next one's start, evenly "
        "spread over half to one and a half of it",
        "estimated from memory: stopping and starting a container; only moves "
        "starts against the host's tick"),
    {"create", HD_PARAM_BOOL, FIELD(create), "false", NULL, NULL, NULL,
     "Assignable interfaces are composed on the way; virtual functions exist",
     "HD-IOV artifact: devices exist before the containers"},
    TIME(base_work, "0 ns", "100 s",
         "Core time of a start apart from its device: sandbox, VMM, boot",
         "HD-IOV, figure 12: the time starts within the container's process"),
    TIME(runtime_work, "30 ms", "100 s",
         "Core time of the process or guest apart from its device: DPDK's EAL, "
         "the guest's bus scan",
         "measured: testpmd of DPDK 20.11.10 without a device, huge pages, a "
         "core at 2.1 GHz: 8 ms in EAL and 25 ms after it, most of those in "
         "mlockall(), less 3 ms to clear huge pages, which `memory` stands "
         "for"),
    TIME(runtime_sleep, "0 ns", "10 s",
         "Sleep of the process or guest in it, on a timer of high resolution",
         "DPDK 20.11: get_tsc_freq() sleeps 100 ms (measured: it does) unless "
         "CPUID (leaf 15h) or an MSR that a container cannot read gives the "
         "clock's rate; that Sapphire Rapids' CPUID does is from memory"),
    TIME(scan_cost, "120 us", "1 s",
         "Container: reading one virtual function's files in /sys and passing "
         "it by, or failing to open it",
         "measured: rte_pci_scan() of DPDK 20.11.10 takes 0.7 ms for six "
         "functions on a core at 2.1 GHz. testpmd, told of no device, tries "
         "all that vfio-pci has; whether that "
         "has all of them the artifact does not say"),
    INT(scanned_functions, "256", "0", "65535",
        "Virtual functions in /sys; with HD-IOV there are none",
        "HD-IOV artifact: /sys is mounted into the container; E810: 256"),
    {"jitter", HD_PARAM_RATIO, FIELD(jitter), "10 %", "0", "0.5", NULL,
     "Standard deviation over mean of the three above, uniform",
     "estimated from memory: repeated starts of processes"},
    {"memory", HD_PARAM_SIZE, FIELD(memory), "16 MiB", "0 B", "4 TiB", NULL,
     "Memory that is pinned and mapped for DMA",
     "derived: 1025 packet buffers, rings and DPDK's heap, in pages of 2 MiB"},
    {"image", HD_PARAM_SIZE, FIELD(image), "0 B", "0 B", "1 TiB", NULL,
     "Image of the guest's root file system, likewise, in pages of 4 KiB",
     "a container has none"},
    {"page_size", HD_PARAM_ENUM, FIELD(page_size), "2M", NULL, NULL, pages,
     "Pages of the memory", "HD-IOV artifact: huge pages of 2 MiB"},
    {"clear_rate", HD_PARAM_RATE, FIELD(clear_rate), "41 Gb/s", "1 Mb/s",
     "10 Tb/s", NULL, "Zeroing fresh pages, one thread alone",
     "derived: Linux 4d83de6da265, 120 GiB pinned in 29.7 s, 85 % of it in "
     "clear_page_erms"},
    {"clear_bandwidth", HD_PARAM_RATE, FIELD(clear_bandwidth), "1200 Gb/s",
     "1 Mb/s", "100 Tb/s", NULL, "Zeroing fresh pages, all threads together",
     "estimated from memory: a third of what 16 channels of DDR5-4800 move"},
    TIME(pin_cost, "140 ns", "1 ms",
         "Pinning and mapping one page of 4 KiB, apart from zeroing it",
         "derived: as clear_rate, the other 15 %"),
    TIME(pin_cost_large, "10 us", "1 s",
         "Pinning and mapping one page of 2 MiB or 1 GiB, likewise",
         "estimated from memory: pages are taken in batches of 512, and one "
         "entry is mapped"),
    TIME(attach_cost, "1 ms", "1 s",
         "Opening group and container, domain, attaching the device",
         "estimated from memory"),
    {"shared_set", HD_PARAM_BOOL, FIELD(shared_set), "true", NULL, NULL, NULL,
     "All virtual functions are one VFIO device set, with one lock",
     "Linux, vfio_pci_core_register_device(): one set a bus, until 26 Jun 2025 "
     "gave each function its own"},
    {"tick", HD_PARAM_TIME, FIELD(tick), "4 ms", "100 us", "100 ms", NULL,
     "Host's timer tick; sleeps end late by the rounding of the timer wheel",
     "Linux, kernel/time/timer.c; Ubuntu: 250 Hz. LKML 26 Jun 2025: resets of "
     "104 and 108 ms"},
    TIME(timer_slack, "50 us", "10 ms",
         "Sleeps on timers of high resolution end late by this",
         "Linux: default slack of a thread's timers, from memory"),
    INT(resets, "1", "0", "16", "Resets that the user asks for after the open",
        "DPDK: pci_rte_vfio_setup_device(); QEMU: reset of a plugged device"),
    TIME(interface_reset, "1 ms", "1 s",
         "Assignable interface: until its reset state says that it is done",
         "derived from ice, ice_siov_poll_reset_status(): at most 10 polls of "
         "10 to 20 us, in other releases 100"),
    INT(reset_commands, "10", "0", "1000",
        "Administration commands that set an interface up again after a reset",
        "estimated from memory: interface, scheduler nodes, rules, RSS"),
    INT(create_commands, "10", "0", "1000",
        "Administration commands that create an interface",
        "estimated from memory: as reset_commands"),
    {"reset_poll", HD_PARAM_TIME, FIELD(reset_poll), "20 ms", "1 us", "10 s",
     NULL, "Device's driver: between two looks at the state of its reset",
     "DPDK 20.11.10: iavf_check_vf_reset_done()"},
    INT(messages, "19", "0", "1000",
        "Mailbox exchanges of a driver's start, one after another",
        "DPDK 20.11.10, iavf_dev_init(): version, resources, descriptor "
        "formats, eight default RSS rules, statistics; iavf_dev_configure(): "
        "VLAN stripping, RSS "
        "table; iavf_dev_start(): queues, vectors, address; then "
        "rte_eth_dev_start(): promiscuous and all-multicast off. ice, "
        "ice_vc_get_vf_res_msg(), offers what these need, but VLAN stripping "
        "not where double tagging is on"),
    INT(queue_messages, "2", "0", "16",
        "Mailbox exchanges more for each queue pair",
        "DPDK 20.11.10: iavf_start_queues() enables queue by queue"),
    {"message_poll", HD_PARAM_TIME, FIELD(message_poll), "10 ms", "1 us",
     "10 s", NULL, "Device's driver: between two looks for an answer",
     "DPDK 20.11.10: ASQ_DELAY_MS in iavf_vchnl.c; the first look comes with "
     "the "
     "message, before any answer"},
    {"message_wait", HD_PARAM_ENUM, FIELD(message_wait), "sleep", NULL, NULL,
     pauses,
     "What it does meanwhile; spin: keeps its core, sleep: on a timer of high "
     "resolution, tick: on the host's timer wheel",
     "DPDK 20.11, its later releases: iavf_msec_delay(), which is nanosleep(); "
     "before them rte_delay_ms(), which spins"},
    TIME(message_work, "20 us", "1 s",
         "Host's driver: core time of one message", "estimated from memory"),
    INT(message_commands, "2", "0", "100",
        "Administration commands that the host's driver issues for a message",
        "estimated from memory: none for queries, several for queues"),
    INT(queue_pairs, "1", "1", "64", "Queue pairs that the driver uses",
        "testpmd's default; the artifact sets none"),
    TIME(fault_cost, "1 us", "1 ms",
         "Host's fault handler: mapping one page of the fast path",
         "estimated from memory: io_remap_pfn_range() of one page, a mutex of "
         "the device's own"),
    TIME(queue_setup, "200 us", "1 s",
         "Driver: rings, buffers and registers of a queue pair",
         "estimated from memory"),
    {.name = NULL}};

const struct hd_param_table lifecycle_param_table = {
    .section = "lifecycle",
    .meaning = "Starting containers or VMs with a device",
    .params = params};
