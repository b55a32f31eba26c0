#include "sim/measure/breakdown.h"

#include <math.h>

static const char *const names[HD_STAGE_COUNT + 1] = {
    [HD_STAGE_SEND_PATH] = "guest_send_path",
    [HD_STAGE_DOORBELL] = "doorbell",
    [HD_STAGE_DEVICE_QUEUE] = "device_queue",
    [HD_STAGE_DESCRIPTOR_FETCH] = "descriptor_fetch",
    [HD_STAGE_IOMMU] = "iommu",
    [HD_STAGE_PAYLOAD_READ] = "payload_read",
    [HD_STAGE_WIRE] = "wire",
    [HD_STAGE_REMOTE] = "remote",
    [HD_STAGE_RECEIVE_PATH] = "receive_path",
    [HD_STAGE_INTERRUPT] = "interrupt",
    [HD_STAGE_GUEST_RECEIVE] = "guest_receive_path",
    [HD_STAGE_COUNT] = "total",
};

const char *hd_stage_name(enum hd_stage stage)
{
  return (unsigned)stage <= HD_STAGE_COUNT ? names[stage] : NULL;
}

void hd_breakdown_initialize(struct hd_breakdown *b)
{
  for (size_t i = 0; i <= HD_STAGE_COUNT; i++)
    hd_histogram_initialize(&b->stages[i]);
}

void hd_breakdown_terminate(struct hd_breakdown *b)
{
  for (size_t i = 0; i <= HD_STAGE_COUNT; i++)
    hd_histogram_terminate(&b->stages[i]);
}

void hd_breakdown_merge(struct hd_breakdown *dst,
                        const struct hd_breakdown *src)
{
  for (size_t i = 0; i <= HD_STAGE_COUNT; i++)
    hd_histogram_merge(&dst->stages[i], &src->stages[i]);
}

/* Every stage within 0 to the total, and all of it accounted for. */
static bool consistent(const struct hd_stamps *s)
{
  hd_time left;
  if (__builtin_sub_overflow(s->last, s->begin, &left))
    return false;
  for (size_t i = 0; i < HD_STAGE_COUNT; i++) {
    if (s->spent[i] < 0 || s->spent[i] > left)
      return false;
    left -= s->spent[i];
  }
  return left == 0;
}

bool hd_breakdown_add(struct hd_breakdown *b, const struct hd_stamps *s)
{
  if (!consistent(s))
    return false;
  for (size_t i = 0; i < HD_STAGE_COUNT; i++)
    hd_histogram_add(&b->stages[i], s->spent[i]);
  hd_histogram_add(&b->stages[HD_STAGE_COUNT], hd_stamps_total(s));
  return true;
}

struct hd_breakdown_row hd_breakdown_report(const struct hd_breakdown *b,
                                            enum hd_stage stage)
{
  const struct hd_histogram *h = &b->stages[stage];
  double total = hd_histogram_mean(&b->stages[HD_STAGE_COUNT]);
  return (struct hd_breakdown_row){
      .name = hd_stage_name(stage),
      .count = h->count,
      .mean_ns = hd_histogram_mean_ns(h),
      .p50_ns = hd_histogram_quantile_ns(h, 0.50),
      .p99_ns = hd_histogram_quantile_ns(h, 0.99),
      .share = total > 0 ? hd_histogram_mean(h) / total : NAN,
  };
}
