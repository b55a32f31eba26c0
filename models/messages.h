/*
 * messages.h - kinds of messages between models, and who sends them to whom.
 *
 * A kind says what the message means to its receiver; the struct beside it
 * says what it carries. All of them fit in HD_MSG_BYTES.
 */
#ifndef HD_MODELS_MESSAGES_H
#define HD_MODELS_MESSAGES_H

enum msg_kind {
  MSG_TIMER = 1, /* to itself; hd_msg.tag tells which */

  /* PCIe: struct pcie_tlp (pcie/tlp.h) */
  MSG_TLP,            /* device or root complex -> link -> the other end */
  MSG_TLP_SENT,       /* link -> sender: a TLP with PCIE_NOTIFY_SENT has left */
  MSG_TLP_TRANSLATE,  /* root complex -> IOMMU */
  MSG_TLP_TRANSLATED, /* IOMMU -> root complex: hpa or status set */
  MSG_TLP_ACCESS,     /* root complex -> memory */
  MSG_TLP_ACCESSED,   /* memory -> root complex: read data ready, write done */
  MSG_TLP_INTERRUPT,  /* root complex -> interrupt unit: write to 0xFEEx_xxxx */
  MSG_CREDITS,        /* receiver -> link: struct pcie_credit_msg */

  /* CPU accesses to devices: struct mmio_msg (pcie/mmio.h) */
  MSG_MMIO_WRITE, /* CPU -> root complex; posted */
  MSG_MMIO_READ,  /* CPU -> root complex; the core stalls */
  MSG_MMIO_DATA,  /* root complex -> CPU: the read's answer */

  /* Memory: struct memory_request (memory/memory.h) */
  MSG_MEMORY_ACCESS, /* walker, interrupt unit, ... -> memory */
  MSG_MEMORY_DONE,   /* memory -> the requester */
  MSG_GUEST_MEMORY,  /* memory -> vCPU: struct guest_memory_msg, a device's
                        write has become visible to the guest's software */

  /* IOMMU: struct iommu_command (iommu/iommu.h) */
  MSG_IOMMU_COMMAND, /* software -> IOMMU: queued invalidation */
  MSG_IOMMU_STATUS,  /* IOMMU -> software: invalidation wait done */

  /* Interrupts: struct interrupt_msg (interrupt/interrupt.h) */
  MSG_IRQ_NOTIFY, /* interrupt unit -> running vCPU: posted, no exit */
  MSG_IRQ_WAKE,   /* interrupt unit -> scheduler: wake-up vector for a
                     blocked vCPU */
  MSG_IRQ_HOST,   /* interrupt unit -> scheduler: remapped to the host */
  MSG_IRQ_INJECT, /* scheduler -> vCPU: kick, injected at VM entry */
  MSG_PID_STATE,  /* vCPU -> interrupt unit: state of its posted descriptor */

  /* Host scheduler and vCPUs: struct sched_msg (cpu/scheduler.h) */
  MSG_SCHED_BLOCK,   /* vCPU -> scheduler: halted, gives its core up */
  MSG_SCHED_WAKE,    /* anyone -> scheduler: make this vCPU runnable */
  MSG_SCHED_RUN,     /* scheduler -> vCPU: you have a core */
  MSG_SCHED_PREEMPT, /* scheduler -> vCPU: give the core back */
  MSG_SCHED_YIELD,   /* vCPU -> scheduler: core given back, still runnable */

  /* Network: struct packet_msg (network/packet.h) */
  MSG_FRAME,      /* NIC -> wire -> client and back */
  MSG_FRAME_SENT, /* wire -> sender: the last bit has left */

  /* virtio: struct virtio_view_msg (virtio/transport.h) */
  MSG_VIRTQ_VIEW, /* guest's driver -> back end: what the ring holds now */

  /* Between vCPUs of one guest: struct guest_msg (workload/guest.h) */
  MSG_GUEST,

  /* Life cycle: struct control_msg (hypervisor/control.h) */
  MSG_VM_BOOT,    /* hypervisor -> vCPU 0: the devices are there */
  MSG_VM_READY,   /* vCPU 0 -> hypervisor: driver is up */
  MSG_VM_GO,      /* hypervisor -> vCPUs, clients: workload starts at `when` */
  MSG_VM_TRAP,    /* vCPU -> hypervisor: slow-path access to a virtual device */
  MSG_VM_TRAPPED, /* hypervisor -> vCPU: its answer */

  /* Hot plug: struct guest_plug_msg (workload/guest.h) */
  MSG_GUEST_PLUG, /* host -> vCPU 0, and back when it is done */

  /* PCIe: struct pcie_tlp (pcie/tlp.h) */
  MSG_TLP_MESSAGE, /* IOMMU -> root complex: a PCIE_MSG for a device; and back:
                      one from a device */
};

#endif
