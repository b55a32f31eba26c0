/*
 * tlp.h - transaction layer packets (PCIe Base 5.0, chapter 2).
 */
#ifndef HD_MODELS_PCIE_TLP_H
#define HD_MODELS_PCIE_TLP_H

#include "models/messages.h"
#include "sim/engine/engine.h"

enum pcie_tlp_type { PCIE_MRD, PCIE_MWR, PCIE_CPLD, PCIE_CPL, PCIE_MSG };

/* The AT field of a memory request (PCIe 10.2.1). */
enum pcie_at {
  PCIE_UNTRANSLATED,        /* the address is an IOVA */
  PCIE_TRANSLATION_REQUEST, /* a read that asks for the page's translation */
  PCIE_TRANSLATED           /* the address is a host address */
};

/* What a PCIE_MSG says. Messages of ATS are routed by ID; `requester` is the
 * function they go to or come from, `tag` the ITag (PCIe 10.3). */
enum pcie_message {
  PCIE_INVALIDATE_REQUEST,   /* `data`: the range, as a translation */
  PCIE_INVALIDATE_COMPLETION /* no data */
};
enum { PCIE_ITAGS = 32 };

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
  uint32_t length;     /* payload bytes; MRd: bytes asked for, > 0;
                          MSG: may be 0 */
  uint32_t remaining;  /* CplD: bytes of the request after this TLP */
  uint16_t observer;   /* MWr to a guest: which of the guest's observers sees
                          it (memory.h), or PCIE_NO_OBSERVER */
  uint16_t owner;      /* after translation: index of the memory region */
  uint64_t address;    /* bus address as the device sent it (IOVA) */
  uint64_t hpa;        /* host physical address, after translation */
  uint64_t data;       /* small payloads: doorbell value, MSI data, indices,
                          a translation */
  void *object;        /* payload: a packet list, a command; travels along */
  void *context;       /* requester's transaction, returned in completions */
  hd_time entered;     /* when it reached the current unit */
  hd_time translation; /* time spent in the IOMMU, for the breakdown */
  uint32_t slot;       /* root complex's own: place in its ordering queue */
  uint16_t port;       /* root complex: its link; downstream: switch port */
  uint8_t at;          /* enum pcie_at; stays in a translation's completion */
  uint8_t message;     /* MSG: enum pcie_message */
};

_Static_assert(sizeof(struct pcie_tlp) <= HD_MSG_BYTES, "TLP too large");

static inline enum pcie_class pcie_class_of(const struct pcie_tlp *t)
{
  bool completion = t->type == PCIE_CPLD || t->type == PCIE_CPL;
  return completion            ? PCIE_COMPLETION
         : t->type == PCIE_MRD ? PCIE_NON_POSTED
                               : PCIE_POSTED;
}

/* Payload bytes that travel with the TLP: a read request has none. */
static inline uint32_t pcie_payload(const struct pcie_tlp *t)
{
  return t->type == PCIE_MRD || t->type == PCIE_CPL ? 0 : t->length;
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

/* ---- translations (PCIe 10.2.3) ----------------------------------------- */

/* An entry of a Translation Completion, and the body of an Invalidate Request:
 * 8 B with the page's address in bits 63:12. A page above 4 KiB has the size
 * bit, and its size is told by the lowest address bits: ones, then a zero. */
#define PCIE_ENTRY_READ UINT64_C(1)
#define PCIE_ENTRY_WRITE UINT64_C(2)
#define PCIE_ENTRY_SIZE (UINT64_C(1) << 11)
enum { PCIE_ENTRY_BYTES = 8 };

/* `page` is aligned to its 2^shift bytes, 12 <= shift <= 64; 64 is all there
 * is. */
static inline uint64_t pcie_entry(uint64_t page, unsigned shift,
                                  uint64_t rights)
{
  if (shift <= 12)
    return page | rights;
  uint64_t ones = (UINT64_C(1) << (shift - 1)) - 1;
  return page | (ones & ~UINT64_C(4095)) | PCIE_ENTRY_SIZE | rights;
}

static inline unsigned pcie_entry_shift(uint64_t entry)
{
  if (!(entry & PCIE_ENTRY_SIZE))
    return 12;
  return 13 + (unsigned)__builtin_ctzll(~(entry >> 12));
}

static inline uint64_t pcie_entry_page(uint64_t entry)
{
  unsigned shift = pcie_entry_shift(entry);
  return shift >= 64 ? 0 : entry >> shift << shift;
}

/* The host address of `address`, which lies in the translated page. */
static inline uint64_t pcie_entry_host(uint64_t entry, uint64_t address)
{
  unsigned shift = pcie_entry_shift(entry);
  uint64_t offset =
      shift >= 64 ? address : address & ((UINT64_C(1) << shift) - 1);
  return pcie_entry_page(entry) + offset;
}

/* Freed receive-buffer credits, on their way back to the transmitter. */
struct pcie_credit_msg {
  struct hd_msg msg;
  uint8_t class;          /* enum pcie_class */
  uint8_t end;            /* which end's receiver freed them, see link.h */
  uint32_t headers, data; /* credits; a data credit is 16 B */
};

#endif
