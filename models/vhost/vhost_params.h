/* vhost_params.h - section "vhost": software network back ends of the host. */
#ifndef HD_MODELS_VHOST_VHOST_PARAMS_H
#define HD_MODELS_VHOST_VHOST_PARAMS_H

#include "sim/engine/param.h"

struct vhost_params {
  int64_t tx_ring, rx_ring; /* descriptors of the host's queue pairs */
  int64_t thread_switch;    /* cycles: context switch to a host thread */
  int64_t clean_descriptor; /* cycles: a completed transmit descriptor */
  int64_t log_page;         /* cycles: a page in the log of a migration */

  /* vhost-net */
  int64_t net_queues;       /* the host's queue pairs of a port, a NAPI thread
                               each */
  int64_t itr;              /* ps: throttling of their interrupts */
  int64_t tun_queue;        /* packets a tap queue holds */
  int64_t qdisc;            /* packets waiting for a full transmit ring */
  int64_t batch;            /* packets handed to the tap device together */
  int64_t weight_packets;   /* a work item ends after so many packets */
  int64_t weight_bytes;     /* or bytes */
  int64_t busyloop_timeout; /* ps of polling before it sleeps */
  int64_t kick_latency;     /* ps: eventfd's wake-up reaches the worker */
  int64_t work;             /* cycles: a work item: begin, end, notifications */
  int64_t descriptor;       /* cycles: take a chain and translate it */
  double copy_per_byte;     /* cycles */
  int64_t send_batch;       /* cycles: a sendmsg() to the tap device */
  int64_t tun_send;         /* cycles: a packet through the tap device */
  int64_t bridge;           /* cycles: receive path and bridge, a packet */
  int64_t transmit;         /* cycles: qdisc and NIC driver, a packet */
  int64_t used;             /* cycles: a used entry */
  int64_t napi_entry;       /* cycles: a poll */
  int64_t napi_budget;      /* packets of a poll */
  int64_t receive;          /* cycles: NIC driver, a packet, with refill */
  int64_t tun_enqueue;      /* cycles: into the tap queue */
  int64_t tun_wake;         /* cycles: wake the worker, once a poll */
  int64_t tun_receive;      /* cycles: recvmsg() of a packet, without copy */
  int64_t signal;           /* cycles: irqfd in the kernel */

  /* vhost-user */
  int64_t pmd_cores;         /* poll-mode threads */
  int64_t user_burst;        /* packets of a queue taken together */
  int64_t user_poll;         /* cycles: a queue that is empty */
  int64_t user_descriptor;   /* cycles: a chain of a virtqueue, with its used
                                entry */
  double user_copy_per_byte; /* cycles */
  int64_t user_forward;      /* cycles: look-up and bookkeeping, a packet */
  int64_t user_transmit;     /* cycles: NIC's poll-mode driver, a packet */
  int64_t user_receive;      /* cycles: the same, with refill */
  int64_t user_signal;       /* cycles: eventfd write() and irqfd */

  /* Un-IOV: relay of kicks where doorbells cannot be mapped */
  bool relay_shared;    /* one thread for all guests; false: one each */
  int64_t relay_wakeup; /* cycles: return from epoll_wait() */
  int64_t relay_kick;   /* cycles: read an eventfd, find the queue */
};

extern const struct hd_param_table vhost_param_table;

/* NULL, or what is wrong: rules across parameters. */
const char *vhost_params_refused(const struct vhost_params *p);

#endif
