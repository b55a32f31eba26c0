/* block_params.c - workload "block_jobs" and section "guest_block". */
#include "models/workload/block_params.h"

#include <stddef.h>

enum { LOGICAL_BLOCK = 512 };

/* ---- block_jobs --------------------------------------------------------- */

static const char *const patterns[] = {
    "read", "write", "randread", "randwrite", "rw", "randrw", NULL};
static const char *const completions[] = {"interrupt", "poll", NULL};

#define JOB(f) offsetof(struct block_jobs_params, f)
static const struct hd_param jobs_params[] = {
    {"rw", HD_PARAM_ENUM, JOB(rw), "randread", NULL, NULL, patterns,
     "order and kind of requests; rw and randrw are mixed",
     "fio --rw; its default is read"},
    {"bs", HD_PARAM_SIZE, JOB(bs), "4 KiB", "512 B", "1 MiB", NULL,
     "bytes of a request", "fio --bs, default 4 KiB"},
    {"iodepth", HD_PARAM_INT, JOB(iodepth), "1", "1", "65536", NULL,
     "requests each job keeps in flight", "fio --iodepth, default 1"},
    {"iodepth_batch", HD_PARAM_INT, JOB(iodepth_batch), "1", "0", "65536", NULL,
     "requests that a call submits at most; 0: as many as can be",
     "fio --iodepth_batch, default 1"},
    {"numjobs", HD_PARAM_INT, JOB(numjobs), "1", "1", "1024", NULL,
     "jobs; job j runs on vCPU j modulo vCPUs and uses queue j modulo queues",
     "fio --numjobs, default 1"},
    {"rwmixread", HD_PARAM_RATIO, JOB(rwmixread), "50 %", NULL, NULL, NULL,
     "share of reads of a mixed job", "fio --rwmixread, default 50"},
    {"size", HD_PARAM_SIZE, JOB(size), "0 B", "0 B", "1024 TiB", NULL,
     "bytes of the device that are used, from its first block; 0: all; "
     "sequential jobs start at equal distances",
     "fio --size and --offset_increment"},
    {"rate_iops", HD_PARAM_INT, JOB(rate_iops), "0", "0", "100000000", NULL,
     "reads and writes a second of each job; 0: no limit", "fio --rate_iops"},
    {"flush_every", HD_PARAM_INT, JOB(flush_every), "0", "0", "1000000", NULL,
     "writes of a job from one flush to the next; 0: none",
     "fio --fsync, default 0; asynchronous here, as with io_uring"},
    {"completion", HD_PARAM_ENUM, JOB(completion), "interrupt", NULL, NULL,
     completions, "how completions are found",
     "fio: libaio or io_uring wait for interrupts; --hipri polls"},
    {0}};

const struct hd_param_table block_jobs_param_table = {
    "block_jobs", "Reads and writes a block device, as fio does", jobs_params};

const char *block_jobs_refused(const struct block_jobs_params *p,
                               uint64_t blocks, int64_t max_transfer)
{
  if (p->bs % LOGICAL_BLOCK != 0)
    return "block_jobs.bs must be a multiple of 512 B";
  if (max_transfer > 0 && p->bs > max_transfer)
    return "block_jobs.bs is more than the device's largest command";
  uint64_t span = p->size > 0 ? (uint64_t)p->size : blocks * LOGICAL_BLOCK;
  if (span > blocks * LOGICAL_BLOCK)
    return "block_jobs.size is more than the device has";
  if (span < (uint64_t)p->bs)
    return "block_jobs.size does not hold a request";
  return NULL;
}

/* ---- section "guest_block" ---------------------------------------------- */

#define COST(f) #f, HD_PARAM_CYCLES, offsetof(struct guest_block_params, f)
#define COUNT(f) #f, HD_PARAM_INT, offsetof(struct guest_block_params, f)
#define CYCLES_MAX "1000000 cycles"
#define PATH_SOURCE                                                            \
  "estimated from memory: direct I/O of 4 KiB by libaio takes 1.5 to 2.5 us "  \
  "of a 3 GHz core in all"

static const struct hd_param block_params[] = {
    {COST(submit_syscall), "900 cycles", "0 cycles", CYCLES_MAX, NULL,
     "io_submit() or io_uring_enter(), per call", PATH_SOURCE},
    {COST(submit_request), "2000 cycles", "0 cycles", CYCLES_MAX, NULL,
     "file, pinning of pages and block layer, per request", PATH_SOURCE},
    {COST(submit_driver), "350 cycles", "0 cycles", CYCLES_MAX, NULL,
     "driver: command, tag and DMA mapping, per request", PATH_SOURCE},
    {COST(complete_driver), "250 cycles", "0 cycles", CYCLES_MAX, NULL,
     "driver: reading a completion, tag and DMA unmapping, per request",
     PATH_SOURCE},
    {COST(complete_request), "1000 cycles", "0 cycles", CYCLES_MAX, NULL,
     "block layer, unpinning of pages, event and wake-up, per request",
     PATH_SOURCE},
    {COST(reap_syscall), "700 cycles", "0 cycles", CYCLES_MAX, NULL,
     "io_getevents(), per call", PATH_SOURCE},
    {COST(application), "400 cycles", "0 cycles", CYCLES_MAX, NULL,
     "the application's own work (fio: offset, statistics), per request",
     PATH_SOURCE},
    {COST(interrupt), "600 cycles", "0 cycles", CYCLES_MAX, NULL,
     "interrupt handler, per interrupt, besides cpu.irq_entry_cost",
     "estimated from memory"},
    {COUNT(plug), "32", "1", "65536", NULL,
     "requests of a call that are gathered before they are posted together",
     "Linux BLK_MAX_REQUEST_COUNT, from memory"},
    {COST(poll_empty), "200 cycles", "1 cycles", CYCLES_MAX, NULL,
     "a poll of the completion queue that finds nothing",
     "estimated from memory: a loop through block layer and driver"},
    {COUNT(nvme_ring), "1024", "2", "32768", NULL,
     "entries of each NVMe submission and completion queue",
     "Linux nvme.io_queue_depth, default 1024, from memory"},
    {COUNT(nvme_boot_traps), "60", "0", "100000", NULL,
     "trapped accesses of the NVMe driver's start: configuration space, BARs",
     "estimated from memory: capabilities and BARs 50, reset 10"},
    {COUNT(nvme_vector_traps), "4", "0", "100000", NULL,
     "the same per vector: an entry of the MSI-X table",
     "PCI Express: 4 double words"},
    {COUNT(nvme_registers), "20", "0", "100000", NULL,
     "accesses to the controller's registers until it is ready; trapped if "
     "they are emulated, else reads that stall the vCPU",
     "NVMe 1.4, 7.6.1: CAP, VS, AQA, ASQ, ACQ, CC, and CSTS some times"},
    {COUNT(nvme_commands), "8", "0", "100000", NULL,
     "administration commands of the start; two trapped doorbells each if "
     "emulated, else storage.admin_cost each",
     "estimated from memory: identify four times, features twice, log page, "
     "asynchronous event"},
    {COUNT(nvme_queue_commands), "2", "0", "100000", NULL,
     "the same per queue pair",
     "NVMe 1.4, 7.6.1: create completion queue, create submission queue"},
    {COST(nvme_boot_cycles), "3000000 cycles", "0 cycles",
     "1000000000000 cycles", NULL,
     "the NVMe driver's own work until the device is up",
     "free choice: 1 ms, as guest.boot_cycles"},
    {0}};

const struct hd_param_table guest_block_param_table = {
    "guest_block", "What block requests cost a guest, and its NVMe driver",
    block_params};
