/*
 * tcp.h - one end of a TCP connection, as far as short transfers need it.
 *
 * A pure state machine: time is an argument, segments go in and out, costs and
 * packets are the caller's. The same code serves the guest and the client.
 *
 * What it has (RFC 9293, 5681, 6298, 6582): three-way handshake, FIN both ways,
 * sequence numbers, initial window, slow start and congestion avoidance, fast
 * retransmit and NewReno recovery, retransmission timer with backoff, delayed
 * acknowledgements with quick ones at the start of a connection, reassembly.
 * What it has not: receive window and send buffer (never full), selective
 * acknowledgement, timestamps, pacing, CUBIC's growth.
 *
 * Sequence numbers count from 0, which is the SYN's; byte i of the data has
 * number 1 + i; the FIN follows the data. A connection carries less than
 * TCP_BYTES_MAX each way. Windows are in bytes.
 */
#ifndef HD_MODELS_NETWORK_TCP_H
#define HD_MODELS_NETWORK_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "models/network/packet.h"
#include "sim/engine/param.h"

struct tcp_params {
  int64_t initial_window; /* segments */
  int64_t segmentation;   /* bytes handed to the device at once, at most */
  int64_t quick_acks;     /* segments acknowledged at once after the start */
  int64_t delayed_ack;    /* ps */
  int64_t rto_initial, rto_min;
};
extern const struct hd_param_table tcp_param_table;

enum { TCP_GAPS = 16 };
#define TCP_BYTES_MAX (UINT32_C(1) << 30)

struct tcp_segment {
  uint32_t sequence, acknowledgement, length; /* length: of data */
  uint8_t flags;                              /* enum packet_tcp_flag */
};

struct tcp_range {
  uint32_t from, to;
};

struct tcp { /* fields are tcp*.c's */
  const struct tcp_params *params;
  bool passive;     /* the end that was called */
  bool established; /* our SYN is acknowledged */
  /* sending */
  uint32_t una, next, highest; /* not acknowledged, to be sent, ever sent */
  uint32_t end;                /* after the data written */
  bool fin;                    /* follows the data */
  uint32_t window, threshold;  /* congestion window, slow-start threshold */
  uint32_t duplicates, recover;
  bool recovering, repeat; /* repeat: the segment at `una` is due again */
  hd_time rto, srtt, variance, deadline; /* of the retransmission timer */
  bool timing;                           /* a segment is being timed */
  uint32_t timed;
  hd_time timed_at;
  uint32_t retransmissions; /* segments of at most PACKET_TCP_MSS */
  /* receiving */
  uint32_t received; /* next number expected; 0: no SYN yet */
  uint32_t read;     /* bytes that the application has taken */
  uint32_t fin_at;   /* number of the peer's FIN; UINT32_MAX: unknown */
  struct tcp_range gap[TCP_GAPS]; /* received beyond a hole, in order */
  unsigned gaps;
  bool ack_due;
  uint32_t unacknowledged, quick; /* segments */
  hd_time ack_deadline;
};

/* Active: the end that calls; its SYN is the first output. */
void tcp_initialize(struct tcp *t, const struct tcp_params *p, bool passive);

/* ---- application --------------------------------------------------------- */
void tcp_write(struct tcp *t, uint32_t bytes);
void tcp_close(struct tcp *t); /* after what has been written */
uint32_t tcp_readable(const struct tcp *t);
void tcp_read(struct tcp *t, uint32_t bytes); /* at most tcp_readable() */
/* Everything has been read and the peer has closed. */
bool tcp_at_end(const struct tcp *t);

/* ---- network --------------------------------------------------------------
 */
/* A segment has arrived, perhaps of several frames merged. */
void tcp_receive(struct tcp *t, const struct tcp_segment *s, hd_time now);
/* The next segment to send; false: none. Call until false after anything that
 * changes the connection. Longer than PACKET_TCP_MSS: to be segmented. */
bool tcp_output(struct tcp *t, hd_time now, struct tcp_segment *s);
/* When tcp_expire() is due; HD_TIME_NEVER: not. */
hd_time tcp_deadline(const struct tcp *t);
void tcp_expire(struct tcp *t, hd_time now);
/* Both ends have closed and know it; nothing is left to be sent. */
bool tcp_finished(const struct tcp *t);

/* The answer to a segment whose connection is gone, as TIME-WAIT gives it;
 * false: none. */
bool tcp_answer_stray(const struct tcp_segment *s, struct tcp_segment *answer);

/* ---- packets ---------------------------------------------------------------
 */
struct tcp_segment tcp_segment_of(const struct packet *p);
/* Sets what of a packet follows from the segment: kind, sizes, numbers. */
void tcp_fill(struct packet *p, uint32_t connection,
              const struct tcp_segment *s);

/* tcp_receive.c, for tcp.c */
void tcp_restart_timer(struct tcp *t, hd_time now);

#endif
