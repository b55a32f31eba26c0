/*
 * test_guest_bench.h - a bench for one guest: real vCPUs and scheduler, and a
 * device and a hypervisor that do the least that the guest needs.
 */
#ifndef HD_TESTS_TEST_GUEST_BENCH_H
#define HD_TESTS_TEST_GUEST_BENCH_H

#include "test_guest_device.h"

/* ---- hypervisor ---------------------------------------------------------- */

static inline void bench_hypervisor_start(struct hd_component *self)
{
  struct bench_hypervisor *h = (struct bench_hypervisor *)self;
  for (size_t i = 0; i < guest_vcpus(h->bench->guest); i++) {
    struct sched_msg *m = hd_msg_new_zero(self, MSG_SCHED_WAKE);
    m->vcpu = guest_vcpu(h->bench->guest, i)->index;
    hd_send(h->to_scheduler, HD_US, m);
  }
  hd_send(h->to_vcpu[0], HD_US, hd_msg_new_zero(self, MSG_VM_BOOT));
}

/* The last channel goes to the device. */
static inline void bench_go(struct bench_hypervisor *h)
{
  struct bench *b = h->bench;
  h->ready = hd_now(&h->base);
  b->go = h->ready + 20 * HD_US;
  b->window.start = b->go + b->warmup;
  b->window.end = b->window.start + b->duration;
  hd_engine_stop_at(&h->base, b->window.end);
  for (size_t i = 0; i <= guest_vcpus(b->guest); i++) {
    struct control_msg *m = hd_msg_new_zero(&h->base, MSG_VM_GO);
    m->start = b->go;
    hd_send(h->to_vcpu[i], HD_US, m);
  }
}

static inline void bench_hypervisor_handle(struct hd_component *self,
                                           struct hd_msg *msg)
{
  struct bench_hypervisor *h = (struct bench_hypervisor *)self;
  if (msg->kind == MSG_VM_READY) {
    bench_go(h);
  } else {
    h->messages++;
    h->traps += ((struct control_msg *)msg)->register_count;
    hd_send(h->to_vcpu[0], HD_US, hd_msg_new_zero(self, MSG_VM_TRAPPED));
  }
  hd_msg_free(self, msg);
}

/* ---- the bench ----------------------------------------------------------- */

/* Round figures; 2 GHz makes every number of cycles exact in picoseconds. */
static inline void bench_defaults(struct bench *b, int workload)
{
  *b = (struct bench){
      .warmup = 5 * HD_MS, .duration = 20 * HD_MS, .run_ahead = 100 * HD_NS};
  b->udp = (struct udp_stream_params){1470, 1, 0, THREADS_SINGLE, HD_MS, ""};
  b->ping = (struct ping_params){56, 0, HD_S, ""};
  b->dpdk = (struct dpdk_forward_params){18, 1000000000, 1, false, 32};
  b->costs = (struct guest_params){.send_syscall = 700,
                                   .send_stack = 1250,
                                   .send_driver = 250,
                                   .receive_driver = 300,
                                   .receive_stack = 1200,
                                   .receive_syscall = 900,
                                   .copy_per_byte = 0.125,
                                   .napi_entry = 800,
                                   .clean_descriptor = 100,
                                   .thread_switch = 2500,
                                   .napi_budget = 64,
                                   .socket_buffer = 1 << 24,
                                   .skb_overhead = 576,
                                   .poll_empty = 60,
                                   .poll_packet = 150,
                                   .boot_traps = 20,
                                   .boot_cycles = 100000};
  b->cpu = (struct cpu_params){.cores = 16,
                               .housekeeping_cores = 1,
                               .frequency = 2000000000,
                               .timeslice = 3 * HD_MS,
                               .wakeup_granularity = HD_MS,
                               .sleeper_credit = HD_MS,
                               .wake_latency = 1500 * HD_NS,
                               .ipi_latency = 700 * HD_NS,
                               .queue_latency = 300 * HD_NS,
                               .switch_cost = 4000,
                               .exit_cost = 1500,
                               .exit_hlt = 1000,
                               .exit_interrupt = 1500,
                               .exit_ept = 3000,
                               .exit_trap = 3450,
                               .exit_ipi = 500,
                               .exit_kick = 1000,
                               .inject_cost = 500,
                               .host_irq_cost = 3000,
                               .halt_poll = 0,
                               .halt_poll_start = 10 * HD_US,
                               .irq_entry_cost = 600,
                               .mmio_write_cost = 300};
  b->nic = (struct nic_params){.tx_ring = 256, .rx_ring = 512};
  b->registers = (struct guest_registers){.first_queue = FIRST_QUEUE,
                                          .first_vector = FIRST_VECTOR,
                                          .lazy_pages = true};
  b->config = (struct guest_config){.vm = 3,
                                    .path = "server/vm0003",
                                    .host = "server",
                                    .vcpus = 1,
                                    .queue_pairs = 1,
                                    .workload = workload,
                                    .itr = ITR_VALUE * 2 * HD_US,
                                    .memory_base = 1 << 20,
                                    .memory_size = 64 << 20,
                                    .nic_device = 2};
  b->device.batch = 1;
  b->device.least_at_resume = UINT32_MAX;
}

static inline void bench_create_others(struct bench *b)
{
  static const struct hd_component_ops device_ops = {
      .kind = "device", .handle = bench_device_handle};
  static const struct hd_component_ops hypervisor_ops = {
      .kind = "hypervisor",
      .handle = bench_hypervisor_handle,
      .start = bench_hypervisor_start};
  b->device.bench = b->hypervisor.bench = b;
  hd_component_initialize(&b->device.base, b->engine,
                          b->device_ops ? b->device_ops : &device_ops,
                          "server/device", "server");
  hd_component_initialize(&b->hypervisor.base, b->engine, &hypervisor_ops,
                          "server/hypervisor", "server");
  b->scheduler = scheduler_create(b->engine, "server/scheduler", "server",
                                  &b->cpu, &b->window);
  b->hypervisor.to_scheduler =
      scheduler_connect(b->scheduler, &b->hypervisor.base, HD_US);
}

static inline void bench_wire(struct bench *b)
{
  struct guest *g = b->guest;
  size_t n = guest_vcpus(g);
  b->hypervisor.to_vcpu = calloc(n + 1, sizeof(struct hd_channel *));
  for (size_t i = 0; i < n; i++) {
    struct vcpu *v = guest_vcpu(g, i);
    v->to_root =
        hd_channel_open(&v->task.base, &b->device.base, DOORBELL_LATENCY);
    vcpu_attach(v, b->scheduler, NULL, 0);
    b->hypervisor.to_vcpu[i] =
        hd_channel_open(&b->hypervisor.base, &v->task.base, HD_US);
  }
  b->hypervisor.to_vcpu[n] =
      hd_channel_open(&b->hypervisor.base, &b->device.base, HD_US);
  for (unsigned q = 0; q < b->config.queue_pairs; q++) {
    struct vcpu *v = guest_vcpu_of_queue(g, q);
    b->device.queue[q].vcpu_index = v->index;
    b->device.queue[q].to_vcpu =
        hd_channel_open(&b->device.base, &v->task.base, VISIBLE_LATENCY);
  }
  guest_attach_hypervisor(g, &b->hypervisor.base);
  guest_set_registers(g, &b->registers);
  if (b->wire)
    b->wire(b);
}

static inline void bench_create(struct bench *b)
{
  b->engine = hd_engine_create(&(struct hd_engine_options){
      .seed = 7, .window = b->run_ahead, .shuffle = b->shuffle});
  hd_engine_add_host(b->engine, "server");
  packet_pool_initialize(&b->packets);
  block_pool_initialize(&b->requests);
  b->window = (struct hd_window){HD_TIME_NEVER, HD_TIME_NEVER};
  b->config.udp_stream = &b->udp;
  b->config.ping = &b->ping;
  b->config.dpdk_forward = &b->dpdk;
  b->config.pcap_replay = &b->replay;
  b->config.costs = &b->costs;
  b->config.cpu = &b->cpu;
  b->config.nic = &b->nic;
  b->config.virtio = &b->virtio;
  b->config.block_jobs = &b->jobs;
  b->config.block_costs = &b->block_costs;
  b->config.storage = &b->storage;
  b->config.block_pool = &b->requests;
  b->config.packets = &b->packets;
  b->config.window = &b->window;
  bench_create_others(b);
  b->guest = guest_create(b->engine, &b->config);
  bench_wire(b);
}

/* Runs and checks what always holds. */
static inline void bench_run(struct bench *b)
{
  hd_engine_run(b->engine, HD_S);
  const char *wrong = guest_check(b->guest);
  ck_assert_msg(!wrong, "%s", wrong);
  wrong = scheduler_check(b->scheduler);
  ck_assert_msg(!wrong, "%s", wrong);
  ck_assert_uint_eq(b->device.reordered, 0);
  ck_assert_uint_eq(b->device.outside, 0);
  ck_assert_int_gt(b->go, 0);
  if (b->config.workload != WORKLOAD_DPDK_FORWARD && !b->device_ops)
    ck_assert_int_eq(b->device.itr_programmed, ITR_VALUE);
}

static inline void bench_destroy(struct bench *b)
{
  hd_engine_destroy(b->engine); /* looks at components */
  guest_destroy(b->guest);
  scheduler_destroy(b->scheduler);
  free(b->hypervisor.to_vcpu);
  packet_pool_terminate(&b->packets);
  block_pool_terminate(&b->requests);
}

static inline hd_time bench_cycles(const struct bench *b, int64_t cycles)
{
  struct hd_clock c = hd_clock_at(b->cpu.frequency);
  return hd_clock_span(&c, cycles);
}

/* Within `part` of what is expected. */
static inline void bench_near(double got, double expected, double part)
{
  ck_assert_msg(got >= expected * (1 - part) && got <= expected * (1 + part),
                "got %.6g, expected %.6g within %.3g %%", got, expected,
                part * 100);
}

/* Runs `setup` in a process of its own; returns what it makes of the run. */
struct bench_print {
  uint64_t fingerprint, packets, doorbells;
  int64_t latency;
};

static inline struct bench_print
bench_fingerprint(void (*setup)(struct bench *), hd_time run_ahead,
                  uint32_t shuffle)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    static struct bench b;
    setup(&b);
    b.run_ahead = run_ahead;
    b.shuffle = shuffle;
    bench_create(&b);
    bench_run(&b);
    struct hd_engine_report r;
    hd_engine_get_report(b.engine, &r);
    struct bench_print p = {r.fingerprint, b.device.packets, b.device.doorbells,
                            (int64_t)guest_latency(b.guest)->sum};
    ssize_t written = write(ends[1], &p, sizeof p);
    _exit(written == (ssize_t)sizeof p ? 0 : 1);
  }
  close(ends[1]);
  struct bench_print p = {0};
  ck_assert_int_eq((int)read(ends[0], &p, sizeof p), (int)sizeof p);
  close(ends[0]);
  return p;
}

static inline void bench_same_everywhere(void (*setup)(struct bench *))
{
  struct bench_print a = bench_fingerprint(setup, 100 * HD_NS, 0);
  struct bench_print others[] = {
      bench_fingerprint(setup, 0, 0), bench_fingerprint(setup, HD_US, 0),
      bench_fingerprint(setup, 0, 5), bench_fingerprint(setup, 100 * HD_NS, 9)};
  ck_assert_uint_gt(a.packets, 100);
  for (int i = 0; i < 4; i++) {
    ck_assert_uint_eq(a.fingerprint, others[i].fingerprint);
    ck_assert_uint_eq(a.packets, others[i].packets);
    ck_assert_uint_eq(a.doorbells, others[i].doorbells);
    ck_assert_int_eq(a.latency, others[i].latency);
  }
}

static inline int bench_main(Suite *s)
{
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_ENV);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
