/*
 * server.h - a whole server, built from a resolved scenario.
 *
 * The configuration is a plain struct that the scenario layer fills from the
 * registry's tables. Building: server_feasible() says whether the hardware has
 * room; server_create() builds every model and wires it; server_run()
 * simulates; server_get_results() collects. With bench.mode the machine is a
 * DMA benchmark instead of a server with guests (bench_machine.h).
 */
#ifndef HD_MODELS_SERVER_H
#define HD_MODELS_SERVER_H

#include "models/accelerator/accelerator_jobs.h"
#include "models/accelerator/accelerator_params.h"
#include "models/cpu/cpu_params.h"
#include "models/dmabench/dma_bench_params.h"
#include "models/hypervisor/hypervisor_params.h"
#include "models/hypervisor/migration_params.h"
#include "models/interrupt/interrupt.h"
#include "models/iommu/iommu.h"
#include "models/irq_bench/irq_bench.h"
#include "models/lifecycle/lifecycle_params.h"
#include "models/memory/memory.h"
#include "models/metrics.h"
#include "models/network/network.h"
#include "models/network/switch.h"
#include "models/nic/nic_params.h"
#include "models/pcie/pcie_params.h"
#include "models/storage/storage_params.h"
#include "models/vhost/vhost_params.h"
#include "models/vhost_block/vhost_block_params.h"
#include "models/virtio_device/virtio_device_params.h"
#include "models/workload/accel_params.h"
#include "models/workload/block_params.h"
#include "models/workload/virtio_params.h"
#include "models/workload/workload_params.h"
#include "sim/engine/engine.h"
#include "sim/engine/param.h"
#include "sim/measure/breakdown.h"
#include "sim/measure/histogram.h"

enum design {
  DESIGN_SRIOV,      /* a virtual function of the NIC or the drive each */
  DESIGN_HDIOV,      /* an assignable interface each */
  DESIGN_VHOST_NET,  /* virtio-net on kernel threads */
  DESIGN_VHOST_USER, /* virtio-net on poll-mode cores */
  DESIGN_SPDK_VHOST, /* virtio-blk on poll-mode cores */
  DESIGN_QEMU_BLK,   /* virtio-blk on a thread of the VMM each */
  DESIGN_UN_IOV,     /* virtio accelerator: direct data path, relayed control */
  DESIGN_PASSTHROUGH, /* virtio accelerator, passed through whole */
  DESIGN_HOST,        /* QAT-like accelerator: processes on the host in place
                         of virtual machines, on its physical function */
  DESIGN_INHERIT
};
/* Without DESIGN_INHERIT; NULL-terminated. */
extern const char *const server_design_names[];
enum rogue { ROGUE_NONE, ROGUE_OUTSIDE_MEMORY, ROGUE_FOREIGN_PASID };

/* Top level of a scenario. */
struct scenario_params {
  char name[HD_PARAM_STRING_MAX];
  char description[HD_PARAM_STRING_MAX];
  int design; /* enum design, of groups that do not say */
};

/* Section "run". */
struct run_params {
  int64_t warmup, duration; /* ps, from the start of the workloads */
  int64_t series;           /* ps: width of the bins of time series; 0: none */
  int64_t repetitions;
  int64_t seed;
  int64_t window;      /* ps: run-ahead window; 0: none */
  int64_t actor_order; /* 0, or a permutation of actors' creation */
  double confidence;   /* level of the intervals over repetitions */
};

/* Section "host": what the machine is called, and its sizes. */
struct host_params {
  int64_t sockets;
  int64_t memory_reserved; /* bytes the host itself needs */
};

/* An element of section "vms". */
/* Sockets of a group's machines, memory and vCPUs: the devices', another, or
 * the devices' for the first one, another for the second, and so on. */
enum vm_numa { VM_LOCAL, VM_REMOTE, VM_ALTERNATE };

struct vm_group {
  char name[HD_PARAM_STRING_MAX];
  int64_t count, vcpus, memory, queue_pairs;
  int design;   /* enum design */
  int rogue;    /* enum rogue: a broken device, to test isolation */
  int numa;     /* enum vm_numa */
  int workload; /* enum workload_type */
  int64_t port; /* NIC port its devices are on */
  struct udp_stream_params udp_stream;
  struct ping_params ping;
  struct dpdk_forward_params dpdk_forward;
  struct block_jobs_params block_jobs;
  struct accelerator_jobs_params accelerator_jobs;
  struct web_server_params web_server;
  struct pcap_replay_params pcap_replay;
};

enum { SERVER_MAX_GROUPS = 64 };

struct server_config {
  struct scenario_params scenario;
  struct run_params run;
  struct host_params host;
  struct cpu_params cpu;
  struct memory_params memory;
  struct pcie_params pcie;
  struct iommu_params iommu;
  struct interrupt_params interrupt;
  struct nic_params nic;
  struct virtio_params virtio;
  struct virtio_device_params virtio_device;
  struct vhost_params vhost;
  struct vhost_block_params vhost_block;
  struct storage_params storage;
  struct accelerator_params accelerator;
  struct network_params network;
  struct client_params client;
  struct ethernet_switch_params network_switch;
  struct hypervisor_params hypervisor;
  struct migration_params migration;
  struct guest_params guest;
  struct guest_block_params guest_block;
  struct guest_accelerator_params guest_accelerator;
  struct tcp_params tcp;
  struct nginx_params nginx;
  struct apache_bench_params apache_bench;
  struct bench_params bench;
  struct dma_device_params device;
  struct irq_bench_params irq_bench;
  struct lifecycle_params lifecycle;
  struct vm_group groups[SERVER_MAX_GROUPS];
  size_t n_groups;
};

/* Everything a scenario may say; drives the scenario layer. */
extern const struct hd_param_registry server_registry;

/* Rules across parameters. Calls complain(ctx, path, message) for each that is
 * broken, with the scenario path that should change; true when none is. */
typedef void (*server_complain)(void *ctx, const char *path, const char *format,
                                ...) __attribute__((format(printf, 3, 4)));
bool server_check_config(const void *config, server_complain complain,
                         void *ctx); /* config: struct server_config */

/* Whether there is such a design for what the group's machines do. Pure. */
bool server_design_fits(const struct vm_group *g, int design);

/* A resource that runs out: the scenario cannot be built on this hardware. */
struct server_shortage {
  const char *resource; /* e.g. "interfaces" */
  int64_t have, need;
};
/* False: *s says why. Pure. */
bool server_feasible(const struct server_config *c, struct server_shortage *s);

struct server; /* opaque */

struct server_options {
  uint64_t seed;
  const char *reproduce;
  void (*heartbeat)(void *ctx, hd_time now, uint64_t events);
  void *heartbeat_ctx;
  /* By group: the capture that pcap_replay.file names, of groups with that
   * workload; borrowed for the server's life. NULL: there is none such. */
  const struct capture *const *captures;
};

/* The configuration must be feasible and outlive the server. */
struct server *server_create(const struct server_config *c,
                             const struct server_options *o);
void server_run(
    struct server *s); /* incl. all conservation checks at the end */
void server_destroy(struct server *s);

/* When the workloads started and the window lies; HD_TIME_NEVER before. For
 * progress: (now - start) / (warmup + duration). */
hd_time server_workload_start(const struct server *s);

struct resource_row { /* how busy a resource was */
  const char *name;
  double utilization; /* 0..1 */
};
enum { SERVER_MAX_RESOURCES = 32 };

struct stage_row {  /* of a run whose stages are not a request's */
  const char *name; /* the last is the total */
  double mean_ns, p50_ns, p99_ns;
  double share; /* of the mean total */
};
enum { SERVER_MAX_STAGES = 32 };

struct cores_row {  /* who used how much of the host's cores */
  const char *kind; /* "vm" or "thread" */
  char name[64];
  const char *group;  /* of a machine; NULL: a host thread */
  double guest, host; /* cores, mean over the window; a machine's host part
                         is its exits and halt polling */
};

struct replay_row { /* what became of a machine's packets of a capture */
  char name[16];
  const char *group;
  bool receives; /* the client sends them */
  struct replay_stats stats;
  uint64_t arrived; /* packets at the other end, within the window */
};

struct group_results {
  const char *name; /* "all", then the groups' names */
  double metric[METRIC_COUNT];
  const char *limited_by; /* the busiest resource, see server_results.c */
  const char *migration;  /* what became of a migration; NULL: none */
  const struct hd_histogram *latency;   /* may be empty */
  const struct hd_breakdown *breakdown; /* may be empty */
  const struct stage_row *stages;       /* instead of it; NULL: none */
  size_t n_stages;
};
struct server_results {
  size_t n_groups; /* 1 + the scenario's groups */
  struct group_results group[SERVER_MAX_GROUPS + 1];
  const struct hd_series *series[SERVER_MAX_GROUPS + 1]; /* NULL: none */
  const char *note; /* what went wrong in a live migration; NULL: nothing */
  size_t n_cores; /* 0 unless host software serves guests, or there are several
                     groups */
  const struct cores_row *cores;
  size_t n_replays; /* 0 unless machines replay captures */
  const struct replay_row *replays;
  size_t n_resources;
  struct resource_row resource[SERVER_MAX_RESOURCES];
  struct hd_engine_report engine;
  uint64_t faults_total;
  size_t n_faults; /* recorded ones */
  const struct iommu_fault *faults;
};
/* Valid until server_destroy(). */
void server_get_results(struct server *s, struct server_results *r);

#endif
