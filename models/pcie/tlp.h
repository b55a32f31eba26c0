/*
 * tlp.h - transaction layer packets (PCIe Base 5.0, chapter 2).
 */
#ifndef HD_MODELS_PCIE_TLP_H
#define HD_MODELS_PCIE_TLP_H

#include "models/messages.h"
#include "sim/engine/engine.h"

enum pcie_tlp_type { PCIE_MRD, PCIE_MWR, PCIE_CPLD, PCIE_CPL };

/* Flow-control classes (PCIe 2.6.1). */
enum pcie_class { PCIE_POSTED, PCIE_NON_POSTED, PCIE_COMPLETION, PCIE_CLASSES };

/* Completion status (PCIe 2.2.9.1, table 2-34). */
enum pcie_status { PCIE_SC = 0, PCIE_UR = 1, PCIE_CA = 4 };

enum pcie_flags {
  PCIE_HAS_PASID = 1,   /* PASID prefix, 4 B (PCIe 6.20) */
  PCIE_RELAXED = 2,     /* relaxed ordering attribute */
  PCIE_NOTIFY_SENT = 4, /* sender wants MSG_TLP_SENT when it has left */
  PCIE_ADDR64 = 8,      /* 4-DW header */
  PCIE_LAST = 16,       /* completion: the request is complete */
  PCIE_DESCRIPTOR = 32, /* access to a ring; statistics only */
  PCIE_UNCUT = 64       /* root complex to link: all completions of a request,
                           sent together, in one message; see link.h */
};

#define PCIE_NO_OBSERVER 0xffffu

struct pcie_tlp {
  struct hd_msg msg;
  uint8_t type;       /* enum pcie_tlp_type */
  uint8_t status;     /* completions, and translation results: pcie_status */
  uint8_t flags;      /* enum pcie_flags */
  uint8_t end;        /* link's own: which end sent it */
  uint16_t requester; /* requester ID: bus 8, device 5, function 3 bits */
  uint16_t tag;
  uint32_t pasid;      /* 20 bits; valid with PCIE_HAS_PASID */
  uint32_t length;     /* payload bytes; MRd: bytes asked for, > 0 */
  uint32_t remaining;  /* CplD: bytes of the request after this TLP */
  uint16_t observer;   /* MWr to a guest: which of the guest's observers sees
                          it (memory.h), or PCIE_NO_OBSERVER */
  uint16_t owner;      /* after translation: index of the memory region */
  uint64_t address;    /* bus address as the device sent it (IOVA) */
  uint64_t hpa;        /* host physical address, after translation */
  uint64_t data;       /* small payloads: doorbell value, MSI data, indices */
  void *object;        /* payload: a packet list, a command; travels along */
  void *context;       /* requester's transaction, returned in completions */
  hd_time entered;     /* when it reached the current unit */
  hd_time translation; /* time spent in the IOMMU, for the breakdown */
  uint32_t slot;       /* root complex's own: place in its ordering queue */
  uint16_t port;       /* root complex: its link; downstream: switch port */
};

_Static_assert(sizeof(struct pcie_tlp) <= HD_MSG_BYTES, "TLP too large");

static inline enum pcie_class pcie_class_of(const struct pcie_tlp *t)
{
  return t->type == PCIE_MWR   ? PCIE_POSTED
         : t->type == PCIE_MRD ? PCIE_NON_POSTED
                               : PCIE_COMPLETION;
}

/* Payload bytes that travel with the TLP: a read request has none. */
static inline uint32_t pcie_payload(const struct pcie_tlp *t)
{
  return t->type == PCIE_MWR || t->type == PCIE_CPLD ? t->length : 0;
}

/* Data credits of a TLP: 16 B each, payload padded to whole DWs (2.6.1). */
static inline uint32_t pcie_data_credits(const struct pcie_tlp *t)
{
  return (pcie_payload(t) + 15) / 16;
}

/* Turns a read request into its only completion, in place: a completer (a
 * device's registers) fills in `data` and sends it back. */
static inline void pcie_complete(struct pcie_tlp *t, enum pcie_status status)
{
  t->msg.kind = MSG_TLP;
  t->type = status == PCIE_SC ? PCIE_CPLD : PCIE_CPL;
  t->status = (uint8_t)status;
  t->flags =
      (uint8_t)((t->flags & (PCIE_RELAXED | PCIE_DESCRIPTOR)) | PCIE_LAST);
  t->remaining = 0;
}

/* Message-signalled interrupts are writes to this window (x86 APIC). */
#define PCIE_MSI_BASE 0xfee00000u
#define PCIE_MSI_END 0xff000000u

static inline bool pcie_is_msi(const struct pcie_tlp *t)
{
  return t->type == PCIE_MWR && t->address >= PCIE_MSI_BASE &&
         t->address < PCIE_MSI_END;
}

/* Freed receive-buffer credits, on their way back to the transmitter. */
struct pcie_credit_msg {
  struct hd_msg msg;
  uint8_t class;          /* enum pcie_class */
  uint8_t end;            /* which end's receiver freed them, see link.h */
  uint32_t headers, data; /* credits; a data credit is 16 B */
};

#endif
