#include "sim/scenario/internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A point on its way: which setting wins for each slot and preset. */
struct resolution {
  const struct hd_scenario *s;
  struct hd_point *point;
  struct hd_errors *errors;
  const struct hd_setting **winners;  /* by slot */
  const struct hd_document **presets; /* by section */
  struct hd_value *values;            /* by slot */
  size_t failures;
  bool rules;   /* the caller's rules are to be checked */
  bool invalid; /* some value does not parse: already reported */
};

static const struct hd_setting *axis_setting(const struct hd_point *point,
                                             size_t axis)
{
  const struct hd_scenario *s = point->scenario;
  size_t rest = point->index;
  for (size_t i = s->axis_count; i-- > axis + 1;)
    rest /= s->axes[i].values.count;
  return &s->axes[axis].values.items[rest % s->axes[axis].values.count];
}

typedef void apply_fn(struct resolution *r, const struct hd_setting *setting);

static void apply_preset(struct resolution *r, const struct hd_setting *x)
{
  if (x->target->preset != HD_NONE)
    r->presets[x->target->preset] = x->preset;
}

static void apply_value(struct resolution *r, const struct hd_setting *x)
{
  for (size_t i = 0; i < x->target->count; i++)
    r->winners[x->target->slots[i]] = x;
}

static void apply_layer(struct resolution *r, const struct hd_layer *layer,
                        apply_fn *apply)
{
  for (size_t i = 0; i < layer->count; i++)
    apply(r, &layer->items[i]);
}

/* All but the presets' own contents. */
static void apply_all(struct resolution *r, apply_fn *apply)
{
  const struct hd_scenario *s = r->s;
  for (size_t i = 0; i < s->document_count; i++)
    apply_layer(r, &s->documents[i]->settings, apply);
  apply_layer(r, &s->sets, apply);
  for (size_t i = 0; i < s->axis_count; i++)
    if (s->axes[i].values.count > 0)
      apply(r, axis_setting(r->point, i));
}

/* A preset's settings for its own section, or those for all others. */
static void apply_contents(struct resolution *r, size_t section, bool own)
{
  const struct hd_document *preset = r->presets[section];
  if (preset == NULL)
    return;
  for (size_t i = 0; i < preset->settings.count; i++) {
    const struct hd_setting *x = &preset->settings.items[i];
    size_t slot = x->target->slots[0];
    if ((r->s->layout.slots[slot].scope == section) == own)
      apply_value(r, x);
  }
}

static void choose(struct resolution *r)
{
  size_t sections = r->s->layout.section_count;
  apply_all(r, apply_preset);
  for (size_t i = 0; i < sections; i++)
    apply_contents(r, i, false);
  for (size_t i = 0; i < sections; i++)
    apply_contents(r, i, true);
  apply_all(r, apply_value);
}

static struct hd_mark mark_of_scope(const struct hd_scenario *s, size_t scope)
{
  struct hd_mark mark = s->layout.scopes[scope].mark;
  return mark.file != NULL ? mark : s->start;
}

static void missing(struct resolution *r, const struct hd_slot *slot)
{
  r->failures++;
  hd_errors_add(r->errors, mark_of_scope(r->s, slot->scope),
                "'%s' is required and not given; it takes %s", slot->path,
                hd_value_expected(slot->param).text);
}

static bool in_force(const struct resolution *r, const struct hd_slot *slot)
{
  return slot->selector == HD_NONE ||
         r->values[slot->selector].integer == slot->choice;
}

static bool parse(struct resolution *r, const struct hd_slot *slot,
                  const struct hd_setting *winner, struct hd_value *value)
{
  const char *text = winner ? winner->text : slot->param->fallback;
  struct hd_problem why;
  if (winner == NULL && slot->fallback_text != NULL) {
    *value = slot->fallback;
    return true;
  }
  value->integer = -1; /* a selector without value: no alternative in force */
  if (text == NULL) {
    if (in_force(r, slot))
      missing(r, slot);
    return false;
  }
  if (hd_value_parse(slot->param, slot->path, text, value, &why))
    return true;
  value->integer = -1;
  r->invalid = true;
  if (winner == NULL)
    hd_errors_add(r->errors, r->s->start, "default: %s", why.text);
  return false;
}

/* A relative path as the process can open it: what a file says is relative to
 * that file, all else to the scenario's. */
static const char *locate(struct resolution *r, const struct hd_setting *x,
                          const char *path)
{
  bool own = x != NULL && x->kind == HD_ORIGIN_FILE;
  const char *from = own ? x->mark.file : r->s->start.file;
  const char *slash = strrchr(from, '/');
  if (path[0] == '/' || slash == NULL)
    return path;
  return hd_arena_printf(&r->point->arena, "%.*s%s", (int)(slash - from + 1),
                         from, path);
}

static void store(struct resolution *r, const struct hd_slot *slot,
                  const struct hd_setting *winner, struct hd_value value)
{
  if (slot->param->type == HD_PARAM_FILE)
    value.text = locate(r, winner, value.text);
  hd_value_store(slot->param, &value, r->point->config + slot->offset);
}

static void decode(struct resolution *r, size_t index)
{
  const struct hd_slot *slot = &r->s->layout.slots[index];
  const struct hd_setting *winner =
      in_force(r, slot) ? r->winners[index] : NULL;
  struct hd_value *value = &r->values[index];
  if (!parse(r, slot, winner, value))
    return;
  store(r, slot, winner, *value);
  if (!in_force(r, slot))
    return;
  const char *text = winner == NULL ? slot->fallback_text : NULL;
  if (text == NULL)
    text = hd_value_format(&r->point->arena, slot->param, value);
  r->point->entries[index] = (struct hd_entry){.text = text, .setting = winner};
  r->point->order[r->point->count++] = index;
}

void hd_point_remember_defaults(struct hd_scenario *s)
{
  for (size_t i = 0; i < s->layout.slot_count; i++) {
    struct hd_slot *slot = &s->layout.slots[i];
    const char *text = slot->param->fallback;
    struct hd_problem ignored;
    if (text != NULL && hd_value_parse(slot->param, slot->path, text,
                                       &slot->fallback, &ignored))
      slot->fallback_text =
          hd_value_format(&s->arena, slot->param, &slot->fallback);
  }
}

static void store_names(struct resolution *r)
{
  const struct hd_layout *layout = &r->s->layout;
  for (size_t i = layout->section_count; i < layout->scope_count; i++) {
    const struct hd_scope *scope = &layout->scopes[i];
    const struct hd_param_group *g = scope->group;
    unsigned char *element =
        r->point->config + g->array_offset + scope->index * g->stride;
    memcpy(element + g->name_offset, scope->element,
           strlen(scope->element) + 1);
    size_t count = scope->index + 1;
    memcpy(r->point->config + g->count_offset, &count, sizeof count);
  }
}

/* Where a rule's complaint about a path points to. */
static struct hd_mark blame(const struct resolution *r, const char *path)
{
  const struct hd_layout *layout = &r->s->layout;
  for (size_t i = 0; i < r->point->count; i++) {
    size_t slot = r->point->order[i];
    if (strcmp(layout->slots[slot].path, path) != 0)
      continue;
    const struct hd_setting *x = r->point->entries[slot].setting;
    return x ? x->mark : mark_of_scope(r->s, layout->slots[slot].scope);
  }
  for (size_t i = 0; i < layout->scope_count; i++)
    if (strcmp(layout->scopes[i].path, path) == 0)
      return mark_of_scope(r->s, i);
  return r->s->start;
}

static void complain(void *ctx, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(void *ctx, const char *path, const char *format, ...)
{
  struct resolution *r = ctx;
  char message[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  r->failures++;
  hd_errors_add(r->errors, blame(r, path), "'%s': %s", path, message);
}

static void check_rules(struct resolution *r)
{
  hd_scenario_check_fn check = r->s->env.check;
  if (check == NULL || !r->rules || r->failures > 0 || r->invalid)
    return;
  if (check(r->point->config, complain, r) || r->failures > 0)
    return;
  r->failures++;
  hd_errors_add(r->errors, r->s->start, "the configuration is inconsistent");
}

static void resolve(struct resolution *r)
{
  const struct hd_layout *layout = &r->s->layout;
  struct hd_arena scratch = {NULL};
  struct hd_point *point = r->point;
  size_t slots = layout->slot_count + 1;
  r->winners = hd_arena_alloc(&scratch, slots * sizeof *r->winners);
  r->values = hd_arena_alloc(&scratch, slots * sizeof *r->values);
  r->presets = hd_arena_alloc(&scratch,
                              (layout->section_count + 1) * sizeof *r->presets);
  point->config =
      hd_arena_alloc(&point->arena, r->s->env.registry->config_size);
  point->entries =
      hd_arena_alloc(&point->arena, slots * sizeof *point->entries);
  point->order = hd_arena_alloc(&point->arena, slots * sizeof *point->order);
  choose(r);
  for (size_t i = 0; i < layout->slot_count; i++)
    decode(r, i);
  store_names(r);
  check_rules(r);
  hd_arena_free(&scratch);
}

struct hd_point *hd_scenario_point(const struct hd_scenario *s, size_t index,
                                   struct hd_errors *errors)
{
  return hd_point_resolve(s, index, true, errors);
}

struct hd_point *hd_point_resolve(const struct hd_scenario *s, size_t index,
                                  bool rules, struct hd_errors *errors)
{
  if (index >= s->points) {
    hd_errors_add(errors, s->start, "there is no point %zu; there are %zu",
                  index, s->points);
    return NULL;
  }
  struct hd_point *point = calloc(1, sizeof *point);
  if (point == NULL)
    abort();
  point->scenario = s;
  point->index = index;
  struct resolution r = {
      .s = s, .point = point, .errors = errors, .rules = rules};
  resolve(&r);
  if (r.failures == 0 && !r.invalid)
    return point;
  hd_point_destroy(point);
  return NULL;
}

void hd_point_destroy(struct hd_point *point)
{
  if (point == NULL)
    return;
  hd_arena_free(&point->arena);
  free(point);
}

const void *hd_point_config(const struct hd_point *point)
{
  return point->config;
}

size_t hd_point_index(const struct hd_point *point)
{
  return point->index;
}

const char *hd_point_axis_text(const struct hd_point *point, size_t axis)
{
  return axis_setting(point, axis)->text;
}

bool hd_point_axis_number(const struct hd_point *point, size_t axis,
                          double *number)
{
  const struct hd_target *target = point->scenario->axes[axis].target;
  if (target->preset != HD_NONE)
    return false;
  const struct hd_slot *slot = &point->scenario->layout.slots[target->slots[0]];
  struct hd_value value;
  struct hd_problem ignored;
  return hd_value_parse(slot->param, "", hd_point_axis_text(point, axis),
                        &value, &ignored) &&
         hd_value_number(slot->param, &value, number);
}
