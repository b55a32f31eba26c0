/*
 * test_nic_interrupts.c - write-back batches and timers, interrupt throttling,
 * masking.
 *
 * A green run says when the device writes and interrupts. What an interrupt
 * then costs a guest is not seen here.
 */
#include "test_nic.h"

#define RUN (400 * HD_US)
/* Vectors are enabled this long before the first packet is sent. */
#define SETTLE (20 * HD_US)

static void enable_vectors(hd_time itr)
{
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++)
      write_register(NIC_VECTOR(VECTOR_OF(vm, q + 1)),
                     NIC_INT_CONTROL(itr / (2 * HD_US)), NULL);
}

static void one_packet(uint64_t unused)
{
  (void)unused;
  send_packets(0, 0, 1);
}

/* ---- throttling
 * --------------------------------------------------------------- */

static const hd_time intervals[] = {0, 10 * HD_US, 50 * HD_US};
static hd_time itr;

static void steady(void)
{
  enable_vectors(itr);
  for (uint64_t i = 0; i < 300; i++)
    at_host(SETTLE + (hd_time)i * HD_US, one_packet, 0);
}

static hd_time least_spacing(void)
{
  hd_time least = HD_TIME_NEVER;
  for (size_t i = 1; i < b.messages.n; i++)
    least = hd_time_min(least, b.messages.e[i].when - b.messages.e[i - 1].when);
  return least;
}

/* Software re-enables after 100 ns, so only the throttle holds interrupts back.
 * 1 ns: messages may be delayed on the link by what is before them. Without
 * throttling, a packet a microsecond gives an interrupt each. */
START_TEST(interrupts_keep_their_interval)
{
  itr = intervals[_i];
  bench_defaults(1, 1);
  b.txq[0][0].payload = 64;
  b.reenable = 100 * HD_NS;
  bench_build(HD_US);
  bench_run(steady, START + RUN);
  uint64_t expected = itr == 0 ? 300 : (uint64_t)(300 * HD_US / itr);
  ck_assert_int_ge(least_spacing(), itr - HD_NS);
  ck_assert_uint_ge(b.messages.n, expected);
  ck_assert_uint_le(b.messages.n, expected + 2);
  /* The first: doorbell, two reads, message; nothing waits. */
  hd_time path = 2 * (b.pcie.device_latency + b.pcie.propagation * 2 + ANSWER) +
                 b.pcie.port_latency + b.pcie.propagation + 20 * HD_NS +
                 b.pcie.device_latency + b.pcie.propagation;
  hd_time first = b.messages.e[0].when - START - SETTLE;
  ck_assert_int_ge(first, path);
  ck_assert_int_le(first, path + 20 * HD_NS); /* serialisation */
  bench_end();
}
END_TEST

START_TEST(interrupt_names_its_vector_and_carries_no_pasid)
{
  itr = 0;
  bench_defaults(1, 1);
  b.txq[0][0].payload = 64;
  bench_build(HD_US);
  bench_run(steady, START + RUN);
  const struct entry *e = &b.messages.e[0];
  ck_assert_uint_eq(e->address, PCIE_MSI_BASE);
  ck_assert_uint_eq(e->data, HANDLE_OF(VECTOR_OF(0, 1)));
  ck_assert_uint_eq(e->requester, 0x0100);
  ck_assert_uint_eq(e->flags & PCIE_HAS_PASID, 0);
  ck_assert_uint_eq(e->length, 4);
  /* Behind the write-back that it is for, which does carry one. */
  ck_assert_int_lt(b.write_backs.e[0].when, e->when);
  ck_assert_uint_ne(b.write_backs.e[0].flags & PCIE_HAS_PASID, 0);
  bench_end();
}
END_TEST

/* ---- interrupt store
 * ------------------------------------------------------ */

enum { STORED = 2048 + 16384 - 2 }; /* the last two messages of the store */

static void stored_vector_is_enabled(uint64_t unused)
{
  (void)unused;
  ck_assert_uint_eq(b.messages.n, 0); /* masked until software allows it */
  write_register(NIC_VECTOR(STORED + 1), NIC_INT_CONTROL(0), NULL);
}

static void one_packet_masked_then_not(void)
{
  at_host(SETTLE, one_packet, 0);
  at_host(50 * HD_US, stored_vector_is_enabled, 0);
}

/* A message of the store is a vector as any other: its control register is
 * where the device has it, beyond the MSI-X table's 2048, it is masked and
 * unmasked, and names the remapping handle that it was given. */
START_TEST(stored_message_is_delivered)
{
  bench_defaults(1, 1);
  b.nic_params.interrupt_store = NIC_STORE_DEVICE_MEMORY;
  b.nic_params.interrupt_messages = 16384;
  b.txq[0][0].payload = 64;
  b.reenable = -1;
  bench_build(HD_US);
  b.interface[0].first_vector = STORED;
  b.interface[0].first_handle = 50000;
  bench_run(one_packet_masked_then_not, START + 100 * HD_US);
  ck_assert_uint_eq(b.messages.n, 1);
  ck_assert_uint_eq(b.messages.e[0].data, 50001);
  ck_assert_int_ge(b.messages.e[0].when, START + 50 * HD_US);
  ck_assert_int_le(b.messages.e[0].when, START + 51 * HD_US);
  bench_end();
}
END_TEST

static void nothing(void)
{
}

/* Without a store the numbers end with the table: run_script() would find the
 * command failed. */
START_TEST(no_store_no_such_vectors)
{
  bench_defaults(1, 1);
  b.nic_params.interrupt_store = _i ? NIC_STORE_DEVICE_MEMORY : NIC_STORE_TABLE;
  b.nic_params.interrupt_messages = 1000;
  bench_build(HD_US);
  b.interface[0].first_vector = _i ? 2048 + 1000 - 1 : 2048 - 1;
  b.interface[0].first_handle = 2000;
  bench_run(nothing, START - HD_US);
  ck_assert_int_eq(b.commands_done, 2);
  ck_assert(b.command[0].failed);
  bench_end();
}
END_TEST

/* The pages of all registers are apart, and lead back to their numbers. */
START_TEST(register_pages_are_apart)
{
  for (uint32_t i = 0; i < 16384; i++) {
    ck_assert_uint_eq(
        nic_index_of(NIC_VECTOR(i) + 4, NIC_VECTOR_BASE, NIC_VECTOR_MORE), i);
    ck_assert_uint_eq(
        nic_index_of(NIC_RX_TAIL(i), NIC_RX_TAIL_BASE, NIC_RX_TAIL_MORE), i);
    ck_assert_uint_ge(
        nic_index_of(NIC_VECTOR(i), NIC_RX_TAIL_BASE, NIC_RX_TAIL_MORE), 16384);
    ck_assert_uint_ge(
        nic_index_of(NIC_TX_TAIL(i), NIC_RX_TAIL_BASE, NIC_RX_TAIL_MORE),
        16384);
  }
  ck_assert_uint_lt(NIC_VECTOR(2048 + 65535), NIC_BAR_END);
}
END_TEST

/* ---- masking
 * ---------------------------------------------------------------------- */

static void enable_again(uint64_t unused)
{
  (void)unused;
  enable_vectors(itr);
}

static void steady_and_late_enable(void)
{
  steady();
  at_host(200 * HD_US + 500 * HD_NS, enable_again, 0);
}

/* Fires once, then not until software allows it, then at once: the cause came
 * meanwhile. */
START_TEST(masked_until_enabled_again)
{
  itr = 10 * HD_US;
  bench_defaults(1, 1);
  b.txq[0][0].payload = 64;
  bench_build(HD_US);
  bench_run(steady_and_late_enable, START + RUN);
  ck_assert_uint_eq(b.messages.n, 2);
  hd_time path = b.pcie.port_latency + b.pcie.device_latency +
                 2 * b.pcie.propagation + b.nic_params.doorbell_latency;
  hd_time late = b.messages.e[1].when - (START + 200 * HD_US + 500 * HD_NS);
  ck_assert_int_ge(late, path);
  ck_assert_int_le(late, path + 4 * HD_NS); /* serialisation of four TLPs */
  bench_end();
}
END_TEST

static void without_enable(void)
{
  for (uint64_t i = 0; i < 50; i++)
    at_host(SETTLE + (hd_time)i * HD_US, one_packet, 0);
}

START_TEST(never_enabled_never_fires)
{
  bench_defaults(1, 1);
  b.txq[0][0].payload = 64;
  bench_build(HD_US);
  bench_run(without_enable, START + RUN);
  ck_assert_uint_eq(b.messages.n, 0);
  ck_assert_uint_eq(b.txq[0][0].completed, 50);
  bench_end();
}
END_TEST

/* ---- write-back
 * ------------------------------------------------------------------- */

static void burst(void)
{
  send_packets(0, 0, 21);
}

/* 21 completions in a burst: batches of 8, 8, and 5 when the timer is over. 16
 * B descriptors: four to a line, so 2 + 2 + 2 writes. */
START_TEST(write_back_in_batches)
{
  static const uint32_t length[] = {64, 64, 64, 64, 64, 16};
  bench_defaults(1, 1);
  b.txq[0][0].payload = 64;
  bench_build(HD_US);
  bench_run(burst, START + RUN);
  ck_assert_uint_eq(b.write_backs.n, 6);
  for (size_t i = 0; i < 6; i++) {
    const struct entry *e = &b.write_backs.e[i];
    ck_assert_uint_eq(e->length, length[i]);
    ck_assert_uint_eq(e->address, RING_OF(0, 0, 0) + i * 64);
    ck_assert_uint_eq(e->observer, i % 2 ? 0 : PCIE_NO_OBSERVER);
    if (i % 2)
      ck_assert_uint_eq(NIC_EVENT_VALUE(e->data), i < 5 ? (i + 1) * 4 : 21);
  }
  ck_assert_int_gt(b.write_backs.e[5].when - b.write_backs.e[3].when,
                   3 * HD_US);
  bench_end();
}
END_TEST

/* When the write-back of a single packet arrives, with the timer in ns. */
static double write_back_after(int timer)
{
  bench_defaults(1, 1);
  b.txq[0][0].payload = 64;
  b.nic_params.write_back_timer = timer * HD_NS;
  bench_build(HD_US);
  bench_run(burst, START + RUN);
  return (double)b.write_backs.e[b.write_backs.n - 1].when;
}

/* The last five wait for the timer from the first of them on. A timer of 1 us
 * or of 4 us makes 3 us of difference; 1 ns for DLLPs that may be in the way.
 */
START_TEST(write_back_timer_is_exact)
{
  double difference =
      in_child(write_back_after, 4000) - in_child(write_back_after, 1000);
  ck_assert_double_eq_tol(difference, 3e6, 1e3);
}
END_TEST

static void two_bursts(void)
{
  send_packets(0, 0, 1);
  for (uint64_t i = 0; i < 12; i++)
    at_host((hd_time)(i + 1) * 900 * HD_NS, one_packet, 0);
}

/* 13 completions 900 ns apart, timer 4 us, batch 100: the first waits 4 us, and
 * takes those of 0.9, 1.8, 2.7, 3.6 us along; the next oldest is that of 4.5.
 */
START_TEST(timer_counts_from_the_oldest)
{
  bench_defaults(1, 1);
  b.txq[0][0].payload = 64;
  b.nic_params.write_back_batch = 100;
  bench_build(HD_US);
  bench_run(two_bursts, START + RUN);
  hd_time first = 0, last = 0;
  unsigned told = 0;
  for (size_t i = 0; i < b.write_backs.n; i++) {
    const struct entry *e = &b.write_backs.e[i];
    if (e->observer == PCIE_NO_OBSERVER)
      continue;
    static const uint32_t value[] = {5, 10, 13};
    ck_assert_uint_lt(told, 3);
    ck_assert_uint_eq(NIC_EVENT_VALUE(e->data), value[told++]);
    if (told > 1)
      ck_assert_int_le(llabs(e->when - last - 4500 * HD_NS), HD_NS);
    else
      first = e->when;
    last = e->when;
  }
  ck_assert_uint_eq(told, 3);
  ck_assert_int_gt(first, START + 4 * HD_US);
  bench_end();
}
END_TEST

/* An interrupt about to fire takes along what is complete. */
static void few_with_interrupt(void)
{
  enable_vectors(50 * HD_US);
  at_host(SETTLE, one_packet, 0);
  for (uint64_t i = 0; i < 3; i++)
    at_host(SETTLE + (hd_time)(i + 1) * HD_US, one_packet, 0);
}

START_TEST(interrupt_writes_back_what_is_complete)
{
  bench_defaults(1, 1);
  b.txq[0][0].payload = 64;
  b.reenable = HD_US;
  b.nic_params.write_back_timer = 10 * HD_MS;
  bench_build(HD_US);
  bench_run(few_with_interrupt, START + RUN);
  ck_assert_uint_eq(b.messages.n, 2);
  ck_assert_uint_eq(b.txq[0][0].completed, 4);
  ck_assert_int_le(
      llabs(b.messages.e[1].when - b.messages.e[0].when - 50 * HD_US), HD_NS);
  ck_assert_uint_eq(b.write_backs.n, 2);
  ck_assert_int_lt(b.messages.e[1].when - b.write_backs.e[1].when, 2 * HD_NS);
  bench_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("nic interrupts");
  TCase *t = tcase_create("interrupts");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, interrupts_keep_their_interval, 0, 3);
  tcase_add_test(t, stored_message_is_delivered);
  tcase_add_loop_test(t, no_store_no_such_vectors, 0, 2);
  tcase_add_test(t, register_pages_are_apart);
  tcase_add_test(t, interrupt_names_its_vector_and_carries_no_pasid);
  tcase_add_test(t, masked_until_enabled_again);
  tcase_add_test(t, never_enabled_never_fires);
  tcase_add_test(t, write_back_in_batches);
  tcase_add_test(t, write_back_timer_is_exact);
  tcase_add_test(t, timer_counts_from_the_oldest);
  tcase_add_test(t, interrupt_writes_back_what_is_complete);
  suite_add_tcase(s, t);
  return run_suite(s);
}
