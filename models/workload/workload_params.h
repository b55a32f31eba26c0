/* workload_params.h - what a guest runs; one struct per workload. */
#ifndef HD_MODELS_WORKLOAD_PARAMS_H
#define HD_MODELS_WORKLOAD_PARAMS_H

#include "models/workload/block_params.h"
#include "models/workload/replay_params.h"
#include "models/workload/web_params.h"
#include "sim/engine/param.h"

enum workload_type {
  WORKLOAD_UDP_STREAM,
  WORKLOAD_PING,
  WORKLOAD_DPDK_FORWARD,
  WORKLOAD_IDLE,
  WORKLOAD_BLOCK_JOBS,
  WORKLOAD_ACCELERATOR_JOBS,
  WORKLOAD_WEB_SERVER,
  WORKLOAD_PCAP_REPLAY,
  WORKLOAD_TYPES
};
extern const char *const workload_type_names[]; /* NULL-terminated */

enum sending_threads { THREADS_SINGLE, THREADS_PER_STREAM };

/* The peer that is no group. */
#define WORKLOAD_CLIENT "client"

/* iperf3 -u -b RATE -l PAYLOAD -P STREAMS */
struct udp_stream_params {
  int64_t payload; /* bytes of a datagram */
  int64_t streams; /* 0: as many as queue pairs; resolved before a guest */
  int64_t rate;    /* bit/s of payload per stream; 0: as fast as possible */
  int threads;     /* enum sending_threads: iperf3 before 3.16 has one */
  int64_t pacing_timer; /* ps: iperf3 re-arms a throttled stream this often */
  char peer[HD_PARAM_STRING_MAX]; /* group it sends to; WORKLOAD_CLIENT or
                                     empty: the client */
};

/* ping -s PAYLOAD -i INTERVAL; interval 0: flood, next on reply */
struct ping_params {
  int64_t payload;
  int64_t interval;               /* ps */
  int64_t timeout;                /* ps */
  char peer[HD_PARAM_STRING_MAX]; /* as udp_stream's */
};

/* Polling guest that sends every frame back; the client generates. */
struct dpdk_forward_params {
  int64_t payload;
  int64_t rate; /* bit/s of payload offered by the client to this guest */
  int64_t streams;
  bool poisson;
  int64_t burst; /* packets a poll takes at most */
};

extern const struct hd_param_table udp_stream_param_table, ping_param_table,
    dpdk_forward_param_table, idle_param_table;

/* Section "guest": costs of guest software, all in cycles. */
struct guest_params {
  int64_t send_syscall;     /* application and system call, per datagram */
  int64_t send_stack;       /* UDP/IP, skb, queueing discipline */
  int64_t send_driver;      /* descriptor, ring bookkeeping */
  int64_t receive_driver;   /* NAPI: per received packet */
  int64_t receive_stack;    /* IP, UDP or ICMP, socket wake-up */
  int64_t receive_syscall;  /* recvmsg and application */
  double copy_per_byte;     /* cycles per byte copied from or to user space */
  int64_t napi_entry;       /* hard interrupt to poll, and completion */
  int64_t clean_descriptor; /* per completed transmit descriptor */
  int64_t thread_switch;    /* blocked thread to running, in the guest */
  int64_t napi_budget;      /* packets per poll */
  int64_t socket_buffer;    /* bytes of skb truesize a socket may hold */
  int64_t skb_overhead;     /* bytes added to the data's power of two */
  int64_t poll_empty;       /* DPDK: cycles of an empty poll */
  int64_t poll_packet;      /* DPDK: cycles per forwarded packet */
  int64_t boot_traps;  /* trapped register accesses of the driver's probe */
  int64_t boot_cycles; /* driver's own work until the device is up */
};
extern const struct hd_param_table guest_param_table;

#endif
