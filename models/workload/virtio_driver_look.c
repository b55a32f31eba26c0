/* virtio_driver_look.c - the second look (see virtio_driver.h). */
#include "models/workload/virtio_driver.h"

/* The device learns of an enabled callback after VIRTIO_VISIBLE_LATENCY, and
 * what it publishes without knowing becomes visible a write's latency later:
 * 2 us for an idle path, more if it is full. */
static const hd_time look_after[] = {2 * HD_US, 30 * HD_US, 500 * HD_US};
enum { LOOKS = sizeof look_after / sizeof look_after[0] };

static void arm(struct guest_cpu *cpu, struct virtio_driver *v)
{
  struct virtio_look *look = &v->looks[cpu->number];
  if (look->stage >= LOOKS)
    return;
  struct guest_msg *m = hd_msg_new_zero(&cpu->vcpu.task.base, MSG_GUEST);
  m->what = GUEST_DRIVER;
  m->value = VIRTIO_LOOK;
  m->bytes = look->series;
  m->object = v;
  hd_schedule(&cpu->vcpu.task.base, look_after[look->stage], m);
  look->stage++;
}

/* Callbacks that have been enabled since begin a new series. */
void virtio_driver_before_idle_of(struct guest_cpu *cpu,
                                  struct virtio_driver *v)
{
  struct virtio_look *look = &v->looks[cpu->number];
  if (!look->fresh)
    return;
  look->fresh = false;
  look->series++;
  look->stage = 0;
  arm(cpu, v);
}

void virtio_driver_before_idle(struct guest_cpu *cpu)
{
  virtio_driver_before_idle_of(cpu, cpu->guest->virtio);
}

/* What was shown to the vCPU before is in its queues by now. */
bool virtio_driver_looked(struct guest_cpu *cpu, const struct guest_msg *m)
{
  struct virtio_driver *v = m->object;
  if (m->bytes == v->looks[cpu->number].series)
    arm(cpu, v);
  return cpu->scheduled;
}
