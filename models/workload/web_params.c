/* web_params.c - workload "web_server" and section "nginx". */
#include "models/workload/web_params.h"

#define WEB(f) offsetof(struct web_server_params, f)
static const struct hd_param web_server_params[] = {
    {"file", HD_PARAM_SIZE, WEB(file), "1000 B", "0 B", "16 MiB", NULL,
     "size of the file that every request asks for",
     "HD-IOV artifact: 1000 B and 100000 B"},
    {"workers", HD_PARAM_INT, WEB(workers), "16", "1", "1024", NULL,
     "worker processes, spread over the vCPUs that handle queue pairs",
     "HD-IOV artifact"},
    {"concurrency", HD_PARAM_INT, WEB(concurrency), "1", "1", "65536", NULL,
     "requests that the client keeps under way", "ab -c, default 1"},
    {"requests", HD_PARAM_INT, WEB(requests), "0", "0", "1000000000", NULL,
     "requests that the client makes; 0: as many as the run has time for",
     "ab -n; the artifact's 50000 would be seconds of simulated time"},
    {0}};

const struct hd_param_table web_server_param_table = {
    "web_server",
    "Serves a file over TCP, a connection a request, as nginx with "
    "keepalive_timeout 0 does; the client asks as ApacheBench",
    web_server_params};

#define FIELD(f) offsetof(struct nginx_params, f)
#define COST(f) HD_PARAM_CYCLES, FIELD(f)
#define MAX "10000000 cycles"
#define CONNECTION                                                             \
  "derived: the steps of a connection, with receiving and sending its "        \
  "packets, sum to the 67000 cycles of the 34344 connections/s that NGINX "    \
  "published for a 2.3 GHz core; how they divide is estimated from memory"
#define FILE_                                                                  \
  "derived: NGINX published 145551 requests/s of 0 B, 74091 of 1 KB and "      \
  "33125 of 100 KB for a 2.3 GHz core: 15000 cycles to open and send a file, " \
  "38000 for 99 KB with segments and acknowledgements"

static const struct hd_param nginx_params[] = {
    {"request_bytes", HD_PARAM_SIZE, FIELD(request_bytes), "110 B", "1 B",
     "1460 B", NULL, "request line and headers", "ab's, from memory"},
    {"header_bytes", HD_PARAM_SIZE, FIELD(header_bytes), "240 B", "1 B",
     "64 KiB", NULL, "status line and headers of the response",
     "nginx's, from memory"},
    {"events", COST(events), "2500 cycles", "0 cycles", MAX, NULL,
     "worker: epoll_wait() and the event loop, per round", CONNECTION},
    {"accept", COST(accept), "7000 cycles", "0 cycles", MAX, NULL,
     "worker: accept4(), state of the connection, epoll_ctl()", CONNECTION},
    {"request", COST(request), "7000 cycles", "0 cycles", MAX, NULL,
     "worker: recv(), parsing, phases up to the file", CONNECTION},
    {"open", COST(open), "9000 cycles", "0 cycles", MAX, NULL,
     "worker: open(), fstat() and close() of the file", FILE_},
    {"send", COST(send), "9000 cycles", "0 cycles", MAX, NULL,
     "worker: response header, writev() and sendfile()", FILE_},
    {"page", COST(page), "1200 cycles", "0 cycles", MAX, NULL,
     "worker: sendfile(), per page of 4 KiB", FILE_},
    {"close", COST(close), "7000 cycles", "0 cycles", MAX, NULL,
     "worker: close() of the connection and its state", CONNECTION},
    {"tcp_segment", COST(tcp_segment), "1000 cycles", "0 cycles", MAX, NULL,
     "kernel: TCP, per received segment, beyond guest.receive_stack",
     CONNECTION},
    {"tcp_syn", COST(tcp_syn), "3000 cycles", "0 cycles", MAX, NULL,
     "kernel: a SYN, in addition", CONNECTION},
    {"tcp_establish", COST(tcp_establish), "5000 cycles", "0 cycles", MAX, NULL,
     "kernel: making the socket when the handshake is complete, in addition",
     CONNECTION},
    {"tcp_finish", COST(tcp_finish), "3000 cycles", "0 cycles", MAX, NULL,
     "kernel: the client's FIN and TIME-WAIT, in addition", CONNECTION},
    {"tcp_send", COST(tcp_send), "1500 cycles", "0 cycles", MAX, NULL,
     "kernel: TCP, IP and queueing discipline, per segment handed to the "
     "driver",
     CONNECTION},
    {"wake", COST(wake), "1500 cycles", "0 cycles", MAX, NULL,
     "kernel: waking a worker that waits for events", CONNECTION},
    {0}};

const struct hd_param_table nginx_param_table = {
    "nginx", "Costs of the web server and of TCP in a guest", nginx_params};
