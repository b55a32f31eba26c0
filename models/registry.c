/*
 * registry.c - the explicit list of everything a scenario may say.
 *
 * A new device adds its table here, in one line.
 */
#include "models/server.h"

#define AT(field) offsetof(struct server_config, field)
#define GROUP(field) offsetof(struct vm_group, field)

#define DESIGNS                                                                \
  "sriov", "hdiov", "vhost-net", "vhost-user", "spdk-vhost", "qemu-blk",       \
      "un-iov", "passthrough", "host"
const char *const server_design_names[] = {DESIGNS, NULL};
static const char *const group_designs[] = {DESIGNS, "inherit", NULL};
static const char *const rogues[] = {"none", "outside-memory", "foreign-pasid",
                                     NULL};

static const struct hd_param scenario_params[] = {
    {"name", HD_PARAM_STRING, offsetof(struct scenario_params, name),
     "scenario", NULL, NULL, NULL,
     "name of the scenario, first column of every CSV", "convention"},
    {"description", HD_PARAM_STRING,
     offsetof(struct scenario_params, description), "", NULL, NULL, NULL,
     "one line about it", "convention"},
    {"design", HD_PARAM_ENUM, offsetof(struct scenario_params, design), "hdiov",
     NULL, NULL, server_design_names,
     "how devices are shared, for groups that do not say", "convention"},
    {0}};
static const struct hd_param_table scenario_table = {"", "The scenario itself",
                                                     scenario_params};

#define RUN(f) offsetof(struct run_params, f)
static const struct hd_param run_params[] = {
    {"warmup", HD_PARAM_TIME, RUN(warmup), "1 ms", "0 ns", "100 s", NULL,
     "simulated time from the start of the workloads that is not measured",
     "convention"},
    {"duration", HD_PARAM_TIME, RUN(duration), "5 ms", "20 us", "100 s", NULL,
     "simulated time that is measured, after the warm-up", "convention"},
    {"repetitions", HD_PARAM_INT, RUN(repetitions), "1", "1", "1000", NULL,
     "runs with successive seeds, for confidence intervals", "convention"},
    {"seed", HD_PARAM_INT, RUN(seed), "1", "0", NULL, NULL,
     "of all random streams", "convention"},
    {"series", HD_PARAM_TIME, RUN(series), "0 ps", "0 ps", "1000 s", NULL,
     "Width of the bins of timeseries.csv; 0: none is written",
     "choice of the experimenter"},
    {"window", HD_PARAM_TIME, RUN(window), "1 us", "0 ns", "1 ms", NULL,
     "models joined by faster channels share an actor; 0: every model alone "
     "and no run-ahead; results do not depend on it",
     "measured: fewest wake-ups"},
    {"actor_order", HD_PARAM_INT, RUN(actor_order), "0", "0", "4294967295",
     NULL,
     "0, or a permutation of the creation of actors; results do not depend "
     "on it",
     "test aid"},
    {"confidence", HD_PARAM_RATIO, RUN(confidence), "0.95", "0.5", "0.999",
     NULL, "level of the intervals over repetitions", "convention"},
    {0}};
static const struct hd_param_table run_table = {
    "run", "How long to simulate and how often", run_params};

static const struct hd_param host_params[] = {
    {"sockets", HD_PARAM_INT, offsetof(struct host_params, sockets), "2", "1",
     "8", NULL, "processor sockets, each with its own memory",
     "HD-IOV artifact: a two-socket server, from memory"},
    {"memory_reserved", HD_PARAM_SIZE,
     offsetof(struct host_params, memory_reserved), "16 GiB", "1 GiB", "1 TiB",
     NULL, "memory that the host itself keeps", "estimated from memory"},
    {0}};
static const struct hd_param_table host_table = {"host", "The machine",
                                                 host_params};

static const char *const group_numa[] = {"local", "remote", "alternate", NULL};

static const struct hd_param group_params[] = {
    {"count", HD_PARAM_INT, GROUP(count), "1", "1", "10000", NULL,
     "virtual machines in the group", "convention"},
    {"vcpus", HD_PARAM_INT, GROUP(vcpus), "8", "1", "256", NULL,
     "virtual CPUs of each", "HD-IOV artifact: qemu -smp 8"},
    {"memory", HD_PARAM_SIZE, GROUP(memory), "8 GiB", "64 MiB", "4 TiB", NULL,
     "memory of each", "HD-IOV artifact: qemu -m 8G"},
    {"queue_pairs", HD_PARAM_INT, GROUP(queue_pairs), "4", "1", "64", NULL,
     "transmit and receive queue pairs of each device",
     "ice driver: 4 per virtual device by default"},
    {"numa", HD_PARAM_ENUM, GROUP(numa), "local", NULL, NULL, group_numa,
     "where their vCPUs and memory are; local: at the devices' socket, remote: "
     "at "
     "another, alternate: the first one local, the second remote, and so on",
     "convention"},
    {"design", HD_PARAM_ENUM, GROUP(design), "inherit", NULL, NULL,
     group_designs, "how the group's devices are made", "convention"},
    {"port", HD_PARAM_INT, GROUP(port), "0", "0", "1", NULL,
     "NIC port that the group's devices use", "convention"},
    {"rogue", HD_PARAM_ENUM, GROUP(rogue), "none", NULL, NULL, rogues,
     "makes the group's devices misbehave, to test isolation", "test aid"},
    {0}};
static const struct hd_param_table group_table = {
    "vms", "A group of like virtual machines", group_params};

static const struct hd_param_section workloads[] = {
    {&udp_stream_param_table, GROUP(udp_stream)},
    {&ping_param_table, GROUP(ping)},
    {&dpdk_forward_param_table, GROUP(dpdk_forward)},
    {&idle_param_table, GROUP(udp_stream)},
    {&block_jobs_param_table, GROUP(block_jobs)},
    {&accelerator_jobs_param_table, GROUP(accelerator_jobs)},
    {&web_server_param_table, GROUP(web_server)},
    {&pcap_replay_param_table, GROUP(pcap_replay)},
    {0}};

static const struct hd_param_variant workload_variant = {
    .key = "workload",
    .selector = "type",
    .selector_offset = GROUP(workload),
    .choices = workload_type_names,
    .fallback = "udp_stream",
    .meaning = "what the guests run",
    .alternatives = workloads};

static const struct hd_param_section sections[] = {
    {&scenario_table, AT(scenario)},
    {&run_table, AT(run)},
    {&host_table, AT(host)},
    {&cpu_param_table, AT(cpu)},
    {&memory_param_table, AT(memory)},
    {&pcie_param_table, AT(pcie)},
    {&ats_param_table, AT(pcie.ats)},
    {&iommu_param_table, AT(iommu)},
    {&interrupt_param_table, AT(interrupt)},
    {&nic_param_table, AT(nic)},
    {&virtio_param_table, AT(virtio)},
    {&virtio_device_param_table, AT(virtio_device)},
    {&vhost_param_table, AT(vhost)},
    {&vhost_block_param_table, AT(vhost_block)},
    {&storage_param_table, AT(storage)},
    {&accelerator_param_table, AT(accelerator)},
    {&network_param_table, AT(network)},
    {&client_param_table, AT(client)},
    {&ethernet_switch_param_table, AT(network_switch)},
    {&hypervisor_param_table, AT(hypervisor)},
    {&migration_param_table, AT(migration)},
    {&guest_param_table, AT(guest)},
    {&guest_block_param_table, AT(guest_block)},
    {&guest_accelerator_param_table, AT(guest_accelerator)},
    {&tcp_param_table, AT(tcp)},
    {&nginx_param_table, AT(nginx)},
    {&apache_bench_param_table, AT(apache_bench)},
    {&bench_param_table, AT(bench)},
    {&dma_device_param_table, AT(device)},
    {&irq_bench_param_table, AT(irq_bench)},
    {&lifecycle_param_table, AT(lifecycle)},
    {0}};

static const struct hd_param_group groups[] = {
    {.section = "vms",
     .meaning = "Groups of virtual machines",
     .table = &group_table,
     .variant = &workload_variant,
     .array_offset = AT(groups),
     .stride = sizeof(struct vm_group),
     .capacity = SERVER_MAX_GROUPS,
     .count_offset = AT(n_groups),
     .name_offset = GROUP(name)},
    {0}};

const struct hd_param_registry server_registry = {sizeof(struct server_config),
                                                  sections, groups};
