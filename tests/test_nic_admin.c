/*
 * test_nic_admin.c - the administration queue: latency, order, effects,
 * refusals; interfaces' lives.
 */
#include "test_nic.h"

#define COST (40 * HD_US)
#define END (START + 2 * HD_MS)

/* ---- latency and order
 * --------------------------------------------------------- */

static void three_commands(void)
{
  for (int i = 0; i < 3; i++)
    issue(command(NIC_SET_PASID, 0));
}

/* From the first doorbell to each of three answers, in ps, at a given cost. */
static double answered(int which)
{
  bench_defaults(1, 1);
  b.nic_params.admin_cost = which / 10 * HD_US;
  bench_build(HD_US);
  bench_run(three_commands, END);
  ck_assert_uint_eq(b.admin.n, 5);
  for (size_t i = 0; i < 5; i++) {
    ck_assert_uint_eq(b.admin.e[i].length, 32);
    ck_assert_uint_eq(b.admin.e[i].requester, 0x0100);
    ck_assert_uint_eq(b.admin.e[i].flags & PCIE_HAS_PASID, 0);
    ck_assert_uint_eq(b.payloads.e[i].length, 32);
  }
  return (double)(b.admin.e[2 + which % 10].when - START);
}

/* Serial: the n-th answer takes n times the cost longer when a command costs
 * 40 us than when it costs 10. 1 ns for DLLPs in the way. */
START_TEST(commands_are_serial_and_cost_exactly)
{
  for (int i = 0; i < 3; i++) {
    double difference =
        in_child(answered, 400 + i) - in_child(answered, 100 + i);
    ck_assert_double_eq_tol(difference, 30e6 * (i + 1), 1e3);
  }
}
END_TEST

/* One command: doorbell, fetch, cost, write-back. Below 5 ns of serialisation.
 */
START_TEST(latency_of_a_command)
{
  bench_defaults(1, 1);
  hd_time down =
      b.pcie.port_latency + b.pcie.propagation + b.nic_params.doorbell_latency;
  hd_time path = down + 2 * (b.pcie.device_latency + b.pcie.propagation) +
                 ANSWER + b.pcie.propagation + COST;
  double measured = in_child(answered, 400);
  ck_assert_double_ge(measured, (double)path);
  ck_assert_double_le(measured, (double)(path + 5 * HD_NS));
}
END_TEST

static void big_command(void)
{
  struct nic_command *c = command(NIC_CLEAR_PASID, 0);
  c->bytes = 1000;
  issue(c);
}

START_TEST(buffer_is_fetched_with_the_command)
{
  bench_defaults(1, 1);
  bench_build(HD_US);
  bench_run(big_command, END);
  uint32_t bytes = 0;
  for (size_t i = 2; i < b.payloads.n; i++)
    bytes += b.payloads.e[i].length;
  ck_assert_uint_eq(bytes, 1032);
  bench_end();
}
END_TEST

/* ---- effects
 * ---------------------------------------------------------------------- */

static void one_packet(uint64_t unused)
{
  (void)unused;
  send_packets(0, 0, 1);
}

static void queue_command(uint64_t type)
{
  struct nic_command *c = command((enum nic_command_type)type, 0);
  c->pasid = 77;
  issue(c);
}

static void change_identity(void)
{
  at_host(0, one_packet, 0);
  at_host(100 * HD_US, queue_command, NIC_SET_PASID);
  at_host(200 * HD_US, one_packet, 0);
  at_host(300 * HD_US, queue_command, NIC_CLEAR_PASID);
  at_host(400 * HD_US, one_packet, 0);
}

START_TEST(pasid_tags_all_dma_of_an_interface)
{
  bench_defaults(1, 1);
  b.txq[0][0].payload = 100;
  bench_build(HD_US);
  bench_run(change_identity, END);
  ck_assert_uint_eq(b.descriptors.n, 3);
  ck_assert_uint_eq(b.descriptors.e[0].pasid, 10);
  ck_assert_uint_eq(b.descriptors.e[1].pasid, 77);
  ck_assert_uint_eq(b.write_backs.e[1].pasid, 77);
  ck_assert_uint_eq(b.payloads.e[2 + 1 + 1].pasid,
                    77); /* after 3 commands, 1 packet */
  ck_assert_uint_ne(b.descriptors.e[1].flags & PCIE_HAS_PASID, 0);
  ck_assert_uint_eq(b.descriptors.e[2].flags & PCIE_HAS_PASID, 0);
  ck_assert_uint_eq(b.arrivals.n, 3);
  bench_end();
}
END_TEST

static void stop_and_go(void)
{
  at_host(0, one_packet, 0);
  at_host(100 * HD_US, queue_command, NIC_DISABLE_QUEUES);
  at_host(200 * HD_US, one_packet, 0); /* nobody listens */
  at_host(300 * HD_US, queue_command, NIC_ENABLE_QUEUES);
  at_host(400 * HD_US, one_packet, 0); /* announces both */
}

START_TEST(disabled_queues_ignore_doorbells)
{
  bench_defaults(1, 1);
  b.txq[0][0].payload = 100;
  bench_build(HD_US);
  bench_run(stop_and_go, END);
  struct nic_stats s;
  nic_get_stats(b.nic, &s);
  ck_assert_uint_eq(s.ignored_writes, 1);
  ck_assert_uint_eq(b.arrivals.n, 3);
  ck_assert_int_gt(b.arrivals.e[1].when, START + 400 * HD_US);
  bench_end();
}
END_TEST

static void many(uint64_t count)
{
  send_packets(0, 0, (uint32_t)count);
}

/* A driver starts anew: its rings are empty, what it had put there is gone. */
static void restart_driver(uint64_t unused)
{
  struct driver_queue *d = &b.txq[0][0];
  (void)unused;
  for (uint32_t i = 0; i < b.tx[0][0].size; i++)
    if (d->slot[i] != NULL) {
      packet_free(&b.packets, d->slot[i]);
      d->slot[i] = NULL;
    }
  d->posted = d->completed = 0;
  issue(command(NIC_ENABLE_QUEUES, 0));
  at_host(20 * HD_US, many, 50);
}

/* The reset takes effect in the middle of the burst: after 2.5 us. */
static void reset_in_a_burst(void)
{
  at_host(0, many, 200);
  at_host(2 * HD_US, queue_command, NIC_RESET_INTERFACE);
  at_host(500 * HD_US, restart_driver, 0);
}

START_TEST(reset_in_the_middle_of_traffic)
{
  bench_defaults(1, 1);
  b.txq[0][0].payload = 1470;
  b.nic_params.tx_buffer = 8192;
  bench_build(HD_US);
  bench_run(reset_in_a_burst, END);
  ck_assert_uint_gt(b.arrivals.n, 50 + 5);
  ck_assert_uint_lt(b.arrivals.n, 50 + 100);
  ck_assert_uint_eq(b.txq[0][0].completed, 50);
  ck_assert_uint_eq(nic_packets_inside(b.nic), 0);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
  bench_end();
}
END_TEST

static void add_again(uint64_t unused)
{
  (void)unused;
  struct nic_command *c = command(NIC_ADD_INTERFACE, 0);
  c->interface = b.interface[0];
  issue(c);
  issue(command(NIC_ENABLE_QUEUES, 0));
  at_host(100 * HD_US, one_packet, 0);
}

static void remove_and_add(void)
{
  issue(command(NIC_REMOVE_INTERFACE, 0));
  at_host(100 * HD_US, add_again, 0);
}

START_TEST(removed_interface_gives_its_resources_back)
{
  bench_defaults(2, 2);
  b.txq[0][0].payload = 100;
  bench_build(HD_US);
  bench_run(remove_and_add, END);
  ck_assert_uint_eq(b.arrivals.n, 1);
  for (int i = 0; i < b.commands; i++)
    ck_assert(!b.command[i].failed);
  ck_assert_uint_eq(b.command[5].result, 0);
  bench_end();
}
END_TEST

/* ---- the guest's address --------------------------------------------------
 */

static void one_frame(uint64_t sequence)
{
  peer_send(0, 0, 100, sequence);
}

static void add_beside(uint64_t unused)
{
  struct nic_command *c = command(NIC_ADD_INTERFACE, 0);
  (void)unused;
  c->interface = b.interface[0];
  c->interface.first_queue = 40;
  c->interface.first_vector = 40;
  c->interface.unrouted = true;
  issue(c);
  issue(command(NIC_ROUTE, 2)); /* the guest has another */
  issue(command(NIC_UNROUTE, 2));
}

static void route_twice(uint64_t type)
{
  issue(command((enum nic_command_type)type, 0));
  issue(command((enum nic_command_type)type, 0));
}

static void route_default(uint64_t type)
{
  issue(command((enum nic_command_type)type, 1));
}

static void move_address(void)
{
  post_rx(0, 0, 8);
  at_peer(50 * HD_US, one_frame, 0);
  at_host(100 * HD_US, route_twice, NIC_UNROUTE);
  at_peer(150 * HD_US, one_frame, 1);
  at_host(200 * HD_US, route_twice, NIC_ROUTE);
  at_peer(250 * HD_US, one_frame, 2);
  at_host(300 * HD_US, add_beside, 0);
  at_host(350 * HD_US, route_default, NIC_ROUTE);
  at_host(400 * HD_US, route_default, NIC_UNROUTE);
}

/* Frames are an interface's while the guest's address is, else the default
 * interface's, which has no descriptors here. */
START_TEST(frames_follow_the_address)
{
  static const bool refused[] = {false, true, false, true, false,
                                 true,  true, true,  true};
  bench_defaults(2, 1);
  bench_build(HD_US);
  b.interface[1].is_default = true;
  bench_run(move_address, END);
  struct nic_interface_stats own, rest;
  nic_get_interface_stats(b.nic, 0, &own);
  nic_get_interface_stats(b.nic, 1, &rest);
  ck_assert_uint_eq(own.rx_packets, 2);
  ck_assert_uint_eq(b.rx_delivered, 2);
  ck_assert_uint_eq(own.rx_dropped, 0);
  ck_assert_uint_eq(rest.rx_dropped, 1);
  ck_assert_int_eq(b.commands, 4 + 9);
  for (int i = 0; i < 9; i++)
    ck_assert_msg(b.command[4 + i].failed == refused[i], "command %d", i);
  bench_end();
}
END_TEST

/* ---- refusals
 * ---------------------------------------------------------------------- */

static void try_to_add(void (*spoil)(struct nic_interface *))
{
  struct nic_command *c = command(NIC_ADD_INTERFACE, 0);
  c->interface = b.interface[1];
  c->interface.vm = 5;
  c->interface.first_queue = 40;
  c->interface.first_vector = 40;
  if (spoil)
    spoil(&c->interface);
  issue(c);
}

static void same_guest(struct nic_interface *i)
{
  i->vm = 0;
}
static void same_queue(struct nic_interface *i)
{
  i->first_queue = 0;
}
static void same_vector(struct nic_interface *i)
{
  i->first_vector = 1;
}
static void no_queue(struct nic_interface *i)
{
  i->first_queue = 2047;
}
static void no_vector(struct nic_interface *i)
{
  i->first_vector = 2046;
}
static void no_port(struct nic_interface *i)
{
  i->port = 1;
}
static void no_pairs(struct nic_interface *i)
{
  i->queue_pairs = 0;
}

static void bad_commands(void)
{
  issue(command(NIC_SET_PASID, 2));
  issue(command(NIC_ENABLE_QUEUES, 100000));
  struct nic_command *c = command(NIC_SET_PASID, 0);
  c->address = BAD_ADDRESS; /* cannot be fetched */
  issue(c);
  try_to_add(same_guest);
  try_to_add(same_queue);
  try_to_add(same_vector);
  try_to_add(no_queue);
  try_to_add(no_vector);
  try_to_add(no_port);
  try_to_add(no_pairs);
  try_to_add(NULL); /* there is nothing wrong with this one */
}

START_TEST(impossible_commands_are_refused)
{
  bench_defaults(2, 2);
  bench_build(HD_US);
  bench_run(bad_commands, END);
  ck_assert_int_eq(b.commands, 4 + 11);
  ck_assert_int_eq(b.commands_done, b.commands);
  for (int i = 4; i < 14; i++)
    ck_assert_msg(b.command[i].failed, "command %d should have failed", i - 4);
  ck_assert(!b.command[14].failed);
  ck_assert_uint_eq(b.command[14].result, 2);
  bench_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("nic administration");
  TCase *t = tcase_create("administration");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, commands_are_serial_and_cost_exactly);
  tcase_add_test(t, latency_of_a_command);
  tcase_add_test(t, buffer_is_fetched_with_the_command);
  tcase_add_test(t, pasid_tags_all_dma_of_an_interface);
  tcase_add_test(t, disabled_queues_ignore_doorbells);
  tcase_add_test(t, reset_in_the_middle_of_traffic);
  tcase_add_test(t, removed_interface_gives_its_resources_back);
  tcase_add_test(t, frames_follow_the_address);
  tcase_add_test(t, impossible_commands_are_refused);
  suite_add_tcase(s, t);
  return run_suite(s);
}
