/*
 * hypervisor_admin.c - commands to devices' administration queues.
 *
 * A command is posted by a write to the device's doorbell and polled for until
 * the device has written it back.
 */
#include "models/hypervisor/hypervisor_internal.h"

static void post(struct hypervisor *h, const struct device_plan *p,
                 uint64_t doorbell, void *command)
{
  struct mmio_msg *m = hd_msg_new_zero(&h->task.base, MSG_MMIO_WRITE);
  m->address = doorbell;
  m->length = 4;
  m->device = p->device;
  m->object = command;
  hd_send(h->to_root, h->to_root->latency, m);
}

static void run(struct hypervisor *h, const struct device_plan *p,
                uint64_t doorbell, void *command, const bool *failed)
{
  hd_time posted = hd_now(&h->task.base), poll = h->config.params->admin_poll;
  post(h, p, doorbell, command);
  hd_msg_free(&h->task.base, hypervisor_await(h, MSG_GUEST_MEMORY));
  hd_time waited = hd_now(&h->task.base) - posted;
  hd_task_advance(&h->task, (waited + poll - 1) / poll * poll - waited);
  h->stats.admin_commands++;
  h->stats.failures += *failed;
  HD_REQUIRE(&h->task.base, !*failed, "an administration command failed");
}

/* ---- NIC ----------------------------------------------------------------- */

static void run_nic(struct hypervisor *h, const struct device_plan *p,
                    struct nic_command *c)
{
  c->address = h->config.admin_ring;
  c->observer = h->observer;
  c->requester = p->pf_requester;
  run(h, p, NIC_ADMIN_DOORBELL, c, &c->failed);
}

static void simple_nic(struct hypervisor *h, const struct device_plan *p,
                       enum nic_command_type type, uint32_t interface)
{
  struct nic_command c = {.type = type, .result = interface, .pasid = p->pasid};
  run_nic(h, p, &c);
}

static uint32_t add_nic(struct hypervisor *h, const struct device_plan *p)
{
  struct nic_command c = {
      .type = NIC_ADD_INTERFACE, .bytes = 128, .interface = p->nic};
  if (p->nic.forge != NIC_FORGE_PASID)
    c.interface.pasid = 0; /* programmed when the device is opened */
  run_nic(h, p, &c);
  return c.result;
}

/* ---- storage --------------------------------------------------------------
 */

static void run_storage(struct hypervisor *h, const struct device_plan *p,
                        struct storage_admin *c)
{
  c->address = h->config.admin_ring;
  c->observer = h->observer;
  c->requester = p->pf_requester;
  run(h, p, STORAGE_ADMIN_DOORBELL, c, &c->failed);
}

static void simple_storage(struct hypervisor *h, const struct device_plan *p,
                           enum storage_admin_type type, uint32_t interface)
{
  struct storage_admin c = {
      .type = type, .result = interface, .pasid = p->pasid};
  run_storage(h, p, &c);
}

static uint32_t add_storage(struct hypervisor *h, const struct device_plan *p)
{
  struct storage_admin c = {
      .type = STORAGE_ADD_INTERFACE, .bytes = 128, .interface = p->storage};
  c.interface.pasid = 0; /* programmed when the device is opened */
  run_storage(h, p, &c);
  return c.result;
}

/* ---- virtio accelerator ----------------------------------------------------
 */

static void run_virtio(struct hypervisor *h, const struct device_plan *p,
                       struct virtio_admin *c)
{
  c->address = h->config.admin_ring;
  c->observer = h->observer;
  c->requester = p->pf_requester;
  run(h, p, VIRTIO_DEVICE_ADMIN_DOORBELL, c, &c->failed);
}

static void simple_virtio(struct hypervisor *h, const struct device_plan *p,
                          enum virtio_admin_type type, uint32_t function)
{
  struct virtio_admin c = {
      .type = type, .result = function, .on = true, .pasid = p->pasid};
  run_virtio(h, p, &c);
}

static uint32_t add_virtio(struct hypervisor *h, const struct device_plan *p)
{
  struct virtio_admin c = {.type = VIRTIO_ADMIN_ADD_FUNCTION,
                           .bytes = 128,
                           .function = p->virtio.function,
                           .first_queue = p->virtio.first_queue,
                           .first_vector = p->virtio.first_vector,
                           .first_block = p->virtio.first_block,
                           .blocks = p->virtio.blocks};
  run_virtio(h, p, &c);
  return c.result;
}

/* ---- accelerator -----------------------------------------------------------
 */

static void run_accelerator(struct hypervisor *h, const struct device_plan *p,
                            struct accelerator_admin *c)
{
  c->address = h->config.admin_ring;
  c->observer = h->observer;
  c->requester = p->pf_requester;
  run(h, p, ACCELERATOR_ADMIN_DOORBELL, c, &c->failed);
}

static void simple_accelerator(struct hypervisor *h,
                               const struct device_plan *p,
                               enum accelerator_admin_type type,
                               uint32_t interface)
{
  struct accelerator_admin c = {
      .type = type, .result = interface, .pasid = p->pasid};
  run_accelerator(h, p, &c);
}

static uint32_t add_accelerator(struct hypervisor *h,
                                const struct device_plan *p)
{
  struct accelerator_admin c = {.type = ACCELERATOR_ADD_INTERFACE,
                                .bytes = 128,
                                .interface = p->accelerator};
  c.interface.pasid = 0; /* programmed when the device is opened */
  run_accelerator(h, p, &c);
  return c.result;
}

/* ---- by kind ---------------------------------------------------------------
 */

uint32_t hypervisor_add_interface(struct hypervisor *h, struct device_plan *p)
{
  switch (p->kind) {
  case VIRTUAL_STORAGE:
    return add_storage(h, p);
  case VIRTUAL_VIRTIO:
    return add_virtio(h, p);
  case VIRTUAL_ACCELERATOR:
    return add_accelerator(h, p);
  default:
    return add_nic(h, p);
  }
}

struct verbs {
  enum nic_command_type nic;
  enum storage_admin_type storage;
  enum virtio_admin_type virtio;
  enum accelerator_admin_type accelerator;
};

static void simple(struct hypervisor *h, const struct device_plan *p,
                   uint32_t interface, struct verbs v)
{
  if (p->kind == VIRTUAL_NIC)
    simple_nic(h, p, v.nic, interface);
  else if (p->kind == VIRTUAL_STORAGE)
    simple_storage(h, p, v.storage, interface);
  else if (p->kind == VIRTUAL_ACCELERATOR)
    simple_accelerator(h, p, v.accelerator, interface);
  else
    simple_virtio(h, p, v.virtio, interface);
}

void hypervisor_reset_interface(struct hypervisor *h, struct device_plan *p,
                                uint32_t interface)
{
  simple(h, p, interface,
         (struct verbs){NIC_RESET_INTERFACE, STORAGE_RESET_INTERFACE,
                        VIRTIO_ADMIN_STOP, ACCELERATOR_RESET_INTERFACE});
}

void hypervisor_set_pasid(struct hypervisor *h, struct device_plan *p,
                          uint32_t interface)
{
  simple(h, p, interface,
         (struct verbs){NIC_SET_PASID, STORAGE_SET_PASID,
                        VIRTIO_ADMIN_SET_PASID, ACCELERATOR_SET_PASID});
}

void hypervisor_start_queues(struct hypervisor *h, struct device_plan *p,
                             uint32_t interface)
{
  simple(h, p, interface,
         (struct verbs){NIC_ENABLE_QUEUES, STORAGE_START_QUEUES,
                        VIRTIO_ADMIN_START, ACCELERATOR_START_BANKS});
}
