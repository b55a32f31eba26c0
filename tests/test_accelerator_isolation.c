/*
 * test_accelerator_isolation.c - the device behind a real link, root complex,
 * IOMMU and memory: ring banks of the physical function with a PASID each, and
 * what the IOMMU forbids.
 *
 * A green run says that a bank reaches its own guest's memory only, and that
 * the request that tried otherwise says so if its device can know.
 */
#include <check.h>
#include <stdlib.h>

#include "models/accelerator/accelerator.h"
#include "models/pcie/root_complex.h"
#include "test_iommu.h"

enum { GUESTS = 2, ENTRIES = 8, PF = 0x0100 /* requester ID */ };
#define GUEST_BYTES (UINT64_C(1) << 20)
#define GUEST_BASE(g) ((UINT64_C(1) << 36) + (uint64_t)(g)*GUEST_BYTES)
#define HOST_BASE (UINT64_C(1) << 35) /* admin commands; no PASID */
#define REQUESTS 0x1000u
#define RESPONSES 0x2000u
#define SOURCE 0x10000u
#define DESTINATION 0x20000u
#define ENTRY 128u
#define FORBIDDEN (GUEST_BYTES + 0x5000u) /* not mapped */

/* All guests' driver, and the host's: one piece of software. */
struct driver {
  struct hd_component base;
  struct hd_channel *mmio;
  struct accelerator_request *slot[GUESTS][ENTRIES];
  struct accelerator_ring ring[GUESTS];
  struct accelerator_admin admin[2 * GUESTS];
  struct accelerator_request request[GUESTS];
  int answered, completed;
};

static struct {
  struct hd_engine *e;
  struct hd_window window;
  struct memory_params memory_params;
  struct iommu_params iommu_params;
  struct pcie_params pcie;
  struct accelerator_params params;
  struct memory *memory;
  struct vtd_tables *tables;
  struct iommu *iommu;
  struct root_complex *rc;
  struct pcie_link *link;
  struct accelerator *device;
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
  m.driver.ring[g] = (struct accelerator_ring){.requests = REQUESTS,
                                               .responses = RESPONSES,
                                               .size = ENTRIES,
                                               .slot = m.driver.slot[g],
                                               .observer = m.observer[g]};
  for (int i = 0; i < 2; i++)
    m.driver.admin[2 * g + i] = (struct accelerator_admin){
        .type = i ? ACCELERATOR_START_BANKS : ACCELERATOR_ADD_INTERFACE,
        .address = 0x1000,
        .observer = m.host_observer,
        .requester = PF,
        .result = (uint32_t)g};
  m.driver.admin[2 * g].interface =
      (struct accelerator_interface){.vm = (uint16_t)g,
                                     .requester = PF,
                                     .has_pasid = true,
                                     .pasid = (uint32_t)g + 10,
                                     .banks = 1,
                                     .first_bank = (uint32_t)g,
                                     .rings = &m.driver.ring[g]};
}

static void start(struct hd_component *self)
{
  (void)self;
  for (int g = 0; g < GUESTS; g++)
    describe(g);
  for (int i = 0; i < 2 * GUESTS; i++)
    write_mmio(ACCELERATOR_ADMIN_DOORBELL, 1, &m.driver.admin[i]);
}

static void submit_all(void)
{
  for (int g = 0; g < GUESTS; g++) {
    hd_stamps_begin(&m.driver.request[g].stamps, hd_now(&m.driver.base));
    m.driver.slot[g][0] = &m.driver.request[g];
    write_mmio(ACCELERATOR_TAIL(g), 1, NULL);
  }
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct guest_memory_msg *seen = (struct guest_memory_msg *)msg;
  ck_assert_uint_eq(msg->kind, MSG_GUEST_MEMORY);
  if (seen->observer == m.host_observer &&
      (struct accelerator_admin *)seen->object >= m.driver.admin &&
      (struct accelerator_admin *)seen->object < m.driver.admin + 2 * GUESTS) {
    ck_assert(!((struct accelerator_admin *)seen->object)->failed);
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
  m.params = (struct accelerator_params){.banks = 8,
                                         .max_request = 1 << 20,
                                         .clock = 1000000000,
                                         .register_latency = HD_NS,
                                         .arbitration_burst = 4,
                                         .fetches = 8,
                                         .dma_window = 1 << 16,
                                         .sym_engines = 1,
                                         .sym_threads = 4,
                                         .wide_cipher_slices = 1,
                                         .cipher_slices = 1,
                                         .hash_slices = 1,
                                         .aes_xts_rate = 8000000000,
                                         .aes_cbc_rate = 8000000000,
                                         .sha512_rate = 8000000000};
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
      accelerator_create(m.e, "qat", "host", &m.params, &m.pcie, &m.window);
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
  accelerator_attach_link(m.device, m.link);
  add_regions();
  m.driver.mmio = root_complex_connect_cpu(m.rc, &m.driver.base, &unused);
}

/* Guest 0 encrypts from and to these, guest 1 within its own; to the end. */
static void run(uint64_t source, uint64_t destination)
{
  parameters();
  build();
  for (int g = 0; g < GUESTS; g++)
    m.driver.request[g] = (struct accelerator_request){
        .algorithm = ACCELERATOR_AES_XTS,
        .status = 0xff,
        .bytes = 4096,
        .room = 4096,
        .source = {.address = g ? SOURCE : source},
        .destination = {.address = g ? DESTINATION : destination}};
  hd_engine_run(m.e, 10 * HD_MS);
  const char *wrong = accelerator_check(m.device);
  ck_assert_msg(wrong == NULL, "%s", wrong);
  ck_assert_ptr_null(iommu_check(m.iommu));
  ck_assert_ptr_null(root_complex_check(m.rc));
  ck_assert_int_eq(m.driver.completed, GUESTS);
  ck_assert_uint_eq(m.driver.request[1].status, ACCELERATOR_OK);
  ck_assert_uint_eq(memory_region_written(m.memory, m.region[1]),
                    4096 + ACCELERATOR_RESPONSE_BYTES);
  ck_assert_uint_eq(memory_region_read(m.memory, m.region[1]), 4096 + ENTRY);
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
  accelerator_destroy(m.device);
  pcie_link_destroy(m.link);
  root_complex_destroy(m.rc);
  iommu_destroy(m.iommu);
  vtd_tables_destroy(m.tables);
  memory_destroy(m.memory);
}

/* ---- tests --------------------------------------------------------------- */

START_TEST(each_reaches_its_own_memory)
{
  run(SOURCE, DESTINATION);
  ck_assert_uint_eq(m.driver.request[0].status, ACCELERATOR_OK);
  ck_assert_uint_eq(faults(), 0);
  ck_assert_uint_eq(memory_region_written(m.memory, m.region[0]),
                    4096 + ACCELERATOR_RESPONSE_BYTES);
  ck_assert_uint_eq(memory_region_read(m.memory, m.region[0]), 4096 + ENTRY);
  ck_assert_int_gt(m.driver.request[1].stamps.spent[HD_STAGE_IOMMU], 0);
  end();
}
END_TEST

/* Data that cannot be read: an error, and nothing is written but that. */
START_TEST(forbidden_source_fails_the_request)
{
  run(FORBIDDEN, DESTINATION);
  ck_assert_uint_eq(m.driver.request[0].status, ACCELERATOR_TRANSFER_ERROR);
  ck_assert_uint_eq(faults(), 8); /* 4 KiB in reads of 512 B */
  ck_assert_uint_eq(memory_region_written(m.memory, m.region[0]),
                    ACCELERATOR_RESPONSE_BYTES);
  ck_assert_uint_eq(memory_region_read(m.memory, m.region[0]), ENTRY);
  end();
}
END_TEST

/* A posted write that is blocked is lost, and the device cannot know. */
START_TEST(forbidden_destination_is_not_written)
{
  run(SOURCE, FORBIDDEN);
  ck_assert_uint_eq(m.driver.request[0].status, ACCELERATOR_OK);
  ck_assert_uint_eq(faults(), 16); /* 4 KiB in writes of 256 B */
  ck_assert_uint_eq(memory_region_written(m.memory, m.region[0]),
                    ACCELERATOR_RESPONSE_BYTES);
  ck_assert_uint_eq(memory_stray(m.memory), 0);
  end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("accelerator isolation");
  TCase *t = tcase_create("isolation");
  tcase_add_test(t, each_reaches_its_own_memory);
  tcase_add_test(t, forbidden_source_fails_the_request);
  tcase_add_test(t, forbidden_destination_is_not_written);
  suite_add_tcase(s, t);
  return test_main(s);
}
