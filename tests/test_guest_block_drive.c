/*
 * test_guest_block_drive.c - block jobs on the storage device itself, behind a
 * PCIe link: the NVMe driver and the device agree on rings, doorbells, phases,
 * vectors and stamps.
 *
 * The host between them answers DMA reads after a fixed time and shows writes
 * to the guest; there is no IOMMU, and interrupts go straight to the vCPU.
 */
#include "test_guest_block.h"

#include "models/pcie/link.h"
#include "models/storage/storage.h"

#define ANSWER (300 * HD_NS) /* host memory answers a read */
enum { HANDLE = 500, ADMIN_OBSERVER = 99 };

static struct bench bench;

static struct drive {
  struct pcie_params pcie;
  struct storage *device;
  struct pcie_link *link;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  struct storage_admin command[2];
  uint64_t messages, answered;
} drive;

/* ---- the host ----------------------------------------------------------- */

static void write_register(uint64_t address, uint64_t data, void *object)
{
  struct pcie_tlp *t = hd_msg_new_zero(&bench.device.base, MSG_TLP);
  t->type = PCIE_MWR;
  t->address = address;
  t->length = 4;
  t->data = data;
  t->object = object;
  t->observer = PCIE_NO_OBSERVER;
  hd_send(drive.to_link, drive.to_link->latency, t);
}

static void written(struct pcie_tlp *t)
{
  if (pcie_is_msi(t)) {
    drive.messages++;
    block_interrupt_guest(&rig.end[0], (unsigned)t->data - HANDLE);
  } else if (t->observer == ADMIN_OBSERVER) {
    ck_assert(!((struct storage_admin *)t->object)->failed);
    drive.answered++;
  } else if (t->observer != PCIE_NO_OBSERVER) {
    block_show(&rig.end[0], t->observer, t->data, t->object);
  }
  hd_msg_free(&bench.device.base, t);
}

static void host_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct pcie_tlp *t = (struct pcie_tlp *)msg;
  const struct mmio_msg *m = (const struct mmio_msg *)msg;
  if (msg->kind == MSG_MMIO_WRITE)
    write_register(m->address, m->data, m->object);
  if (msg->kind != MSG_TLP) {
    hd_msg_free(self, msg);
    return;
  }
  pcie_receiver_free(&drive.receiver, t);
  if (t->type == PCIE_MRD) {
    pcie_complete(t, PCIE_SC);
    hd_send(drive.to_link, ANSWER, t);
  } else {
    written(t);
  }
}

static void issue(struct storage_admin *c, enum storage_admin_type type)
{
  c->type = type;
  c->address = 0x1000;
  c->observer = ADMIN_OBSERVER;
  c->requester = 0x0100;
  write_register(STORAGE_ADMIN_DOORBELL, 1, c);
}

static void host_start(struct hd_component *self)
{
  (void)self;
  const struct bench *b = &bench;
  drive.command[0].interface =
      (struct storage_interface){.vm = b->config.vm,
                                 .requester = 0x0108,
                                 .queue_pairs = (uint16_t)b->config.queue_pairs,
                                 .vectors = (uint16_t)b->config.queue_pairs,
                                 .first_queue = FIRST_QUEUE,
                                 .first_vector = FIRST_VECTOR,
                                 .first_handle = HANDLE,
                                 .blocks = b->config.blocks,
                                 .rings = guest_storage_rings(b->guest)};
  issue(&drive.command[0], STORAGE_ADD_INTERFACE);
  issue(&drive.command[1], STORAGE_START_QUEUES);
}

/* ---- building ----------------------------------------------------------- */

static void drive_wire(struct bench *b)
{
  block_wire(b);
  drive.device = storage_create(b->engine, "server/drive", "server",
                                &b->storage, &drive.pcie, &b->window);
  drive.link = pcie_link_create(b->engine, "server/link", "server", &drive.pcie,
                                &b->window);
  drive.to_link = pcie_link_connect(drive.link, PCIE_UPSTREAM_END,
                                    &b->device.base, drive.pcie.port_latency);
  pcie_receiver_initialize(&drive.receiver, &drive.pcie, drive.to_link,
                           PCIE_UPSTREAM_END);
  storage_attach_link(drive.device, drive.link);
  for (unsigned q = 0; q < b->config.queue_pairs; q++)
    guest_set_observer(b->guest, q, (uint16_t)q);
}

static void drive_defaults(struct bench *b)
{
  static const struct hd_component_ops ops = {
      .kind = "host", .handle = host_handle, .start = host_start};
  block_defaults(b, BLOCKDEV_NVME);
  b->device_ops = &ops;
  b->wire = drive_wire;
  drive = (struct drive){.pcie = {.generation = 5,
                                  .lanes = 4,
                                  .mps = 256,
                                  .mrrs = 512,
                                  .rcb = 64,
                                  .tags = 256,
                                  .framing = 8,
                                  .ack_interval = 1000,
                                  .fc_interval = 1000,
                                  .skip_interval = 1 << 30,
                                  .replay_timer = HD_S,
                                  .replay_buffer = 1 << 26,
                                  .propagation = 20 * HD_NS,
                                  .device_latency = 50 * HD_NS,
                                  .port_latency = 30 * HD_NS}};
  b->storage = (struct storage_params){.queue_pairs = 64,
                                       .vectors = 128,
                                       .virtual_functions = 4,
                                       .capacity = INT64_C(1) << 40,
                                       .max_transfer = 1 << 20,
                                       .clock = 1000000000,
                                       .doorbell_latency = 50 * HD_NS,
                                       .arbitration_burst = 8,
                                       .fetches = 16,
                                       .fetch_cycles = 20,
                                       .commands = 2048,
                                       .command_cycles = 490,
                                       .read_overhead = 20 * HD_US,
                                       .write_overhead = 10 * HD_US,
                                       .dma_window = 1 << 16,
                                       .coalesce_threshold = 1,
                                       .coalesce_time = 100 * HD_US,
                                       .internal_rate = 96000000000,
                                       .cache = 64 << 20,
                                       .channels = 16,
                                       .dies = 16,
                                       .channel_rate = 19200000000,
                                       .page_size = 16384,
                                       .read_time = 50 * HD_US,
                                       .read_jitter = 0.05,
                                       .program_size = 49152,
                                       .program_time = 1900 * HD_US,
                                       .program_jitter = 0.05,
                                       .write_amplification = 1};
}

static struct storage_stats drive_run(struct bench *b)
{
  bench_create(b);
  block_run(b);
  const char *wrong = storage_check(drive.device);
  ck_assert_msg(!wrong, "%s", wrong);
  wrong = pcie_link_check(drive.link);
  ck_assert_msg(!wrong, "%s", wrong);
  ck_assert_uint_eq(drive.answered, 2);
  uint64_t posted = 0, found = 0;
  for (unsigned q = 0; q < b->config.queue_pairs; q++) {
    posted += blockdev_queue_at(b->guest, q)->posted;
    found += blockdev_queue_at(b->guest, q)->completed;
  }
  ck_assert_uint_le(storage_announced(drive.device), posted);
  ck_assert_uint_ge(storage_completed(drive.device), found);
  struct storage_stats s;
  storage_get_stats(drive.device, &s);
  ck_assert_uint_eq(s.errors + s.faults + s.ignored_writes, 0);
  return s;
}

static void drive_end(struct bench *b)
{
  gsl_rng_free(rig.rng);
  struct storage *device = drive.device;
  struct pcie_link *link = drive.link;
  hd_engine_destroy(b->engine);
  guest_destroy(b->guest);
  scheduler_destroy(b->scheduler);
  storage_destroy(device);
  pcie_link_destroy(link);
  free(b->hypervisor.to_vcpu);
  packet_pool_terminate(&b->packets);
  block_pool_terminate(&b->requests);
}

static double stage(const struct bench *b, enum hd_stage s)
{
  const struct hd_histogram *h = &guest_breakdown(b->guest)->stages[s];
  return (double)h->sum / (double)h->count;
}

static double latency(const struct bench *b)
{
  const struct hd_histogram *h = guest_latency(b->guest);
  return (double)h->sum / (double)h->count;
}

/* ---- tests -------------------------------------------------------------- */

/* What the device says it took, from the doorbell's effect to the completion,
 * and the guest's own stages make the latency that the application sees; one
 * is in flight all the time. */
START_TEST(latency_is_the_devices_and_the_guests)
{
  struct bench *b = &bench;
  drive_defaults(b);
  b->jobs.rw = _i ? BLOCK_RANDOM_WRITE : BLOCK_RANDOM_READ;
  struct storage_stats s = drive_run(b);
  double device = (double)s.command_time / (double)s.commands;
  double guest = stage(b, HD_STAGE_SEND_PATH) + stage(b, HD_STAGE_DOORBELL) +
                 stage(b, HD_STAGE_INTERRUPT) +
                 stage(b, HD_STAGE_GUEST_RECEIVE);
  /* Requests at the ends of the window are counted by one of them only. */
  bench_near(latency(b), device + guest, 0.01);
  bench_near(block_iops(b) * latency(b) / (double)HD_S, 1.0, 0.02);
  ck_assert_double_gt(device, _i ? 10e6 : 70e6);
  ck_assert_uint_eq(_i ? s.writes : s.reads, s.commands);
  drive_end(b);
}
END_TEST

/* Four dies of 50 us: 80000 reads a second, whatever is asked for. */
START_TEST(few_dies_set_the_rate)
{
  struct bench *b = &bench;
  drive_defaults(b);
  b->storage.channels = 1;
  b->storage.dies = 4;
  b->storage.read_jitter = 0;
  b->jobs.numjobs = b->config.queue_pairs = b->config.vcpus = 2;
  b->jobs.iodepth = 64;
  b->duration = 20 * HD_MS;
  drive_run(b);
  bench_near(block_iops(b), 80000, 0.02);
  drive_end(b);
}
END_TEST

/* Sizes with page lists, short rings that wrap, several jobs a queue, flushes;
 * interrupts one by one, coalesced, or none. */
START_TEST(all_kinds_of_requests_come_back)
{
  static const int64_t sizes[] = {512, 4096, 16384, 262144};
  struct bench *b = &bench;
  drive_defaults(b);
  b->jobs.rw = BLOCK_RANDOM_MIXED;
  b->jobs.bs = sizes[_i % 4];
  b->jobs.iodepth = 20;
  b->jobs.numjobs = 3;
  b->jobs.flush_every = 30;
  b->jobs.completion = _i >= 8 ? BLOCK_POLL : BLOCK_INTERRUPT;
  b->config.queue_pairs = 2;
  b->config.vcpus = _i >= 8 ? 3 : 2;
  b->block_costs.nvme_ring = 16;
  b->storage.coalesce_threshold = _i >= 4 && _i < 8 ? 4 : 1;
  b->storage.coalesce_time = 20 * HD_US;
  b->duration = 5 * HD_MS;
  struct storage_stats s = drive_run(b);
  struct guest_stats g = block_stats(b);
  ck_assert_uint_gt(g.requests, 150);
  ck_assert_uint_gt(g.flushes, 0);
  ck_assert_uint_eq(g.errors, 0);
  bench_near((double)g.requests, (double)(s.reads + s.writes), 0.1);
  bench_near((double)g.read_bytes, (double)s.read_bytes, 0.1);
  if (_i >= 8) {
    ck_assert_uint_eq(drive.messages, 0);
    ck_assert_uint_eq(g.interrupts, 0);
  } else if (_i >= 4) {
    /* The largest come too slowly for more than two in 20 us. */
    ck_assert_uint_lt(_i == 7 ? s.interrupts : s.interrupts * 2, s.commands);
  } else {
    ck_assert_uint_ge(s.interrupts + 20, s.commands);
  }
  drive_end(b);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("guest_block_drive");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, latency_is_the_devices_and_the_guests, 0, 2);
  tcase_add_test(t, few_dies_set_the_rate);
  tcase_add_loop_test(t, all_kinds_of_requests_come_back, 0, 12);
  suite_add_tcase(s, t);
  return bench_main(s);
}
