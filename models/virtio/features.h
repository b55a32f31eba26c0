/*
 * features.h - feature bits, the rules between them, and their negotiation
 * (virtio 1.2: 2.2, 5.1.3.1, 5.2, 6).
 *
 * A feature set is a 64-bit mask; VIRTIO_BIT() makes one of a bit number. The
 * device offers a set, the driver accepts a part of it, the device has the last
 * word at FEATURES_OK (status.h). This is the modern interface: VERSION_1 is
 * always required.
 */
#ifndef HD_MODELS_VIRTIO_FEATURES_H
#define HD_MODELS_VIRTIO_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_BIT(feature) (UINT64_C(1) << (feature))

enum virtio_feature { /* 6: of rings and transports */
                      VIRTIO_F_INDIRECT_DESC = 28,
                      VIRTIO_F_EVENT_IDX = 29,
                      VIRTIO_F_VERSION_1 = 32,
                      VIRTIO_F_ACCESS_PLATFORM =
                          33, /* DMA is translated and restricted */
                      VIRTIO_F_RING_PACKED = 34,
                      VIRTIO_F_IN_ORDER = 35,
                      VIRTIO_F_ORDER_PLATFORM =
                          36, /* memory ordering of a real device */
                      VIRTIO_F_SR_IOV = 37,
                      VIRTIO_F_NOTIFICATION_DATA = 38,
                      VIRTIO_F_NOTIF_CONFIG_DATA = 39,
                      VIRTIO_F_RING_RESET = 40
};
#define VIRTIO_RING_FEATURES                                                   \
  (VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_F_EVENT_IDX) |       \
   VIRTIO_BIT(VIRTIO_F_RING_PACKED) | VIRTIO_BIT(VIRTIO_F_IN_ORDER))

enum virtio_net_feature { /* 5.1.3 */
                          VIRTIO_NET_F_CSUM = 0,
                          VIRTIO_NET_F_GUEST_CSUM = 1,
                          VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 2,
                          VIRTIO_NET_F_MTU = 3,
                          VIRTIO_NET_F_MAC = 5,
                          VIRTIO_NET_F_GUEST_TSO4 = 7,
                          VIRTIO_NET_F_GUEST_TSO6 = 8,
                          VIRTIO_NET_F_GUEST_ECN = 9,
                          VIRTIO_NET_F_GUEST_UFO = 10,
                          VIRTIO_NET_F_HOST_TSO4 = 11,
                          VIRTIO_NET_F_HOST_TSO6 = 12,
                          VIRTIO_NET_F_HOST_ECN = 13,
                          VIRTIO_NET_F_HOST_UFO = 14,
                          VIRTIO_NET_F_MRG_RXBUF = 15,
                          VIRTIO_NET_F_STATUS = 16,
                          VIRTIO_NET_F_CTRL_VQ = 17,
                          VIRTIO_NET_F_CTRL_RX = 18,
                          VIRTIO_NET_F_CTRL_VLAN = 19,
                          VIRTIO_NET_F_GUEST_ANNOUNCE = 21,
                          VIRTIO_NET_F_MQ = 22,
                          VIRTIO_NET_F_CTRL_MAC_ADDR = 23,
                          VIRTIO_NET_F_NOTF_COAL = 53,
                          VIRTIO_NET_F_HASH_REPORT = 57,
                          VIRTIO_NET_F_RSS = 60,
                          VIRTIO_NET_F_RSC_EXT = 61,
                          VIRTIO_NET_F_STANDBY = 62,
                          VIRTIO_NET_F_SPEED_DUPLEX = 63
};

enum virtio_blk_feature { /* 5.2.3 */
                          VIRTIO_BLK_F_SIZE_MAX = 1,
                          VIRTIO_BLK_F_SEG_MAX = 2,
                          VIRTIO_BLK_F_GEOMETRY = 4,
                          VIRTIO_BLK_F_RO = 5,
                          VIRTIO_BLK_F_BLK_SIZE = 6,
                          VIRTIO_BLK_F_FLUSH = 9,
                          VIRTIO_BLK_F_TOPOLOGY = 10,
                          VIRTIO_BLK_F_CONFIG_WCE = 11,
                          VIRTIO_BLK_F_MQ = 12,
                          VIRTIO_BLK_F_DISCARD = 13,
                          VIRTIO_BLK_F_WRITE_ZEROES = 14
};

enum virtio_device_type { VIRTIO_TYPE_NET = 1, VIRTIO_TYPE_BLK = 2 }; /* 5 */

static inline bool virtio_has(uint64_t features, unsigned feature)
{
  return (features >> feature & 1) != 0;
}

/* "A feature needs one of these." */
struct virtio_rule {
  uint64_t feature; /* one bit */
  uint64_t needs;   /* any of these bits */
  const char *text; /* in words, with the section */
};

/* The first rule for this type of device that a set breaks; NULL: none. */
const struct virtio_rule *virtio_features_broken(enum virtio_device_type type,
                                                 uint64_t features);
/* What a device may offer: the same, and what only offers must respect. NULL:
 * fine; else the reason, a constant. */
const char *virtio_offer_refused(enum virtio_device_type type,
                                 uint64_t offered);
/* What a correct driver accepts of an offer: what it supports, less all whose
 * needs are not met. */
uint64_t virtio_features_choose(enum virtio_device_type type, uint64_t offered,
                                uint64_t supported);
/* What a device says at FEATURES_OK. NULL: it takes the set. Else the reason, a
 * constant: a feature not offered, a rule broken, no VERSION_1, or
 * ACCESS_PLATFORM or ORDER_PLATFORM offered and not accepted: a device that
 * offers them cannot work otherwise (6.2). */
const char *virtio_features_refused(enum virtio_device_type type,
                                    uint64_t offered, uint64_t accepted);

#endif
