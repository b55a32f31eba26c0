/*
 * boot.c - start of the guest's network driver, on vCPU 0.
 *
 * Trapped accesses (configuration space, MSI-X table, mailbox commands) go to
 * the hypervisor; then receive descriptors are handed out and vectors enabled
 * through pages that are mapped on first touch.
 */
#include "models/workload/guest_internal.h"

/* Trapped accesses told to the hypervisor in one message. It emulates in a
 * thread of its own here but in the vCPU's thread in reality, so that handing
 * over each access would charge thread wake-ups that do not happen. */
enum { TRAPS_AT_ONCE = 16 };

/* The device's unit of the throttling interval. */
#define ITR_UNIT (2 * HD_US)

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

static void probe(struct guest_cpu *cpu)
{
  const struct guest_params *k = cpu->guest->config.costs;
  for (int64_t left = k->boot_traps; left > 0; left -= TRAPS_AT_ONCE)
    trap(cpu, left < TRAPS_AT_ONCE ? left : TRAPS_AT_ONCE);
  guest_touch(cpu, PAGE_MAILBOX, 0);
  vcpu_run(&cpu->vcpu, k->boot_cycles);
}

static uint64_t itr_units(hd_time itr)
{
  int64_t units = (itr + ITR_UNIT - 1) / ITR_UNIT;
  return (uint64_t)(units < NIC_ITR_KEEP ? units : NIC_ITR_KEEP - 1);
}

static void enable_vectors(struct guest_cpu *cpu)
{
  const struct guest *g = cpu->guest;
  for (unsigned i = 0; i <= g->config.queue_pairs; i++) {
    guest_touch(cpu, PAGE_VECTOR, i);
    vcpu_mmio_write(&cpu->vcpu, g->config.nic_device,
                    NIC_VECTOR(g->registers.first_vector + i),
                    NIC_INT_CONTROL(itr_units(g->config.itr)), NULL);
  }
}

void guest_boot(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  while (!cpu->booted)
    guest_wait(cpu, HD_TIME_NEVER);
  probe(cpu);
  for (uint32_t q = 0; q < g->config.queue_pairs; q++)
    netdev_rx_start(cpu, &g->rxq[q]);
  if (g->config.workload != WORKLOAD_DPDK_FORWARD) /* which polls */
    enable_vectors(cpu);
  to_hypervisor(cpu, control(cpu, MSG_VM_READY));
}
