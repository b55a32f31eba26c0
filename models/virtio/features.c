/*
 * features.c - rules between feature bits.
 */
#include "models/virtio/features.h"

#include <stddef.h>

#define NEEDS(prefix, name, first, second, section)                            \
  {                                                                            \
    VIRTIO_BIT(prefix##name),                                                  \
        VIRTIO_BIT(prefix##first) | VIRTIO_BIT(prefix##second),                \
        #name " needs " #first " or " #second " (" section ")"                 \
  }
#define NEED(prefix, name, other, section)                                     \
  {                                                                            \
    VIRTIO_BIT(prefix##name), VIRTIO_BIT(prefix##other),                       \
        #name " needs " #other " (" section ")"                                \
  }
#define RING(name) NEED(VIRTIO_F_, name, VERSION_1, "6")
#define NET(name, other) NEED(VIRTIO_NET_F_, name, other, "5.1.3.1")
#define NET_EITHER(name, first, second)                                        \
  NEEDS(VIRTIO_NET_F_, name, first, second, "5.1.3.1")

/* Bits above 31 do not exist in the legacy interface. */
static const struct virtio_rule ring_rules[] = {
    RING(ACCESS_PLATFORM),   RING(RING_PACKED), RING(IN_ORDER),
    RING(ORDER_PLATFORM),    RING(SR_IOV),      RING(NOTIFICATION_DATA),
    RING(NOTIF_CONFIG_DATA), RING(RING_RESET),  {0, 0, NULL}};

static const struct virtio_rule net_rules[] = {
    NET(GUEST_TSO4, GUEST_CSUM),
    NET(GUEST_TSO6, GUEST_CSUM),
    NET_EITHER(GUEST_ECN, GUEST_TSO4, GUEST_TSO6),
    NET(GUEST_UFO, GUEST_CSUM),
    NET(HOST_TSO4, CSUM),
    NET(HOST_TSO6, CSUM),
    NET_EITHER(HOST_ECN, HOST_TSO4, HOST_TSO6),
    NET(HOST_UFO, CSUM),
    NET(CTRL_RX, CTRL_VQ),
    NET(CTRL_VLAN, CTRL_VQ),
    NET(GUEST_ANNOUNCE, CTRL_VQ),
    NET(MQ, CTRL_VQ),
    NET(CTRL_MAC_ADDR, CTRL_VQ),
    NET(NOTF_COAL, CTRL_VQ),
    NET(RSS, CTRL_VQ),
    NET_EITHER(RSC_EXT, HOST_TSO4, HOST_TSO6),
    {0, 0, NULL}};

static const struct virtio_rule *first_broken(const struct virtio_rule *rule,
                                              uint64_t features)
{
  for (; rule->feature != 0; rule++)
    if ((features & rule->feature) != 0 && (features & rule->needs) == 0)
      return rule;
  return NULL;
}

const struct virtio_rule *virtio_features_broken(enum virtio_device_type type,
                                                 uint64_t features)
{
  const struct virtio_rule *rule = first_broken(ring_rules, features);
  if (rule == NULL && type == VIRTIO_TYPE_NET)
    rule = first_broken(net_rules, features);
  return rule;
}

const char *virtio_offer_refused(enum virtio_device_type type, uint64_t offered)
{
  if (!virtio_has(offered, VIRTIO_F_VERSION_1))
    return "a device must offer VERSION_1 (6.2)";
  if (type == VIRTIO_TYPE_BLK && virtio_has(offered, VIRTIO_BLK_F_CONFIG_WCE) &&
      !virtio_has(offered, VIRTIO_BLK_F_FLUSH))
    return "a device that offers CONFIG_WCE must offer FLUSH (5.2.6.2)";
  const struct virtio_rule *rule = virtio_features_broken(type, offered);
  return rule != NULL ? rule->text : NULL;
}

/* Each round drops a feature, so the loop ends. */
uint64_t virtio_features_choose(enum virtio_device_type type, uint64_t offered,
                                uint64_t supported)
{
  uint64_t chosen = offered & supported;
  const struct virtio_rule *rule;
  while ((rule = virtio_features_broken(type, chosen)) != NULL)
    chosen &= ~rule->feature;
  return chosen;
}

const char *virtio_features_refused(enum virtio_device_type type,
                                    uint64_t offered, uint64_t accepted)
{
  if ((accepted & ~offered) != 0)
    return "a feature was accepted that is not offered (2.2.1)";
  if (!virtio_has(accepted, VIRTIO_F_VERSION_1))
    return "VERSION_1 was not accepted (6.1)";
  uint64_t missing = offered & ~accepted;
  if (virtio_has(missing, VIRTIO_F_ACCESS_PLATFORM))
    return "ACCESS_PLATFORM was not accepted (6.2)";
  if (virtio_has(missing, VIRTIO_F_ORDER_PLATFORM))
    return "ORDER_PLATFORM was not accepted (6.2)";
  const struct virtio_rule *rule = virtio_features_broken(type, accepted);
  return rule != NULL ? rule->text : NULL;
}
