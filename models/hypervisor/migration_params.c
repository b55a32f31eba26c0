/*
 * migration_params.c - the table of section "migration".
 *
 * How the device's command times follow from what is published (mlx5 vDPA,
 * ConnectX-6 Dx, 32 queues; D. Tatulea's series v2): a command occupies the
 * firmware for `service` and is then under way for `latency` (the queue drains,
 * its state is queried), during which other commands can be served.
 *   serial:   n (service + latency)
 *   parallel: n service + latency, while n does not exceed the command slots
 * Suspend: 37 ms serial, of which the link notifier is 13 - 2.5 = 10.5 ms (the
 * two parallel figures, with and without it; the series' text says about 30 ms,
 * which does not fit its own figures); 26.5 ms serial and 2.5 ms parallel give
 * service 54 us and latency 774 us.
 * Resume: 16 ms serial and 5 ms parallel give 145 us and 355 us.
 * Create: 370 ms in all, 60 ms with queues created before; hence 310 ms / 32 =
 * 9.69 ms a queue, and 60 - 16 (resume, serial then) = 44 ms configuration.
 */
#include "models/hypervisor/migration_params.h"

static const char *const trackings[] = {"none", "log", "relay", "iommu", NULL};
static const char *const commands[] = {"serial", "parallel", NULL};
static const char *const limits[] = {"abort", "force", NULL};
static const char *const faults[] = {"none", "link-cut", "no-room", "stuck",
                                     NULL};
static const char *const passthroughs[] = {"refuse", "unplug", "image", NULL};

#define VALUE(n, kind, value, lo, hi, what, from)                              \
  {                                                                            \
    .name = #n, .type = kind, .offset = offsetof(struct migration_params, n),  \
    .fallback = value, .min = lo, .max = hi, .meaning = what, .source = from   \
  }
#define TIME(n, value, hi, what, from)                                         \
  VALUE(n, HD_PARAM_TIME, value, "0 ns", hi, what, from)
#define RATE(n, value, lo, hi, what, from)                                     \
  VALUE(n, HD_PARAM_RATE, value, lo, hi, what, from)
#define SIZE(n, value, lo, hi, what, from)                                     \
  VALUE(n, HD_PARAM_SIZE, value, lo, hi, what, from)
#define INT(n, value, lo, hi, what, from)                                      \
  VALUE(n, HD_PARAM_INT, value, lo, hi, what, from)
#define CYCLES(n, value, hi, what, from)                                       \
  VALUE(n, HD_PARAM_CYCLES, value, "0", hi, what, from)
#define RATIO(n, value, what, from)                                            \
  VALUE(n, HD_PARAM_RATIO, value, NULL, NULL, what, from)
#define BOOL(n, value, what, from)                                             \
  VALUE(n, HD_PARAM_BOOL, value, NULL, NULL, what, from)
#define ENUM(n, names, value, what, from)                                      \
  {                                                                            \
    .name = #n, .type = HD_PARAM_ENUM,                                         \
    .offset = offsetof(struct migration_params, n), .fallback = value,         \
    .choices = names, .meaning = what, .source = from                          \
  }

#define TATULEA                                                                \
  "mlx5 vDPA, D. Tatulea's series v2; derived in migration_params.c"
#define GUESS "estimated from memory"

static const struct hd_param params[] = {
    BOOL(enabled, "false", "a VM moves to a second server of the same kind",
         "convention"),
    INT(vm, "0", "0", "65535", "which VM, counted over all groups",
        "convention"),
    TIME(start, "1 ms", "1000 s", "after the start of the measurement",
         "convention"),
    RATE(link_rate, "25 Gb/s", "1 Mb/s", "10 Tb/s",
         "of the link between the two servers, each way", "convention"),
    TIME(link_latency, "10 us", "1 s", "of that link, one way",
         "estimated from memory: two switches of a data centre"),
    ENUM(fault, faults, "none", "what goes wrong", "test aid"),
    TIME(fault_time, "10 ms", "1000 s", "link-cut: after the migration's start",
         "test aid"),
    RATE(dirty_rate, "0 b/s", "0 b/s", "10 Tb/s",
         "memory that the guest's CPUs write, in whole pages", "convention"),
    SIZE(working_set, "1 GiB", "4 KiB", "4 TiB",
         "where they write; at most the VM's memory", "convention"),
    RATIO(hot_pages, "0 %", "share of the working set that is hot",
          "convention"),
    RATIO(hot_writes, "0 %", "share of the writes that go there", "convention"),
    RATIO(zero_share, "0 %", "share of the VM's memory never written",
          "convention"),
    TIME(downtime_limit, "300 ms", "1000 s",
         "pre-copy ends when the rest can be sent in this time",
         "QEMU: downtime-limit"),
    RATE(bandwidth_limit, "1073741824 b/s", "0 b/s", "100 Tb/s",
         "pre-copy sends no faster; 0: no limit. Not while the VM is stopped",
         "QEMU: max-bandwidth 128 MiB/s"),
    INT(max_rounds, "30", "0", "1000000",
        "rounds after which on_limit decides; 0: no limit",
        "Xen's limit; QEMU has none"),
    ENUM(on_limit, limits, "abort",
         "after max_rounds: the VM stays, or is stopped in spite of the limit",
         "Xen stops the VM; aborting keeps the downtime limit's promise"),
    BOOL(auto_converge, "false",
         "the guest's CPUs are throttled while it dirties too fast",
         "QEMU: auto-converge off"),
    RATIO(throttle_initial, "20 %", "first throttling of the guest's CPUs",
          "QEMU: cpu-throttle-initial"),
    RATIO(throttle_increment, "10 %", "each further one",
          "QEMU: cpu-throttle-increment"),
    RATIO(throttle_max, "99 %", "the last one", "QEMU: max-cpu-throttle"),
    SIZE(chunk, "16 MiB", "4 KiB", "1 GiB",
         "memory read and sent between two looks at messages and dirtying",
         "chosen: about 5 ms at 25 Gb/s"),
    TIME(setup_cost, "5 ms", "10 s",
         "dirty logging on, ramblocks exchanged, before the first round",
         GUESS),
    TIME(sync_cost, "100 us", "1 s",
         "reading the dirty bitmap, per GiB of guest memory",
         "estimated: 32 KiB of bitmap a GiB copied, scanned and merged"),
    TIME(sync_page, "20 ns", "1 ms",
         "write-protecting a page again that was found dirty", GUESS),
    CYCLES(page_send, "5000", "1000000",
           "migration thread's work for a page with content",
           "estimated: one QEMU thread sends about 20 Gb/s at 3 GHz"),
    CYCLES(page_check, "200", "1000000",
           "migration thread's check whether a page is zero",
           "estimated: 4 KiB at 64 B a cycle, plus the way there"),
    BOOL(zero_detection, "true", "zero pages are sent as a header only",
         "QEMU: zero-page-detection"),
    SIZE(page_header, "8 B", "0 B", "4096 B",
         "on the wire beside a page's content; a zero page has a byte more",
         "QEMU ram.c: a 64-bit offset with flags"),
    INT(channels, "1", "1", "64", "threads that send pages",
        "QEMU: multifd is off by default"),
    TIME(control_latency, "100 us", "1 s",
         "one way between the two hosts' management, which a cut of the "
         "migration link does not touch; at least 1 us",
         GUESS),
    ENUM(tracking, trackings, "log", "how writes by DMA are found",
         "mlx5 and ifcvf log by themselves"),
    CYCLES(relay_cost, "300", "1000000",
           "relaying one used buffer in software and logging its pages",
           "estimated from the ifc driver's loop (sw-live-migration)"),
    SIZE(iommu_leaf, "4 KiB", "4 KiB", "1 GiB",
         "page of the IOMMU's mapping: what one dirty bit stands for",
         "chosen: large pages are split for migration"),
    TIME(harvest_cost, "10 ns", "1 ms",
         "reading and clearing the dirty bit of one leaf entry", GUESS),
    ENUM(commands, commands, "parallel",
         "how a queue's commands are given to the device's firmware", TATULEA),
    INT(command_slots, "31", "1", "4096",
        "commands that can be under way at a time",
        "mlx5: 32 entries, one of them reserved"),
    TIME(suspend_service, "54 us", "10 s",
         "firmware's own time for suspending and querying a queue", TATULEA),
    TIME(suspend_latency, "774 us", "10 s",
         "rest of that command, which overlaps with others", TATULEA),
    TIME(resume_service, "145 us", "10 s",
         "firmware's own time for resuming a queue", TATULEA),
    TIME(resume_latency, "355 us", "10 s",
         "rest of that command, which overlaps with others", TATULEA),
    TIME(create_cost, "9690 us", "10 s",
         "creating a queue with its objects, one after the other", TATULEA),
    BOOL(precreate, "true", "the destination creates queues before the rounds",
         "mlx5 vDPA since Linux 6.12"),
    TIME(config_cost, "44 ms", "10 s",
         "configuring a device at the destination, while the VM is stopped",
         TATULEA),
    BOOL(link_notifier, "false", "suspending unregisters the link notifier",
         "mlx5 vDPA up to Linux 6.11"),
    TIME(notifier_cost, "10500 us", "10 s", "unregistering it", TATULEA),
    TIME(ring_read, "2 us", "1 s", "reading out a suspended queue's ring state",
         "estimated: an ioctl, the firmware's query is in the suspension"),
    TIME(suspend_timeout, "1 s", "1000 s",
         "all queues of a device must be suspended (resumed, created) by then",
         "chosen; mlx5 gives a command 60 s"),
    SIZE(device_state, "8 MiB", "0 B", "1 TiB",
         "state image of a device that does not say its size",
         "VFIO: usually below 10 MB (kvm list, msg183252)"),
    RATE(state_save_rate, "1264 Mb/s", "1 b/s", "100 Tb/s",
         "at which a device gives its state out", "assumed to be as loading"),
    RATE(state_load_rate, "1264 Mb/s", "1 b/s", "100 Tb/s",
         "at which a device takes its state in",
         "ConnectX-7: bulk load of 395 MB in 2.5 s"),
    BOOL(state_precopy, "false",
         "the device's state is sent before the VM is stopped, too",
         "VFIO_MIGRATION_PRE_COPY is optional"),
    RATIO(precopy_share, "75 %",
          "of the state that is still valid when the VM is stopped",
          "derived: 70 to 75 % less downtime (Linux commit 6cea64b)"),
    TIME(stop_cost, "1 ms", "10 s", "stopping all vCPUs", GUESS),
    TIME(start_cost, "1 ms", "10 s", "starting all vCPUs", GUESS),
    TIME(announce_delay, "1 ms", "10 s",
         "from the VM's start to its gratuitous ARP on the wire",
         "QEMU announces at once; " GUESS),
    TIME(switch_update, "100 us", "10 s",
         "from there to the switch's changed forwarding table", GUESS),
    ENUM(passthrough, passthroughs, "refuse",
         "a device that cannot migrate: refuse; unplug a network device "
         "meanwhile, virtio-net on vhost-net stands in for it (failover); or "
         "take a virtio function's state as an image",
         "QEMU refuses without failover (failover_pair_id)"),
    TIME(unplug_delay, "500 ms", "100 s",
         "from the request to unplug until the guest's driver begins to give "
         "the device up: management, ACPI, hot-plug driver",
         GUESS),
    TIME(plug_delay, "1 s", "100 s",
         "the same for plugging, until the host begins to open the device",
         GUESS),
    {0}};

const struct hd_param_table migration_param_table = {
    "migration", "Live migration of a VM to another server", params};
