/*
 * cpu_params.c - defaults: a dual-socket Sapphire Rapids server with Linux KVM.
 *
 * The SKU of the published testbeds is not known; cores and frequency are of a
 * typical part. What the injected path adds up to at 3 GHz: handler 1 us, kick
 * 0.7 us, exit and injection 1.2 us, guest entry 0.2 us: 3.1 us, plus the
 * interrupt unit's way to the host's handler.
 */
#include "models/cpu/cpu_params.h"

#define FIELD(name) offsetof(struct cpu_params, name)
#define PARAM(n, kind, value, lo, hi, what, from)                              \
  {                                                                            \
    .name = #n, .type = kind, .offset = FIELD(n), .fallback = value,           \
    .min = lo, .max = hi, .meaning = what, .source = from                      \
  }
#define INT(n, value, lo, hi, what, from)                                      \
  PARAM(n, HD_PARAM_INT, value, lo, hi, what, from)
#define TIME(n, value, lo, hi, what, from)                                     \
  PARAM(n, HD_PARAM_TIME, value, lo, hi, what, from)
#define CYCLES(n, value, what, from)                                           \
  PARAM(n, HD_PARAM_CYCLES, value, "0", "1000000000", what, from)

static const struct hd_param params[] = {
    INT(cores, "112", "1", "65536", "logical cores on which vCPUs run",
        "from memory: 2 sockets of 56 logical cores; SKU not published"),
    INT(housekeeping_cores, "4", "1", "4096",
        "further cores, for host interrupts",
        "from memory: a few cores are commonly kept for the host"),
    INT(threads, "1", "1", "2",
        "logical cores that share a physical one (SMT); 1: none do",
        "choice of the experimenter"),
    PARAM(smt_speed, HD_PARAM_RATIO, "62 %", "10 %", "100 %",
          "cpu.threads 2: speed of a logical core while its sibling works",
          "from memory: with SMT a core does about 1.25 times as much"),
    PARAM(frequency, HD_PARAM_FREQUENCY, "3 GHz", "100 MHz", "10 GHz",
          "clock of the cores",
          "from memory: all-core turbo of Sapphire Rapids; SKU not published"),
    TIME(timeslice, "3 ms", "1 us", "1 s",
         "a vCPU runs this long before a waiting one gets its core",
         "from memory: Linux minimum granularity (base slice), 8 cores or "
         "more"),
    TIME(wakeup_granularity, "4 ms", "0 ps", "1 s",
         "virtual run time by which a waking vCPU must be behind to pre-empt",
         "from memory: Linux wake-up granularity, 8 cores or more"),
    TIME(sleeper_credit, "12 ms", "0 ps", "10 s",
         "virtual run time a waking vCPU may be placed before the others",
         "from memory: half of Linux' scheduling latency, 8 cores or more"),
    TIME(wake_latency, "1500 ns", "1 ps", "1 s",
         "from waking a vCPU on an idle core to its VM entry",
         "from memory: IPI, shallow idle state's exit, schedule, entry"),
    TIME(ipi_latency, "700 ns", "1 ps", "1 ms",
         "from a kick to the VM exit on the other core",
         "from memory: cross-core IPI on a server"),
    TIME(queue_latency, "300 ns", "1 ps", "1 ms",
         "from a vCPU's thread to the run queue, and from there to its core",
         "from memory: run-queue lock, accounting, choice of the next"),
    CYCLES(switch_cost, "4000",
           "context switch to another vCPU, with its VMCS and state",
           "from memory: 1 to 1.5 us between vCPU threads"),
    CYCLES(exit_cost, "1500", "VM exit and re-entry, round trip",
           "measured: 1559 cycles for a KVM vmcall on Skylake-SP, about 1500 "
           "on Xeons of 2021 (LKML)"),
    CYCLES(exit_hlt, "1000", "handling of HLT, on top of exit_cost",
           "from memory: KVM's halt path before it polls or blocks"),
    CYCLES(exit_interrupt, "1500",
           "handling of an external interrupt, on top of exit_cost",
           "3000 cycles in all for an external-interrupt exit (newsletter, "
           "weak)"),
    CYCLES(exit_ept, "3000",
           "handling of an EPT violation, on top of exit_cost",
           "from memory: KVM's fault path without the mapping's own work"),
    CYCLES(exit_trap, "3450",
           "emulated access by a user-space device model, on top of exit_cost",
           "measured on one system: an exit to user space is 3.3 times one "
           "within the kernel (LKML); 3.3 x 1500 - 1500"),
    CYCLES(exit_ipi, "500", "handling of an IPI's send, on top of exit_cost",
           "from memory: KVM's fast path for ICR writes"),
    CYCLES(exit_kick, "1000",
           "handling of a virtio notification, on top of exit_cost",
           "from memory: KVM's fast MMIO bus look-up and eventfd signal take "
           "500 to 1000 cycles; no exit to user space"),
    CYCLES(inject_cost, "500", "injection of an interrupt at VM entry",
           "from memory: APIC emulation and event injection"),
    CYCLES(host_irq_cost, "3000",
           "host's interrupt handler, eventfd, irqfd and kick",
           "from memory: the injected path takes 2 to 4 us in all"),
    TIME(halt_poll, "200 us", "0 ps", "100 ms",
         "longest halt polling; 0 turns it off",
         "Linux: halt_poll_ns of x86 KVM"),
    TIME(halt_poll_start, "10 us", "1 ps", "100 ms",
         "halt polling after its first growth",
         "from memory: Linux halt_poll_ns_grow_start"),
    CYCLES(irq_entry_cost, "600", "guest's interrupt entry and exit",
           "measured: 194 ns an interrupt, delivery and handler, Sapphire "
           "Rapids host (LKML); 580 cycles at 3 GHz"),
    CYCLES(mmio_write_cost, "300", "core occupied by an uncached store",
           "from memory: about 100 ns"),
    {0}};

const struct hd_param_table cpu_param_table = {
    .section = "cpu",
    .meaning = "cores, VM exits and the host's scheduler",
    .params = params};
