/* JSON Schema, draft-07: what editors need to complete and check scenarios. */
#include "sim/scenario/params.h"

#include "sim/scenario/text.h"
#include "sim/scenario/unit.h"
#include "sim/scenario/value.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *typed(const char *type)
{
  return json_pack("{s:s}", "type", type);
}

static json_t *object(json_t *properties)
{
  return json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties",
                   0, "properties", properties);
}

static void describe(json_t *schema, const struct hd_param *p)
{
  struct hd_problem range = hd_value_range(p);
  bool ranged = range.text[0] != '\0';
  json_t *text = json_sprintf(
      "%s%s%s%s. %s%s%s%s%s", p->meaning ? p->meaning : p->name,
      ranged ? " (" : "", range.text, ranged ? ")" : "",
      p->fallback ? "Default: " : "Required", p->fallback ? p->fallback : "",
      p->source ? " (source: " : "", p->source ? p->source : "",
      p->source ? ")" : "");
  json_object_set_new(schema, "description", text);
}

static json_t *quantity_schema(const struct hd_param *p)
{
  char pattern[160] = "^[0-9]+(\\.[0-9]+)? *(";
  bool bare = p->type == HD_PARAM_CYCLES;
  for (const struct hd_unit *u = hd_units(p->type); u->name != NULL; u++) {
    strcat(pattern, u->name);
    strcat(pattern, u[1].name ? "|" : bare ? ")?$" : ")$");
  }
  json_t *schema = json_pack("{s:[s,s], s:s, s:i}", "type", "string", "integer",
                             "pattern", pattern, "minimum", 0);
  if (!bare)
    json_object_set_new(schema, "maximum", json_integer(0));
  return schema;
}

static void set_limit(json_t *schema, const char *key, const struct hd_param *p,
                      const char *text)
{
  struct hd_param open = *p;
  struct hd_value value;
  struct hd_problem ignored;
  open.min = open.max = NULL;
  if (text == NULL || !hd_value_parse(&open, "", text, &value, &ignored))
    return;
  json_object_set_new(schema, key,
                      p->type == HD_PARAM_INT ? json_integer(value.integer)
                                              : json_real(value.real));
}

/* To an editor, choices such as 4 are numbers and off may be false. */
static json_t *enum_schema(const char *const *choices)
{
  json_t *list = json_array();
  for (; *choices != NULL; choices++) {
    const char *c = *choices;
    json_array_append_new(list, json_string(c));
    if (c[0] != '\0' && c[strspn(c, "0123456789")] == '\0')
      json_array_append_new(list, json_integer(atoll(c)));
    if (strcmp(c, "off") == 0 || strcmp(c, "no") == 0)
      json_array_append_new(list, json_false());
    if (strcmp(c, "on") == 0 || strcmp(c, "yes") == 0)
      json_array_append_new(list, json_true());
  }
  return json_pack("{s:o}", "enum", list);
}

static json_t *number_schema(const struct hd_param *p)
{
  json_t *schema;
  if (p->type == HD_PARAM_RATIO)
    schema = json_pack("{s:[s,s], s:s}", "type", "number", "string", "pattern",
                       "^[0-9]+(\\.[0-9]+)? *%$");
  else
    schema = typed(p->type == HD_PARAM_INT ? "integer" : "number");
  bool ratio = p->type == HD_PARAM_RATIO;
  set_limit(schema, "minimum", p, ratio && !p->min ? "0" : p->min);
  set_limit(schema, "maximum", p, ratio && !p->max ? "1" : p->max);
  return schema;
}

static json_t *param_schema(const struct hd_param *p)
{
  json_t *schema;
  switch (p->type) {
  case HD_PARAM_BOOL:
    schema =
        json_pack("{s:[b,b,s,s,s,s]}", "enum", 1, 0, "yes", "no", "on", "off");
    break;
  case HD_PARAM_INT:
  case HD_PARAM_REAL:
  case HD_PARAM_RATIO:
    schema = number_schema(p);
    break;
  case HD_PARAM_ENUM:
    schema = enum_schema(p->choices);
    break;
  case HD_PARAM_STRING:
    schema = json_pack("{s:[s,s,s], s:i}", "type", "string", "number",
                       "boolean", "maxLength", HD_PARAM_STRING_MAX - 1);
    break;
  case HD_PARAM_FILE:
    schema = json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", 1,
                       "maxLength", HD_PARAM_FILE_MAX - 1);
    break;
  default:
    schema = quantity_schema(p);
  }
  describe(schema, p);
  return schema;
}

static void add_params(json_t *properties, const struct hd_param_table *table)
{
  for (const struct hd_param *p = table->params; p->name != NULL; p++)
    json_object_set_new(properties, p->name, param_schema(p));
}

static void set_description(json_t *schema, const char *text)
{
  if (text != NULL)
    json_object_set_new(schema, "description", json_string(text));
}

static json_t *section_schema(const struct hd_param_table *table)
{
  json_t *properties = json_object();
  json_object_set_new(properties, "preset",
                      json_pack("{s:s, s:s}", "type", "string", "description",
                                "Name of a preset"));
  add_params(properties, table);
  json_t *schema =
      json_pack("{s:[o,o]}", "anyOf", typed("string"), object(properties));
  set_description(schema, table->meaning);
  return schema;
}

static json_t *alternative_schema(const struct hd_param_variant *v, size_t i)
{
  const char *choice[] = {v->choices[i], NULL};
  json_t *properties = json_object();
  json_object_set_new(properties, v->selector, enum_schema(choice));
  add_params(properties, v->alternatives[i].table);
  json_t *schema = object(properties);
  set_description(schema, v->alternatives[i].table->meaning);
  if (v->fallback == NULL || strcmp(v->fallback, v->choices[i]) != 0)
    json_object_set_new(schema, "required", json_pack("[s]", v->selector));
  return schema;
}

static json_t *variant_schema(const struct hd_param_variant *v)
{
  json_t *alternatives = json_array();
  for (size_t i = 0; v->choices[i] != NULL; i++)
    json_array_append_new(alternatives, alternative_schema(v, i));
  json_t *schema = json_pack("{s:o}", "anyOf", alternatives);
  set_description(schema, v->meaning);
  return schema;
}

static json_t *group_schema(const struct hd_param_group *g)
{
  json_t *properties = json_object();
  add_params(properties, g->table);
  if (g->variant != NULL)
    json_object_set_new(properties, g->variant->key,
                        variant_schema(g->variant));
  json_t *schema = json_pack("{s:s, s:b, s:{s:o}, s:I}", "type", "object",
                             "additionalProperties", 0, "patternProperties",
                             "^[A-Za-z_][A-Za-z0-9_-]*$", object(properties),
                             "maxProperties", (json_int_t)g->capacity);
  set_description(schema, g->meaning);
  return schema;
}

static json_t *described(const char *type, const char *text)
{
  return json_pack("{s:s, s:s}", "type", type, "description", text);
}

/* A value of an axis, or also a list of them. */
static json_t *axis_values_schema(bool list)
{
  json_t *schema =
      json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
  if (list)
    json_array_append_new(json_object_get(schema, "type"),
                          json_string("array"));
  return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                   schema);
}

static json_t *metric_schema(const char *const *metrics)
{
  json_t *schema = described("string", "Column of the summary");
  json_t *names = json_array();
  for (; metrics != NULL && *metrics != NULL; metrics++)
    json_array_append_new(names, json_string(*metrics));
  if (json_array_size(names) > 0)
    json_object_set_new(schema, "enum", names);
  else
    json_decref(names);
  return schema;
}

static void add_published(json_t *properties, const char *const *metrics)
{
  static const char *const choices[] = {"worst", "every", NULL};
  json_t *entry = json_pack(
      "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
      "what", described("string", "The figure in words"), "metric",
      metric_schema(metrics), "largest",
      described("string", "Axis whose largest feasible value is meant"),
      "group", described("string", "Group of machines; default all"), "at",
      axis_values_schema(true), "over", axis_values_schema(false), "value",
      described("number", "What was published"), "at_least", typed("number"),
      "at_most", typed("number"), "tolerance",
      json_pack("{s:[s,s]}", "type", "number", "string"), "infeasible",
      described("string", "Resource that must run out, or none"), "show",
      enum_schema(choices), "source",
      described("string", "Where it was published"));
  json_t *schema = object(entry);
  json_object_set_new(schema, "required", json_pack("[s,s]", "what", "source"));
  json_object_set_new(properties, "published",
                      json_pack("{s:s, s:o, s:s}", "type", "array", "items",
                                schema, "description",
                                "Published figures to compare with"));
}

static void add_special(json_t *properties)
{
  json_object_set_new(properties, "include",
                      json_pack("{s:[{s:s},{s:s, s:{s:s}}], s:s}", "anyOf",
                                "type", "string", "type", "array", "items",
                                "type", "string", "description",
                                "Files merged below this one"));
  json_t *values = json_pack("{s:s, s:i, s:b, s:{s:[s,s,s]}}", "type", "array",
                             "minItems", 1, "uniqueItems", 1, "items", "type",
                             "string", "number", "boolean");
  json_t *axes = json_pack("{s:s, s:o, s:s}", "type", "object",
                           "additionalProperties", values, "description",
                           "PATH: [VALUE, ...]; the first axis is outermost");
  json_object_set_new(properties, "sweep",
                      object(json_pack("{s:o}", "axes", axes)));
  json_object_set_new(
      properties, "plot",
      object(json_pack("{s:o, s:o, s:o, s:o, s:o}", "x", typed("string"),
                       "curves", typed("string"), "title", typed("string"),
                       "log_x", typed("boolean"), "log_y", typed("boolean"))));
}

static void add_aliases(json_t *properties,
                        const struct hd_section_alias *alias)
{
  for (; alias != NULL && alias->name != NULL; alias++) {
    json_t *target = json_object_get(properties, alias->section);
    if (target != NULL)
      json_object_set_new(properties, alias->name, json_deep_copy(target));
  }
}

bool hd_params_schema(const struct hd_scenario_env *env, FILE *out)
{
  json_t *properties = json_object();
  const struct hd_param_section *s = env->registry->sections;
  const struct hd_param_group *g = env->registry->groups;
  for (; s->table != NULL; s++) {
    if (s->table->section[0] == '\0')
      add_params(properties, s->table);
    else
      json_object_set_new(properties, s->table->section,
                          section_schema(s->table));
  }
  for (; g != NULL && g->section != NULL; g++)
    json_object_set_new(properties, g->section, group_schema(g));
  add_special(properties);
  add_published(properties, env->metrics);
  add_aliases(properties, env->aliases);
  json_t *root = object(properties);
  json_object_set_new(root, "$schema",
                      json_string("http://json-schema.org/draft-07/schema#"));
  json_object_set_new(root, "title", json_string("hdiov-sim scenario"));
  bool good = json_dumpf(root, out, JSON_INDENT(2)) == 0;
  json_decref(root);
  return good && fputc('\n', out) != EOF && !ferror(out);
}
