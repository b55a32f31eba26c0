/*
 * accelerator_driver.h - the guest's side of a ring bank.
 *
 * A library for software: it keeps the rings' indices and says which registers
 * to write. What each step costs the CPU is its user's to spend. Requests go in
 * by accelerator_driver_put(), several of them may share a tail write.
 * Responses become known by accelerator_driver_shown(), which the user calls
 * for each struct guest_memory_msg of the bank, in order; it writes no
 * register, so that it may be called for messages on passive channels. Then
 * they can be taken.
 *
 * Ownership: a request is the device's from accelerator_driver_put() until
 * accelerator_driver_take() returns it.
 */
#ifndef HD_MODELS_ACCELERATOR_ACCELERATOR_DRIVER_H
#define HD_MODELS_ACCELERATOR_ACCELERATOR_DRIVER_H

#include <stdbool.h>

#include "models/accelerator/accelerator.h"

/* Writes a 32-bit register of the device; `address` as in registers.h. */
typedef void (*accelerator_driver_write)(void *context, uint64_t address,
                                         uint32_t value);

struct accelerator_driver {
  struct accelerator_ring ring; /* what the device is told of */
  uint32_t bank;                /* the device's number of it */
  uint32_t head_batch;          /* responses a head write */
  accelerator_driver_write write;
  void *context;
  struct accelerator_request **shown_at; /* by response slot */
  uint64_t put, announced; /* requests: in the ring, told to the device */
  uint64_t shown, taken;   /* responses: in memory, given to the user */
  uint64_t told;           /* of those, known to the device */
};

struct accelerator_driver_config {
  uint64_t requests, responses; /* IOVA of the rings */
  uint32_t size;                /* entries of each */
  uint32_t head_batch;          /* 1 to size - 1 */
  uint32_t bank;
  uint16_t observer;
  enum accelerator_service service;
  accelerator_driver_write write;
  void *context;
};

/* Allocates the rings' contents; stops the run if head_batch is out of range.
 * The struct must stay where it is while the device knows the ring. */
void accelerator_driver_initialize(struct accelerator_driver *d,
                                   const struct accelerator_driver_config *c);
void accelerator_driver_terminate(struct accelerator_driver *d);
/* After a reset of the bank: all is as new, requests are the user's again. */
void accelerator_driver_reset(struct accelerator_driver *d);

/* Requests put and not taken; at most size - 1. */
static inline uint32_t
accelerator_driver_in_flight(const struct accelerator_driver *d)
{
  return (uint32_t)(d->put - d->taken);
}

/* False: the ring is full, nothing happened. */
bool accelerator_driver_put(struct accelerator_driver *d,
                            struct accelerator_request *r);
/* Tells the device of what has been put since; writes the tail if anything. */
void accelerator_driver_announce(struct accelerator_driver *d);

/* A response has become visible: object and data of its message. */
void accelerator_driver_shown(struct accelerator_driver *d, void *object,
                              uint64_t data);
/* The next response's request, or NULL. Writes the head with each batch. */
struct accelerator_request *
accelerator_driver_take(struct accelerator_driver *d);
/* Writes the head if the device does not know all that has been taken. */
void accelerator_driver_tell(struct accelerator_driver *d);
/* The same, and enables the bank's interrupt. It comes at once if a response is
 * there that has not been taken. */
void accelerator_driver_arm(struct accelerator_driver *d);

#endif
