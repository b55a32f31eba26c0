#include "sim/scenario/layout.h"

#include <string.h>

void hd_layout_begin(struct hd_layout *layout, struct hd_arena *arena,
                     const struct hd_scenario_env *env)
{
  *layout = (struct hd_layout){.arena = arena, .env = env};
  const struct hd_param_section *s = env->registry->sections;
  for (; s->table != NULL; s++) {
    layout->scopes = hd_arena_grow(arena, layout->scopes, layout->scope_count,
                                   sizeof *layout->scopes);
    layout->scopes[layout->scope_count++] =
        (struct hd_scope){.path = s->table->section, .table = s->table};
  }
  layout->section_count = layout->scope_count;
}

struct hd_scope *hd_layout_find_element(const struct hd_layout *layout,
                                        const struct hd_param_group *group,
                                        const char *name)
{
  for (size_t i = layout->section_count; i < layout->scope_count; i++)
    if (layout->scopes[i].group == group &&
        strcmp(layout->scopes[i].element, name) == 0)
      return &layout->scopes[i];
  return NULL;
}

static size_t element_count(const struct hd_layout *layout,
                            const struct hd_param_group *group)
{
  size_t count = 0;
  for (size_t i = layout->section_count; i < layout->scope_count; i++)
    count += layout->scopes[i].group == group;
  return count;
}

struct hd_scope *hd_layout_element(struct hd_layout *layout,
                                   const struct hd_param_group *group,
                                   const char *name)
{
  struct hd_scope *found = hd_layout_find_element(layout, group, name);
  if (found != NULL)
    return found;
  size_t index = element_count(layout, group);
  if (index >= group->capacity)
    return NULL;
  layout->scopes = hd_arena_grow(layout->arena, layout->scopes,
                                 layout->scope_count, sizeof *layout->scopes);
  struct hd_scope *scope = &layout->scopes[layout->scope_count++];
  *scope = (struct hd_scope){
      .path = hd_arena_printf(layout->arena, "%s.%s", group->section, name),
      .table = group->table,
      .group = group,
      .element = hd_arena_copy(layout->arena, name, strlen(name)),
      .index = index};
  return scope;
}

/* "A<between>B", made for every slot of every scenario: no printf. */
static const char *join(struct hd_arena *arena, const char *a,
                        const char *between, const char *b)
{
  size_t lengths[] = {strlen(a), strlen(between), strlen(b)};
  char *text = hd_arena_alloc(arena, lengths[0] + lengths[1] + lengths[2] + 1);
  memcpy(text, a, lengths[0]);
  memcpy(text + lengths[0], between, lengths[1]);
  memcpy(text + lengths[0] + lengths[1], b, lengths[2]);
  return text;
}

static void add_slot(struct hd_layout *layout, size_t scope,
                     const struct hd_param *param, const char *prefix,
                     struct hd_slot slot)
{
  slot.param = param;
  slot.scope = scope;
  slot.path = prefix[0] == '\0' ? param->name
                                : join(layout->arena, prefix, ".", param->name);
  slot.origin = param->source == NULL
                    ? "default"
                    : join(layout->arena, "default", ": ", param->source);
  layout->slots = hd_arena_grow(layout->arena, layout->slots,
                                layout->slot_count, sizeof *layout->slots);
  layout->slots[layout->slot_count++] = slot;
}

static void add_table(struct hd_layout *layout, size_t scope,
                      const struct hd_param_table *table, const char *prefix,
                      size_t base, struct hd_slot slot)
{
  for (const struct hd_param *p = table->params; p->name != NULL; p++) {
    slot.offset = base + p->offset;
    add_slot(layout, scope, p, prefix, slot);
  }
}

static void add_variant(struct hd_layout *layout, size_t scope,
                        const struct hd_param_variant *v, size_t base)
{
  struct hd_param *selector = hd_arena_alloc(layout->arena, sizeof *selector);
  const char *prefix = hd_arena_printf(layout->arena, "%s.%s",
                                       layout->scopes[scope].path, v->key);
  size_t slot = layout->slot_count;
  *selector = (struct hd_param){.name = v->selector,
                                .type = HD_PARAM_ENUM,
                                .fallback = v->fallback,
                                .choices = v->choices,
                                .meaning = v->meaning};
  add_slot(layout, scope, selector, prefix,
           (struct hd_slot){.offset = base + v->selector_offset,
                            .selector = HD_NONE});
  for (int64_t i = 0; v->choices[i] != NULL; i++)
    add_table(layout, scope, v->alternatives[i].table, prefix,
              base + v->alternatives[i].offset,
              (struct hd_slot){.selector = slot, .choice = i});
}

void hd_layout_finish(struct hd_layout *layout)
{
  const struct hd_param_section *sections = layout->env->registry->sections;
  for (size_t i = 0; i < layout->scope_count; i++) {
    struct hd_scope *scope = &layout->scopes[i];
    const struct hd_param_group *g = scope->group;
    size_t base =
        g ? g->array_offset + scope->index * g->stride : sections[i].offset;
    scope->first = layout->slot_count;
    add_table(layout, i, scope->table, scope->path, base,
              (struct hd_slot){.selector = HD_NONE});
    scope->selector = layout->slot_count;
    if (g != NULL && g->variant != NULL)
      add_variant(layout, i, g->variant, base);
    scope->end = layout->slot_count;
  }
}

const char *hd_layout_section_name(const struct hd_layout *layout,
                                   const char *name)
{
  const struct hd_section_alias *a = layout->env->aliases;
  for (; a != NULL && a->name != NULL; a++)
    if (strcmp(a->name, name) == 0)
      return a->section;
  return name;
}

size_t hd_layout_section(const struct hd_layout *layout, const char *name)
{
  for (size_t i = 0; i < layout->section_count; i++)
    if (strcmp(layout->scopes[i].path, name) == 0)
      return i;
  return HD_NONE;
}

const struct hd_param_group *hd_layout_group(const struct hd_layout *layout,
                                             const char *name)
{
  const struct hd_param_group *g = layout->env->registry->groups;
  for (; g != NULL && g->section != NULL; g++)
    if (strcmp(g->section, name) == 0)
      return g;
  return NULL;
}

bool hd_layout_collect(const struct hd_layout *layout, size_t scope,
                       bool variant, const char *name, struct hd_target *target)
{
  const struct hd_scope *s = &layout->scopes[scope];
  size_t before = target->count;
  size_t end = variant ? s->end : s->selector;
  for (size_t i = variant ? s->selector : s->first; i < end; i++) {
    if (strcmp(layout->slots[i].param->name, name) != 0)
      continue;
    target->slots = hd_arena_grow(layout->arena, target->slots, target->count,
                                  sizeof *target->slots);
    target->slots[target->count++] = i;
  }
  return target->count > before;
}
