/* tcp.c - the sending side of a connection, timers, and packets. */
#include "models/network/tcp.h"

#define MSS ((uint32_t)PACKET_TCP_MSS)
#define RTO_MAX (120 * HD_S) /* RFC 6298, 2.5; Linux TCP_RTO_MAX */

static uint32_t least(uint32_t a, uint32_t b)
{
  return a < b ? a : b;
}

void tcp_initialize(struct tcp *t, const struct tcp_params *p, bool passive)
{
  *t = (struct tcp){.params = p,
                    .passive = passive,
                    .end = 1,
                    .window = (uint32_t)p->initial_window * MSS,
                    .threshold = UINT32_MAX,
                    .rto = p->rto_initial,
                    .deadline = HD_TIME_NEVER,
                    .fin_at = UINT32_MAX,
                    .quick = (uint32_t)p->quick_acks,
                    .ack_deadline = HD_TIME_NEVER};
}

/* ---- application -------------------------------------------------------- */

void tcp_write(struct tcp *t, uint32_t bytes)
{
  HD_REQUIRE(NULL, !t->fin && t->end + bytes < TCP_BYTES_MAX,
             "a write of %u B to a connection that is closed or full", bytes);
  t->end += bytes;
}

void tcp_close(struct tcp *t)
{
  t->fin = true;
}

/* The number after all that this end will send so far. */
static uint32_t last_number(const struct tcp *t)
{
  return t->end + (t->fin ? 1 : 0);
}

bool tcp_finished(const struct tcp *t)
{
  return t->fin && t->una == t->end + 1 && t->fin_at != UINT32_MAX &&
         t->received > t->fin_at && !t->ack_due;
}

/* ---- output ------------------------------------------------------------- */

/* Fills in what every segment carries, and notes that it has gone. */
static void emit(struct tcp *t, hd_time now, struct tcp_segment *s)
{
  uint32_t numbers = s->length;
  if (s->flags & (PACKET_TCP_SYN | PACKET_TCP_FIN))
    numbers++;
  if (t->received > 0) {
    s->flags |= PACKET_TCP_ACK;
    s->acknowledgement = t->received;
  }
  t->ack_due = false;
  t->unacknowledged = 0;
  t->ack_deadline = HD_TIME_NEVER;
  if (numbers == 0)
    return;
  uint32_t after = s->sequence + numbers;
  if (s->sequence < t->highest) {
    t->retransmissions += s->length > MSS ? (s->length + MSS - 1) / MSS : 1;
    t->timing = false; /* Karn: an answer could be to either */
  } else if (!t->timing) {
    t->timing = true;
    t->timed = after;
    t->timed_at = now;
  }
  if (after > t->highest)
    t->highest = after;
  if (t->deadline == HD_TIME_NEVER)
    t->deadline = now + t->rto;
}

static bool output_syn(struct tcp *t, struct tcp_segment *s)
{
  if (t->next > 0 || (t->passive && t->received == 0))
    return false;
  s->flags = PACKET_TCP_SYN;
  t->next = 1;
  return true;
}

/* The lost segment of a recovery. */
static bool output_repeat(struct tcp *t, struct tcp_segment *s)
{
  if (!t->repeat)
    return false;
  t->repeat = false;
  s->sequence = t->una;
  s->length = least(MSS, t->end > t->una ? t->end - t->una : 0);
  if (t->fin && t->una + s->length == t->end && t->highest > t->end)
    s->flags = PACKET_TCP_FIN;
  return s->length > 0 || s->flags != 0;
}

/* Whole segments, but for the last of what has been written. */
static bool output_data(struct tcp *t, struct tcp_segment *s)
{
  if (!t->established || t->next >= last_number(t))
    return false;
  uint32_t flight = t->next - t->una;
  uint32_t room = t->window > flight ? t->window - flight : 0;
  uint32_t left = t->end > t->next ? t->end - t->next : 0;
  uint32_t n = least(least(left, room), (uint32_t)t->params->segmentation);
  if (n < left)
    n -= n % MSS;
  bool fin = t->fin && n == left && (n > 0 || room > 0);
  if (n == 0 && !fin)
    return false;
  s->sequence = t->next;
  s->length = n;
  s->flags = fin ? PACKET_TCP_FIN : 0;
  t->next += n + fin;
  return true;
}

bool tcp_output(struct tcp *t, hd_time now, struct tcp_segment *s)
{
  *s = (struct tcp_segment){0};
  if (!output_syn(t, s) && !output_repeat(t, s) && !output_data(t, s)) {
    if (!t->ack_due)
      return false;
    s->sequence = t->next;
  }
  emit(t, now, s);
  return true;
}

/* ---- timers ------------------------------------------------------------- */

void tcp_restart_timer(struct tcp *t, hd_time now)
{
  t->deadline = t->next > t->una ? now + t->rto : HD_TIME_NEVER;
}

hd_time tcp_deadline(const struct tcp *t)
{
  return t->deadline < t->ack_deadline ? t->deadline : t->ack_deadline;
}

/* RFC 5681, 3.1 and RFC 6298, 5.4 ff.: everything outstanding is sent again,
 * from one segment on. */
static void time_out(struct tcp *t)
{
  uint32_t flight = t->next - t->una;
  t->threshold = flight / 2 > 2 * MSS ? flight / 2 : 2 * MSS;
  t->window = MSS;
  t->next = t->una;
  t->duplicates = 0;
  t->recovering = t->repeat = t->timing = false;
  t->rto = hd_time_min(2 * t->rto, RTO_MAX);
  t->deadline = HD_TIME_NEVER; /* set by the output */
}

void tcp_expire(struct tcp *t, hd_time now)
{
  if (t->ack_deadline <= now) {
    t->ack_due = true;
    t->ack_deadline = HD_TIME_NEVER;
  }
  if (t->deadline <= now)
    time_out(t);
}

/* ---- packets ------------------------------------------------------------ */

bool tcp_answer_stray(const struct tcp_segment *s, struct tcp_segment *answer)
{
  if (!(s->flags & PACKET_TCP_FIN))
    return false;
  *answer = (struct tcp_segment){.sequence = s->acknowledgement,
                                 .acknowledgement = s->sequence + s->length + 1,
                                 .flags = PACKET_TCP_ACK};
  return true;
}

struct tcp_segment tcp_segment_of(const struct packet *p)
{
  return (struct tcp_segment){.sequence = (uint32_t)p->sequence,
                              .acknowledgement = p->acknowledgement,
                              .length = p->payload,
                              .flags = p->tcp_flags};
}

void tcp_fill(struct packet *p, uint32_t connection,
              const struct tcp_segment *s)
{
  p->kind = PACKET_TCP;
  p->tcp_flags = s->flags;
  p->connection = connection;
  p->sequence = s->sequence;
  p->acknowledgement = s->acknowledgement;
  p->payload = s->length;
  p->frame = packet_tcp_frame_bytes(s->length);
}
