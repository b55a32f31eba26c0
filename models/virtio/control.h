/*
 * control.h - what a manager of live migrations asks of a host thread that
 * serves virtqueues, as the ioctls of vhost and the messages of vhost-user do
 * (VHOST_SET_VRING_BASE, GET_VRING_BASE, VHOST_SET_LOG_BASE).
 *
 * The thread carries a request out when it is between two pieces of work: all
 * chains that it has taken have been used, or have gone back. It answers with
 * the same message.
 */
#ifndef HD_MODELS_VIRTIO_CONTROL_H
#define HD_MODELS_VIRTIO_CONTROL_H

#include "models/virtio/dirty.h"
#include "models/virtio/ring.h"
#include "sim/engine/engine.h"

enum { MSG_VIRTQ_CONTROL = 0x5680 }; /* apart from models/messages.h */

enum virtq_control_verb {
  VIRTQ_CONTROL_STOP,  /* comes to rest; *state is filled in */
  VIRTQ_CONTROL_START, /* state NULL: goes on; else: from *state, *view being
                          the driver's latest */
  VIRTQ_CONTROL_TRACK, /* writes to guest memory are logged; pages NULL: not */
  VIRTQ_CONTROL_LEAVE  /* the guest is elsewhere for good */
};

struct virtq_control_msg {
  struct hd_msg msg;
  enum virtq_control_verb verb;
  uint16_t vm, queue; /* of the guest's device; TRACK, LEAVE: any of those
                         that are served together */
  struct virtq_state *state;
  struct virtq_view *view;
  struct virtio_dirty_log log; /* TRACK */
  struct hd_channel *reply;
  bool ok; /* answer */
};
_Static_assert(sizeof(struct virtq_control_msg) <= HD_MSG_BYTES, "too large");

#endif
