/*
 * test_storage_isolation.c - the device behind a real link, root complex,
 * IOMMU and memory: queue pairs of the physical function with a PASID each, and
 * what the IOMMU forbids.
 *
 * A green run says that a queue pair reaches its own guest's memory only, and
 * that the command that tried otherwise says so if its device can know.
 */
#include <check.h>
#include <stdlib.h>

#include "models/pcie/root_complex.h"
#include "models/storage/storage.h"
#include "test_iommu.h"

enum { GUESTS = 2, ENTRIES = 8, PF = 0x0100 /* requester ID */ };
#define GUEST_BYTES (UINT64_C(1) << 20)
#define GUEST_BASE(g) ((UINT64_C(1) << 36) + (uint64_t)(g)*GUEST_BYTES)
#define HOST_BASE (UINT64_C(1) << 35) /* admin commands; no PASID */
#define SQ 0x1000u
#define CQ 0x2000u
#define BUFFER 0x10000u
#define FORBIDDEN (GUEST_BYTES + 0x5000u) /* not mapped */

/* All guests' driver, and the host's: one piece of software. */
struct driver {
  struct hd_component base;
  struct hd_channel *mmio;
  struct block_request *slot[GUESTS][ENTRIES];
  struct storage_ring ring[GUESTS];
  struct storage_admin admin[2 * GUESTS];
  struct block_request request[GUESTS];
  int answered, completed;
};

static struct {
  struct hd_engine *e;
  struct hd_window window;
  struct memory_params memory_params;
  struct iommu_params iommu_params;
  struct pcie_params pcie;
  struct storage_params params;
  struct memory *memory;
  struct vtd_tables *tables;
  struct iommu *iommu;
  struct root_complex *rc;
  struct pcie_link *link;
  struct storage *device;
  struct driver driver;
  uint16_t region[GUESTS], observer[GUESTS], host_region, host_observer;
} m;

/* ---- software ------------------------------------------------------------ */

static void write_mmio(uint64_t address, uint64_t data, void *object)
{
  struct mmio_msg *w = hd_msg_new_zero(&m.driver.base, MSG_MMIO_WRITE);
  w->address = address;
  w->data = data;
  w->length = 4;
  w->object = object;
  hd_send(m.driver.mmio, m.driver.mmio->latency, w);
}

static void describe(int g)
{
  m.driver.ring[g] = (struct storage_ring){.submission = SQ,
                                           .completion = CQ,
                                           .size = ENTRIES,
                                           .slot = m.driver.slot[g],
                                           .observer = m.observer[g]};
  for (int i = 0; i < 2; i++)
    m.driver.admin[2 * g + i] = (struct storage_admin){
        .type = i ? STORAGE_START_QUEUES : STORAGE_ADD_INTERFACE,
        .address = 0x1000,
        .observer = m.host_observer,
        .requester = PF,
        .result = (uint32_t)g};
  m.driver.admin[2 * g].interface =
      (struct storage_interface){.vm = (uint16_t)g,
                                 .requester = PF,
                                 .has_pasid = true,
                                 .pasid = (uint32_t)g + 10,
                                 .queue_pairs = 1,
                                 .vectors = 1,
                                 .first_queue = (uint32_t)g,
                                 .first_vector = (uint32_t)g,
                                 .rings = &m.driver.ring[g]};
}

static void start(struct hd_component *self)
{
  (void)self;
  for (int g = 0; g < GUESTS; g++)
    describe(g);
  for (int i = 0; i < 2 * GUESTS; i++)
    write_mmio(STORAGE_ADMIN_DOORBELL, 1, &m.driver.admin[i]);
}

static void submit_all(void)
{
  for (int g = 0; g < GUESTS; g++) {
    hd_stamps_begin(&m.driver.request[g].stamps, hd_now(&m.driver.base));
    m.driver.slot[g][0] = &m.driver.request[g];
    write_mmio(STORAGE_SQ_TAIL(g), 1, NULL);
  }
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct guest_memory_msg *seen = (struct guest_memory_msg *)msg;
  ck_assert_uint_eq(msg->kind, MSG_GUEST_MEMORY);
  if (seen->observer == m.host_observer &&
      (struct storage_admin *)seen->object >= m.driver.admin &&
      (struct storage_admin *)seen->object < m.driver.admin + 2 * GUESTS) {
    ck_assert(!((struct storage_admin *)seen->object)->failed);
    if (++m.driver.answered == 2 * GUESTS)
      submit_all();
  } else {
    m.driver.completed++;
  }
  hd_msg_free(self, msg);
}

/* ---- building ------------------------------------------------------------ */

static void parameters(void)
{
  m.window = (struct hd_window){0, HD_TIME_NEVER};
  m.memory_params = test_memory_params();
  m.iommu_params = test_iommu_params(IOMMU_SCALABLE);
  m.pcie = (struct pcie_params){.generation = 5,
                                .lanes = 4,
                                .mps = 256,
                                .mrrs = 512,
                                .rcb = 64,
                                .tags = 256,
                                .framing = 8,
                                .ack_interval = 203,
                                .fc_interval = 203,
                                .skip_interval = 1538,
                                .replay_timer = HD_MS,
                                .replay_buffer = 1 << 16,
                                .propagation = 20 * HD_NS,
                                .device_latency = 50 * HD_NS,
                                .port_latency = 30 * HD_NS,
                                .mmio_write_latency = 150 * HD_NS,
                                .mmio_read_latency = 150 * HD_NS,
                                .root_latency = 25 * HD_NS};
  m.params = (struct storage_params){.queue_pairs = 8,
                                     .vectors = 8,
                                     .capacity = 1 << 30,
                                     .max_transfer = 1 << 17,
                                     .clock = 1000000000,
                                     .doorbell_latency = HD_NS,
                                     .arbitration_burst = 8,
                                     .fetches = 8,
                                     .commands = 64,
                                     .dma_window = 1 << 16,
                                     .coalesce_threshold = 1,
                                     .cache = 1 << 20,
                                     .channels = 2,
                                     .dies = 2,
                                     .channel_rate = 8000000000,
                                     .page_size = 4096,
                                     .read_time = 20 * HD_US,
                                     .program_size = 4096,
                                     .program_time = 50 * HD_US,
                                     .write_amplification = 1};
}

static void map_guests(void)
{
  m.tables = vtd_tables_create(4096, UINT64_C(1) << 32, true);
  uint32_t host = vtd_domain_create(m.tables);
  ck_assert(vtd_domain_map(m.tables, host, 0, HOST_BASE, 1 << 16, 12, true));
  ck_assert(vtd_attach_requester(m.tables, PF, host));
  for (int g = 0; g < GUESTS; g++) {
    uint32_t d = vtd_domain_create(m.tables);
    ck_assert(
        vtd_domain_map(m.tables, d, 0, GUEST_BASE(g), GUEST_BYTES, 12, true));
    ck_assert(vtd_attach_pasid(m.tables, PF, (uint32_t)g + 10, d));
  }
}

static void add_regions(void)
{
  struct hd_component *c = &m.driver.base;
  memory_add_region(m.memory, 0, HOST_BASE);
  m.host_region = memory_add_region(m.memory, HOST_BASE, 1 << 16);
  m.host_observer = memory_add_observer(m.memory, m.host_region, c);
  for (int g = 0; g < GUESTS; g++) {
    m.region[g] = memory_add_region(m.memory, GUEST_BASE(g), GUEST_BYTES);
    m.observer[g] = memory_add_observer(m.memory, m.region[g], c);
  }
}

static void build(void)
{
  static const struct hd_component_ops ops = {
      .kind = "driver", .handle = handle, .start = start};
  struct hd_channel *unused;
  m.e = test_engine(HD_US);
  m.memory = memory_create(m.e, "memory", "host", &m.memory_params, &m.window);
  map_guests();
  m.iommu =
      iommu_create(m.e, "iommu", "host", &m.iommu_params, m.tables, &m.window);
  m.rc = root_complex_create(m.e, "root", "host", &m.pcie, &m.window);
  m.link = pcie_link_create(m.e, "link", "host", &m.pcie, &m.window);
  m.device =
      storage_create(m.e, "drive", "host", &m.params, &m.pcie, &m.window);
  hd_component_initialize(&m.driver.base, m.e, &ops, "driver", "host");
  iommu_attach_memory(m.iommu, m.memory, TEST_HOP);
  root_complex_attach_link(m.rc, m.link);
  root_complex_attach_iommu(m.rc, 0, iommu_component(m.iommu), TEST_HOP);
  iommu_set_root_complex(
      m.iommu,
      root_complex_answer_channel(m.rc, iommu_component(m.iommu), TEST_ANSWER));
  root_complex_attach_memory(m.rc, memory_component(m.memory), TEST_HOP);
  memory_set_root_complex(
      m.memory,
      root_complex_answer_channel(m.rc, memory_component(m.memory), TEST_HOP));
  storage_attach_link(m.device, m.link);
  add_regions();
  m.driver.mmio = root_complex_connect_cpu(m.rc, &m.driver.base, &unused);
}

/* Guest 0 does `op` at `buffer`, guest 1 a write of its own; to the end. */
static void run(enum block_op op, uint64_t buffer)
{
  parameters();
  build();
  for (int g = 0; g < GUESTS; g++)
    m.driver.request[g] =
        (struct block_request){.op = g ? BLOCK_WRITE : (uint8_t)op,
                               .status = 0xff,
                               .bytes = 4096,
                               .lba = 8 * (uint64_t)g,
                               .buffer = g ? BUFFER : buffer};
  hd_engine_run(m.e, 10 * HD_MS);
  const char *wrong = storage_check(m.device);
  ck_assert_msg(wrong == NULL, "%s", wrong);
  ck_assert_ptr_null(iommu_check(m.iommu));
  ck_assert_ptr_null(root_complex_check(m.rc));
  ck_assert_int_eq(m.driver.completed, GUESTS);
  ck_assert_uint_eq(m.driver.request[1].status, BLOCK_OK);
  ck_assert_uint_eq(memory_region_written(m.memory, m.region[1]),
                    STORAGE_CQ_ENTRY);
}

static uint64_t faults(void)
{
  uint64_t total;
  const struct iommu_fault *log;
  iommu_faults(m.iommu, &log, &total);
  for (size_t i = 0; i < total && i < IOMMU_FAULT_LOG; i++)
    ck_assert(log[i].has_pasid && log[i].pasid == 10);
  return total;
}

static void end(void)
{
  hd_engine_destroy(m.e);
  storage_destroy(m.device);
  pcie_link_destroy(m.link);
  root_complex_destroy(m.rc);
  iommu_destroy(m.iommu);
  vtd_tables_destroy(m.tables);
  memory_destroy(m.memory);
}

/* ---- tests --------------------------------------------------------------- */

START_TEST(each_reaches_its_own_memory)
{
  run(BLOCK_READ, BUFFER);
  ck_assert_uint_eq(m.driver.request[0].status, BLOCK_OK);
  ck_assert_uint_eq(faults(), 0);
  ck_assert_uint_eq(memory_region_written(m.memory, m.region[0]),
                    4096 + STORAGE_CQ_ENTRY);
  ck_assert_uint_eq(memory_region_read(m.memory, m.region[0]),
                    STORAGE_SQ_ENTRY);
  ck_assert_uint_eq(memory_region_read(m.memory, m.region[1]),
                    4096 + STORAGE_SQ_ENTRY);
  ck_assert_int_gt(m.driver.request[1].stamps.spent[HD_STAGE_IOMMU], 0);
  end();
}
END_TEST

/* Data that cannot be read: an error, and nothing is stored. */
START_TEST(forbidden_data_fails_the_write)
{
  run(BLOCK_WRITE, FORBIDDEN);
  ck_assert_uint_eq(m.driver.request[0].status, BLOCK_TRANSFER_ERROR);
  ck_assert_uint_eq(faults(), 8); /* 4 KiB in reads of 512 B */
  ck_assert_uint_eq(store_accepted(storage_store(m.device)), 4096);
  ck_assert_uint_eq(memory_region_read(m.memory, m.region[0]),
                    STORAGE_SQ_ENTRY);
  end();
}
END_TEST

/* A posted write that is blocked is lost, and the device cannot know. */
START_TEST(forbidden_buffer_is_not_written)
{
  run(BLOCK_READ, FORBIDDEN);
  ck_assert_uint_eq(faults(), 16); /* 4 KiB in writes of 256 B */
  ck_assert_uint_eq(memory_region_written(m.memory, m.region[0]),
                    STORAGE_CQ_ENTRY);
  ck_assert_uint_eq(memory_stray(m.memory), 0);
  end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("storage isolation");
  TCase *t = tcase_create("isolation");
  tcase_add_test(t, each_reaches_its_own_memory);
  tcase_add_test(t, forbidden_data_fails_the_write);
  tcase_add_test(t, forbidden_buffer_is_not_written);
  suite_add_tcase(s, t);
  return test_main(s);
}
