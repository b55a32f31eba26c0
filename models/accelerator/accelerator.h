/*
 * accelerator.h - a QAT 4xxx-like accelerator: ring banks in host memory,
 * an arbiter per service, engines with threads, slices, and responses.
 *
 * A request's way: the tail write makes its bank take part in the arbitration
 * of its service (round robin with a burst); request entries are read by DMA,
 * as many as there are free threads for; an engine's firmware takes the request
 * up and reads scatter lists, then session data and source; slices work on it
 * one after another, each kind with a queue of its own; the result is written
 * to its destination, and the response entry behind it as soon as the response
 * ring has room; then its thread is free, and the bank's interrupt is due.
 * Requests of a bank may overtake each other, responses name theirs.
 *
 * Banks belong to interfaces and are dedicated to a service each. An interface
 * is a virtual function (its own requester ID, a group of banks) or, with
 * HD-IOV, an assignable interface (one bank, the physical function's requester
 * ID and a PASID); the device treats them alike.
 *
 * Errors. Data or a list that cannot be read (IOMMU fault): the request fails
 * with ACCELERATOR_TRANSFER_ERROR and nothing is written but the response. What
 * the IOMMU does not let through on its way to the host is lost without the
 * device knowing, since it is posted. Request entries that cannot be read: the
 * bank fails, and is not served until its interface is reset.
 */
#ifndef HD_MODELS_ACCELERATOR_ACCELERATOR_H
#define HD_MODELS_ACCELERATOR_ACCELERATOR_H

#include "models/accelerator/accelerator_params.h"
#include "models/accelerator/registers.h"
#include "models/accelerator/request.h"
#include "models/pcie/requester.h"

struct accelerator; /* is a struct hd_component */

enum { ACCELERATOR_RESPONSE_BYTES = 32 };
/* Bytes of a request entry: 64 for public keys, 128 for all else (Linux,
 * icp_qat_fw.h and qat_algs; from memory). */
static inline uint32_t accelerator_entry(enum accelerator_service s)
{
  return s == ACCELERATOR_ASYM ? 64 : 128;
}

/* A bank's rings in guest memory. Driver and device share them as they share
 * memory: the driver fills a slot before the tail write that announces it. It
 * may fill it again when fewer than `size` requests have been announced and not
 * answered, as the device has fetched it by then. At most size - 1 entries of
 * either ring hold something. */
struct accelerator_ring {
  uint64_t requests;                 /* IOVA of the first request entry */
  uint64_t responses;                /* IOVA of the first response entry */
  uint32_t size;                     /* entries of each; 2 to 65536 */
  struct accelerator_request **slot; /* request of each request entry */
  uint16_t observer;                 /* memory observer that sees responses */
  uint8_t service;                   /* enum accelerator_service */
};

/* A response reaches the observer as struct guest_memory_msg: object = the
 * request, whose status is set; data = ACCELERATOR_EVENT(bank of the interface,
 * response slot). */
#define ACCELERATOR_EVENT(bank, slot)                                          \
  ((uint64_t)(bank) << 32 | (uint64_t)(slot))
#define ACCELERATOR_EVENT_BANK(data) ((unsigned)((data) >> 32))
#define ACCELERATOR_EVENT_SLOT(data) ((uint32_t)((data)&0xffffffff))

struct accelerator *accelerator_create(struct hd_engine *e, const char *path,
                                       const char *host,
                                       const struct accelerator_params *params,
                                       const struct pcie_params *pcie,
                                       const struct hd_window *window);
void accelerator_destroy(struct accelerator *n);
struct hd_component *accelerator_component(struct accelerator *n);
void accelerator_attach_link(struct accelerator *n, struct pcie_link *l);

/* An interface as the host's driver describes it. Numbers of banks are the
 * device's own (global), the interface's are contiguous. Each bank has a
 * vector. An interrupt is sent once after ACCELERATOR_INT_ENABLE has been
 * written and responses are unread; it disables itself. */
struct accelerator_interface {
  uint16_t vm;        /* guest; for messages only */
  uint16_t requester; /* requester ID of its DMA and interrupts */
  bool has_pasid;
  uint32_t pasid;
  uint16_t banks;
  uint32_t first_bank;
  uint32_t first_handle;          /* remapping handle of the first bank */
  struct accelerator_ring *rings; /* of each bank; guest's; live on */
};

/* Administration commands: written to ACCELERATOR_ADMIN_DOORBELL by MMIO with
 * the command as `object`. The device fetches 64 B (and `bytes` of buffer) from
 * host memory at `address`, works for admin_cost, does it, writes 16 B back
 * (observer `observer`, object = the command), in order, but for
 * ACCELERATOR_STOP_BANKS, which is answered when its interface has come to
 * rest. */
enum accelerator_admin_type {
  ACCELERATOR_ADD_INTERFACE, /* interface: copied; result = index */
  ACCELERATOR_SET_PASID,     /* result: index in, pasid in */
  ACCELERATOR_CLEAR_PASID,
  ACCELERATOR_START_BANKS, /* banks become live */
  ACCELERATOR_STOP_BANKS,  /* nothing more is fetched; answered when all that
                              has been fetched is answered */
  ACCELERATOR_RESET_INTERFACE, /* banks as new and stopped; nothing that was
                                  announced will be answered */
  ACCELERATOR_REMOVE_INTERFACE
};
struct accelerator_admin {
  enum accelerator_admin_type type;
  uint64_t address;
  uint32_t bytes;
  uint16_t observer, requester;
  uint32_t result; /* interface index */
  uint32_t pasid;
  bool failed;
  struct accelerator_interface interface;
};

/* ---- results ------------------------------------------------------------- */

/* Kinds of slices. */
enum accelerator_slice {
  ACCELERATOR_WIDE_CIPHER,
  ACCELERATOR_CIPHER,
  ACCELERATOR_HASH,
  ACCELERATOR_KEY,
  ACCELERATOR_COMPRESS,
  ACCELERATOR_TRANSLATE,
  ACCELERATOR_VERIFY,
  ACCELERATOR_SLICES
};
/* "wide_cipher", ...; NULL-terminated */
extern const char *const accelerator_slice_names[];

struct accelerator_interface_stats { /* within the window */
  uint64_t requests;                 /* answered without error */
  uint64_t bytes;                    /* of source, of those */
  uint64_t produced;                 /* bytes written, of those */
  uint64_t errors;                   /* requests answered with one */
  uint64_t faults;                   /* DMA answered with an error */
  uint64_t interrupts;               /* messages */
};
void accelerator_get_interface_stats(const struct accelerator *n,
                                     uint32_t index,
                                     struct accelerator_interface_stats *s);

struct accelerator_stats { /* within the window */
  /* answered without error, by service */
  uint64_t requests[ACCELERATOR_SERVICES], bytes[ACCELERATOR_SERVICES];
  uint64_t produced, errors;
  uint64_t answered;    /* all of them */
  hd_time request_time; /* tail's effect to response, summed over those */
  double depth_mean;    /* requests announced and not answered */
  double inside_mean;   /* requests fetched and not answered */
  uint64_t tail_writes, head_writes, fetches, interrupts, faults;
  uint64_t ignored_writes; /* registers that do not exist, indices out of
                              range */
  uint64_t responses_held; /* waited for room in the response ring */
  /* mean over engines of the service, over slices of the kind */
  double engine_utilization[ACCELERATOR_SERVICES];
  double slice_utilization[ACCELERATOR_SLICES];
  double slice_queue_mean[ACCELERATOR_SLICES]; /* requests that wait */
  double tags_mean;
  uint64_t read_requests;
  hd_time read_latency_sum;
};
void accelerator_get_stats(const struct accelerator *n,
                           struct accelerator_stats *s);
/* Its DMA requester, for statistics. */
const struct pcie_requester *accelerator_requester(const struct accelerator *n);
/* Requests since the start; those of reset interfaces are forgotten. */
uint64_t accelerator_announced(const struct accelerator *n);
uint64_t accelerator_answered(const struct accelerator *n);
uint64_t accelerator_forgotten(const struct accelerator *n);
/* Announced, and neither answered nor forgotten: in rings or in the device. */
uint64_t accelerator_held(const struct accelerator *n);
/* NULL, or what does not balance. */
const char *accelerator_check(const struct accelerator *n);

#endif
