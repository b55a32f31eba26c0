/*
 * test_virtio_ring_features.c - virtio: feature negotiation and device status.
 */
#include "models/virtio/status.h"

#include "tests/test_virtio_ring.h"

#define F(name) VIRTIO_BIT(VIRTIO_F_##name)
#define NET(name) VIRTIO_BIT(VIRTIO_NET_F_##name)
#define BLK(name) VIRTIO_BIT(VIRTIO_BLK_F_##name)
#define V1 F(VERSION_1)

/* ---- rules --------------------------------------------------------------- */

/* 5.1.3.1, 6: each feature without and with what it needs. */
START_TEST(test_rules)
{
  const struct {
    uint64_t feature, needs;
  } c[] = {{F(RING_PACKED), V1},
           {F(IN_ORDER), V1},
           {F(ACCESS_PLATFORM), V1},
           {F(ORDER_PLATFORM), V1},
           {F(SR_IOV), V1},
           {F(NOTIFICATION_DATA), V1},
           {F(NOTIF_CONFIG_DATA), V1},
           {F(RING_RESET), V1},
           {NET(GUEST_TSO4), NET(GUEST_CSUM)},
           {NET(GUEST_TSO6), NET(GUEST_CSUM)},
           {NET(GUEST_UFO), NET(GUEST_CSUM)},
           {NET(HOST_TSO4), NET(CSUM)},
           {NET(HOST_TSO6), NET(CSUM)},
           {NET(HOST_UFO), NET(CSUM)},
           {NET(GUEST_ECN), NET(GUEST_TSO4) | NET(GUEST_CSUM)},
           {NET(GUEST_ECN), NET(GUEST_TSO6) | NET(GUEST_CSUM)},
           {NET(HOST_ECN), NET(HOST_TSO4) | NET(CSUM)},
           {NET(HOST_ECN), NET(HOST_TSO6) | NET(CSUM)},
           {NET(RSC_EXT), NET(HOST_TSO4) | NET(CSUM)},
           {NET(RSC_EXT), NET(HOST_TSO6) | NET(CSUM)},
           {NET(CTRL_RX), NET(CTRL_VQ)},
           {NET(CTRL_VLAN), NET(CTRL_VQ)},
           {NET(GUEST_ANNOUNCE), NET(CTRL_VQ)},
           {NET(MQ), NET(CTRL_VQ)},
           {NET(CTRL_MAC_ADDR), NET(CTRL_VQ)},
           {NET(NOTF_COAL), NET(CTRL_VQ)},
           {NET(RSS), NET(CTRL_VQ)}};
  for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
    const struct virtio_rule *rule =
        virtio_features_broken(VIRTIO_TYPE_NET, c[i].feature);
    ck_assert_msg(rule != NULL && rule->feature == c[i].feature, "case %zu", i);
    rule = virtio_features_broken(VIRTIO_TYPE_NET, c[i].feature | c[i].needs);
    ck_assert_msg(rule == NULL, "case %zu: %s", i, rule ? rule->text : "");
  }
}
END_TEST

/* Features that need nothing; and the other device's bits mean something else:
 * a net device's MQ is bit 22, a block device's bit 12. */
START_TEST(test_free_features)
{
  ck_assert_ptr_null(virtio_features_broken(
      VIRTIO_TYPE_NET, F(INDIRECT_DESC) | F(EVENT_IDX) | NET(MRG_RXBUF) |
                           NET(STATUS) | NET(MAC) | NET(MTU)));
  ck_assert_ptr_null(virtio_features_broken(
      VIRTIO_TYPE_BLK, BLK(MQ) | BLK(SEG_MAX) | BLK(SIZE_MAX) | BLK(TOPOLOGY)));
  ck_assert_ptr_nonnull(virtio_features_broken(VIRTIO_TYPE_NET, BLK(MQ)));
  ck_assert_str_eq(virtio_features_broken(VIRTIO_TYPE_NET, NET(MQ))->text,
                   "MQ needs CTRL_VQ (5.1.3.1)");
}
END_TEST

START_TEST(test_offers)
{
  ck_assert_ptr_null(virtio_offer_refused(VIRTIO_TYPE_BLK, V1));
  ck_assert_ptr_nonnull(virtio_offer_refused(VIRTIO_TYPE_BLK, BLK(MQ)));
  ck_assert_ptr_nonnull(virtio_offer_refused(VIRTIO_TYPE_NET, V1 | NET(MQ)));
  ck_assert_ptr_nonnull(
      virtio_offer_refused(VIRTIO_TYPE_BLK, V1 | BLK(CONFIG_WCE)));
  ck_assert_ptr_null(
      virtio_offer_refused(VIRTIO_TYPE_BLK, V1 | BLK(CONFIG_WCE) | BLK(FLUSH)));
}
END_TEST

START_TEST(test_choice)
{
  uint64_t offer = V1 | F(EVENT_IDX) | NET(CTRL_VQ) | NET(MQ) | NET(MRG_RXBUF) |
                   NET(CSUM) | NET(HOST_TSO4) | NET(HOST_ECN);
  ck_assert_uint_eq(
      virtio_features_choose(VIRTIO_TYPE_NET, offer, ~UINT64_C(0)), offer);
  ck_assert_uint_eq(
      virtio_features_choose(VIRTIO_TYPE_NET, offer,
                             V1 | NET(MQ) | F(RING_PACKED)),
      V1); /* MQ without CTRL_VQ goes, what is not offered never came */
  ck_assert_uint_eq(
      virtio_features_choose(VIRTIO_TYPE_NET, offer, offer & ~NET(CSUM)),
      offer & ~(NET(CSUM) | NET(HOST_TSO4) | NET(HOST_ECN))); /* in a chain */
}
END_TEST

START_TEST(test_refusals)
{
  uint64_t offer = V1 | F(ACCESS_PLATFORM) | F(ORDER_PLATFORM) | NET(CTRL_VQ) |
                   NET(MQ) | F(IN_ORDER);
  uint64_t least = V1 | F(ACCESS_PLATFORM) | F(ORDER_PLATFORM);
  const struct {
    uint64_t accepted;
    bool good;
  } c[] = {{offer, true},
           {least, true},
           {least & ~V1, false},
           {least & ~F(ACCESS_PLATFORM), false},
           {least & ~F(ORDER_PLATFORM), false},
           {least | F(RING_PACKED), false}, /* not offered */
           {least | NET(MQ), false},
           {least | NET(MQ) | NET(CTRL_VQ), true}};
  for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
    ck_assert_msg((virtio_features_refused(VIRTIO_TYPE_NET, offer,
                                           c[i].accepted) == NULL) == c[i].good,
                  "case %zu", i);
}
END_TEST

/* ---- status -----------------------------------------------------------------
 */

enum {
  ACK = VIRTIO_ACKNOWLEDGE,
  DRV = ACK | VIRTIO_DRIVER,
  FOK = DRV | VIRTIO_FEATURES_OK,
  LIVE = FOK | VIRTIO_DRIVER_OK
};

static struct virtio_status new_status(void)
{
  struct virtio_status s;
  ck_assert(virtio_status_initialize(
      &s, VIRTIO_TYPE_NET, V1 | F(RING_PACKED) | NET(MQ) | NET(CTRL_VQ), true));
  return s;
}

static struct virtio_status live_status(void)
{
  struct virtio_status s = new_status();
  ck_assert_int_eq(virtio_status_write(&s, ACK), VIRTIO_STATUS_DONE);
  ck_assert_int_eq(virtio_status_write(&s, DRV), VIRTIO_STATUS_DONE);
  ck_assert(virtio_status_accept(&s, V1 | F(RING_PACKED)));
  ck_assert_int_eq(virtio_status_write(&s, FOK), VIRTIO_STATUS_DONE);
  ck_assert(!virtio_status_running(&s));
  ck_assert_int_eq(virtio_status_write(&s, LIVE), VIRTIO_STATUS_STARTED);
  ck_assert(virtio_status_running(&s));
  return s;
}

static void assert_invalid(struct virtio_status *s, uint8_t value)
{
  uint8_t before = s->value;
  ck_assert_int_eq(virtio_status_write(s, value), VIRTIO_STATUS_INVALID);
  ck_assert_uint_eq(s->value, before);
}

/* 3.1.1: ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK. */
START_TEST(test_sequence)
{
  struct virtio_status s = new_status();
  assert_invalid(&s, VIRTIO_DRIVER);
  assert_invalid(&s, LIVE);
  virtio_status_write(&s, ACK);
  assert_invalid(&s, ACK | VIRTIO_FEATURES_OK);
  virtio_status_write(&s, DRV);
  assert_invalid(&s, DRV | VIRTIO_DRIVER_OK);
  assert_invalid(&s, LIVE); /* features are read back first */
  assert_invalid(&s, ACK);  /* 2.1.1: no bit is cleared */
  assert_invalid(&s, DRV | 16);
  assert_invalid(&s, DRV | VIRTIO_DEVICE_NEEDS_RESET);
  ck_assert_int_eq(virtio_status_write(&s, DRV), VIRTIO_STATUS_DONE);
  s = live_status();
  ck_assert_uint_eq(s.value, LIVE);
}
END_TEST

/* 2.2, 3.1.1: features are written between DRIVER and FEATURES_OK; refused, the
 * driver may try others. */
START_TEST(test_features_ok)
{
  struct virtio_status s = new_status();
  ck_assert(!virtio_status_accept(&s, V1));
  virtio_status_write(&s, DRV);
  ck_assert_int_eq(virtio_status_write(&s, FOK), VIRTIO_STATUS_REFUSED);
  ck_assert_uint_eq(s.value, DRV);
  ck_assert_ptr_nonnull(s.refusal);
  ck_assert(virtio_status_accept(&s, V1 | NET(MQ)));
  ck_assert_int_eq(virtio_status_write(&s, FOK), VIRTIO_STATUS_REFUSED);
  ck_assert_str_eq(s.refusal, "MQ needs CTRL_VQ (5.1.3.1)");
  ck_assert(virtio_status_accept(&s, V1 | NET(MQ) | NET(CTRL_VQ)));
  ck_assert_int_eq(virtio_status_write(&s, FOK), VIRTIO_STATUS_DONE);
  ck_assert_ptr_null(s.refusal);
  ck_assert(!virtio_status_accept(&s, V1));
  ck_assert_uint_eq(s.accepted, V1 | NET(MQ) | NET(CTRL_VQ));
}
END_TEST

/* 2.4: a reset lasts until the device is done; the register reads 0 then. */
START_TEST(test_reset)
{
  struct virtio_status s = live_status();
  ck_assert_int_eq(virtio_status_write(&s, 0), VIRTIO_STATUS_RESET);
  ck_assert_uint_eq(s.value, LIVE);
  ck_assert(!virtio_status_running(&s));
  assert_invalid(&s, LIVE);
  ck_assert(!virtio_status_fail(&s));
  virtio_status_reset_done(&s);
  ck_assert_uint_eq(s.value, 0);
  ck_assert_uint_eq(s.accepted, 0);
  ck_assert(!virtio_status_accept(&s, V1));
  ck_assert_int_eq(virtio_status_write(&s, DRV), VIRTIO_STATUS_DONE);
}
END_TEST

/* 2.1.2: told once, and only to a driver that is up; only reset helps. */
START_TEST(test_needs_reset)
{
  struct virtio_status s = new_status();
  virtio_status_write(&s, DRV);
  ck_assert(!virtio_status_fail(&s));
  ck_assert_uint_eq(s.value, DRV | VIRTIO_DEVICE_NEEDS_RESET);
  s = live_status();
  ck_assert(virtio_status_fail(&s));
  ck_assert(!virtio_status_fail(&s));
  ck_assert_uint_eq(s.value, LIVE | VIRTIO_DEVICE_NEEDS_RESET);
  ck_assert(!virtio_status_running(&s));
  virtio_status_write(&s, LIVE); /* does not clear it */
  ck_assert_uint_eq(s.value, LIVE | VIRTIO_DEVICE_NEEDS_RESET);
  virtio_status_write(&s, 0);
  virtio_status_reset_done(&s);
  ck_assert_uint_eq(s.value, 0);
}
END_TEST

/* 2.1.1: the driver has given up: nothing but reset. */
START_TEST(test_failed)
{
  struct virtio_status s = new_status();
  virtio_status_write(&s, DRV);
  ck_assert_int_eq(virtio_status_write(&s, DRV | VIRTIO_FAILED),
                   VIRTIO_STATUS_DONE);
  ck_assert(!virtio_status_accept(&s, V1));
  assert_invalid(&s, FOK | VIRTIO_FAILED);
  s = live_status();
  virtio_status_write(&s, LIVE | VIRTIO_FAILED);
  ck_assert(!virtio_status_running(&s));
}
END_TEST

START_TEST(test_suspend)
{
  struct virtio_status s = new_status();
  ck_assert(!virtio_status_suspend(&s)); /* not running */
  s = live_status();
  ck_assert(!virtio_status_resume(&s));
  ck_assert(virtio_status_suspend(&s));
  ck_assert(!virtio_status_suspend(&s));
  ck_assert(!virtio_status_running(&s));
  ck_assert_uint_eq(s.value, LIVE); /* the driver sees nothing of it */
  ck_assert(virtio_status_resume(&s));
  ck_assert(virtio_status_running(&s));
  virtio_status_suspend(&s);
  virtio_status_write(&s, 0);
  virtio_status_reset_done(&s);
  ck_assert(!s.suspended);
  s = live_status();
  s.can_suspend = false;
  ck_assert(!virtio_status_suspend(&s));
  ck_assert(virtio_status_running(&s));
}
END_TEST

START_TEST(test_bad_device)
{
  struct virtio_status s;
  ck_assert(!virtio_status_initialize(&s, VIRTIO_TYPE_NET, NET(MAC), false));
}
END_TEST

int main(void)
{
  const TTest *const features[] = {
      test_rules,       test_free_features, test_offers,  test_choice,
      test_refusals,    test_sequence,      test_reset,   test_features_ok,
      test_needs_reset, test_failed,        test_suspend, test_bad_device};
  Suite *suite = suite_create("virtio features");
  RING_ADD_TESTS(suite, features);
  return ring_run_suite(suite);
}
