/*
 * test_vhost_thread.c - the parts: a host thread's wake-up, the relay of kicks,
 * vectors raised by software, the default interface's receive queues, and the
 * parameters.
 */
#include "test_vhost.h"

#include "models/nic/internal.h"
#include "models/vhost/relay.h"
#include "sim/scenario/params.h"

/* ---- a host thread
 * ------------------------------------------------------------- */

#define SOURCE_LATENCY (100 * HD_NS)
enum { WAKES = 8 };

/* Sends messages to a thread at given times; is also whatever device. */
struct source {
  struct hd_component base;
  struct hd_channel *to_thread, *to_scheduler;
  void (*start)(struct source *s);
  uint32_t thread; /* index, to be started */
  struct {
    hd_time when;
    uint32_t kind;
    uint64_t address, data;
  } got[64];
  size_t n;
};
static struct source source;

static void source_start(struct hd_component *self)
{
  struct source *s = (struct source *)self;
  struct sched_msg *m = hd_msg_new_zero(self, MSG_SCHED_WAKE);
  m->vcpu = s->thread;
  hd_send(s->to_scheduler, HD_US, m);
  s->start(s);
}

static void source_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct source *s = (struct source *)self;
  ck_assert_uint_lt(s->n, 64);
  s->got[s->n].when = hd_now(self);
  s->got[s->n].kind = msg->kind;
  if (msg->kind == MSG_MMIO_WRITE) {
    s->got[s->n].address = ((struct mmio_msg *)msg)->address;
    s->got[s->n].data = ((struct mmio_msg *)msg)->data;
  } else {
    s->got[s->n].data = ((struct virtio_view_msg *)msg)->view;
  }
  s->n++;
  hd_msg_free(self, msg);
}

static void bench(uint32_t cores)
{
  static const struct hd_component_ops ops = {
      .kind = "source", .handle = source_handle, .start = source_start};
  rig_section(&cpu_param_table, &r.cpu);
  rig_section(&vhost_param_table, &r.params);
  r.cpu.frequency = 2000000000;
  r.cpu.cores = cores;
  r.window = (struct hd_window){0, HD_TIME_NEVER};
  r.engine = hd_engine_create(
      &(struct hd_engine_options){.seed = 1, .window = 100 * HD_NS});
  hd_engine_add_host(r.engine, "server");
  r.scheduler =
      scheduler_create(r.engine, "scheduler", "server", &r.cpu, &r.window);
  hd_component_initialize(&source.base, r.engine, &ops, "source", "server");
  source.to_scheduler = scheduler_connect(r.scheduler, &source.base, HD_US);
}

struct sleeper {
  struct host_thread thread;
  hd_time woken[WAKES];
  int n;
  bool due;
};
static struct sleeper sleeper;

static void sleeper_body(struct vcpu *v)
{
  for (;;) {
    while (!sleeper.due)
      vcpu_idle(v, HD_TIME_NEVER);
    sleeper.due = false;
    ck_assert_int_lt(sleeper.n, WAKES);
    sleeper.woken[sleeper.n++] = vcpu_now(v);
    host_thread_work(&sleeper.thread, 2000); /* 1 us */
  }
}

static bool sleeper_message(struct vcpu *v, struct hd_msg *m)
{
  bool wake = m->tag == 1;
  sleeper.due |= wake;
  hd_msg_free(&v->task.base, m);
  return wake;
}

/* Waking messages at these times, others (tag 0) in between. */
static const hd_time wake_at[] = {100 * HD_US, 200 * HD_US, 500 * HD_US};

static void send_wakes(struct source *s)
{
  for (size_t i = 0; i < 3; i++) {
    struct hd_msg *m = hd_msg_new(&s->base, MSG_HOST_FRAME);
    m->tag = 1;
    hd_send_at(s->to_thread, wake_at[i], m);
    m = hd_msg_new(&s->base, MSG_HOST_FRAME);
    hd_send_at(s->to_thread, wake_at[i] + 30 * HD_US, m);
  }
}

START_TEST(a_message_wakes_a_thread_after_the_scheduler_s_times)
{
  static const struct vcpu_ops ops = {.main = sleeper_body,
                                      .message = sleeper_message};
  bench(2);
  host_thread_initialize(&sleeper.thread, r.engine, "thread", "server", &r.cpu,
                         2500, &r.window, &ops, NULL);
  host_thread_attach(&sleeper.thread, r.scheduler, NULL, 0, NULL);
  source.thread = sleeper.thread.vcpu.index;
  source.to_thread = hd_channel_open(
      &source.base, host_thread_component(&sleeper.thread), SOURCE_LATENCY);
  source.start = send_wakes;
  hd_engine_run(r.engine, HD_MS);
  ck_assert_int_eq(sleeper.n, 3);
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq(sleeper.woken[i],
                     wake_at[i] + r.cpu.queue_latency + r.cpu.wake_latency);
  /* Busy for its work and the ways to and from the core only. */
  double cores = host_thread_cores(&sleeper.thread, HD_MS);
  hd_time runs = 3 * (HD_US + r.cpu.wake_latency + r.cpu.queue_latency);
  hd_time first = r.cpu.wake_latency + r.cpu.queue_latency + 1250 * HD_NS;
  ck_assert_double_ge(cores, (double)runs / (double)HD_MS - 1e-9);
  ck_assert_double_le(cores, (double)(runs + first) / (double)HD_MS + 1e-9);
  rig_hold(scheduler_check(r.scheduler));
}
END_TEST

/* ---- relay
 * ------------------------------------------------------------------------ */

#define ROOT_LATENCY (90 * HD_NS)
#define KICK_AT (100 * HD_US)
static struct relay relay;

static void kick(struct source *s, hd_time when, uint16_t queue, uint64_t view,
                 bool kicked)
{
  struct virtio_view_msg *m = hd_msg_new_zero(&s->base, MSG_VIRTQ_VIEW);
  m->queue = queue;
  m->kick = kicked;
  m->view = view;
  hd_send_at(s->to_thread, when, m);
}

/* One kick; two of queue 1 that merge, with one of queue 0 between them; a view
 * without a kick. */
static void send_kicks(struct source *s)
{
  kick(s, KICK_AT, 1, 11, true);
  kick(s, 2 * KICK_AT, 1, 12, true);
  kick(s, 2 * KICK_AT + 10 * HD_NS, 0, 13, true);
  kick(s, 2 * KICK_AT + 20 * HD_NS, 1, 14, true);
  kick(s, 3 * KICK_AT, 1, 15, false);
}

static struct guest *idle_guest(void)
{
  static struct guest_params costs;
  static struct nic_params nic;
  static struct virtio_params virtio;
  rig_section(&guest_param_table, &costs);
  rig_section(&nic_param_table, &nic);
  rig_section(&virtio_param_table, &virtio);
  packet_pool_initialize(&r.packets);
  struct guest_config c = {.path = "vm",
                           .host = "server",
                           .vcpus = 1,
                           .queue_pairs = 1,
                           .workload = WORKLOAD_IDLE,
                           .costs = &costs,
                           .cpu = &r.cpu,
                           .nic = &nic,
                           .packets = &r.packets,
                           .window = &r.window,
                           .memory_base = 1 << 20,
                           .memory_size = RIG_GUEST_MEMORY,
                           .netdev = NETDEV_VIRTIO,
                           .virtio = &virtio};
  struct guest *g = guest_create(r.engine, &c);
  vcpu_attach(guest_vcpu(g, 0), r.scheduler, NULL, 0);
  return g;
}

static hd_time cycles(int64_t n)
{
  struct hd_clock c = hd_clock_at(r.cpu.frequency);
  return hd_clock_span(&c, n);
}

START_TEST(kicks_are_relayed_to_doorbells)
{
  bench(4);
  struct guest *g = idle_guest();
  relay_initialize(&relay, r.engine, "relay", "server", &r.params, &r.cpu, 1,
                   &r.window);
  host_thread_attach(&relay.thread, r.scheduler, NULL, 0, NULL);
  struct hd_component *thread = host_thread_component(&relay.thread);
  relay.thread.vcpu.to_root =
      hd_channel_open(thread, &source.base, ROOT_LATENCY);
  relay_attach_device(&relay, &source.base);
  relay_add_guest(&relay, g, 0);
  struct virtio_function *f = guest_virtio_function(g);
  ck_assert_int_eq(f->notify, VIRTIO_NOTIFY_EXIT);
  f->device = 1;
  f->doorbell = 0x10000;
  f->doorbell_stride = 4096;
  source.thread = relay.thread.vcpu.index;
  source.to_thread = hd_channel_open(&source.base, thread, SOURCE_LATENCY);
  source.start = send_kicks;
  hd_engine_run(r.engine, HD_MS);
  hd_time woken =
      r.cpu.queue_latency + r.cpu.wake_latency + cycles(r.params.relay_wakeup);
  hd_time each = cycles(r.params.relay_kick + r.cpu.mmio_write_cost);
  ck_assert_uint_eq(source.n, 4);
  ck_assert_int_eq(source.got[0].when, KICK_AT + woken + each + ROOT_LATENCY);
  ck_assert_uint_eq(source.got[0].address, 0x11000);
  ck_assert_uint_eq(source.got[0].data, 11);
  ck_assert_int_eq(source.got[1].when,
                   2 * KICK_AT + woken + each + ROOT_LATENCY);
  ck_assert_uint_eq(source.got[1].data, 14); /* the latest */
  ck_assert_int_eq(source.got[2].when,
                   2 * KICK_AT + woken + 2 * each + ROOT_LATENCY);
  ck_assert_uint_eq(source.got[2].address, 0x10000);
  ck_assert_uint_eq(source.got[2].data, 13);
  ck_assert_uint_eq(source.got[3].kind, MSG_VIRTQ_VIEW);
  ck_assert_int_eq(source.got[3].when, 3 * KICK_AT + VIRTIO_VISIBLE_LATENCY);
  ck_assert_uint_eq(relay.kicks, 4);
  ck_assert_uint_eq(relay.doorbells, 3);
  hd_engine_destroy(r.engine);
  relay_terminate(&relay);
  guest_destroy(g);
  scheduler_destroy(r.scheduler);
  packet_pool_terminate(&r.packets);
}
END_TEST

/* ---- default interface
 * -------------------------------------------------------------- */

static struct packet_pool pool;
static struct nic_ring tx[4], rx[4];
static struct packet *slots[16];

static struct nic *bare_nic(void)
{
  static const struct hd_window window = {0, HD_TIME_NEVER};
  rig_section(&nic_param_table, &r.nic_params);
  rig_section(&pcie_param_table, &r.pcie);
  rig_section(&network_param_table, &r.network);
  struct hd_engine *e = hd_engine_create(&(struct hd_engine_options){0});
  hd_engine_add_host(e, "server");
  struct nic *n =
      nic_create(e, "nic", "server", &r.nic_params, &r.pcie, &pool, &window);
  nic_attach_wire(n, 0, wire_create(e, "wire", "server", &r.network, &window));
  static struct hd_exec clock;
  nic_component(n)->exec = &clock; /* as if it were running */
  for (int i = 0; i < 4; i++) {
    tx[i] = (struct nic_ring){.size = 16, .descriptor = 16, .slot = slots};
    rx[i] =
        (struct nic_ring){.size = 16, .descriptor = 32, .buffer_size = 2048};
  }
  return n;
}

static struct nic_interface interface(uint32_t first, bool is_default)
{
  return (struct nic_interface){.queue_pairs = 4,
                                .first_queue = first,
                                .first_vector = 2 * first,
                                .tx = tx,
                                .rx = rx,
                                .is_default = is_default};
}

START_TEST(a_port_has_one_default_interface)
{
  static const uint16_t good[] = {3, NIC_NO_RULE, 0, 1}, bad[] = {4, 0, 0, 0};
  struct nic *n = bare_nic();
  uint32_t index;
  struct nic_interface i = interface(0, true);
  i.steering = (struct nic_steering){
      .rss_queues = 5, .pairs = 2, .guests = 2, .rule = good};
  ck_assert(!nic_add_interface(n, &i, &index));
  i.steering.rss_queues = 2;
  i.steering.rule = bad;
  ck_assert(!nic_add_interface(n, &i, &index));
  i.steering.rule = good;
  ck_assert(nic_add_interface(n, &i, &index));
  struct nic_interface guest = interface(8, false),
                       second = interface(16, true);
  ck_assert(!nic_add_interface(n, &second, &index));
  uint32_t of_guest; /* vm 0, which the default interface does not occupy */
  ck_assert(nic_add_interface(n, &guest, &of_guest));
  ck_assert_ptr_eq(n->ports[0].route[0], n->functions[of_guest]);
  nic_remove_interface(n, of_guest);
  ck_assert_ptr_nonnull(n->ports[0].fallback);
  nic_remove_interface(n, 0);
  ck_assert_ptr_null(n->ports[0].fallback);
  ck_assert(nic_add_interface(n, &second, &index));
}
END_TEST

/* ---- parameters
 * --------------------------------------------------------------------- */

START_TEST(parameters_are_sound)
{
  static const struct hd_param_section sections[] = {{&vhost_param_table, 0},
                                                     {NULL, 0}};
  static const struct hd_param_registry registry = {
      .config_size = sizeof(struct vhost_params), .sections = sections};
  struct hd_errors *errors = hd_errors_create();
  bool sound = hd_params_verify(&registry, errors);
  ck_assert_msg(sound, "%s",
                hd_errors_count(errors) ? hd_errors_text(errors, 0) : "?");
  hd_errors_destroy(errors);
  struct vhost_params p;
  rig_section(&vhost_param_table, &p);
  ck_assert_ptr_null(vhost_params_refused(&p));
  p.batch = p.tun_queue + 1;
  ck_assert_ptr_nonnull(vhost_params_refused(&p));
  rig_section(&vhost_param_table, &p);
  p.user_burst = p.tx_ring + 1;
  ck_assert_ptr_nonnull(vhost_params_refused(&p));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("vhost_thread");
  TCase *t = tcase_create("vhost_thread");
  tcase_add_test(t, a_message_wakes_a_thread_after_the_scheduler_s_times);
  tcase_add_test(t, kicks_are_relayed_to_doorbells);
  tcase_add_test(t, a_port_has_one_default_interface);
  tcase_add_test(t, parameters_are_sound);
  suite_add_tcase(s, t);
  return rig_main(s);
}
