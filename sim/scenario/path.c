/* Dotted paths, and hints for names that do not exist. */
#include "sim/scenario/layout.h"

#include <string.h>

#define MAX_PARTS 4

struct words {
  struct hd_nearest nearest;
  struct hd_list list;
};

static void offer(struct words *words, const char *word)
{
  hd_nearest_try(&words->nearest, word);
  hd_list_add(&words->list, word);
}

static void offer_table(struct words *words, const struct hd_param_table *table)
{
  for (const struct hd_param *p = table->params; p->name != NULL; p++)
    offer(words, p->name);
}

struct hd_hint hd_layout_hint_top(const struct hd_layout *layout, bool file,
                                  const char *key)
{
  struct words words = {.nearest = hd_nearest_to(key)};
  const struct hd_param_registry *r = layout->env->registry;
  const struct hd_section_alias *a = layout->env->aliases;
  for (size_t i = 0; i < layout->section_count; i++) {
    if (layout->scopes[i].path[0] == '\0')
      offer_table(&words, layout->scopes[i].table);
    else
      offer(&words, layout->scopes[i].path);
  }
  for (; a != NULL && a->name != NULL; a++)
    offer(&words, a->name);
  for (const struct hd_param_group *g = r->groups; g && g->section; g++)
    offer(&words, g->section);
  if (file) {
    offer(&words, "include");
    offer(&words, "sweep");
    offer(&words, "plot");
    offer(&words, "published");
  }
  return hd_hint(&words.nearest, "known keys", &words.list);
}

struct hd_hint hd_layout_hint_table(const struct hd_param_table *table,
                                    const char *more, const char *key)
{
  struct words words = {.nearest = hd_nearest_to(key)};
  offer_table(&words, table);
  if (more != NULL)
    offer(&words, more);
  return hd_hint(&words.nearest, "known keys", &words.list);
}

static bool offered_before(const struct hd_param_variant *v, int64_t choice,
                           const char *name)
{
  for (int64_t i = 0; i < choice; i++)
    for (const struct hd_param *p = v->alternatives[i].table->params;
         p->name != NULL; p++)
      if (strcmp(p->name, name) == 0)
        return true;
  return false;
}

struct hd_hint hd_layout_hint_variant(const struct hd_param_variant *v,
                                      const char *key)
{
  struct words words = {.nearest = hd_nearest_to(key)};
  offer(&words, v->selector);
  for (int64_t i = 0; v->choices[i] != NULL; i++)
    for (const struct hd_param *p = v->alternatives[i].table->params;
         p->name != NULL; p++)
      if (!offered_before(v, i, p->name))
        offer(&words, p->name);
  return hd_hint(&words.nearest, "known keys", &words.list);
}

struct hd_hint hd_layout_hint_element(const struct hd_layout *layout,
                                      const struct hd_param_group *group,
                                      const char *name)
{
  struct words words = {.nearest = hd_nearest_to(name)};
  for (size_t i = layout->section_count; i < layout->scope_count; i++)
    if (layout->scopes[i].group == group)
      offer(&words, layout->scopes[i].element);
  for (const struct hd_param *p = group->table->params; p->name != NULL; p++)
    hd_nearest_try(&words.nearest, p->name);
  if (group->variant != NULL)
    hd_nearest_try(&words.nearest, group->variant->key);
  return hd_hint(&words.nearest, "there are", &words.list);
}

/* A path being resolved. */
struct walk {
  const struct hd_layout *layout;
  struct hd_target *target;
  const char *parts[MAX_PARTS];
  size_t count;
  const char *path; /* as the user wrote it */
  struct hd_mark mark;
  struct hd_errors *errors;
};

static bool split(struct walk *w)
{
  char *rest = hd_arena_copy(w->layout->arena, w->path, strlen(w->path));
  for (char *part; (part = strsep(&rest, ".")) != NULL;) {
    if (w->count == MAX_PARTS || part[0] == '\0') {
      hd_errors_add(w->errors, w->mark,
                    "'%s' is not a path; a path is PARAM, SECTION.PARAM or "
                    "GROUP.NAME.PARAM",
                    hd_clip(w->path).text);
      return false;
    }
    w->parts[w->count++] = part;
  }
  return true;
}

static bool too_long(struct walk *w, size_t used)
{
  if (w->count == used)
    return false;
  hd_errors_add(w->errors, w->mark, "'%s' goes on after a parameter",
                hd_clip(w->path).text);
  return true;
}

static bool no_parameter(struct walk *w, const char *key, const char *where,
                         struct hd_hint hint)
{
  hd_errors_add(w->errors, w->mark, "unknown key '%s' in '%s'%s",
                hd_clip(key).text, where, hint.text);
  return false;
}

static bool bind_section(struct walk *w, size_t section)
{
  const struct hd_scope *scope = &w->layout->scopes[section];
  const char *key = w->count > 1 ? w->parts[1] : "preset";
  if (w->count > 1 && too_long(w, 2))
    return false;
  if (w->count == 1)
    w->target->path =
        hd_arena_printf(w->layout->arena, "%s.preset", scope->path);
  if (strcmp(key, "preset") == 0) {
    w->target->preset = section;
    return true;
  }
  if (hd_layout_collect(w->layout, section, false, key, w->target))
    return true;
  return no_parameter(w, key, scope->path,
                      hd_layout_hint_table(scope->table, "preset", key));
}

static bool in_table(const struct hd_param_table *table, const char *name)
{
  for (const struct hd_param *p = table->params; p->name != NULL; p++)
    if (strcmp(p->name, name) == 0)
      return true;
  return false;
}

static bool is_key_of(const struct hd_param_group *g, bool variant,
                      const char *name)
{
  const struct hd_param_variant *v = g->variant;
  if (!variant)
    return in_table(g->table, name);
  for (size_t i = 0; v->choices[i] != NULL; i++)
    if (in_table(v->alternatives[i].table, name))
      return true;
  return strcmp(v->selector, name) == 0;
}

/* The keys from parts[at] on, in one element (scope) or, with HD_NONE, in all
 * elements of the group. */
static bool bind_keys(struct walk *w, const struct hd_param_group *g, size_t at,
                      size_t only)
{
  const struct hd_layout *layout = w->layout;
  const struct hd_param_variant *v = g->variant;
  bool variant =
      v != NULL && at < w->count && strcmp(w->parts[at], v->key) == 0;
  size_t last = variant ? at + 1 : at;
  const char *where = only == HD_NONE ? g->section : layout->scopes[only].path;
  if (last >= w->count) {
    hd_errors_add(w->errors, w->mark,
                  "'%s' names no parameter; add one of its "
                  "keys, such as '%s.%s'",
                  hd_clip(w->path).text, hd_clip(w->path).text,
                  variant ? v->selector : "PARAM");
    return false;
  }
  if (too_long(w, last + 1))
    return false;
  for (size_t i = layout->section_count; i < layout->scope_count; i++)
    if (layout->scopes[i].group == g && (only == HD_NONE || i == only))
      hd_layout_collect(layout, i, variant, w->parts[last], w->target);
  if (w->target->count > 0)
    return true;
  const char *key = w->parts[last];
  if (is_key_of(g, variant, key)) {
    hd_errors_add(w->errors, w->mark, "'%s' has no elements", g->section);
    return false;
  }
  if (!variant)
    return no_parameter(w, key, where,
                        hd_layout_hint_table(g->table, v ? v->key : NULL, key));
  return no_parameter(w, key,
                      hd_arena_printf(layout->arena, "%s.%s", where, v->key),
                      hd_layout_hint_variant(v, key));
}

static bool is_key(const struct hd_param_group *g, const char *name)
{
  if (g->variant != NULL && strcmp(g->variant->key, name) == 0)
    return true;
  return in_table(g->table, name);
}

static bool bind_group(struct walk *w, const struct hd_param_group *g)
{
  if (w->count < 2 || is_key(g, w->parts[1]))
    return bind_keys(w, g, 1, HD_NONE);
  struct hd_scope *scope = hd_layout_find_element(w->layout, g, w->parts[1]);
  if (scope != NULL)
    return bind_keys(w, g, 2, (size_t)(scope - w->layout->scopes));
  hd_errors_add(w->errors, w->mark, "'%s' has no element or parameter '%s'%s",
                g->section, hd_clip(w->parts[1]).text,
                hd_layout_hint_element(w->layout, g, w->parts[1]).text);
  return false;
}

static bool bind(struct walk *w)
{
  const struct hd_layout *layout = w->layout;
  const char *name = hd_layout_section_name(layout, w->parts[0]);
  const struct hd_param_group *group = hd_layout_group(layout, name);
  size_t section = hd_layout_section(layout, name);
  size_t top = hd_layout_section(layout, "");
  w->target->path = hd_arena_printf(layout->arena, "%s%s", name,
                                    w->path + strlen(w->parts[0]));
  if (group != NULL)
    return bind_group(w, group);
  if (section != HD_NONE)
    return bind_section(w, section);
  if (top != HD_NONE && hd_layout_collect(layout, top, false, name, w->target))
    return !too_long(w, 1);
  hd_errors_add(w->errors, w->mark, "unknown parameter '%s'%s",
                hd_clip(w->path).text,
                hd_layout_hint_top(layout, false, name).text);
  return false;
}

struct hd_target *hd_layout_bind(const struct hd_layout *layout,
                                 const char *path, struct hd_mark mark,
                                 struct hd_errors *errors)
{
  struct hd_target *target = hd_arena_alloc(layout->arena, sizeof *target);
  struct walk w = {.layout = layout,
                   .target = target,
                   .path = path,
                   .mark = mark,
                   .errors = errors};
  target->preset = HD_NONE;
  return split(&w) && bind(&w) ? target : NULL;
}
