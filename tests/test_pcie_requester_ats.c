/*
 * test_pcie_requester_ats.c - transfers by way of the ATC: what goes over the
 * wire, in what order, what is asked for how often, what a transfer without
 * rights does, and that nothing invalidated is used.
 *
 * The root port is a stand-in that translates as a test says. A green run says
 * that the device's side is right; what the IOMMU does, test_iommu_ats.c says.
 */
#include "tests/test_pcie.h"

#define LOOKUP (10 * HD_NS)
#define READ_ONLY UINT64_C(0x10000000)
#define UNMAPPED UINT64_C(0x20000000)
#define HIGH (UINT64_C(5) << 32) /* IOVAs with 4-DW headers */
#define REQUESTER 0x1600
enum { UNKNOWN_PASID = 99, MOST = 4096, PAGES = 8, STREAMS = 2 };

/* ---- the root port ------------------------------------------------------- */

struct seen {
  hd_time when;
  uint64_t address, data;
  uint32_t length, pasid;
  uint16_t requester, tag;
  uint8_t type, at, flags, message;
};

/* Host pages are told from IOVAs by a high bit, and tell which version of the
 * mapping they are of. */
struct invalidation {
  hd_time when;
  uint64_t page;
  uint32_t pasid;
  unsigned shift;
  uint64_t version; /* of the page from then on */
};

static struct {
  struct hd_component base;
  struct hd_channel *to_link;
  hd_time translate, read; /* delays */
  uint64_t broken;         /* host address whose reads fail; 0: none */
  unsigned shift;          /* of pages */
  struct seen log[MOST];
  size_t n;
  int outstanding, most_outstanding; /* Translation Requests */
  uint64_t version;                  /* of all mappings, when no test of it */
  struct invalidation planned[256];
  size_t n_planned;
  /* Of the property: version of a page, and the oldest that may be used. */
  uint64_t mapped[STREAMS][PAGES], valid[STREAMS][PAGES];
  bool strict;
  uint64_t used;
} root;

static uint64_t version_of(uint64_t address, uint32_t pasid)
{
  return root.strict ? root.mapped[pasid % STREAMS][address >> 12 & (PAGES - 1)]
                     : root.version;
}

static uint64_t host_of(uint64_t address, uint32_t pasid)
{
  return UINT64_C(1) << 46 | version_of(address, pasid) << 36 | address;
}

static void translate(struct pcie_tlp *t)
{
  uint64_t rights = t->address >= UNMAPPED && t->address < HIGH ? 0
                    : t->address >= READ_ONLY && t->address < HIGH
                        ? PCIE_ENTRY_READ
                        : PCIE_ENTRY_READ | PCIE_ENTRY_WRITE;
  uint64_t page = t->address >> root.shift << root.shift;
  t->data =
      rights ? pcie_entry(host_of(page, t->pasid), root.shift, rights) : 0;
}

static void check_use(const struct pcie_tlp *t)
{
  uint64_t iova = t->address & ((UINT64_C(1) << 36) - 1);
  uint64_t version = t->address >> 36 & 1023;
  size_t stream = iova >> 20 & 1, page = iova >> 12 & (PAGES - 1);
  ck_assert_uint_eq(t->address >> 46, 1);
  ck_assert_uint_ge(version, root.valid[stream][page]);
  root.used++;
}

static void root_message(const struct pcie_tlp *t)
{
  if (!root.strict || t->message != PCIE_INVALIDATE_COMPLETION)
    return;
  const struct invalidation *i = &root.planned[t->tag];
  uint64_t *valid = &root.valid[i->pasid][i->page >> 12 & (PAGES - 1)];
  *valid = *valid > i->version ? *valid : i->version;
}

static void root_request(struct pcie_tlp *t)
{
  hd_time delay =
      t->at == PCIE_TRANSLATION_REQUEST ? root.translate : root.read;
  if (t->at == PCIE_TRANSLATION_REQUEST) {
    translate(t); /* as the tables are now */
    root.outstanding++;
    if (root.outstanding > root.most_outstanding)
      root.most_outstanding = root.outstanding;
  }
  t->msg.kind = MSG_TIMER;
  hd_schedule(&root.base, delay, t);
}

static void root_answer(struct pcie_tlp *t)
{
  bool translation = t->at == PCIE_TRANSLATION_REQUEST;
  root.outstanding -= translation;
  bool refused = translation ? t->pasid == UNKNOWN_PASID
                             : root.broken && t->address == root.broken;
  pcie_complete(t, refused ? PCIE_UR : PCIE_SC);
  if (!translation && !refused)
    t->flags |= PCIE_UNCUT;
  hd_send(root.to_link, HD_NS, t);
}

static void invalidate(struct invalidation *i)
{
  struct pcie_tlp *t = hd_msg_new_zero(&root.base, MSG_TLP);
  t->type = PCIE_MSG;
  t->message = PCIE_INVALIDATE_REQUEST;
  t->flags =
      (uint8_t)(PCIE_ADDR64 | (i->pasid || root.strict ? PCIE_HAS_PASID : 0));
  t->requester = REQUESTER;
  t->pasid = i->pasid;
  t->tag = (uint16_t)(i - root.planned);
  t->length = 8;
  t->data = pcie_entry(i->page, i->shift, 0);
  root.version++;
  i->version = ++root.mapped[i->pasid % STREAMS][i->page >> 12 & (PAGES - 1)];
  hd_send(root.to_link, HD_NS, t);
}

static void root_handle(struct hd_component *self, struct hd_msg *m)
{
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  if (m->kind == MSG_TIMER && t->context == &root) {
    invalidate(t->object);
    hd_msg_free(self, m);
    return;
  }
  if (m->kind == MSG_TIMER) {
    root_answer(t);
    return;
  }
  if (root.n < MOST)
    root.log[root.n++] = (struct seen){.when = hd_now(self),
                                       .address = t->address,
                                       .data = t->data,
                                       .length = t->length,
                                       .pasid = t->pasid,
                                       .requester = t->requester,
                                       .tag = t->tag,
                                       .type = t->type,
                                       .at = t->at,
                                       .flags = t->flags,
                                       .message = t->message};
  if (root.strict && t->at == PCIE_TRANSLATED)
    check_use(t);
  if (t->type == PCIE_MRD) {
    root_request(t);
    return;
  }
  if (t->type == PCIE_MSG)
    root_message(t);
  hd_msg_free(self, m);
}

static void root_start(struct hd_component *self)
{
  for (size_t i = 0; i < root.n_planned; i++) {
    struct pcie_tlp *t = hd_msg_new_zero(self, MSG_TIMER);
    t->context = &root;
    t->object = &root.planned[i];
    hd_schedule(self, root.planned[i].when, t);
  }
}

/* ---- the device ---------------------------------------------------------- */

struct action {
  struct pcie_dma dma;
  hd_time when, done_at;
  bool write, quiet; /* quiet: nobody waits for it */
  unsigned dones;
};

static struct {
  struct hd_component base;
  struct pcie_requester *requester;
  struct action actions[MOST];
  size_t n;
} device;

static void done(struct hd_component *self, struct pcie_dma *d)
{
  struct action *a = (struct action *)d;
  a->dones++;
  a->done_at = hd_now(self);
}

static void device_start(struct hd_component *self)
{
  for (size_t i = 0; i < device.n; i++) {
    struct pcie_tlp *t = hd_msg_new_zero(self, MSG_TIMER);
    t->object = &device.actions[i];
    hd_schedule(self, device.actions[i].when, t);
  }
}

static void device_act(struct action *a)
{
  a->dma.done = a->quiet ? NULL : done;
  if (!a->write) {
    pcie_requester_read(device.requester, &a->dma);
  } else if (a->quiet) { /* it need not live on */
    struct pcie_dma gone = a->dma;
    pcie_requester_write(device.requester, &gone);
    memset(&gone, 0xff, sizeof gone);
  } else {
    pcie_requester_write(device.requester, &a->dma);
  }
}

static void device_handle(struct hd_component *self, struct hd_msg *m)
{
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  if (m->kind == MSG_TIMER) {
    device_act(t->object);
    hd_msg_free(self, m);
  } else {
    pcie_requester_receive(device.requester, t);
  }
  ck_assert_ptr_null(pcie_requester_check(device.requester));
}

/* ---- runs ---------------------------------------------------------------- */

static struct pcie_params params;
static struct pcie_link_stats link_stats;
static struct pcie_requester_stats stats;
static uint64_t fingerprint;

static void setup(void)
{
  params = test_params(4, 16, 256, 512);
  params.ats = (struct ats_params){.enabled = true,
                                   .entries = 64,
                                   .ways = 0,
                                   .lookup_latency = LOOKUP,
                                   .requests = 32};
  root.translate = 300 * HD_NS;
  root.read = 200 * HD_NS;
  root.shift = 12;
}

static struct action *plan(hd_time when, bool write, uint64_t address,
                           uint32_t length)
{
  struct action *a = &device.actions[device.n++];
  *a = (struct action){.when = when,
                       .write = write,
                       .dma = {.address = address,
                               .length = length,
                               .requester = REQUESTER,
                               .observer = PCIE_NO_OBSERVER}};
  return a;
}

static void plan_invalidation(hd_time when, uint64_t page, unsigned shift)
{
  root.planned[root.n_planned++] =
      (struct invalidation){.when = when, .page = page, .shift = shift};
}

static void run(void)
{
  static const struct hd_component_ops device_ops = {
      .kind = "device", .handle = device_handle, .start = device_start};
  static const struct hd_component_ops root_ops = {
      .kind = "root", .handle = root_handle, .start = root_start};
  static struct hd_window window = {0, HD_TIME_NEVER};
  struct hd_engine *e = test_engine(100 * HD_NS, 0);
  struct pcie_link *l = pcie_link_create(e, "link", "host", &params, &window);
  hd_component_initialize(&device.base, e, &device_ops, "device", "host");
  hd_component_initialize(&root.base, e, &root_ops, "root", "host");
  root.to_link = pcie_link_connect(l, PCIE_UPSTREAM_END, &root.base, HD_NS);
  device.requester = pcie_requester_create(
      &device.base,
      pcie_link_connect(l, PCIE_DOWNSTREAM_END, &device.base,
                        params.device_latency),
      &params);
  hd_engine_run(e, HD_S);
  pcie_link_get_stats(l, &link_stats);
  pcie_requester_get_stats(device.requester, &stats);
  ck_assert_ptr_null(pcie_requester_check(device.requester));
  ck_assert_uint_eq(pcie_requester_tags_used(device.requester), 0);
  ck_assert_uint_eq(pcie_requester_waiting(device.requester), 0);
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  fingerprint = report.fingerprint;
  hd_engine_destroy(e);
  pcie_requester_destroy(device.requester);
  pcie_link_destroy(l);
  for (size_t i = 0; i < device.n; i++)
    ck_assert_uint_eq(device.actions[i].dones, !device.actions[i].quiet);
}

static size_t count_at(enum pcie_at at)
{
  size_t n = 0;
  for (size_t i = 0; i < root.n; i++)
    n += root.log[i].at == at && root.log[i].type != PCIE_MSG;
  return n;
}

/* The first of that kind for that address (for translated ones: of the host
 * page of version 0). */
static const struct seen *find(enum pcie_at at, uint64_t address)
{
  if (at == PCIE_TRANSLATED)
    address = host_of(address, 0) & ~(UINT64_C(1023) << 36);
  for (size_t i = 0; i < root.n; i++) {
    uint64_t of = root.log[i].address & ~(UINT64_C(1023) << 36);
    if (root.log[i].type != PCIE_MSG && root.log[i].at == at && of == address)
      return &root.log[i];
  }
  ck_abort_msg("nothing of that kind for %#llx", (unsigned long long)address);
}

static const struct seen *completion(size_t nth)
{
  for (size_t i = 0; i < root.n; i++)
    if (root.log[i].type == PCIE_MSG && nth-- == 0)
      return &root.log[i];
  ck_abort_msg("no such Invalidate Completion");
}

/* When a TLP of so many bytes, sent at `when` on an idle link, arrives. */
static hd_time arrival(hd_time when, uint32_t bytes)
{
  int64_t wire = bytes * pcie_byte_time(&params);
  return when + params.device_latency +
         ((wire + (1 << PCIE_WIRE_SHIFT) - 1) >> PCIE_WIRE_SHIFT) +
         params.propagation;
}

/* ---- on the wire --------------------------------------------------------- */

/* Request: framing 8, prefix 4, header 16. Completion: 8, 12 and the entry of
 * 8. The translated read has no prefix. Each leaves a look-up later. */
START_TEST(a_translation_takes_these_bytes)
{
  struct action *a = plan(HD_US, false, HIGH + 0x1234, 64);
  a->dma.pasid = 77;
  a->dma.flags = PCIE_HAS_PASID;
  run();
  ck_assert_uint_eq(root.n, 2);
  const struct seen *asked = &root.log[0], *read = &root.log[1];
  ck_assert_int_eq(asked->type, PCIE_MRD);
  ck_assert_int_eq(asked->at, PCIE_TRANSLATION_REQUEST);
  ck_assert_uint_eq(asked->address, HIGH + 0x1000);
  ck_assert_uint_eq(asked->length, 8);
  ck_assert_uint_eq(asked->requester, REQUESTER);
  ck_assert_uint_eq(asked->pasid, 77);
  ck_assert_uint_eq(asked->flags, PCIE_HAS_PASID | PCIE_ADDR64);
  ck_assert_int_eq(asked->when, arrival(HD_US + LOOKUP, 28));
  ck_assert_int_eq(read->at, PCIE_TRANSLATED);
  ck_assert_uint_eq(read->address, host_of(HIGH + 0x1234, 77));
  ck_assert_uint_eq(read->flags & PCIE_HAS_PASID, 0);
  ck_assert_uint_eq(link_stats.bytes[PCIE_DOWNSTREAM_END], 28 + 24);
  ck_assert_uint_eq(link_stats.bytes[PCIE_UPSTREAM_END],
                    8 + 12 + 8 + 8 + 12 + 64);
  ck_assert_uint_eq(link_stats.payload[PCIE_UPSTREAM_END], 8 + 64);
  ck_assert_int_eq(a->dma.status, PCIE_SC);
  ck_assert_uint_eq(a->dma.received, 64);
  ck_assert_int_ge(a->dma.translation, root.translate);
  ck_assert_uint_eq(stats.ats.requests, 1);
  ck_assert_uint_eq(stats.requests, 2);
}
END_TEST

/* Without ATS the same read leaves a look-up earlier, hits or not. */
START_TEST(a_hit_costs_a_look_up)
{
  plan(HD_US, false, 0x1000, 64);
  plan(9 * HD_US, false, 0x1f00, 64);
  plan(19 * HD_US, true, 0x1800, 64);
  run();
  ck_assert_uint_eq(root.n, 4);
  ck_assert_int_eq(root.log[2].when, arrival(9 * HD_US + LOOKUP, 24));
  ck_assert_uint_eq(root.log[2].address, host_of(0x1f00, 0));
  ck_assert_int_eq(root.log[3].when, arrival(19 * HD_US + LOOKUP, 24 + 64));
  ck_assert_uint_eq(stats.ats.lookups, 3);
  ck_assert_uint_eq(stats.ats.hits, 2);
}
END_TEST

START_TEST(off_means_as_before)
{
  params.ats.enabled = false;
  plan(HD_US, false, 0x1000, 64);
  run();
  ck_assert_uint_eq(root.n, 1);
  ck_assert_int_eq(root.log[0].at, PCIE_UNTRANSLATED);
  ck_assert_uint_eq(root.log[0].address, 0x1000);
  ck_assert_int_eq(root.log[0].when, arrival(HD_US, 20));
}
END_TEST

/* ---- what is asked for --------------------------------------------------- */

START_TEST(a_page_is_asked_for_once)
{
  for (int i = 0; i < 8; i++)
    plan(HD_US + i, i % 2, 0x5000 + (uint64_t)i * 64, 64);
  plan(HD_US + 8, false, 0x5000, 64)->dma.requester++; /* another's page */
  run();
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 2);
  ck_assert_uint_eq(count_at(PCIE_TRANSLATED), 9);
}
END_TEST

START_TEST(streams_do_not_share)
{
  for (uint32_t pasid = 0; pasid < 3; pasid++) {
    struct action *a = plan(HD_US * (1 + pasid), false, 0x5000, 64);
    a->dma.pasid = pasid;
    a->dma.flags = PCIE_HAS_PASID;
  }
  plan(9 * HD_US, false, 0x5000, 64); /* no PASID is not PASID 0 */
  run();
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 4);
}
END_TEST

/* 64 B of the first page, a whole one, 100 B of the third; all data moves, to
 * where each page is. */
START_TEST(each_page_of_a_transfer_has_its_translation)
{
  for (int write = 0; write < 2; write++)
    plan((1 + 9 * write) * HD_US, write, 0x3fc0 + 0x10000u * (unsigned)write,
         64 + 4096 + 100);
  run();
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 6);
  ck_assert_uint_eq(device.actions[0].dma.received, 64 + 4096 + 100);
  uint32_t bytes[2] = {0};
  for (size_t i = 0; i < root.n; i++)
    if (root.log[i].at == PCIE_TRANSLATED)
      bytes[root.log[i].type == PCIE_MWR] += root.log[i].length;
  for (int write = 0; write < 2; write++)
    ck_assert_uint_eq(bytes[write], 64 + 4096 + 100);
  find(PCIE_TRANSLATED, 0x3fc0);
  find(PCIE_TRANSLATED, 0x4000);
  find(PCIE_TRANSLATED, 0x5000);
  find(PCIE_TRANSLATED, 0x15000);
}
END_TEST

START_TEST(a_large_page_serves_its_parts)
{
  root.shift = 21;
  params.ats.requests = 1;
  for (uint64_t i = 0; i < 16; i++)
    plan(HD_US + (hd_time)i, false, (1 << 21) + (i << 12), 64);
  run();
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 1);
  ck_assert_uint_eq(count_at(PCIE_TRANSLATED), 16);
  for (uint64_t i = 0; i < 16; i++)
    find(PCIE_TRANSLATED, (1 << 21) + (i << 12));
}
END_TEST

static const int64_t limits[] = {1, 2, 7};

START_TEST(requests_outstanding_are_limited)
{
  params.ats.requests = limits[_i];
  for (uint64_t i = 0; i < 40; i++)
    plan(HD_US, i % 3 == 0, i << 12, 64);
  run();
  ck_assert_int_eq(root.most_outstanding, (int)limits[_i]);
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 40);
}
END_TEST

/* One tag for all: translations and reads take turns, nothing is stuck. */
START_TEST(one_tag_is_enough)
{
  params.tags = 1;
  params.ats.entries = 1;
  for (uint64_t i = 0; i < 20; i++)
    plan(HD_US, i % 3 == 0, i << 12, 6000);
  run();
  ck_assert_int_eq(root.most_outstanding, 1);
  for (size_t i = 0; i < 20; i++)
    ck_assert_int_eq(device.actions[i].dma.status, PCIE_SC);
}
END_TEST

/* ---- order --------------------------------------------------------------- */

/* Two pages are cached. A write that misses holds back the writes, the
 * interrupt and the read that come after it, but not reads that came before. */
START_TEST(nothing_overtakes_a_write)
{
  plan(HD_US, false, 0x2000, 64);
  plan(HD_US, false, 0x3000, 64);
  root.translate = 3 * HD_US;
  const hd_time at = 19 * HD_US;
  plan(at, false, 0x8000, 64); /* a read that misses, too */
  plan(at + 1, false, 0x2040, 64);
  plan(at + 2, true, 0x7000, 64); /* misses */
  plan(at + 3, true, 0x2080, 64)->quiet = true;
  plan(at + 4, true, PCIE_MSI_BASE, 4)->dma.data = 42;
  plan(at + 5, false, 0x20c0, 64);
  run();
  const struct seen *missed = find(PCIE_TRANSLATED, 0x7000),
                    *write = find(PCIE_TRANSLATED, 0x2080),
                    *interrupt = find(PCIE_UNTRANSLATED, PCIE_MSI_BASE),
                    *read = find(PCIE_TRANSLATED, 0x20c0);
  ck_assert_int_ge(missed->when, at + root.translate);
  ck_assert(missed < write && write < interrupt && interrupt < read);
  ck_assert_uint_eq(interrupt->data, 42);
  ck_assert_int_lt(find(PCIE_TRANSLATED, 0x2040)->when, at + HD_US);
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 4);
}
END_TEST

/* ---- no rights ----------------------------------------------------------- */

static const struct {
  uint64_t address;
  uint32_t length, pasid;
  bool write;
  size_t moved; /* TLPs that went before the page without rights */
} refused[] = {{UNMAPPED, 64, 0, false, 0},
               {UNMAPPED, 64, 0, true, 0},
               {UNMAPPED, 9000, 0, false, 0},
               {UNMAPPED, 9000, 0, true, 0},
               {READ_ONLY, 64, 0, true, 0},
               {READ_ONLY - 256, 9000, 0, true, 1}, /* the last 256 B */
               {HIGH - 64, 9000, 0, true, 0},       /* the rest is mapped */
               {0x1000, 64, UNKNOWN_PASID, false, 0},
               {0x1000, 9000, UNKNOWN_PASID, true, 0}};
enum { REFUSED = sizeof refused / sizeof *refused };

/* The transfer ends with an error and moves nothing there; those behind it go
 * on, and the next attempt asks again. */
START_TEST(without_rights_nothing_moves)
{
  for (int i = 0; i < 2; i++) {
    struct action *a = plan((1 + 20 * i) * HD_US, refused[_i].write,
                            refused[_i].address, refused[_i].length);
    a->dma.pasid = refused[_i].pasid;
    a->dma.flags = refused[_i].pasid ? PCIE_HAS_PASID : 0;
    plan((1 + 20 * i) * HD_US + 1, true, 0x9000, 64);
    plan((1 + 20 * i) * HD_US + 2, false, 0x9000, 64);
  }
  run();
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(device.actions[3 * i].dma.status, PCIE_UR);
    ck_assert_int_eq(device.actions[3 * i + 1].dma.status, PCIE_SC);
    ck_assert_int_eq(device.actions[3 * i + 2].dma.status, PCIE_SC);
  }
  ck_assert_uint_eq(count_at(PCIE_TRANSLATED), 4 + 2 * refused[_i].moved);
  ck_assert_uint_eq(stats.errors, 2);
  ck_assert_uint_ge(stats.ats.refused, 2);
  ck_assert_uint_ge(count_at(PCIE_TRANSLATION_REQUEST), 3);
}
END_TEST

/* The last page of a read is not mapped: the first may be read, the transfer
 * fails once, when all that is out has come back. */
START_TEST(a_read_fails_once)
{
  params.tags = 2;
  root.read = 20 * HD_US;
  struct action *a = plan(HD_US, false, UNMAPPED - 4096, 8192);
  run();
  ck_assert_int_eq(a->dma.status, PCIE_UR);
  ck_assert_uint_lt(count_at(PCIE_TRANSLATED), 8); /* not all of the page */
  ck_assert_uint_eq(stats.reads, 1);
}
END_TEST

/* Memory fails the first request; the others wait for the tag. */
START_TEST(an_error_of_memory_ends_a_read)
{
  params.tags = 1;
  root.broken = host_of(0x4000, 0);
  struct action *a = plan(HD_US, false, 0x4000, 8192);
  plan(HD_US + 1, false, 0x5000, 64);
  run();
  ck_assert_int_eq(a->dma.status, PCIE_UR);
  ck_assert_uint_eq(a->dma.received, 0);
  ck_assert_int_eq(device.actions[1].dma.status, PCIE_SC);
  ck_assert_uint_eq(count_at(PCIE_TRANSLATED), 2);
  ck_assert_uint_eq(stats.errors, 1);
}
END_TEST

START_TEST(a_read_only_page_can_be_read)
{
  plan(1 * HD_US, false, READ_ONLY, 64);
  plan(9 * HD_US, false, READ_ONLY, 64);
  plan(19 * HD_US, true, READ_ONLY, 64); /* asks again, for the right */
  plan(29 * HD_US, false, READ_ONLY, 64);
  run();
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 2);
  ck_assert_uint_eq(count_at(PCIE_TRANSLATED), 3);
  ck_assert_int_eq(device.actions[2].dma.status, PCIE_UR);
  ck_assert_int_eq(device.actions[3].dma.status, PCIE_SC);
}
END_TEST

/* ---- invalidation -------------------------------------------------------- */

static bool used_version(uint64_t address, uint64_t version)
{
  uint64_t host = UINT64_C(1) << 46 | version << 36 | address;
  for (size_t i = 0; i < root.n; i++)
    if (root.log[i].at == PCIE_TRANSLATED && root.log[i].address == host)
      return true;
  return false;
}

/* A read of the page is out until 200 ns after `late`: the completion leaves
 * when its data has come. A read of another page does not matter. */
START_TEST(completion_waits_for_reads_of_the_page)
{
  root.read = 50 * HD_US;
  plan(HD_US, false, 0x4000, 64);
  plan_invalidation(10 * HD_US, _i ? 0x4000 : 0x5000, 12);
  run();
  const struct seen *c = completion(0);
  ck_assert_int_eq(c->message, PCIE_INVALIDATE_COMPLETION);
  ck_assert_uint_eq(c->length, 0);
  ck_assert_uint_eq(c->requester, REQUESTER);
  ck_assert_uint_eq(link_stats.bytes[PCIE_DOWNSTREAM_END], 2 * 20 + 4 + 24);
  if (_i) /* framing 8, header 16 */
    ck_assert_int_eq(c->when, arrival(device.actions[0].done_at + LOOKUP, 24));
  else
    ck_assert_int_lt(c->when, 11 * HD_US);
}
END_TEST

static const struct {
  uint64_t page;
  uint32_t pasid;
  unsigned shift;
  bool again; /* the page is asked for again */
} dropped[] = {{0x4000, 0, 12, true},  {0x5000, 0, 12, false},
               {0x4000, 1, 12, false}, {0, 0, 21, true},
               {0, 0, 64, true},       {0x8000, 0, 14, false},
               {0x4000, 0, 14, true}};
enum { DROPPED = sizeof dropped / sizeof *dropped };

START_TEST(what_is_invalidated_is_asked_for_again)
{
  plan(HD_US, false, 0x4000, 64);
  plan_invalidation(10 * HD_US, dropped[_i].page, dropped[_i].shift);
  root.planned[0].pasid = dropped[_i].pasid;
  plan(19 * HD_US, false, 0x4000, 64);
  run();
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 1 + dropped[_i].again);
  ck_assert(used_version(0x4000, 0));
  ck_assert_int_eq(used_version(0x4000, 1), dropped[_i].again);
  ck_assert_uint_eq(stats.ats.invalidations, 1);
}
END_TEST

/* The page was translated before the tables changed, but its translation comes
 * after the invalidation: it is not used. */
START_TEST(a_translation_on_its_way_is_not_used)
{
  root.translate = 5 * HD_US;
  plan(HD_US, _i, 0x4000, 64);
  plan_invalidation(3 * HD_US, 0x4000, 12);
  run();
  ck_assert_int_lt(completion(0)->when, 4 * HD_US);
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 2);
  ck_assert(!used_version(0x4000, 0));
  ck_assert(used_version(0x4000, 1));
}
END_TEST

/* A write has its translation and waits behind one that has not. */
START_TEST(a_write_in_the_queue_loses_its_translation)
{
  plan(HD_US, false, 0x4000, 64);
  root.translate = 5 * HD_US;
  plan(20 * HD_US, true, 0x7000, 64);
  plan(20 * HD_US + 1, true, 0x4000, 64);
  plan(20 * HD_US + 2, false, 0x4040, 64); /* behind both */
  plan_invalidation(22 * HD_US, 0x4000, 12);
  run();
  ck_assert_int_lt(completion(0)->when, 23 * HD_US);
  ck_assert(!used_version(0x4040, 0));
  ck_assert(used_version(0x4000, 1) && used_version(0x4040, 1));
  ck_assert_uint_eq(count_at(PCIE_TRANSLATION_REQUEST), 3);
}
END_TEST

/* ---- nothing invalidated is used, whatever happens ----------------------- */

static uint64_t state;

static uint32_t draw(uint32_t below)
{
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((state >> 33) % below);
}

/* Transfers at random to 8 pages of 2 PASIDs, and 30 invalidations, each of
 * which changes its page's mapping. The root port looks at every translated
 * request: once it has an Invalidate Completion, no older mapping may be used.
 * All transfers end. The same twice. */
static void plan_random(int seed)
{
  root.strict = true;
  state = (uint64_t)seed * 77 + 1;
  root.translate = (1 + draw(3000)) * HD_NS;
  root.read = (1 + draw(3000)) * HD_NS;
  params.ats.entries = 1 + draw(12);
  params.ats.requests = 1 + draw(4);
  params.tags = 1 + draw(16);
  for (int i = 0; i < 1500; i++) {
    uint32_t pasid = draw(2);
    uint64_t page = draw(PAGES), offset = draw(4096);
    uint32_t room = (uint32_t)((PAGES - page) * 4096 - offset);
    uint32_t length = 1 + draw(room < 6000 ? room : 6000);
    struct action *a =
        plan((1 + draw(300000)) * HD_NS, draw(2),
             (uint64_t)pasid << 20 | page << 12 | offset, length);
    a->dma.pasid = pasid;
    a->dma.flags = PCIE_HAS_PASID;
    a->quiet = a->write && draw(2);
  }
  for (unsigned i = 0; i < 30; i++) {
    uint32_t pasid = draw(2);
    plan_invalidation((5 + 9 * i) * HD_US,
                      (uint64_t)pasid << 20 | (uint64_t)draw(PAGES) << 12, 12);
    root.planned[i].pasid = pasid;
  }
}

static void random_body(const void *seed, void *result)
{
  plan_random(*(const int *)seed);
  run();
  ck_assert_uint_gt(root.used, 1500);
  ck_assert_uint_eq(stats.errors, 0);
  ck_assert_uint_eq(stats.ats.invalidations, 30);
  *(uint64_t *)result = fingerprint;
}

START_TEST(nothing_invalidated_is_used)
{
  uint64_t first, second;
  in_child(random_body, &_i, &first, sizeof first);
  in_child(random_body, &_i, &second, sizeof second);
  ck_assert_uint_eq(first, second);
}
END_TEST

static Suite *suite(void)
{
  Suite *s = suite_create("requester with ATS");
  TCase *c = tcase_create("ats");
  tcase_add_checked_fixture(c, setup, NULL);
  tcase_add_test(c, a_translation_takes_these_bytes);
  tcase_add_test(c, a_hit_costs_a_look_up);
  tcase_add_test(c, off_means_as_before);
  tcase_add_test(c, a_page_is_asked_for_once);
  tcase_add_test(c, streams_do_not_share);
  tcase_add_test(c, each_page_of_a_transfer_has_its_translation);
  tcase_add_test(c, a_large_page_serves_its_parts);
  tcase_add_loop_test(c, requests_outstanding_are_limited, 0, 3);
  tcase_add_test(c, one_tag_is_enough);
  tcase_add_test(c, nothing_overtakes_a_write);
  tcase_add_loop_test(c, without_rights_nothing_moves, 0, REFUSED);
  tcase_add_test(c, a_read_fails_once);
  tcase_add_test(c, an_error_of_memory_ends_a_read);
  tcase_add_test(c, a_read_only_page_can_be_read);
  tcase_add_loop_test(c, completion_waits_for_reads_of_the_page, 0, 2);
  tcase_add_loop_test(c, what_is_invalidated_is_asked_for_again, 0, DROPPED);
  tcase_add_loop_test(c, a_translation_on_its_way_is_not_used, 0, 2);
  tcase_add_test(c, a_write_in_the_queue_loses_its_translation);
  tcase_add_loop_test(c, nothing_invalidated_is_used, 0, 20);
  suite_add_tcase(s, c);
  return s;
}

int main(void)
{
  SRunner *r = srunner_create(suite());
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
