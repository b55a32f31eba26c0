/*
 * status.c - the device status register.
 */
#include "models/virtio/status.h"

#include <stddef.h>

bool virtio_status_initialize(struct virtio_status *s,
                              enum virtio_device_type type, uint64_t offered,
                              bool can_suspend)
{
  *s = (struct virtio_status){
      .type = type, .offered = offered, .can_suspend = can_suspend};
  return virtio_offer_refused(type, offered) == NULL;
}

/* Whether the driver may have these bits at this point: each needs those that
 * come before it in 3.1.1. */
static bool in_order(uint8_t value)
{
  if ((value & VIRTIO_DRIVER) != 0 && (value & VIRTIO_ACKNOWLEDGE) == 0)
    return false;
  if ((value & VIRTIO_FEATURES_OK) != 0 && (value & VIRTIO_DRIVER) == 0)
    return false;
  return (value & VIRTIO_DRIVER_OK) == 0 || (value & VIRTIO_FEATURES_OK) != 0;
}

static bool valid(const struct virtio_status *s, uint8_t value)
{
  const uint8_t known = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK |
                        VIRTIO_FEATURES_OK | VIRTIO_DEVICE_NEEDS_RESET |
                        VIRTIO_FAILED;
  uint8_t own = s->value & (uint8_t)~VIRTIO_DEVICE_NEEDS_RESET;
  uint8_t added = value & (uint8_t)~s->value;
  if (s->resetting || (value & (uint8_t)~known) != 0)
    return false;
  if ((own & (uint8_t)~value) != 0) /* 2.1.1: no bit is cleared */
    return false;
  if ((added & VIRTIO_DEVICE_NEEDS_RESET) != 0) /* the device's bit */
    return false;
  if ((s->value & VIRTIO_FAILED) != 0 && added != 0) /* 2.1.1 */
    return false;
  /* 3.1.1: features are settled, and read back, before DRIVER_OK. */
  if ((added & VIRTIO_FEATURES_OK) != 0 && (added & VIRTIO_DRIVER_OK) != 0)
    return false;
  return in_order(value);
}

static enum virtio_status_result settle(struct virtio_status *s, uint8_t value)
{
  s->refusal = virtio_features_refused(s->type, s->offered, s->accepted);
  if (s->refusal != NULL)
    return VIRTIO_STATUS_REFUSED;
  s->value |= value;
  return VIRTIO_STATUS_DONE;
}

enum virtio_status_result virtio_status_write(struct virtio_status *s,
                                              uint8_t value)
{
  if (value == 0) {
    s->resetting = true;
    return VIRTIO_STATUS_RESET;
  }
  if (!valid(s, value))
    return VIRTIO_STATUS_INVALID;
  uint8_t added = value & (uint8_t)~s->value;
  if ((added & VIRTIO_FEATURES_OK) != 0)
    return settle(s, value);
  s->value |= value;
  return (added & VIRTIO_DRIVER_OK) != 0 ? VIRTIO_STATUS_STARTED
                                         : VIRTIO_STATUS_DONE;
}

void virtio_status_reset_done(struct virtio_status *s)
{
  s->accepted = 0;
  s->value = 0;
  s->suspended = false;
  s->resetting = false;
  s->refusal = NULL;
}

bool virtio_status_accept(struct virtio_status *s, uint64_t features)
{
  if (s->resetting || (s->value & VIRTIO_DRIVER) == 0 ||
      (s->value & (VIRTIO_FEATURES_OK | VIRTIO_FAILED)) != 0)
    return false;
  s->accepted = features;
  return true;
}

bool virtio_status_fail(struct virtio_status *s)
{
  bool told = (s->value & VIRTIO_DEVICE_NEEDS_RESET) != 0;
  if (s->resetting)
    return false;
  s->value |= VIRTIO_DEVICE_NEEDS_RESET;
  return !told && (s->value & VIRTIO_DRIVER_OK) != 0;
}

bool virtio_status_running(const struct virtio_status *s)
{
  return (s->value & VIRTIO_DRIVER_OK) != 0 &&
         (s->value & (VIRTIO_DEVICE_NEEDS_RESET | VIRTIO_FAILED)) == 0 &&
         !s->suspended && !s->resetting;
}

bool virtio_status_suspend(struct virtio_status *s)
{
  if (!s->can_suspend || !virtio_status_running(s))
    return false;
  s->suspended = true;
  return true;
}

bool virtio_status_resume(struct virtio_status *s)
{
  bool was = s->suspended;
  s->suspended = false;
  return was;
}
