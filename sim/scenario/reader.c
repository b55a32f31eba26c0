#include "sim/scenario/internal.h"

#include <string.h>

struct reader {
  struct hd_scenario *s;
  struct hd_document *doc;
  struct hd_errors *errors;
};

void hd_layer_add(struct hd_arena *arena, struct hd_layer *layer,
                  struct hd_setting setting)
{
  layer->items =
      hd_arena_grow(arena, layer->items, layer->count, sizeof *layer->items);
  layer->items[layer->count++] = setting;
}

static void add_setting(struct reader *r, const struct hd_node *node,
                        const struct hd_target *target)
{
  bool preset = r->doc->preset != HD_NONE;
  const char *origin =
      hd_arena_printf(&r->s->arena, "%s%s:%zu", preset ? "preset " : "",
                      r->doc->source, node->mark.line);
  hd_layer_add(
      &r->s->arena, &r->doc->settings,
      (struct hd_setting){.kind = preset ? HD_ORIGIN_PRESET : HD_ORIGIN_FILE,
                          .mark = node->mark,
                          .origin = origin,
                          .text = node->text,
                          .target = target});
}

static struct hd_target *new_target(struct reader *r, const char *prefix,
                                    const char *key)
{
  struct hd_target *target = hd_arena_alloc(&r->s->arena, sizeof *target);
  target->preset = HD_NONE;
  target->path = prefix[0] == '\0'
                     ? key
                     : hd_arena_printf(&r->s->arena, "%s.%s", prefix, key);
  return target;
}

/* true: the node is a scalar with a value. */
static bool is_value(struct reader *r, const struct hd_node *node,
                     const struct hd_param *param, const char *path)
{
  if (node->kind == HD_NODE_BAD)
    return false;
  if (hd_node_has_text(node))
    return true;
  hd_errors_add(r->errors, node->mark, "'%s' takes %s, but is %s", path,
                hd_value_expected(param).text, hd_node_noun(node));
  return false;
}

static void read_param(struct reader *r, size_t scope, bool variant,
                       const char *prefix, const struct hd_node *key,
                       const struct hd_node *node)
{
  const struct hd_layout *layout = &r->s->layout;
  const struct hd_scope *s = &layout->scopes[scope];
  struct hd_target *target = new_target(r, prefix, key->text);
  if (hd_layout_collect(layout, scope, variant, key->text, target)) {
    const struct hd_param *p = layout->slots[target->slots[0]].param;
    if (is_value(r, node, p, target->path))
      add_setting(r, node, target);
    return;
  }
  if (hd_errors_full(r->errors))
    return;
  struct hd_hint hint =
      variant
          ? hd_layout_hint_variant(s->group->variant, key->text)
          : hd_layout_hint_table(s->table,
                                 s->group == NULL    ? "preset"
                                 : s->group->variant ? s->group->variant->key
                                                     : NULL,
                                 key->text);
  hd_errors_add(r->errors, key->mark, "unknown key '%s' in '%s'%s",
                hd_clip(key->text).text, prefix, hint.text);
}

static void read_preset(struct reader *r, size_t section,
                        const struct hd_node *node)
{
  const char *name = r->s->layout.scopes[section].path;
  if (r->doc->preset != HD_NONE) {
    hd_errors_add(r->errors, node->mark,
                  "a preset may not choose a preset for '%s'", name);
    return;
  }
  struct hd_target *target = new_target(r, name, "preset");
  target->preset = section;
  if (node->kind == HD_NODE_BAD)
    return;
  if (hd_node_has_text(node))
    add_setting(r, node, target);
  else
    hd_errors_add(r->errors, node->mark,
                  "'%s' takes the name of a preset, but is %s", target->path,
                  hd_node_noun(node));
}

static void read_section(struct reader *r, size_t section,
                         const struct hd_node *node)
{
  struct hd_scope *scope = &r->s->layout.scopes[section];
  if (node->kind == HD_NODE_BAD)
    return;
  if (r->doc->preset == HD_NONE)
    scope->mark = node->mark;
  if (hd_node_has_text(node)) {
    read_preset(r, section, node);
    return;
  }
  if (node->kind != HD_NODE_MAPPING) {
    hd_errors_add(r->errors, node->mark,
                  "'%s' takes a mapping or the name of a preset, but is %s",
                  scope->path, hd_node_noun(node));
    return;
  }
  for (size_t i = 0; i < node->count; i++) {
    if (strcmp(node->keys[i]->text, "preset") == 0)
      read_preset(r, section, node->items[i]);
    else
      read_param(r, section, false, scope->path, node->keys[i], node->items[i]);
  }
}

static bool is_mapping(struct reader *r, const struct hd_node *node,
                       const char *path)
{
  if (node->kind != HD_NODE_MAPPING && node->kind != HD_NODE_BAD)
    hd_errors_add(r->errors, node->mark, "'%s' takes a mapping, but is %s",
                  path, hd_node_noun(node));
  return node->kind == HD_NODE_MAPPING;
}

static void read_variant(struct reader *r, size_t scope, const char *key,
                         const struct hd_node *node)
{
  const char *path = hd_arena_printf(&r->s->arena, "%s.%s",
                                     r->s->layout.scopes[scope].path, key);
  if (!is_mapping(r, node, path))
    return;
  for (size_t i = 0; i < node->count; i++)
    read_param(r, scope, true, path, node->keys[i], node->items[i]);
}

static void read_element(struct reader *r, size_t scope,
                         const struct hd_node *node)
{
  const struct hd_scope *s = &r->s->layout.scopes[scope];
  const struct hd_param_variant *v = s->group->variant;
  if (!is_mapping(r, node, s->path))
    return;
  for (size_t i = 0; i < node->count; i++) {
    if (v != NULL && strcmp(node->keys[i]->text, v->key) == 0)
      read_variant(r, scope, v->key, node->items[i]);
    else
      read_param(r, scope, false, s->path, node->keys[i], node->items[i]);
  }
}

static void read_group(struct reader *r, const struct hd_param_group *group,
                       const struct hd_node *node)
{
  const struct hd_layout *layout = &r->s->layout;
  if (!is_mapping(r, node, group->section))
    return;
  for (size_t i = 0; i < node->count; i++) {
    const struct hd_scope *scope =
        hd_layout_find_element(layout, group, node->keys[i]->text);
    if (scope != NULL)
      read_element(r, (size_t)(scope - layout->scopes), node->items[i]);
  }
}

/* `include`, `sweep`, `plot` and `published` are read elsewhere; groups and
 * these are not for presets. */
static bool is_reserved(const char *key)
{
  return strcmp(key, "include") == 0 || strcmp(key, "sweep") == 0 ||
         strcmp(key, "plot") == 0 || strcmp(key, "published") == 0;
}

static void unknown_top(struct reader *r, const struct hd_node *key)
{
  if (hd_errors_full(r->errors))
    return;
  hd_errors_add(r->errors, key->mark, "unknown key '%s'%s",
                hd_clip(key->text).text,
                hd_layout_hint_top(&r->s->layout, true, key->text).text);
}

static void read_top(struct reader *r, const struct hd_node *key,
                     const struct hd_node *node)
{
  const struct hd_layout *layout = &r->s->layout;
  const char *name = hd_layout_section_name(layout, key->text);
  size_t section = hd_layout_section(layout, name);
  size_t top = hd_layout_section(layout, "");
  const struct hd_param_group *group = hd_layout_group(layout, name);
  if (is_reserved(name) || group != NULL) {
    if (r->doc->preset != HD_NONE)
      hd_errors_add(r->errors, key->mark, "a preset may not contain '%s'",
                    name);
    else if (group != NULL)
      read_group(r, group, node);
    return;
  }
  struct hd_target ignored = {.count = 0};
  if (section != HD_NONE && name[0] != '\0')
    read_section(r, section, node);
  else if (top != HD_NONE &&
           hd_layout_collect(layout, top, false, name, &ignored))
    read_param(r, top, false, "", key, node);
  else
    unknown_top(r, key);
}

/* `host` and its alias `server` in one file are the same key twice. */
static const struct hd_node *other_name(struct reader *r, size_t index)
{
  const struct hd_node *root = r->doc->root;
  const char *name =
      hd_layout_section_name(&r->s->layout, root->keys[index]->text);
  if (r->s->env.aliases == NULL || hd_errors_full(r->errors))
    return NULL;
  for (size_t i = 0; i < index; i++)
    if (strcmp(hd_layout_section_name(&r->s->layout, root->keys[i]->text),
               name) == 0)
      return root->keys[i];
  return NULL;
}

void hd_reader_settings(struct hd_scenario *s, struct hd_document *doc,
                        struct hd_errors *errors)
{
  struct reader r = {s, doc, errors};
  for (size_t i = 0; i < doc->root->count; i++) {
    const struct hd_node *key = doc->root->keys[i];
    const struct hd_node *other = other_name(&r, i);
    if (other != NULL)
      hd_errors_add(errors, key->mark,
                    "'%s' is another name of '%s', given at line %zu",
                    key->text, other->text, other->mark.line);
    read_top(&r, key, doc->root->items[i]);
  }
}

static bool is_element_name(const struct hd_param_group *group,
                            const struct hd_node *key, struct hd_errors *errors)
{
  const struct hd_param_variant *v = group->variant;
  bool reserved = v != NULL && strcmp(v->key, key->text) == 0;
  for (const struct hd_param *p = group->table->params; p->name != NULL; p++)
    reserved = reserved || strcmp(p->name, key->text) == 0;
  if (reserved)
    hd_errors_add(errors, key->mark,
                  "'%s' is a parameter, not a name; write '%s: {NAME: {%s: "
                  "...}}'",
                  key->text, group->section, key->text);
  else if (!hd_is_name(key->text))
    hd_errors_add(errors, key->mark,
                  "'%s' is not a name; a name is a letter followed by letters, "
                  "digits, '_' and '-', %d at most",
                  hd_clip(key->text).text, HD_NAME_MAX);
  else
    return true;
  return false;
}

static void add_elements(struct hd_scenario *s,
                         const struct hd_param_group *group,
                         const struct hd_node *node, struct hd_errors *errors)
{
  for (size_t i = 0; node->kind == HD_NODE_MAPPING && i < node->count; i++) {
    const struct hd_node *key = node->keys[i];
    if (!is_element_name(group, key, errors))
      continue;
    struct hd_scope *scope = hd_layout_element(&s->layout, group, key->text);
    if (scope != NULL) {
      scope->mark = key->mark;
      continue;
    }
    hd_errors_add(errors, key->mark, "too many elements in '%s'; at most %zu",
                  group->section, group->capacity);
    return;
  }
}

void hd_reader_elements(struct hd_scenario *s, const struct hd_document *doc,
                        struct hd_errors *errors)
{
  for (size_t i = 0; i < doc->root->count; i++) {
    const char *name =
        hd_layout_section_name(&s->layout, doc->root->keys[i]->text);
    const struct hd_param_group *group = hd_layout_group(&s->layout, name);
    if (group != NULL)
      add_elements(s, group, doc->root->items[i], errors);
  }
}
