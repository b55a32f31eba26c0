/*
 * vhost_block_params.c - defaults of section "vhost_block".
 *
 * Sums at 3 GHz, against public figures (from memory). SPDK vhost: 900 + 400 +
 * 200 + 200 + 350 + 450 = 2500 cycles a request without polls, doorbells and
 * signals: 0.83 us, 1.2 million requests a second and core; SPDK's performance
 * reports have about a million and more with vhost-blk, 3 to 4 million with the
 * block device layer alone (1150 cycles: 2.6 million) and 8 to 10 million with
 * the NVMe driver alone (400 cycles: 7.5 million). QEMU: 2200 + 2800 + 3600 +
 * 1100 + 2000 + 700 = 12400 cycles a request and a share of system calls and
 * wake-ups: 4.1 us and more, up to 240,000 requests a second; 100,000 to
 * 250,000 are reported of one iothread.
 */
#include "models/vhost_block/vhost_block_params.h"

#define FIELD(f) offsetof(struct vhost_block_params, f)
#define COST(f) #f, HD_PARAM_CYCLES, FIELD(f)
#define COUNT(f) #f, HD_PARAM_INT, FIELD(f)
#define TIME(f) #f, HD_PARAM_TIME, FIELD(f)
#define CYCLES_MAX "1000000 cycles"
#define MEMORY "estimated from memory"
#define SPDK_SUM                                                               \
  "estimated from memory, so that SPDK vhost-blk serves 1 to 1.3 million "     \
  "requests a second and core (SPDK vhost performance reports)"
#define BDEV_SUM                                                               \
  "estimated from memory, so that SPDK's block device layer serves 2.5 to 4 "  \
  "million requests a second and core (SPDK performance reports)"
#define QEMU_SUM                                                               \
  "estimated from memory, so that an iothread serves 100,000 to 250,000 "      \
  "requests a second"

static const struct hd_param params[] = {
    {COST(thread_switch), "2500 cycles", "0 cycles", CYCLES_MAX, NULL,
     "context switch to a host thread", MEMORY ", as guest.thread_switch"},
    {COST(log_page), "60 cycles", "0 cycles", CYCLES_MAX, NULL,
     "setting a page's bit in the dirty log, while its guest migrates",
     MEMORY ": as vhost.log_page"},

    {COUNT(pmd_cores), "2", "1", "1024", NULL,
     "SPDK vhost: poll-mode threads, each with a core of its own",
     "free choice"},
    {COUNT(spdk_ring), "256", "2", "32768", NULL,
     "SPDK vhost: entries of an NVMe queue pair",
     "SPDK: DEFAULT_IO_QUEUE_SIZE, from memory"},
    {COUNT(spdk_burst), "32", "1", "1024", NULL,
     "SPDK vhost: requests taken from a virtqueue at a poll",
     "SPDK: VHOST_VQ_MAX_SUBMISSIONS, from memory"},
    {COST(spdk_poll_virtqueue), "60 cycles", "1 cycles", CYCLES_MAX, NULL,
     "SPDK vhost: polling a virtqueue, found empty or not",
     MEMORY ": poller's call and the available index"},
    {COST(spdk_poll_drive), "60 cycles", "1 cycles", CYCLES_MAX, NULL,
     "SPDK vhost: polling an NVMe completion queue, found empty or not",
     MEMORY ": poll group's call and the phase tag"},
    {COST(spdk_virtio), "900 cycles", "0 cycles", CYCLES_MAX, NULL,
     "SPDK vhost: a chain into a task: descriptors, translation of guest "
     "addresses, header; lines that the guest's core has written",
     SPDK_SUM},
    {COST(spdk_bdev), "400 cycles", "0 cycles", CYCLES_MAX, NULL,
     "SPDK vhost: submission through the block device layer", BDEV_SUM},
    {COST(spdk_submit), "200 cycles", "0 cycles", CYCLES_MAX, NULL,
     "SPDK vhost: an NVMe command; the doorbell of a poll is "
     "cpu.mmio_write_cost",
     "estimated from memory: 8 to 10 million requests a second and core with "
     "the NVMe driver alone (SPDK)"},
    {COST(spdk_complete), "200 cycles", "0 cycles", CYCLES_MAX, NULL,
     "SPDK vhost: an NVMe completion", "as spdk_submit"},
    {COST(spdk_bdev_complete), "350 cycles", "0 cycles", CYCLES_MAX, NULL,
     "SPDK vhost: completion through the block device layer", BDEV_SUM},
    {COST(spdk_virtio_complete), "450 cycles", "0 cycles", CYCLES_MAX, NULL,
     "SPDK vhost: status byte, used entry and its publication", SPDK_SUM},
    {COST(spdk_signal), "1500 cycles", "0 cycles", CYCLES_MAX, NULL,
     "SPDK vhost: write() to the eventfd, and irqfd",
     MEMORY ", as vhost.user_signal"},

    {COUNT(kernel_ring), "1024", "2", "32768", NULL,
     "iothread: entries of an NVMe queue pair of the kernel's driver",
     "Linux: nvme.io_queue_depth, from memory"},
    {TIME(kick_latency), "100 ns", "1 ns", "1 ms", NULL,
     "iothread: from the end of the kick's exit to the thread's wake-up",
     MEMORY ", as vhost.kick_latency; the scheduler's own times follow"},
    {TIME(poll_max), "32768 ns", "0 ns", "10 ms", NULL,
     "iothread: longest adaptive polling before it sleeps; 0: none",
     "QEMU: poll-max-ns of an iothread"},
    {TIME(poll_start), "4 us", "1 ns", "10 ms", NULL,
     "iothread: polling time after its first growth, doubling from there",
     "QEMU: aio_poll(), from memory"},
    {COUNT(io_batch), "32", "1", "1024", NULL,
     "iothread: requests handed to the kernel in one system call, at most",
     "QEMU: aio-max-batch, from memory"},
    {COST(io_wakeup), "2000 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: return from ppoll(), dispatch, read() of the eventfd",
     MEMORY ": two system calls and the event loop"},
    {COST(io_sleep), "1000 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: from the last look into ppoll()", MEMORY ": a system call"},
    {COST(io_virtio), "2200 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: a chain into a request: descriptors, mapping of guest memory, "
     "header",
     QEMU_SUM},
    {COST(io_block), "2800 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: a request through QEMU's block layer: coroutine, limits, raw "
     "driver",
     QEMU_SUM},
    {COST(io_submit), "900 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: io_uring_enter() or io_submit(), once a batch",
     MEMORY ": a system call with mitigations"},
    {COST(io_kernel), "3600 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: a request through the kernel: direct I/O, page references, "
     "block layer, NVMe driver; the doorbell is cpu.mmio_write_cost",
     "1.4 us a request called reasonable for io_uring on NVMe (liburing, "
     "issue 1301), of it 0.2 us are io_interrupt's"},
    {COST(io_interrupt), "1100 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: the kernel's completion of a request, on the thread's core; "
     "the interrupt itself is cpu.host_irq_cost",
     MEMORY ": block layer's end, page references, completion ring"},
    {COST(io_complete), "2000 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: a completion through QEMU's block layer", QEMU_SUM},
    {COST(io_used), "700 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: status byte, used entry, unmapping of guest memory", QEMU_SUM},
    {COST(io_signal), "1500 cycles", "0 cycles", CYCLES_MAX, NULL,
     "iothread: write() to the eventfd, and irqfd",
     MEMORY ", as vhost.user_signal"},
    {0}};

const struct hd_param_table vhost_block_param_table = {
    "vhost_block",
    "Software block back ends of the host: SPDK vhost, QEMU's iothread",
    params};

const char *vhost_block_params_refused(const struct vhost_block_params *p)
{
  if (p->poll_max > 0 && p->poll_start > p->poll_max)
    return "poll_start is longer than poll_max";
  return NULL;
}
