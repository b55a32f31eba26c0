/* tcp_receive.c - what an arriving segment does to a connection. */
#include "models/network/tcp.h"

#define MSS ((uint32_t)PACKET_TCP_MSS)

enum { DUPLICATES = 3 }; /* that mean a loss: RFC 5681, 3.2 */

/* ---- round-trip time ---------------------------------------------------- */

/* RFC 6298, 2. */
static void measure(struct tcp *t, hd_time now)
{
  if (!t->timing || t->una < t->timed)
    return;
  hd_time rtt = now - t->timed_at;
  t->timing = false;
  if (t->srtt == 0) {
    t->srtt = rtt;
    t->variance = rtt / 2;
  } else {
    hd_time error = rtt > t->srtt ? rtt - t->srtt : t->srtt - rtt;
    t->variance += (error - t->variance) / 4;
    t->srtt += (rtt - t->srtt) / 8;
  }
}

/* What is acknowledged ends the backoff, as in Linux. */
static void reset_timeout(struct tcp *t)
{
  t->rto = t->params->rto_initial;
  if (t->srtt > 0)
    t->rto = hd_time_max(t->srtt + 4 * t->variance, t->params->rto_min);
}

/* ---- acknowledgements --------------------------------------------------- */

static void grow(struct tcp *t, uint32_t acknowledged)
{
  uint32_t more = acknowledged;
  if (t->window >= t->threshold)
    more = (uint32_t)((uint64_t)MSS * acknowledged / t->window);
  if (t->window < TCP_BYTES_MAX)
    t->window += more;
}

/* RFC 6582: a partial acknowledgement shows the next hole. */
static void recover(struct tcp *t, uint32_t acknowledged)
{
  if (t->una >= t->recover) {
    t->recovering = false;
    t->window = t->threshold;
    return;
  }
  t->repeat = true;
  t->window -= acknowledged < t->window - MSS ? acknowledged : t->window - MSS;
  t->window += MSS;
}

static void advance(struct tcp *t, uint32_t to, hd_time now)
{
  uint32_t acknowledged = to - t->una;
  bool syn = t->una == 0;
  t->una = to;
  if (t->next < to) /* what was sent again had arrived after all */
    t->next = to;
  t->duplicates = 0;
  t->established = true;
  measure(t, now);
  reset_timeout(t);
  if (t->recovering)
    recover(t, acknowledged);
  else if (!syn || acknowledged > 1)
    grow(t, acknowledged);
  tcp_restart_timer(t, now);
}

static void lose(struct tcp *t)
{
  uint32_t flight = t->next - t->una;
  t->threshold = flight / 2 > 2 * MSS ? flight / 2 : 2 * MSS;
  t->window = t->threshold + DUPLICATES * MSS;
  t->recovering = t->repeat = true;
  t->recover = t->highest;
}

static void duplicate(struct tcp *t)
{
  t->duplicates++;
  if (t->recovering)
    t->window += MSS;
  else if (t->duplicates == DUPLICATES)
    lose(t);
}

static void acknowledged(struct tcp *t, const struct tcp_segment *s,
                         hd_time now)
{
  if (!(s->flags & PACKET_TCP_ACK))
    return;
  bool bare = s->length == 0 && !(s->flags & (PACKET_TCP_SYN | PACKET_TCP_FIN));
  if (s->acknowledgement > t->una && s->acknowledgement <= t->highest)
    advance(t, s->acknowledgement, now);
  else if (bare && s->acknowledgement == t->una && t->next > t->una &&
           t->una > 0)
    duplicate(t);
}

/* ---- data --------------------------------------------------------------- */

/* Keeps what lies beyond a hole; forgets it when there are too many holes. */
static void keep(struct tcp *t, struct tcp_range r)
{
  unsigned i = 0, j;
  while (i < t->gaps && t->gap[i].to < r.from)
    i++;
  for (j = i; j < t->gaps && t->gap[j].from <= r.to; j++) {
    r.from = t->gap[j].from < r.from ? t->gap[j].from : r.from;
    r.to = t->gap[j].to > r.to ? t->gap[j].to : r.to;
  }
  unsigned rest = t->gaps - j;
  if (i + 1 + rest > TCP_GAPS)
    return;
  for (unsigned k = 0; k < rest; k++) {
    unsigned from = i == j ? t->gaps - 1 - k : j + k;
    unsigned to = i == j ? t->gaps - k : i + 1 + k;
    t->gap[to] = t->gap[from];
  }
  t->gap[i] = r;
  t->gaps = i + 1 + rest;
}

static void absorb(struct tcp *t)
{
  unsigned n = 0;
  while (n < t->gaps && t->gap[n].from <= t->received) {
    if (t->gap[n].to > t->received)
      t->received = t->gap[n].to;
    n++;
  }
  for (unsigned i = n; i < t->gaps; i++)
    t->gap[i - n] = t->gap[i];
  t->gaps -= n;
}

/* Two segments, or the first ones of a connection, are acknowledged at once. */
static void note_in_order(struct tcp *t, uint32_t length, hd_time now)
{
  uint32_t segments = (length + MSS - 1) / MSS;
  t->unacknowledged += segments;
  if (t->unacknowledged >= 2 || t->quick > 0)
    t->ack_due = true;
  else if (t->ack_deadline == HD_TIME_NEVER)
    t->ack_deadline = now + t->params->delayed_ack;
  t->quick -= segments < t->quick ? segments : t->quick;
}

/* The FIN counts as a number after the data. */
static void data(struct tcp *t, const struct tcp_segment *s, hd_time now)
{
  bool fin = s->flags & PACKET_TCP_FIN;
  uint32_t to = s->sequence + s->length + fin;
  if (to == s->sequence)
    return;
  if (fin)
    t->fin_at = to - 1;
  if (to <= t->received) {
    t->ack_due = true; /* an acknowledgement was lost */
  } else if (s->sequence > t->received) {
    keep(t, (struct tcp_range){s->sequence, to});
    t->ack_due = true;
  } else {
    bool holes = t->gaps > 0;
    t->received = to;
    absorb(t);
    if (s->length > 0)
      note_in_order(t, s->length, now);
    t->ack_due |= holes || fin;
  }
}

static void synchronise(struct tcp *t)
{
  if (t->received == 0) {
    t->received = 1;
    if (!t->passive)
      t->ack_due = true;
  } else if (t->passive && t->una == 0) {
    t->next = 0; /* our answer was lost */
  } else {
    t->ack_due = true;
  }
}

void tcp_receive(struct tcp *t, const struct tcp_segment *s, hd_time now)
{
  if (s->flags & PACKET_TCP_SYN)
    synchronise(t);
  if (t->received == 0)
    return;
  acknowledged(t, s, now);
  if (!(s->flags & PACKET_TCP_SYN))
    data(t, s, now);
}

/* ---- application -------------------------------------------------------- */

static uint32_t data_end(const struct tcp *t)
{
  return t->received > t->fin_at ? t->fin_at : t->received;
}

uint32_t tcp_readable(const struct tcp *t)
{
  return t->received == 0 ? 0 : data_end(t) - 1 - t->read;
}

void tcp_read(struct tcp *t, uint32_t bytes)
{
  HD_REQUIRE(NULL, bytes <= tcp_readable(t), "%u B read of %u", bytes,
             tcp_readable(t));
  t->read += bytes;
}

bool tcp_at_end(const struct tcp *t)
{
  return t->received > t->fin_at && tcp_readable(t) == 0;
}
