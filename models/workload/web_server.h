/*
 * web_server.h - the guest's web server; for web_*.c and the guest's files.
 *
 * As nginx: worker processes that each wait for events of the listening socket
 * and of their connections. Connections are spread over the queue pairs; one is
 * handled, from its SYN to its end, on the vCPU of its queue pair, by a worker
 * there (as with workers pinned to the CPUs that take the interrupts, and the
 * listening socket's wake-ups exclusive). TCP runs in the poll function's
 * context (soft interrupt), and below system calls with soft interrupts off.
 *
 * A response is one transfer from the page cache: header and file leave
 * together (tcp_nopush), the socket's buffer holds them.
 */
#ifndef HD_MODELS_WORKLOAD_WEB_SERVER_H
#define HD_MODELS_WORKLOAD_WEB_SERVER_H

#include "models/network/tcp.h"
#include "models/workload/guest_internal.h"

enum { WEB_SOCKETS = 1024 /* buckets; a power of two */ };

struct web_socket {
  struct tcp tcp;
  uint32_t id;
  uint16_t queue;
  bool queued, closed;
  struct web_worker *worker; /* NULL: not accepted */
  struct web_socket *chain;  /* in its bucket */
  struct web_socket *next;   /* waiting to be accepted, or with an event */
};

struct web_list {
  struct web_socket *first, *last;
};

struct web_worker {
  struct web_list ready; /* connections with an event */
  bool woken;            /* by the listening socket */
};

struct web_cpu { /* of a vCPU */
  struct web_socket *table[WEB_SOCKETS];
  struct hd_pool pool;
  struct web_list listening; /* to be accepted */
  struct web_worker *workers;
  uint32_t count, running; /* index of the one that ran last */
  hd_time slice_end;
  hd_time timer; /* no connection's deadline is earlier */
};

/* ---- web_connections.c -----------------------------------------------------
 */

uint64_t web_server_memory(const struct guest_config *c); /* bytes; pure */
/* The file is at `address` in the guest's memory. */
void web_server_create(struct guest *g, uint64_t address);
void web_server_destroy(struct guest *g);
void web_push(struct web_list *l, struct web_socket *s);
struct web_socket *web_pop(struct web_list *l);
struct web_socket *web_find(struct web_cpu *w, uint32_t id);
struct web_socket *web_listen(struct guest_cpu *cpu, const struct packet *p);
/* Forgets a connection that has ended. */
void web_reap(struct web_cpu *w, struct web_socket *s);
/* When the kernel sees that a connection's deadline has passed: at a tick. */
hd_time web_tick(hd_time deadline);
/* Sends what the connection has to send, interrupts disabled. */
void web_transmit(struct guest_cpu *cpu, struct web_socket *s);
/* Sends one segment, of whatever connection. */
void web_send(struct guest_cpu *cpu, uint16_t queue, uint32_t connection,
              const struct tcp_segment *s);

/* ---- web_softirq.c ---------------------------------------------------------
 */

/* Handles the TCP packets that a poll has delivered; interrupts disabled. */
void web_softirq(struct guest_cpu *cpu);
/* Handles connections whose timers are due. */
void web_expire(struct guest_cpu *cpu);

/* ---- web_server.c ----------------------------------------------------------
 */

/* The workers of a vCPU. */
void web_server_run(struct guest_cpu *cpu);

#endif
