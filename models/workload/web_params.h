/* web_params.h - workload web_server, and what its software costs. */
#ifndef HD_MODELS_WORKLOAD_WEB_PARAMS_H
#define HD_MODELS_WORKLOAD_WEB_PARAMS_H

#include "sim/engine/param.h"

/* nginx without keep-alive in the guest, ab -c CONCURRENCY in the client. */
struct web_server_params {
  int64_t file;        /* bytes, of the one file asked for */
  int64_t workers;     /* processes */
  int64_t concurrency; /* requests under way */
  int64_t requests;    /* in all; 0: as many as the run has time for */
};

/* Section "nginx": costs in cycles, sizes in bytes. */
struct nginx_params {
  int64_t request_bytes, header_bytes; /* HTTP, on the connection */
  /* worker */
  int64_t events;  /* epoll_wait() and the event loop, per round */
  int64_t accept;  /* accept4(), the connection's state, epoll_ctl() */
  int64_t request; /* recv() and parsing to the handler of static files */
  int64_t open;    /* open(), fstat(), close() of the file */
  int64_t send;    /* header, writev() and sendfile() */
  int64_t page;    /* sendfile(): per page of 4 KiB */
  int64_t close;   /* close() of the connection and its state */
  /* kernel's TCP, beyond guest.receive_stack */
  int64_t tcp_segment;   /* received */
  int64_t tcp_syn;       /* in addition: a SYN */
  int64_t tcp_establish; /* the ACK that completes the handshake */
  int64_t tcp_finish;    /* the client's FIN */
  int64_t tcp_send;      /* per segment handed to the driver */
  int64_t wake;          /* waking a worker */
};

extern const struct hd_param_table web_server_param_table, nginx_param_table;

#endif
