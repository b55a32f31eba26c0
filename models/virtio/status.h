/*
 * status.h - the device status register: initialization, reset, suspend
 * (virtio 1.2: 2.1, 2.2, 2.4, 3.1).
 *
 * The device's side of negotiation. The driver writes the register as a whole;
 * it may only add bits, in the order of 3.1.1; writing 0 asks for a reset,
 * which lasts until the device says so. Writes that break this change nothing,
 * so that the driver sees it when it reads the register back.
 *
 * Suspend is vDPA's: the device stops its queues, keeps their state, and lets
 * it be read out (ring.h); the register does not show it.
 */
#ifndef HD_MODELS_VIRTIO_STATUS_H
#define HD_MODELS_VIRTIO_STATUS_H

#include "models/virtio/features.h"

enum { /* 2.1 */
       VIRTIO_ACKNOWLEDGE = 1,
       VIRTIO_DRIVER = 2,
       VIRTIO_DRIVER_OK = 4,
       VIRTIO_FEATURES_OK = 8,
       VIRTIO_DEVICE_NEEDS_RESET = 64,
       VIRTIO_FAILED = 128
};

struct virtio_status {
  enum virtio_device_type type;
  uint64_t offered;
  uint64_t accepted; /* by the driver; final once FEATURES_OK is set */
  uint8_t value;     /* what a read returns */
  bool can_suspend, suspended;
  bool resetting;      /* asked for, not done: reads return the old value */
  const char *refusal; /* why FEATURES_OK was refused last, or NULL */
};

enum virtio_status_result {
  VIRTIO_STATUS_DONE,    /* the bits are set */
  VIRTIO_STATUS_STARTED, /* DRIVER_OK came: queues may be used */
  VIRTIO_STATUS_RESET,   /* reset the device, then virtio_status_reset_done() */
  VIRTIO_STATUS_REFUSED, /* FEATURES_OK not set: see `refusal` */
  VIRTIO_STATUS_INVALID  /* against 2.1.1 or 3.1.1: nothing changed */
};

/* A device after power-on. `offered` must not be refused by
 * virtio_offer_refused(); false otherwise. */
bool virtio_status_initialize(struct virtio_status *s,
                              enum virtio_device_type type, uint64_t offered,
                              bool can_suspend);
/* The driver writes the register. */
enum virtio_status_result virtio_status_write(struct virtio_status *s,
                                              uint8_t value);
/* The device has been reset: queues, configuration; it reads 0 (2.4.1). */
void virtio_status_reset_done(struct virtio_status *s);
/* The driver writes its features: between DRIVER and FEATURES_OK; false, and
 * nothing changes, at any other time. */
bool virtio_status_accept(struct virtio_status *s, uint64_t features);
/* The device cannot go on (2.1.2). Returns whether a configuration change
 * notification must be sent: DRIVER_OK is set, and it had not been said yet. */
bool virtio_status_fail(struct virtio_status *s);

/* Whether queues are served: DRIVER_OK, and neither broken, nor suspended, nor
 * being reset. */
bool virtio_status_running(const struct virtio_status *s);
/* False, and nothing changes: not supported, not running. */
bool virtio_status_suspend(struct virtio_status *s);
/* False: not suspended. */
bool virtio_status_resume(struct virtio_status *s);

#endif
