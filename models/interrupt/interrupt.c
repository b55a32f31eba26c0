/* interrupt.c - the interrupt unit: building, dispatch, results. */
#include "models/interrupt/interrupt.h"

#include <stdlib.h>

#include "models/interrupt/internal.h"

void interrupt_access(struct interrupt_unit *u, uint64_t purpose, bool write,
                      uint64_t address, uint32_t length, void *context,
                      hd_time delay)
{
  struct memory_request *q = hd_msg_new(&u->base, MSG_MEMORY_ACCESS);
  q->address = address;
  q->length = length;
  q->write = write;
  q->hit = false;
  q->reply = u->from_memory;
  q->context = context;
  q->data = purpose;
  hd_send(u->to_memory, delay + u->to_memory->latency, q);
}

static void memory_done(struct interrupt_unit *u, struct memory_request *q)
{
  struct pcie_tlp *tlp = q->context;
  uint64_t purpose = q->data;
  hd_msg_free(&u->base, q);
  if (purpose == READ_ENTRY)
    interrupt_entry_read(u, tlp);
  else
    interrupt_posted(u, tlp);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct interrupt_unit *u = (struct interrupt_unit *)self;
  switch (msg->kind) {
  case MSG_TLP_INTERRUPT:
    interrupt_arrives(u, (struct pcie_tlp *)msg);
    break;
  case MSG_MEMORY_DONE:
    memory_done(u, (struct memory_request *)msg);
    break;
  case MSG_TIMER:
    interrupt_notified(u, (struct interrupt_msg *)msg);
    break;
  case MSG_IRQ_RAISE:
    interrupt_raised(u, (struct interrupt_msg *)msg);
    break;
  case MSG_PID_STATE:
    interrupt_state_changed(u, (struct interrupt_msg *)msg);
    break;
  default:
    HD_REQUIRE(self, false, "message of kind %u", msg->kind);
  }
}

/* ---- fetching ahead ------------------------------------------------- */

static void fetch_descriptor(const struct interrupt_unit *u, uint32_t vcpu)
{
  if (vcpu < u->n_descriptors)
    hd_fetch(&u->descriptors[vcpu], sizeof *u->descriptors);
}

static void ahead(const struct hd_component *self, const struct hd_msg *msg)
{
  const struct interrupt_unit *u = (const struct interrupt_unit *)self;
  if (msg->kind == MSG_TLP_INTERRUPT) {
    uint64_t handle = ((const struct pcie_tlp *)msg)->data;
    if (handle < u->n_entries)
      fetch_descriptor(u, u->entries[handle].vcpu);
  } else if (msg->kind == MSG_PID_STATE) {
    fetch_descriptor(u, ((const struct interrupt_msg *)msg)->vcpu);
  }
}

/* ---- building ------------------------------------------------------- */

static const struct hd_component_ops ops = {
    .kind = "interrupt_unit", .handle = handle, .ahead = ahead};

struct interrupt_unit *
interrupt_unit_create(struct hd_engine *e, const char *path, const char *host,
                      const struct interrupt_params *params, uint64_t table_hpa,
                      const struct hd_window *window)
{
  struct interrupt_unit *u = calloc(1, sizeof *u);
  HD_REQUIRE(NULL, u != NULL, "out of memory for %s", path);
  hd_component_initialize(&u->base, e, &ops, path, host);
  u->params = *params;
  u->params.state_latency = hd_time_max(params->state_latency, HD_NS);
  u->window = window;
  u->table = table_hpa;
  bool done =
      vtd_cache_initialize(&u->cache, params->cache_entries, 0, VTD_LRU, NULL);
  HD_REQUIRE(&u->base, done, "out of memory for %s", path);
  return u;
}

void interrupt_unit_destroy(struct interrupt_unit *u)
{
  vtd_cache_terminate(&u->cache);
  free(u->entries);
  free(u->descriptors);
  free(u);
}

struct hd_component *interrupt_unit_component(struct interrupt_unit *u)
{
  return &u->base;
}

void interrupt_unit_attach_memory(struct interrupt_unit *u, struct memory *m,
                                  hd_time latency)
{
  u->to_memory = memory_connect(m, &u->base, latency, &u->from_memory);
}

void interrupt_unit_attach_scheduler(struct interrupt_unit *u,
                                     struct hd_component *scheduler)
{
  hd_time latency =
      u->params.posted
          ? hd_time_min(u->params.wakeup_latency, u->params.notify_latency)
          : u->params.remap_latency + u->params.host_latency;
  u->to_scheduler = hd_channel_open(&u->base, scheduler, latency);
}

struct hd_channel *interrupt_unit_add_vcpu(struct interrupt_unit *u,
                                           struct hd_component *vcpu,
                                           uint64_t pid_hpa)
{
  if (u->n_descriptors == u->cap_descriptors) {
    u->cap_descriptors = u->cap_descriptors ? 2 * u->cap_descriptors : 64;
    u->descriptors =
        realloc(u->descriptors, u->cap_descriptors * sizeof *u->descriptors);
    HD_REQUIRE(&u->base, u->descriptors != NULL, "out of memory for vCPUs");
  }
  /* Half of the way is the notification's to the core, half the entry into the
   * guest's handler; bits are taken in between. */
  hd_time latency = hd_time_max(u->params.notify_latency / 2, 1);
  u->descriptors[u->n_descriptors++] = (struct posted_descriptor){
      .address = pid_hpa,
      .notify = hd_channel_open(&u->base, vcpu, latency),
      .state = PID_RUNNING,
      .notified = -1};
  return hd_channel_open(vcpu, &u->base, u->params.state_latency);
}

static void write_entry(struct interrupt_unit *u, uint32_t handle,
                        struct remap_entry entry)
{
  uint32_t vcpu = entry.vcpu;
  HD_REQUIRE(&u->base, handle < INTERRUPT_HANDLES, "handle %u is too large",
             handle);
  HD_REQUIRE(&u->base, vcpu < u->n_descriptors, "unknown vCPU %u", vcpu);
  if (handle >= u->n_entries) {
    uint32_t wanted = u->n_entries ? u->n_entries : 256;
    while (wanted <= handle)
      wanted *= 2;
    u->entries = realloc(u->entries, wanted * sizeof *u->entries);
    HD_REQUIRE(&u->base, u->entries != NULL, "out of memory for entries");
    for (uint32_t i = u->n_entries; i < wanted; i++)
      u->entries[i] = (struct remap_entry){.present = false};
    u->n_entries = wanted;
  }
  u->entries[handle] = entry;
}

void interrupt_unit_set_entry(struct interrupt_unit *u, uint32_t handle,
                              uint16_t requester, uint32_t vcpu, uint8_t vector)
{
  write_entry(u, handle,
              (struct remap_entry){.present = true,
                                   .vector = vector,
                                   .requester = requester,
                                   .vcpu = vcpu});
}

void interrupt_unit_set_host_entry(struct interrupt_unit *u, uint32_t handle,
                                   uint16_t requester, uint32_t vcpu,
                                   uint8_t vector)
{
  write_entry(u, handle,
              (struct remap_entry){.present = true,
                                   .host = true,
                                   .vector = vector,
                                   .requester = requester,
                                   .vcpu = vcpu});
}

/* ---- results -------------------------------------------------------- */

void interrupt_unit_get_stats(const struct interrupt_unit *u,
                              struct interrupt_stats *s)
{
  const struct interrupt_counters *c = &u->count;
  *s = (struct interrupt_stats){.interrupts = c->interrupts.count,
                                .posted = c->posted.count,
                                .notified = c->notified.count,
                                .coalesced = c->coalesced.count,
                                .suppressed = c->suppressed.count,
                                .woken = c->woken.count,
                                .host = c->host.count,
                                .blocked = c->blocked.count,
                                .cache_misses = c->cache_misses.count,
                                .raised = c->raised.count};
}

static bool lost(const struct posted_descriptor *d)
{
  uint64_t pending =
      d->pending[0] | d->pending[1] | d->pending[2] | d->pending[3];
  return pending != 0 && d->state != PID_PREEMPTED && !d->outstanding;
}

const char *interrupt_unit_check(const struct interrupt_unit *u)
{
  if (u->arrived != u->ended + u->remapping + u->queued)
    return "an interrupt was lost";
  for (uint32_t i = 0; i < u->n_descriptors; i++) {
    if (lost(&u->descriptors[i]))
      return "an interrupt is pending and nobody is told";
    if (u->descriptors[i].first && !u->descriptors[i].updating)
      return "a post waits for no update";
  }
  return vtd_cache_check(&u->cache);
}
