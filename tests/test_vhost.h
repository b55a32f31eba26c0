/*
 * test_vhost.h - a server for the software back ends: the real NIC, link, root
 * complex, memory, interrupt unit, scheduler, guests, wire and client; only the
 * hypervisor is a stand-in that sets up ports and boots guests.
 *
 * Defaults are those of the parameter tables, but for round figures of the
 * cores (2 GHz makes every number of cycles exact). Everything is in one static
 * struct: a test is a process of its own.
 */
#ifndef HD_TESTS_TEST_VHOST_H
#define HD_TESTS_TEST_VHOST_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/hypervisor/control.h"
#include "models/vhost/vhost.h"
#include "sim/scenario/value.h"

#define RIG_HOP (2 * HD_NS)
#define RIG_GUEST_MEMORY (UINT64_C(64) << 20)
#define RIG_HOST_MEMORY (UINT64_C(4) << 30)
#define RIG_HOST_RINGS (UINT64_C(1) << 30)
#define RIG_DESCRIPTORS (UINT64_C(128) << 20)
#define RIG_CONTROL (1 * HD_US)
enum { RIG_GUESTS = 16, RIG_PF = 0x1600 };

struct rig_hypervisor {
  struct hd_component base;
  struct hd_channel *to_root, *to_scheduler, *to_vhost, *to_client;
  struct hd_channel *to_vcpu[RIG_GUESTS][8];
  uint16_t observer;
  int step, ready;
  struct nic_command command;
};

struct rig_guest {
  enum vhost_kind kind;
  int workload;
  uint32_t vcpus, queue_pairs;
  struct udp_stream_params udp;
  struct ping_params ping;
  struct dpdk_forward_params dpdk;
};

struct rig {
  /* set before rig_build() */
  uint64_t seed;
  hd_time run_ahead, warmup, duration;
  uint32_t shuffle;
  struct cpu_params cpu;
  struct memory_params memory_params;
  struct pcie_params pcie;
  struct interrupt_params irq;
  struct nic_params nic_params;
  struct network_params network;
  struct client_params client_params;
  struct guest_params costs;
  struct virtio_params virtio;
  struct vhost_params params;
  struct rig_guest guest[RIG_GUESTS];
  uint32_t guests;
  void (*more)(void); /* called when all has been built; NULL: nothing */
  /* built */
  struct hd_engine *engine;
  struct hd_window window;
  struct packet_pool packets;
  struct memory *memory;
  struct pcie_link *link;
  struct root_complex *root;
  struct interrupt_unit *interrupts;
  struct scheduler *scheduler;
  struct nic *nic;
  struct wire *wire;
  struct client *client;
  struct guest *vm[RIG_GUESTS];
  struct vhost *vhost;
  struct rig_hypervisor hypervisor;
  hd_time end;
};
static struct rig r;

/* ---- hypervisor -----------------------------------------------------------
 */

static inline void rig_command(enum nic_command_type type)
{
  struct rig_hypervisor *h = &r.hypervisor;
  h->command.type = type;
  h->command.address = 0x1000;
  h->command.observer = h->observer;
  h->command.requester = RIG_PF;
  struct mmio_msg *m = hd_msg_new_zero(&h->base, MSG_MMIO_WRITE);
  m->address = NIC_ADMIN_DOORBELL;
  m->length = 4;
  m->object = &h->command;
  hd_send(h->to_root, h->to_root->latency, m);
}

static inline void rig_boot(void)
{
  struct rig_hypervisor *h = &r.hypervisor;
  hd_send(h->to_vhost, RIG_CONTROL, hd_msg_new_zero(&h->base, MSG_VM_BOOT));
  for (uint32_t g = 0; g < r.guests; g++) {
    for (size_t i = 0; i < guest_vcpus(r.vm[g]); i++) {
      struct sched_msg *m = hd_msg_new_zero(&h->base, MSG_SCHED_WAKE);
      m->vcpu = guest_vcpu(r.vm[g], i)->index;
      hd_send(h->to_scheduler, RIG_CONTROL, m);
    }
    hd_send(h->to_vcpu[g][0], RIG_CONTROL,
            hd_msg_new_zero(&h->base, MSG_VM_BOOT));
  }
}

static inline void rig_go(void)
{
  struct rig_hypervisor *h = &r.hypervisor;
  hd_time go = hd_now(&h->base) + 50 * HD_US;
  r.window.start = go + r.warmup;
  r.window.end = r.end = r.window.start + r.duration;
  hd_engine_stop_at(&h->base, r.end);
  struct control_msg *m = hd_msg_new_zero(&h->base, MSG_VM_GO);
  m->start = go;
  hd_send(h->to_client, RIG_CONTROL, m);
  for (uint32_t g = 0; g < r.guests; g++)
    for (size_t i = 0; i < guest_vcpus(r.vm[g]); i++) {
      m = hd_msg_new_zero(&h->base, MSG_VM_GO);
      m->start = go;
      hd_send(h->to_vcpu[g][i], RIG_CONTROL, m);
    }
}

static inline void rig_hypervisor_handle(struct hd_component *self,
                                         struct hd_msg *msg)
{
  struct rig_hypervisor *h = &r.hypervisor;
  if (msg->kind == MSG_GUEST_MEMORY) {
    ck_assert(!h->command.failed);
    if (h->step++ == 0)
      rig_command(NIC_ENABLE_QUEUES);
    else
      rig_boot();
  } else if (msg->kind == MSG_VM_TRAP) {
    uint32_t vm = ((struct control_msg *)msg)->vm;
    hd_send(h->to_vcpu[vm][0], RIG_CONTROL,
            hd_msg_new_zero(self, MSG_VM_TRAPPED));
  } else if (msg->kind == MSG_VM_READY && ++h->ready == (int)r.guests) {
    rig_go();
  }
  hd_msg_free(self, msg);
}

static inline void rig_hypervisor_start(struct hd_component *self)
{
  (void)self;
  r.hypervisor.command.interface = *vhost_interface(r.vhost, 0);
  rig_command(NIC_ADD_INTERFACE);
}

/* ---- defaults --------------------------------------------------------------
 */

static inline void rig_section(const struct hd_param_table *t, void *section)
{
  for (const struct hd_param *p = t->params; p->name; p++) {
    struct hd_value v;
    struct hd_problem why;
    ck_assert_msg(hd_value_parse(p, p->name, p->fallback, &v, &why), "%s",
                  why.text);
    hd_value_store(p, &v, (char *)section + p->offset);
  }
}

static inline void rig_defaults(uint32_t guests, enum vhost_kind kind,
                                int workload)
{
  r = (struct rig){.seed = 7,
                   .run_ahead = 100 * HD_NS,
                   .warmup = 2 * HD_MS,
                   .duration = 8 * HD_MS,
                   .guests = guests};
  rig_section(&cpu_param_table, &r.cpu);
  rig_section(&memory_param_table, &r.memory_params);
  rig_section(&pcie_param_table, &r.pcie);
  rig_section(&interrupt_param_table, &r.irq);
  rig_section(&nic_param_table, &r.nic_params);
  rig_section(&network_param_table, &r.network);
  rig_section(&client_param_table, &r.client_params);
  rig_section(&guest_param_table, &r.costs);
  rig_section(&virtio_param_table, &r.virtio);
  rig_section(&vhost_param_table, &r.params);
  r.cpu.frequency = 2000000000;
  r.cpu.cores = 32;
  r.costs.boot_traps = 10;
  r.costs.boot_cycles = r.virtio.boot_cycles = 100000;
  r.params.net_queues = 2;
  r.client_params.cores = 0;
  for (uint32_t g = 0; g < guests; g++) {
    struct rig_guest *q = &r.guest[g];
    *q = (struct rig_guest){
        .kind = kind, .workload = workload, .vcpus = 1, .queue_pairs = 1};
    q->udp = (struct udp_stream_params){64, 1, 0, THREADS_SINGLE, HD_MS, ""};
    q->ping = (struct ping_params){56, 0, HD_S, ""};
    q->dpdk = (struct dpdk_forward_params){18, 50000000, 4, true, 32};
  }
}

/* Guests that cost next to nothing, so that the back end is the limit. */
static inline void rig_cheap_guests(void)
{
  r.costs.send_syscall = r.costs.send_stack = r.costs.send_driver = 20;
  r.costs.copy_per_byte = 0;
  r.costs.socket_buffer = 1 << 24;
  r.costs.poll_packet = 20;
  r.virtio.transmit = r.virtio.add_descriptor = r.virtio.kick_prepare = 5;
  r.virtio.callback = r.virtio.take_used = r.virtio.free_packet = 5;
  r.virtio.receive = r.virtio.refill_buffer = 5;
}

/* ---- building ---------------------------------------------------------------
 */

static inline void rig_machine(void)
{
  r.memory = memory_create(r.engine, "server/memory", "server",
                           &r.memory_params, &r.window);
  r.root = root_complex_create(r.engine, "server/root", "server", &r.pcie,
                               &r.window);
  r.link =
      pcie_link_create(r.engine, "server/link", "server", &r.pcie, &r.window);
  root_complex_attach_link(r.root, r.link);
  struct hd_component *memory = memory_component(r.memory);
  root_complex_attach_memory(r.root, memory, RIG_HOP);
  memory_set_root_complex(r.memory,
                          root_complex_answer_channel(r.root, memory, RIG_HOP));
  memory_add_region(r.memory, 0, RIG_HOST_MEMORY);
  r.interrupts = interrupt_unit_create(r.engine, "server/interrupts", "server",
                                       &r.irq, UINT64_C(64) << 20, &r.window);
  interrupt_unit_attach_memory(r.interrupts, r.memory, RIG_HOP);
  root_complex_attach_interrupts(r.root, interrupt_unit_component(r.interrupts),
                                 RIG_HOP);
  r.scheduler = scheduler_create(r.engine, "server/scheduler", "server", &r.cpu,
                                 &r.window);
  interrupt_unit_attach_scheduler(r.interrupts,
                                  scheduler_component(r.scheduler));
  r.nic = nic_create(r.engine, "server/nic", "server", &r.nic_params, &r.pcie,
                     &r.packets, &r.window);
  nic_attach_link(r.nic, r.link);
  r.wire =
      wire_create(r.engine, "server/wire", "server", &r.network, &r.window);
  nic_attach_wire(r.nic, 0, r.wire);
  r.client = client_create(r.engine, "client", "server", &r.client_params,
                           &r.packets, &r.window);
  client_attach_wire(r.client, r.wire);
}

static inline void rig_make_guest(uint32_t g)
{
  struct rig_guest *q = &r.guest[g];
  char path[32];
  snprintf(path, sizeof path, "server/vm%05u", g);
  uint64_t base = RIG_HOST_MEMORY + g * RIG_GUEST_MEMORY;
  struct guest_config c = {.vm = (uint16_t)g,
                           .path = path,
                           .host = "server",
                           .vcpus = q->vcpus,
                           .queue_pairs = q->queue_pairs,
                           .workload = q->workload,
                           .udp_stream = &q->udp,
                           .ping = &q->ping,
                           .dpdk_forward = &q->dpdk,
                           .costs = &r.costs,
                           .cpu = &r.cpu,
                           .nic = &r.nic_params,
                           .packets = &r.packets,
                           .window = &r.window,
                           .memory_base = base,
                           .memory_size = RIG_GUEST_MEMORY,
                           .netdev = NETDEV_VIRTIO,
                           .virtio = &r.virtio};
  r.vm[g] = guest_create(r.engine, &c);
  guest_set_registers(r.vm[g], &(struct guest_registers){0});
  memory_add_region(r.memory, base, RIG_GUEST_MEMORY);
  for (size_t i = 0; i < guest_vcpus(r.vm[g]); i++) {
    struct vcpu *v = guest_vcpu(r.vm[g], i);
    vcpu_attach(v, r.scheduler, r.interrupts,
                RIG_DESCRIPTORS + UINT64_C(64) * scheduler_vcpus(r.scheduler));
    v->to_root =
        root_complex_connect_cpu(r.root, &v->task.base, &v->root_reply);
  }
  struct client_vm cv = {0};
  if (q->workload == WORKLOAD_DPDK_FORWARD)
    cv = (struct client_vm){.forward_rate = q->dpdk.rate,
                            .forward_payload = (uint32_t)q->dpdk.payload,
                            .forward_streams = (uint32_t)q->dpdk.streams,
                            .queue_pairs = q->queue_pairs,
                            .forward_poisson = q->dpdk.poisson};
  client_add_vm(r.client, (uint16_t)g, &cv);
}

static inline void rig_make_vhost(void)
{
  struct vhost_guest guests[RIG_GUESTS];
  for (uint32_t g = 0; g < r.guests; g++)
    guests[g] =
        (struct vhost_guest){.guest = r.vm[g],
                             .vm = (uint16_t)g,
                             .queue_pairs = (uint16_t)r.guest[g].queue_pairs,
                             .kind = r.guest[g].kind};
  struct vhost_config c = {.params = &r.params,
                           .cpu = &r.cpu,
                           .host = "server",
                           .packets = &r.packets,
                           .window = &r.window,
                           .scheduler = r.scheduler,
                           .interrupts = r.interrupts,
                           .root = r.root,
                           .memory = r.memory,
                           .memory_base = RIG_HOST_RINGS,
                           .descriptors = RIG_DESCRIPTORS,
                           .ports = {{.requester = RIG_PF, .first_handle = 7}},
                           .guests = guests,
                           .n_guests = r.guests};
  ck_assert_uint_le(vhost_memory(&c), RIG_HOST_MEMORY - RIG_HOST_RINGS);
  r.vhost = vhost_create(r.engine, "server/vhost", &c);
}

static inline void rig_make_hypervisor(void)
{
  static const struct hd_component_ops ops = {.kind = "rig_hypervisor",
                                              .handle = rig_hypervisor_handle,
                                              .start = rig_hypervisor_start};
  struct rig_hypervisor *h = &r.hypervisor;
  hd_component_initialize(&h->base, r.engine, &ops, "server/hypervisor",
                          "server");
  struct hd_channel *reply;
  h->to_root = root_complex_connect_cpu(r.root, &h->base, &reply);
  h->to_scheduler = scheduler_connect(r.scheduler, &h->base, RIG_CONTROL);
  h->to_vhost =
      hd_channel_open(&h->base, vhost_component(r.vhost), RIG_CONTROL);
  h->to_client =
      hd_channel_open(&h->base, client_component(r.client), RIG_CONTROL);
  h->observer = memory_add_observer(r.memory, 0, &h->base);
  for (uint32_t g = 0; g < r.guests; g++) {
    for (size_t i = 0; i < guest_vcpus(r.vm[g]); i++)
      h->to_vcpu[g][i] = hd_channel_open(
          &h->base, &guest_vcpu(r.vm[g], i)->task.base, RIG_CONTROL);
    guest_attach_hypervisor(r.vm[g], &h->base);
  }
}

static inline void rig_build(void)
{
  r.engine = hd_engine_create(&(struct hd_engine_options){
      .seed = r.seed, .window = r.run_ahead, .shuffle = r.shuffle});
  hd_engine_add_host(r.engine, "server");
  packet_pool_initialize(&r.packets);
  r.window = (struct hd_window){HD_TIME_NEVER, HD_TIME_NEVER};
  rig_machine();
  for (uint32_t g = 0; g < r.guests; g++)
    rig_make_guest(g);
  rig_make_vhost();
  rig_make_hypervisor();
  if (r.more)
    r.more();
}

/* ---- running ----------------------------------------------------------------
 */

static inline void rig_hold(const char *wrong)
{
  ck_assert_msg(wrong == NULL, "%s", wrong);
}

/* Every packet is somewhere. */
static inline void rig_check_packets(void)
{
  uint64_t found =
      nic_packets_inside(r.nic) + wire_packets_inside(r.wire) +
      client_packets_inside(r.client) + vhost_packets_inside(r.vhost) +
      nic_packets_delivered(r.nic) - vhost_packets_arrived(r.vhost);
  for (uint32_t g = 0; g < r.guests; g++)
    found += guest_packets_held(r.vm[g]);
  ck_assert_uint_eq(r.packets.created - r.packets.destroyed, found);
}

/* Builds, runs, and checks what always holds. */
static inline void rig_run(void)
{
  rig_build();
  hd_engine_run(r.engine, 10 * HD_S);
  ck_assert_int_eq(r.hypervisor.ready, (int)r.guests);
  rig_hold(vhost_check(r.vhost));
  rig_hold(nic_check(r.nic));
  rig_hold(scheduler_check(r.scheduler));
  rig_hold(interrupt_unit_check(r.interrupts));
  rig_hold(memory_check(r.memory));
  rig_hold(pcie_link_check(r.link));
  rig_hold(root_complex_check(r.root));
  rig_hold(wire_check(r.wire));
  rig_hold(client_check(r.client));
  for (uint32_t g = 0; g < r.guests; g++)
    rig_hold(guest_check(r.vm[g]));
  ck_assert_uint_eq(memory_stray(r.memory), 0);
  rig_check_packets();
}

static inline void rig_end(void)
{
  hd_engine_destroy(r.engine); /* looks at components */
  vhost_destroy(r.vhost);
  for (uint32_t g = 0; g < r.guests; g++)
    guest_destroy(r.vm[g]);
  client_destroy(r.client);
  wire_destroy(r.wire);
  nic_destroy(r.nic);
  scheduler_destroy(r.scheduler);
  interrupt_unit_destroy(r.interrupts);
  memory_destroy(r.memory);
  pcie_link_destroy(r.link);
  root_complex_destroy(r.root);
  packet_pool_terminate(&r.packets);
}

/* ---- results ----------------------------------------------------------------
 */

static inline double rig_seconds(void)
{
  return (double)r.duration / (double)HD_S;
}

static inline struct client_vm_stats rig_client(uint32_t vm)
{
  struct client_vm_stats st;
  client_get_vm_stats(r.client, (uint16_t)vm, &st);
  return st;
}

static inline struct vhost_pair_stats rig_pair(uint32_t vm)
{
  struct vhost_pair_stats st;
  ck_assert(vhost_get_guest_stats(r.vhost, (uint16_t)vm, &st));
  return st;
}

static inline struct guest_stats rig_guest_stats(uint32_t vm)
{
  struct guest_stats st;
  guest_get_stats(r.vm[vm], &st);
  return st;
}

static inline struct vhost_thread_stats rig_thread(size_t i)
{
  struct vhost_thread_stats st;
  vhost_get_thread_stats(r.vhost, i, r.end, &st);
  return st;
}

static inline double rig_cycles(double cycles) /* in seconds */
{
  return cycles / (double)r.cpu.frequency;
}

/* Within `part` of what is expected. */
static inline void rig_near(const char *what, double got, double expected,
                            double part)
{
  ck_assert_msg(got >= expected * (1 - part) && got <= expected * (1 + part),
                "%s: got %.6g, expected %.6g within %.3g %%", what, got,
                expected, part * 100);
}

/* Runs `f` in a process of its own, since there is one engine a process. */
static inline double rig_in_child(double (*f)(int), int argument)
{
  int ends[2], status = 0;
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    double result = f(argument);
    ssize_t n = write(ends[1], &result, sizeof result);
    _exit(n == (ssize_t)sizeof result ? 0 : 1);
  }
  double result = 0;
  close(ends[1]);
  ck_assert_int_eq((int)read(ends[0], &result, sizeof result),
                   (int)sizeof result);
  close(ends[0]);
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  return result;
}

static inline int rig_main(Suite *s)
{
  SRunner *runner = srunner_create(s);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
