/*
 * migration_agent_ops.c - the operations of a migration on its guest and
 * device: they run on the migration's threads and ask the agent.
 */
#include "models/hypervisor/migration_agent_internal.h"

static void ask(struct migration_agent *a, struct hd_task *thread,
                enum agent_verb verb, uint32_t queue, bool on)
{
  struct agent_msg *m = hd_msg_new_zero(&thread->base, MSG_AGENT);
  m->verb = verb;
  m->queue = queue;
  m->on = on;
  hd_send(a->from_migration, MIGRATION_AGENT_LATENCY, m);
}

void migration_agent_leave(struct migration_agent *a, struct hd_task *thread)
{
  ask(a, thread, AGENT_LEAVE, 0, false);
}

static enum migration_answer op_pause(void *guest, struct hd_task *thread)
{
  ask(guest, thread, AGENT_PAUSE, 0, false);
  return MIGRATION_LATER;
}

static enum migration_answer op_run(void *guest, struct hd_task *thread)
{
  ask(guest, thread, AGENT_RUN, 0, false);
  return MIGRATION_LATER;
}

static void op_load(void *guest, hd_time now, struct migration_load *load)
{
  (void)now;
  *load = ((struct migration_agent *)guest)->hooks.load;
}

static void op_switched(void *guest, struct hd_task *thread)
{
  ask(guest, thread, AGENT_SWITCH, 0, false);
}

const struct migration_guest_ops migration_agent_guest_ops = {.pause = op_pause,
                                                              .resume = op_run,
                                                              .load = op_load,
                                                              .switched =
                                                                  op_switched};

static uint32_t op_queues(void *device)
{
  const struct migration_agent *a = device;
  return a->config.served;
}

static enum migration_tracking op_tracking(void *device,
                                           enum migration_tracking wanted)
{
  (void)device;
  return wanted;
}

static void op_track(void *device, struct hd_task *thread,
                     enum migration_tracking how, bool on)
{
  (void)how;
  ask(device, thread, AGENT_TRACK, 0, on);
}

static enum migration_answer op_suspend(void *device, struct hd_task *thread,
                                        uint32_t queue,
                                        struct migration_ring *ring)
{
  (void)ring;
  ask(device, thread, AGENT_SUSPEND, queue, false);
  return MIGRATION_LATER;
}

static enum migration_answer op_create(void *device, struct hd_task *thread,
                                       uint32_t queue)
{
  (void)thread;
  (void)queue;
  const struct migration_agent *a = device;
  return a->config.full ? MIGRATION_REFUSED : MIGRATION_DONE;
}

static enum migration_answer op_resume(void *device, struct hd_task *thread,
                                       uint32_t queue,
                                       const struct migration_ring *ring)
{
  (void)ring;
  ask(device, thread, AGENT_RESUME, queue, false);
  return MIGRATION_LATER;
}

const struct migration_device_ops migration_agent_device_ops = {
    .kind = "virtio accelerator",
    .queues = op_queues,
    .tracking = op_tracking,
    .track = op_track,
    .suspend = op_suspend,
    .create = op_create,
    .resume = op_resume};

static enum migration_answer op_suspend_all(void *device,
                                            struct hd_task *thread,
                                            uint32_t queue,
                                            struct migration_ring *ring)
{
  (void)ring;
  ask(device, thread, AGENT_SUSPEND, queue, true);
  return MIGRATION_LATER;
}

static enum migration_answer op_resume_all(void *device, struct hd_task *thread,
                                           uint32_t queue,
                                           const struct migration_ring *ring)
{
  (void)ring;
  ask(device, thread, AGENT_RESUME, queue, true);
  return MIGRATION_LATER;
}

const struct migration_device_ops migration_agent_image_ops = {
    .kind = "virtio function with a state image",
    .image = true,
    .queues = op_queues,
    .tracking = op_tracking,
    .track = op_track,
    .suspend = op_suspend_all,
    .resume = op_resume_all};

/* ---- a device that is unplugged ------------------------------------------ */

static const char *cannot_migrate(void *device)
{
  (void)device;
  return "is passed through whole: nobody can read its state out or tell what "
         "it writes";
}

static enum migration_answer op_unplug(void *device, struct hd_task *thread)
{
  ask(device, thread, AGENT_UNPLUG, 0, false);
  return MIGRATION_LATER;
}

static enum migration_answer op_plug(void *device, struct hd_task *thread)
{
  ask(device, thread, AGENT_PLUG, 0, false);
  return MIGRATION_LATER;
}

const struct migration_device_ops migration_agent_plug_ops = {
    .kind = "passed-through function",
    .image = true,
    .refusal = cannot_migrate,
    .queues = op_queues,
    .unplug = op_unplug,
    .plug = op_plug};

const struct migration_device_ops migration_agent_software_ops = {
    .kind = "virtio back end in host software",
    .software = true,
    .queues = op_queues,
    .track = op_track,
    .suspend = op_suspend,
    .create = op_create,
    .resume = op_resume};
