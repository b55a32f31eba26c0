/*
 * failover.h - a network device and its stand-in as one network interface, so
 * that the device can be unplugged while its guest runs (Linux: net_failover;
 * virtio 1.2, 5.1.3: VIRTIO_NET_F_STANDBY). For the guest's own files.
 *
 * The device's driver is whatever the guest would have without a stand-in; the
 * stand-in is a virtio-net device. Both have one MAC address. Packets are sent
 * by the device while it is there and by the stand-in otherwise; they are
 * received from both.
 *
 * The stand-in has as many queue pairs as the device. Its pair p is sent on by
 * the vCPU that sends on the device's pair p.
 *
 * Hot plug (struct guest_plug_msg) is vCPU 0's, as the kernel's worker that
 * binds and unbinds drivers; each vCPU does its part with its own queues:
 *  UNPLUG  what waits before the device's rings is dropped, as by
 *          dev_deactivate(); what is in them is waited for;
 *  REMOVE  what has been received is handled, the rings are forgotten;
 *  PLUG    the driver starts on vCPU 0, then all send by the device again.
 */
#ifndef HD_MODELS_WORKLOAD_FAILOVER_H
#define HD_MODELS_WORKLOAD_FAILOVER_H

#include "models/workload/guest_internal.h"

/* GUEST_DRIVER messages; numbered apart from enum virtio_driver_message. */
enum failover_message {
  FAILOVER_ASK = 16, /* vCPU 0 -> another: bytes = enum guest_plug */
  FAILOVER_DONE      /* its answer */
};

struct failover {
  struct failover_part { /* by vCPU: what it is to do; its own */
    bool asked;
    enum guest_plug verb;
  } * part;
  /* vCPU 0's: */
  bool asked; /* from outside */
  enum guest_plug verb;
  struct hd_channel *answer; /* to who asked */
  size_t waiting;            /* other vCPUs that have not answered */
};

extern const struct guest_device_ops failover_ops;

/* The channels between vCPU 0 and the others. */
void failover_connect(struct guest *g);

/* failover_plug.c */
/* On vCPU 0; true: wake it. */
bool failover_asked(struct guest_cpu *cpu, const struct guest_plug_msg *m);
/* A failover_message; true: wake the vCPU. */
bool failover_message(struct guest_cpu *cpu, const struct guest_msg *m);
/* Does what has been asked for. */
void failover_serve(struct guest_cpu *cpu);

#endif
