/* published: rules across the keys of an entry. */
#include "sim/scenario/published_internal.h"

static void require(const struct hd_published_reading *r,
                    enum hd_published_key key)
{
  if (r->given[key] == NULL)
    hd_errors_add(r->errors, r->mark,
                  "'%s' is required in an entry of 'published'",
                  hd_published_keys[key]);
}

/* `key` is not allowed beside `other`. */
static void exclude(const struct hd_published_reading *r,
                    enum hd_published_key key, enum hd_published_key other)
{
  if (r->given[key] != NULL && r->given[other] != NULL)
    hd_errors_add(r->errors, r->given[key]->mark,
                  "'%s' does not go with '%s'; give one of them",
                  hd_published_keys[key], hd_published_keys[other]);
}

static void check_quantity(const struct hd_published_reading *r)
{
  bool bounds =
      r->given[HD_KEY_AT_LEAST] != NULL || r->given[HD_KEY_AT_MOST] != NULL;
  const struct hd_published *facts = &r->entry->facts;
  exclude(r, HD_KEY_LARGEST, HD_KEY_METRIC);
  exclude(r, HD_KEY_GROUP, HD_KEY_LARGEST);
  exclude(r, HD_KEY_AT_LEAST, HD_KEY_VALUE);
  exclude(r, HD_KEY_AT_MOST, HD_KEY_VALUE);
  if (r->given[HD_KEY_METRIC] == NULL && r->given[HD_KEY_LARGEST] == NULL)
    hd_errors_add(r->errors, r->mark,
                  "an entry of 'published' needs 'metric', 'largest' or "
                  "'infeasible'");
  if (r->given[HD_KEY_VALUE] == NULL && !bounds)
    hd_errors_add(r->errors, r->mark,
                  "nothing to compare with: 'value', 'at_least' or 'at_most' "
                  "is missing");
  if (r->given[HD_KEY_VALUE] != NULL && r->given[HD_KEY_TOLERANCE] == NULL)
    hd_errors_add(r->errors, r->given[HD_KEY_VALUE]->mark,
                  "'value' needs a 'tolerance', such as 5 %%");
  if (r->given[HD_KEY_TOLERANCE] != NULL && r->given[HD_KEY_VALUE] == NULL)
    hd_errors_add(r->errors, r->given[HD_KEY_TOLERANCE]->mark,
                  "'tolerance' goes with 'value' only");
  if (facts->at_least > facts->at_most) /* false when one is NaN */
    hd_errors_add(r->errors, r->given[HD_KEY_AT_LEAST]->mark,
                  "'at_least' is more than 'at_most'");
}

static void check_axes(const struct hd_published_reading *r)
{
  const struct hd_published_entry *e = r->entry;
  for (size_t i = 0; i < e->over.count; i++) {
    const struct hd_condition *c = &e->over.items[i];
    if (hd_conditions_find(&e->at, c->target->path) == NULL)
      hd_errors_add(r->errors, c->mark,
                    "'over' changes axis '%s', which 'at' does not name",
                    c->target->path);
  }
  if (r->given[HD_KEY_OVER] != NULL &&
      r->given[HD_KEY_OVER]->count == e->over.count &&
      hd_conditions_same(&e->at, &e->over))
    hd_errors_add(r->errors, r->given[HD_KEY_OVER]->mark,
                  "'over' changes nothing of 'at'");
  if (e->largest == NULL)
    return;
  const struct hd_condition *c = hd_conditions_find(&e->at, e->facts.largest);
  if (c != NULL)
    hd_errors_add(r->errors, c->mark,
                  "'at' fixes axis '%s', whose largest value is asked for",
                  e->facts.largest);
}

void hd_published_check(const struct hd_published_reading *r)
{
  static const enum hd_published_key others[] = {
      HD_KEY_METRIC, HD_KEY_LARGEST,  HD_KEY_GROUP,   HD_KEY_OVER,
      HD_KEY_VALUE,  HD_KEY_AT_LEAST, HD_KEY_AT_MOST, HD_KEY_TOLERANCE};
  require(r, HD_KEY_WHAT);
  require(r, HD_KEY_SOURCE);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    exclude(r, others[i], HD_KEY_INFEASIBLE);
  if (r->given[HD_KEY_INFEASIBLE] == NULL)
    check_quantity(r);
  check_axes(r);
}
