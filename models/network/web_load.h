/*
 * web_load.h - a closed-loop load on a guest's web server, as ApacheBench's.
 *
 * One process with one thread keeps `concurrency` requests under way, each on
 * a connection of its own: connect, send, read to the end, close, and at once
 * the next. The thread takes what poll() reports in order of arrival, one
 * system call after the other, so it is a bottleneck of its own. Received
 * frames go through cores of the client's kernel first, where those that wait
 * and follow each other are merged (generic receive offload).
 *
 * A request's latency is from its connect() to the end of its connection, as
 * the benchmark's "Total"; so concurrency = rate * mean latency.
 */
#ifndef HD_MODELS_NETWORK_WEB_LOAD_H
#define HD_MODELS_NETWORK_WEB_LOAD_H

#include "models/network/packet.h"
#include "models/network/tcp.h"
#include "sim/engine/param.h"

/* Costs of the client; times, ps. */
struct apache_bench_params {
  int64_t connect, send, read, close, poll; /* of the thread */
  double copy_per_byte;                     /* ns */
  int64_t read_buffer;                      /* bytes a read takes at most */
  int64_t wake_up;                          /* the sleeping thread runs */
  int64_t receive_cores;
  int64_t interrupt;           /* frame's arrival to the kernel's poll */
  int64_t frame, segment, ack; /* of a receive core */
};
extern const struct hd_param_table apache_bench_param_table;

struct client_web {
  int64_t concurrency; /* 0: no load */
  int64_t requests;    /* in all; 0: as many as the run has time for */
  uint32_t request_bytes, response_bytes; /* HTTP headers included */
  const struct tcp_params *tcp;           /* these outlive the client */
  const struct apache_bench_params *costs;
};

#endif
