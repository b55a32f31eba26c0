/*
 * boot.c - start of the guest's driver, on vCPU 0.
 *
 * What it accesses before its device works is trapped and goes to the
 * hypervisor; the rest is the driver's (guest_device.h).
 */
#include "models/workload/guest_internal.h"

/* Trapped accesses told to the hypervisor in one message. It emulates in a
 * thread of its own here but in the vCPU's thread in reality, so that handing
 * over each access would charge thread wake-ups that do not happen. */
enum { TRAPS_AT_ONCE = 16 };

static struct control_msg *control(struct guest_cpu *cpu, uint32_t kind)
{
  struct control_msg *m = hd_msg_new_zero(&cpu->vcpu.task.base, kind);
  m->vm = cpu->guest->config.vm;
  return m;
}

static void to_hypervisor(struct guest_cpu *cpu, struct control_msg *m)
{
  hd_send(cpu->guest->to_hypervisor, GUEST_CONTROL_LATENCY, m);
}

static void trap(struct guest_cpu *cpu, int64_t accesses)
{
  for (int64_t i = 0; i < accesses; i++)
    vcpu_exit(&cpu->vcpu, EXIT_TRAP);
  struct control_msg *m = control(cpu, MSG_VM_TRAP);
  m->register_count = (uint32_t)accesses;
  cpu->trapped = false;
  to_hypervisor(cpu, m);
  while (!cpu->trapped)
    guest_wait(cpu, HD_TIME_NEVER);
}

void boot_trap(struct guest_cpu *cpu, int64_t accesses)
{
  for (int64_t left = accesses; left > 0; left -= TRAPS_AT_ONCE)
    trap(cpu, left < TRAPS_AT_ONCE ? left : TRAPS_AT_ONCE);
}

void guest_boot(struct guest_cpu *cpu)
{
  while (!cpu->booted)
    guest_wait(cpu, HD_TIME_NEVER);
  cpu->guest->device->probe(cpu);
  to_hypervisor(cpu, control(cpu, MSG_VM_READY));
}
