/*
 * bench_machine.h - the DMA benchmark as a machine: an IO stack, the buffer of
 * a host program, and a device that measures (dmabench/). No guests, no NIC, no
 * hypervisor; the CPU only prepares the caches before the test.
 *
 * The buffer is 64 MiB in 16 chunks of 4 MiB, each physically contiguous, as a
 * kernel hands them out: apart, and in no order. With the IOMMU on they are
 * mapped once, downwards from 0xffc00000; with the IOMMU off the device uses
 * physical addresses, which are above 4 GiB.
 *
 * A test on hardware takes millions of operations, a simulated one thousands.
 * So that caches are in the state that most of the operations see, the cache
 * lines that a test writes are written before its start, without taking time.
 */
#ifndef HD_MODELS_BENCH_MACHINE_H
#define HD_MODELS_BENCH_MACHINE_H

#include "models/io_stack.h"

struct bench_machine; /* opaque */

/* The stack's configuration has bench.mode. `io` must outlive the machine. */
struct bench_machine *bench_machine_create(struct io_stack *io);
/* Runs warm-up and measurement, then checks that everything balances. */
void bench_machine_run(struct bench_machine *b);
/* One row, "all". Valid until the machine is destroyed. */
void bench_machine_results(const struct bench_machine *b,
                           struct server_results *r);
/* After the engine has been destroyed. */
void bench_machine_destroy(struct bench_machine *b);

#endif
