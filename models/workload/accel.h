/*
 * accel.h - a guest's use of an accelerator: threads that keep requests
 * outstanding, each with a ring bank and a vCPU of its own.
 *
 *   submitted >= announced >= shown >= taken >= finished
 *
 * A thread builds requests in batches, each in a slot with buffers of its own,
 * and announces a batch by one tail write (accelerator_driver.h). Responses are
 * taken from the ring, either by the thread, which polls, or by the interrupt's
 * handler, which wakes it; then the thread finishes them. Who polls is awake
 * all the time; time in which it finds nothing is counted apart, since the core
 * could do without.
 *
 * Thread t runs on vCPU t and uses bank t; a guest may have banks without
 * threads.
 */
#ifndef HD_MODELS_WORKLOAD_ACCEL_H
#define HD_MODELS_WORKLOAD_ACCEL_H

#include <gsl/gsl_rng.h>

#include "models/accelerator/accelerator_driver.h"
#include "models/accelerator/accelerator_jobs.h"
#include "models/workload/guest_device.h"
#include "models/workload/guest_internal.h"

struct accel_slot {
  struct accelerator_request *request; /* NULL: unused */
  struct accelerator_buffer source, destination;
};

struct accel_thread {
  uint32_t number;
  struct guest_cpu *cpu;
  struct accelerator_driver *driver;
  gsl_rng *rng;
  uint64_t content;         /* guest physical; 0: none */
  uint32_t room;            /* bytes of a destination */
  struct accel_slot *slots; /* window of them */
  uint16_t *unused;         /* a stack of window - in_flight slots */
  struct accelerator_piece *pieces;
  uint32_t in_flight, most_in_flight;
  struct accelerator_request *done, *done_last; /* taken and not finished */
  uint32_t n_done;
  uint64_t submitted, finished; /* since the start */
};

struct guest_accel {
  struct accelerator_driver *drivers; /* by bank */
  struct accelerator_ring *rings;     /* what the device is told of, by bank */
  struct accel_thread *threads;
  uint32_t n_threads;
  bool polled;
};

extern const struct guest_device_ops accel_device_ops;

/* ---- accel.c: building, books ---- */
/* Bytes of all buffers of the threads. Pure. */
uint64_t accel_buffers(const struct guest_config *c);
/* Threads and their buffers from `base` on; the drivers exist. */
void accel_create_threads(struct guest *g, uint64_t base);
void accel_destroy_threads(struct guest *g);
const char *accel_check(const struct guest *g);
/* Vector i of the device, see GUEST_VECTOR(). */
void accel_interrupt(struct guest_cpu *cpu, unsigned i);

/* ---- accel_jobs.c ---- */
void accel_jobs_run(struct guest_cpu *cpu);
/* Takes all responses of the thread's bank there are; true: there were any. */
bool accel_take(struct accel_thread *t);

#endif
