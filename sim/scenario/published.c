/* published: the list and the keys of its entries. */
#include "sim/scenario/published_internal.h"

#include <math.h>
#include <string.h>

const char *const hd_published_keys[HD_KEYS] = {
    "what",     "metric",  "largest",   "group",      "at",   "over",  "value",
    "at_least", "at_most", "tolerance", "infeasible", "show", "source"};

/* -- one key ----------------------------------------------------------------
 */

static void read_number(struct hd_published_reading *r,
                        enum hd_published_key key, enum hd_param_type type,
                        double *out)
{
  const struct hd_param param = {.type = type};
  struct hd_value value;
  struct hd_problem why;
  char path[40];
  snprintf(path, sizeof path, "published.%s", hd_published_keys[key]);
  if (hd_value_parse(&param, path, r->given[key]->text, &value, &why))
    *out = value.real;
  else
    hd_errors_add(r->errors, r->given[key]->mark, "%s", why.text);
}

static void read_metric(struct hd_published_reading *r)
{
  const struct hd_node *node = r->given[HD_KEY_METRIC];
  const char *const *metrics = r->s->env.metrics;
  struct hd_nearest nearest = hd_nearest_to(node->text);
  struct hd_list list = {.length = 0};
  r->entry->facts.metric = node->text;
  if (metrics == NULL)
    return;
  for (; *metrics != NULL; metrics++) {
    if (strcmp(*metrics, node->text) == 0)
      return;
    hd_nearest_try(&nearest, *metrics);
    hd_list_add(&list, *metrics);
  }
  hd_errors_add(r->errors, node->mark, "unknown metric '%s'%s",
                hd_clip(node->text).text,
                hd_hint(&nearest, "metrics", &list).text);
}

static void read_group(struct hd_published_reading *r)
{
  const struct hd_node *node = r->given[HD_KEY_GROUP];
  const struct hd_layout *layout = &r->s->layout;
  struct hd_nearest nearest = hd_nearest_to(node->text);
  struct hd_list list = {.length = 0};
  r->entry->facts.group = node->text;
  if (strcmp(node->text, "all") == 0)
    return;
  hd_nearest_try(&nearest, "all");
  hd_list_add(&list, "all");
  for (size_t i = layout->section_count; i < layout->scope_count; i++) {
    const char *name = layout->scopes[i].element;
    if (strcmp(name, node->text) == 0)
      return;
    hd_nearest_try(&nearest, name);
    hd_list_add(&list, name);
  }
  hd_errors_add(r->errors, node->mark, "unknown group '%s'%s",
                hd_clip(node->text).text,
                hd_hint(&nearest, "groups", &list).text);
}

static void read_largest(struct hd_published_reading *r)
{
  const struct hd_node *node = r->given[HD_KEY_LARGEST];
  const struct hd_target *t =
      hd_published_axis(r->s, node->text, node->mark, r->errors);
  if (t == NULL)
    return;
  enum hd_param_type type = HD_PARAM_STRING;
  if (t->preset == HD_NONE)
    type = r->s->layout.slots[t->slots[0]].param->type;
  r->entry->largest = t;
  r->entry->facts.largest = t->path;
  if (type != HD_PARAM_INT && type != HD_PARAM_REAL)
    hd_errors_add(r->errors, node->mark,
                  "'published.largest' takes an axis of plain numbers; '%s' "
                  "is none",
                  t->path);
}

static void read_show(struct hd_published_reading *r)
{
  static const char *const choices[] = {"worst", "every", NULL};
  static const struct hd_param param = {.type = HD_PARAM_ENUM,
                                        .choices = choices};
  struct hd_value value;
  struct hd_problem why;
  const struct hd_node *node = r->given[HD_KEY_SHOW];
  if (hd_value_parse(&param, "published.show", node->text, &value, &why))
    r->entry->facts.every = value.integer == 1;
  else
    hd_errors_add(r->errors, node->mark, "%s", why.text);
}

static void read_value(struct hd_published_reading *r,
                       enum hd_published_key key)
{
  struct hd_published *facts = &r->entry->facts;
  const char *text = r->given[key]->text;
  switch (key) {
  case HD_KEY_WHAT:
    facts->what = text;
    break;
  case HD_KEY_SOURCE:
    facts->source = text;
    break;
  case HD_KEY_INFEASIBLE:
    facts->infeasible = text;
    break;
  case HD_KEY_METRIC:
    read_metric(r);
    break;
  case HD_KEY_LARGEST:
    read_largest(r);
    break;
  case HD_KEY_GROUP:
    read_group(r);
    break;
  case HD_KEY_SHOW:
    read_show(r);
    break;
  case HD_KEY_VALUE:
    read_number(r, key, HD_PARAM_REAL, &facts->value);
    break;
  case HD_KEY_AT_LEAST:
    read_number(r, key, HD_PARAM_REAL, &facts->at_least);
    break;
  case HD_KEY_AT_MOST:
    read_number(r, key, HD_PARAM_REAL, &facts->at_most);
    break;
  default:
    read_number(r, HD_KEY_TOLERANCE, HD_PARAM_RATIO, &facts->tolerance);
  }
}

static void read_key(struct hd_published_reading *r, enum hd_published_key key,
                     const struct hd_node *node)
{
  struct hd_published_entry *e = r->entry;
  r->given[key] = node;
  if (node->kind == HD_NODE_BAD)
    return;
  if (key == HD_KEY_AT)
    hd_conditions_read(r->s, "at", node, &e->at, &e->facts.at, r->errors);
  else if (key == HD_KEY_OVER)
    hd_conditions_read(r->s, "over", node, &e->over, &e->facts.over, r->errors);
  else if (hd_node_has_text(node))
    read_value(r, key);
  else
    hd_errors_add(r->errors, node->mark,
                  "'published.%s' takes a single value, but is %s",
                  hd_published_keys[key], hd_node_noun(node));
}

static void unknown_key(const struct hd_published_reading *r,
                        const struct hd_node *key)
{
  struct hd_nearest nearest = hd_nearest_to(key->text);
  struct hd_list list = {.length = 0};
  for (size_t i = 0; i < HD_KEYS; i++) {
    hd_nearest_try(&nearest, hd_published_keys[i]);
    hd_list_add(&list, hd_published_keys[i]);
  }
  hd_errors_add(r->errors, key->mark, "unknown key '%s' in 'published'%s",
                hd_clip(key->text).text,
                hd_hint(&nearest, "known keys", &list).text);
}

/* -- the list -----------------------------------------------------------------
 */

static void read_entry(struct hd_scenario *s, const struct hd_node *node,
                       struct hd_errors *errors)
{
  struct hd_published_entry entry = {.facts = {.at = "",
                                               .group = "all",
                                               .value = NAN,
                                               .at_least = NAN,
                                               .at_most = NAN,
                                               .tolerance = NAN}};
  struct hd_published_reading r = {
      .s = s, .entry = &entry, .mark = node->mark, .errors = errors};
  entry.largest_axis = HD_NONE;
  for (size_t i = 0; i < node->count; i++) {
    size_t key = 0;
    while (key < HD_KEYS &&
           strcmp(node->keys[i]->text, hd_published_keys[key]) != 0)
      key++;
    if (key < HD_KEYS)
      read_key(&r, (enum hd_published_key)key, node->items[i]);
    else
      unknown_key(&r, node->keys[i]);
  }
  hd_published_check(&r);
  s->published = hd_arena_grow(&s->arena, s->published, s->published_count,
                               sizeof *s->published);
  s->published[s->published_count++] = entry;
}

static void read_list(struct hd_scenario *s, const struct hd_node *node,
                      struct hd_errors *errors)
{
  if (node->kind == HD_NODE_BAD)
    return;
  if (node->kind != HD_NODE_SEQUENCE) {
    hd_errors_add(errors, node->mark,
                  "'published' takes a list of entries, but is %s",
                  hd_node_noun(node));
    return;
  }
  for (size_t i = 0; i < node->count && !hd_errors_full(errors); i++) {
    const struct hd_node *item = node->items[i];
    if (item->kind == HD_NODE_MAPPING)
      read_entry(s, item, errors);
    else if (item->kind != HD_NODE_BAD)
      hd_errors_add(errors, item->mark,
                    "an entry of 'published' must be a mapping, but is %s",
                    hd_node_noun(item));
  }
}

void hd_published_read(struct hd_scenario *s, struct hd_errors *errors)
{
  const struct hd_node *last = NULL;
  for (size_t i = 0; i < s->document_count; i++) {
    const struct hd_node *node =
        hd_node_find(s->documents[i]->root, "published");
    last = node != NULL ? node : last;
  }
  if (last != NULL)
    read_list(s, last, errors);
}
