/*
 * root_complex.h - root ports, IIO agents and completers of a machine.
 *
 * Ports share no resource of the root complex: each is an IO stack of its own.
 * Upstream requests: translated by the port's IOMMU, ordered (a posted write
 * passes no earlier posted write; a read passes no earlier posted write, PCIe
 * 2.4.1; relaxed ordering lifts both), then memory or the interrupt unit; reads
 * are answered by completions cut at RCB and MPS. A fault is answered with an
 * unsupported-request completion, or the write is dropped.
 * Downstream: CPU reads and writes of device registers.
 */
#ifndef HD_MODELS_PCIE_ROOT_COMPLEX_H
#define HD_MODELS_PCIE_ROOT_COMPLEX_H

#include "models/pcie/link.h"
#include "models/pcie/mmio.h"

struct root_complex; /* is a struct hd_component */

struct root_complex *root_complex_create(struct hd_engine *e, const char *path,
                                         const char *host,
                                         const struct pcie_params *params,
                                         const struct hd_window *window);
void root_complex_destroy(struct root_complex *rc);
struct hd_component *root_complex_component(struct root_complex *rc);

/* Wiring; each opens the channels in both directions that it needs. Ports
 * count from 0 in the order of attachment. */
void root_complex_attach_link(struct root_complex *rc, struct pcie_link *l);
/* The same with a switch below the port and `devices` devices there: they get
 * the next device indices, in the order of the switch's downstream ports. */
void root_complex_attach_fabric(struct root_complex *rc, struct pcie_link *l,
                                size_t devices);
/* Once a port, after its link; ports may share a unit. Without one addresses
 * are host physical, and the memory finds their owner. */
void root_complex_attach_iommu(struct root_complex *rc, size_t port,
                               struct hd_component *c, hd_time latency);
void root_complex_attach_memory(struct root_complex *rc, struct hd_component *c,
                                hd_time latency);
void root_complex_attach_interrupts(struct root_complex *rc,
                                    struct hd_component *c, hd_time latency);
/* For IOMMU, memory: the channel on which they answer. A request is on its way
 * to the IOMMU while in the pipeline: it arrives root_latency after it has
 * entered, or the channel's latency if that is more. */
struct hd_channel *root_complex_answer_channel(struct root_complex *rc,
                                               struct hd_component *from,
                                               hd_time latency);

/* Memory answers reads; an answer to a write is allowed and ignored. What a
 * read meets, and the IOMMU finds, is in tlp->status; tlp->translation is 0
 * when a request reaches the IOMMU, which sets it. A request leaves its receive
 * buffer, and its credits are freed, when it is sent on. */

/* Lets software `cpu` access devices: returns the channel for MSG_MMIO_WRITE
 * and MSG_MMIO_READ; *reply is what to put into mmio_msg.reply. Send with the
 * channel's own latency: the least of mmio_write_latency and mmio_read_latency;
 * the root complex adds what is missing. Accesses to one device keep the order
 * in which they arrive. A read that fails returns all ones.
 *
 * Time of a read, with links idle: 2 mmio_read_latency + 2 root_latency +
 * port_latency + the device's own time + its latency + 2 propagation + both
 * TLPs on the wire (pcie_wire_bytes). */
struct hd_channel *root_complex_connect_cpu(struct root_complex *rc,
                                            struct hd_component *cpu,
                                            struct hd_channel **reply);

struct root_complex_stats {
  uint64_t reads, writes, interrupts, blocked, mmio_reads, mmio_writes;
  uint64_t read_bytes, write_bytes;
};
void root_complex_get_stats(const struct root_complex *rc,
                            struct root_complex_stats *s);
const char *root_complex_check(const struct root_complex *rc);

#endif
