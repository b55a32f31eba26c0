#include "sim/scenario/internal.h"

#include <string.h>

static const char *const keys[] = {"x", "curves", "title", "log_x", "log_y"};

static void read_flag(bool *flag, const char *key, const struct hd_node *node,
                      struct hd_errors *errors)
{
  static const struct hd_param param = {.type = HD_PARAM_BOOL};
  struct hd_value value;
  struct hd_problem why;
  char path[32];
  snprintf(path, sizeof path, "plot.%s", key);
  if (hd_value_parse(&param, path, node->text, &value, &why))
    *flag = value.integer != 0;
  else
    hd_errors_add(errors, node->mark, "%s", why.text);
}

static void read_path(struct hd_scenario *s, const char **path,
                      const struct hd_node *node, struct hd_errors *errors)
{
  const struct hd_target *target =
      hd_layout_bind(&s->layout, node->text, node->mark, errors);
  if (target != NULL)
    *path = target->path;
}

static void unknown_key(const struct hd_node *key, struct hd_errors *errors)
{
  struct hd_nearest nearest = hd_nearest_to(key->text);
  struct hd_list list = {.length = 0};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    hd_nearest_try(&nearest, keys[i]);
    hd_list_add(&list, keys[i]);
  }
  hd_errors_add(errors, key->mark, "unknown key '%s' in 'plot'%s",
                hd_clip(key->text).text,
                hd_hint(&nearest, "known keys", &list).text);
}

static void read_key(struct hd_scenario *s, const struct hd_node *key,
                     const struct hd_node *node, struct hd_errors *errors)
{
  struct hd_scenario_plot *plot = &s->plot;
  size_t which = 0, count = sizeof keys / sizeof keys[0];
  while (which < count && strcmp(key->text, keys[which]) != 0)
    which++;
  if (which == count) {
    unknown_key(key, errors);
    return;
  }
  if (node->kind == HD_NODE_BAD)
    return;
  if (!hd_node_has_text(node)) {
    hd_errors_add(errors, node->mark,
                  "'plot.%s' takes a single value, but is "
                  "%s",
                  key->text, hd_node_noun(node));
    return;
  }
  switch (which) {
  case 0:
    read_path(s, &plot->x, node, errors);
    break;
  case 1:
    read_path(s, &plot->curves, node, errors);
    break;
  case 2:
    plot->title = node->text;
    break;
  case 3:
    read_flag(&plot->log_x, key->text, node, errors);
    break;
  default:
    read_flag(&plot->log_y, key->text, node, errors);
  }
}

static void read_plot(struct hd_scenario *s, const struct hd_node *node,
                      struct hd_errors *errors)
{
  if (node->kind == HD_NODE_BAD)
    return;
  if (node->kind != HD_NODE_MAPPING) {
    hd_errors_add(errors, node->mark, "'plot' takes a mapping, but is %s",
                  hd_node_noun(node));
    return;
  }
  for (size_t i = 0; i < node->count && !hd_errors_full(errors); i++)
    read_key(s, node->keys[i], node->items[i], errors);
}

void hd_plot_read(struct hd_scenario *s, struct hd_errors *errors)
{
  for (size_t i = 0; i < s->document_count; i++) {
    const struct hd_node *node = hd_node_find(s->documents[i]->root, "plot");
    if (node != NULL)
      read_plot(s, node, errors);
  }
}
