#include "sim/scenario/internal.h"

#include <string.h>

/* Which choices of each selector some point may take: a bit for each. */
struct validation {
  const struct hd_scenario *s;
  struct hd_errors *errors;
  uint64_t *reached; /* indexed by the selector's slot */
};

static void note_choice(void *ctx, struct hd_setting *setting)
{
  struct validation *v = ctx;
  const struct hd_layout *layout = &v->s->layout;
  for (size_t i = 0; i < setting->target->count; i++) {
    size_t slot = setting->target->slots[i];
    const struct hd_scope *scope = &layout->scopes[layout->slots[slot].scope];
    struct hd_value value;
    struct hd_problem ignored;
    if (slot != scope->selector)
      continue;
    bool ok = hd_value_parse(layout->slots[slot].param, "", setting->text,
                             &value, &ignored);
    v->reached[slot] |=
        ok && value.integer < 64 ? UINT64_C(1) << value.integer : UINT64_MAX;
  }
}

static void note_fallback(struct validation *v, size_t slot)
{
  const struct hd_param *param = v->s->layout.slots[slot].param;
  struct hd_value value;
  struct hd_problem ignored;
  if (v->reached[slot] != 0)
    return;
  bool ok = param->fallback != NULL &&
            hd_value_parse(param, "", param->fallback, &value, &ignored);
  v->reached[slot] =
      ok && value.integer < 64 ? UINT64_C(1) << value.integer : UINT64_MAX;
}

static bool reachable(const struct validation *v, const struct hd_slot *slot)
{
  if (slot->selector == HD_NONE || slot->choice >= 64)
    return true;
  return (v->reached[slot->selector] >> slot->choice & 1) != 0;
}

static void not_of_this_choice(const struct validation *v,
                               const struct hd_setting *setting)
{
  const struct hd_layout *layout = &v->s->layout;
  const struct hd_slot *slot = &layout->slots[setting->target->slots[0]];
  const struct hd_param *selector = layout->slots[slot->selector].param;
  struct hd_list has = {.length = 0}, chosen = {.length = 0};
  for (size_t i = 0; i < setting->target->count; i++) {
    const struct hd_slot *other = &layout->slots[setting->target->slots[i]];
    if (other->scope == slot->scope)
      hd_list_add(&has, selector->choices[other->choice]);
  }
  for (size_t i = 0; i < 64 && selector->choices[i] != NULL; i++)
    if ((v->reached[slot->selector] >> i & 1) != 0)
      hd_list_add(&chosen, selector->choices[i]);
  hd_errors_add(v->errors, setting->mark, "'%s' is for %s %s, but the %s is %s",
                setting->target->path, selector->name, has.text, selector->name,
                chosen.text);
}

static void check_setting(void *ctx, struct hd_setting *setting)
{
  struct validation *v = ctx;
  const struct hd_layout *layout = &v->s->layout;
  bool applies = setting->target->preset != HD_NONE;
  if (hd_errors_full(v->errors))
    return;
  for (size_t i = 0; i < setting->target->count; i++) {
    const struct hd_slot *slot = &layout->slots[setting->target->slots[i]];
    struct hd_value value;
    struct hd_problem why;
    if (!reachable(v, slot))
      continue;
    applies = true;
    if (hd_value_parse(slot->param, setting->target->path, setting->text,
                       &value, &why))
      continue;
    hd_errors_add(v->errors, setting->mark, "%s", why.text);
    return;
  }
  if (!applies)
    not_of_this_choice(v, setting);
}

void hd_scenario_validate(const struct hd_scenario *s, struct hd_errors *errors)
{
  const struct hd_layout *layout = &s->layout;
  struct hd_arena arena = {NULL};
  struct validation v = {s, errors, NULL};
  v.reached =
      hd_arena_alloc(&arena, (layout->slot_count + 1) * sizeof(uint64_t));
  hd_settings_each(s, true, note_choice, &v);
  for (size_t i = 0; i < layout->scope_count; i++)
    if (layout->scopes[i].selector < layout->scopes[i].end)
      note_fallback(&v, layout->scopes[i].selector);
  hd_settings_each(s, true, check_setting, &v);
  hd_arena_free(&arena);
}
