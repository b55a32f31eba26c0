/* web_load_params.c - section "apache_bench": the load generator's costs. */
#include "models/network/web_load.h"

#define FIELD(f) offsetof(struct apache_bench_params, f)
#define TIME(f) HD_PARAM_TIME, FIELD(f)
#define MAX "10 ms"
#define AB                                                                     \
  "estimated from memory: without keep-alive ab makes 20 to 40 thousand "      \
  "requests/s, whatever the server; the steps sum to 26 us a small request"
#define KERNEL "estimated from memory: 1 to 2 million packets/s a core"

static const struct hd_param params[] = {
    {"connect", TIME(connect), "8 us", "1 ns", MAX, NULL,
     "Thread: socket(), connect() with its SYN, registration for poll()", AB},
    {"send", TIME(send), "5 us", "1 ns", MAX, NULL,
     "Thread: writing the request, with its transmission", AB},
    {"read", TIME(read), "1200 ns", "1 ns", MAX, NULL,
     "Thread: a read of the response, without the copy", AB},
    {"close", TIME(close), "6 us", "1 ns", MAX, NULL,
     "Thread: close() with its FIN, and the books of the request", AB},
    {"poll", TIME(poll), "1500 ns", "1 ns", MAX, NULL,
     "Thread: poll() and the event loop, per event", AB},
    {"copy_per_byte", HD_PARAM_REAL, FIELD(copy_per_byte), "0.1", "0", "100",
     NULL, "Thread: ns per byte copied from the kernel",
     "estimated from memory: 10 GB/s"},
    {"read_buffer", HD_PARAM_SIZE, FIELD(read_buffer), "8192 B", "1 B", "1 MiB",
     NULL, "Bytes that a read takes at most",
     "ab's CBUFFSIZE and buffer, from memory"},
    {"wake_up", TIME(wake_up), "3 us", "1 ns", MAX, NULL,
     "Event to the sleeping thread's return from poll()",
     "estimated from memory"},
    {"receive_cores", HD_PARAM_INT, FIELD(receive_cores), "4", "1", "256", NULL,
     "Cores of the client's kernel that receive frames, by connection",
     "HD-IOV artifact: the client's CPU is not constrained"},
    {"interrupt", TIME(interrupt), "4 us", "1 ns", MAX, NULL,
     "Frame's arrival to the start of the kernel's poll: interrupt moderation "
     "and handler; more frames come meanwhile",
     "estimated from memory"},
    {"frame", TIME(frame), "150 ns", "1 ns", MAX, NULL,
     "Receive core: driver and merging, per frame", KERNEL},
    {"segment", TIME(segment), "700 ns", "1 ns", MAX, NULL,
     "Receive core: IP, TCP and wake-up, per merged segment", KERNEL},
    {"ack", TIME(ack), "400 ns", "1 ns", MAX, NULL,
     "Receive core: sending a segment in answer", KERNEL},
    {0}};

const struct hd_param_table apache_bench_param_table = {
    "apache_bench",
    "The client's closed-loop load generator, for workload web_server", params};
