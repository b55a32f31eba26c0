#include "sim/scenario/document.h"

#include "sim/scenario/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct builder {
  struct hd_arena *arena;
  struct hd_errors *errors;
  const char *file, *text;
  size_t length;
  yaml_parser_t parser;
  bool broken; /* a syntax error: the tree is of no use */
};

static struct hd_node *build(struct builder *b, yaml_event_t *event,
                             unsigned depth);

static struct hd_mark mark_of(const struct builder *b, yaml_mark_t mark)
{
  return (struct hd_mark){b->file, mark.line + 1, mark.column + 1};
}

/* A byte that is no UTF-8 has an offset only. */
static struct hd_mark mark_at(const struct builder *b, size_t offset)
{
  struct hd_mark mark = {b->file, 1, 1};
  for (size_t i = 0; i < offset && i < b->length; i++) {
    mark.column++;
    if (b->text[i] != '\n')
      continue;
    mark.line++;
    mark.column = 1;
  }
  return mark;
}

/* libyaml does not name the character that it stumbled over. Its index counts
 * characters, without a byte order mark. */
static bool is_tab(const struct builder *b, yaml_mark_t mark)
{
  bool marked = b->length >= 3 && memcmp(b->text, "\xef\xbb\xbf", 3) == 0;
  size_t characters = 0;
  for (size_t i = marked ? 3 : 0; i < b->length; i++) {
    if (((unsigned char)b->text[i] & 0xC0) == 0x80)
      continue;
    if (characters++ == mark.index)
      return b->text[i] == '\t';
  }
  return false;
}

static void syntax_error(struct builder *b)
{
  const yaml_parser_t *p = &b->parser;
  const char *problem = p->problem ? p->problem : "not readable";
  b->broken = true;
  if (p->error == YAML_SCANNER_ERROR && is_tab(b, p->problem_mark))
    hd_errors_add(b->errors, mark_of(b, p->problem_mark),
                  "YAML syntax: a tab here; indent with blanks");
  else if (p->error == YAML_READER_ERROR)
    hd_errors_add(b->errors, mark_at(b, p->problem_offset), "YAML syntax: %s",
                  problem);
  else if (p->context != NULL)
    hd_errors_add(b->errors, mark_of(b, p->problem_mark),
                  "YAML syntax: %s (%s at line %zu)", problem, p->context,
                  p->context_mark.line + 1);
  else
    hd_errors_add(b->errors, mark_of(b, p->problem_mark), "YAML syntax: %s",
                  problem);
}

static bool next(struct builder *b, yaml_event_t *event)
{
  if (b->broken)
    return false;
  if (yaml_parser_parse(&b->parser, event))
    return true;
  syntax_error(b);
  return false;
}

static void refuse_properties(struct builder *b, struct hd_mark mark,
                              const yaml_char_t *anchor, const yaml_char_t *tag)
{
  if (anchor != NULL)
    hd_errors_add(b->errors, mark,
                  "anchors ('&%s') are not supported; write the value out or "
                  "use 'include'",
                  hd_clip((const char *)anchor).text);
  static const char standard[] = "tag:yaml.org,2002:"; /* written as !! */
  const char *name = (const char *)tag;
  if (tag == NULL)
    return;
  bool shorter = strncmp(name, standard, sizeof standard - 1) == 0;
  hd_errors_add(b->errors, mark,
                "tags ('%s%s') are not supported; write the value without it",
                shorter ? "!!" : "",
                hd_clip(shorter ? name + sizeof standard - 1 : name).text);
}

static struct hd_node *new_node(struct builder *b, enum hd_node_kind kind,
                                yaml_mark_t mark)
{
  struct hd_node *node = hd_arena_alloc(b->arena, sizeof *node);
  node->kind = kind;
  node->mark = mark_of(b, mark);
  node->text = "";
  return node;
}

static struct hd_node *build_scalar(struct builder *b, yaml_event_t *event)
{
  struct hd_node *node = new_node(b, HD_NODE_SCALAR, event->start_mark);
  const char *text = (const char *)event->data.scalar.value;
  size_t length = event->data.scalar.length;
  refuse_properties(b, node->mark, event->data.scalar.anchor,
                    event->data.scalar.tag);
  if (memchr(text, '\0', length) != NULL) {
    hd_errors_add(b->errors, node->mark, "a NUL character is not allowed");
    node->kind = HD_NODE_BAD;
  }
  node->text = hd_arena_copy(b->arena, text, length);
  node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
  return node;
}

static void append(struct builder *b, struct hd_node *node, struct hd_node *key,
                   struct hd_node *item)
{
  node->items =
      hd_arena_grow(b->arena, node->items, node->count, sizeof *node->items);
  node->keys =
      hd_arena_grow(b->arena, node->keys, node->count, sizeof *node->keys);
  node->items[node->count] = item;
  node->keys[node->count++] = key;
}

/* The next node, or NULL at the end of the collection or on an error. */
static struct hd_node *next_node(struct builder *b, unsigned depth)
{
  yaml_event_t event;
  if (!next(b, &event))
    return NULL;
  struct hd_node *node = build(b, &event, depth);
  yaml_event_delete(&event);
  return node;
}

static void drop_repeated_keys(struct builder *b, struct hd_node *mapping)
{
  size_t kept = 0;
  size_t *first = hd_node_repeats(b->arena, mapping->keys, mapping->count);
  size_t *place = hd_arena_alloc(b->arena, mapping->count * sizeof *place + 1);
  for (size_t i = 0; i < mapping->count; i++) {
    struct hd_node *key = mapping->keys[i];
    if (first[i] != i) {
      hd_errors_add(
          b->errors, key->mark, "duplicate key '%s'; first given at line %zu",
          hd_clip(key->text).text, mapping->keys[place[first[i]]]->mark.line);
      continue;
    }
    place[i] = kept;
    mapping->keys[kept] = key;
    mapping->items[kept++] = mapping->items[i];
  }
  mapping->count = kept;
}

static struct hd_node *build_mapping(struct builder *b, yaml_event_t *event,
                                     unsigned depth)
{
  struct hd_node *node = new_node(b, HD_NODE_MAPPING, event->start_mark);
  refuse_properties(b, node->mark, event->data.mapping_start.anchor,
                    event->data.mapping_start.tag);
  for (struct hd_node *key; (key = next_node(b, depth + 1)) != NULL;) {
    struct hd_node *item = next_node(b, depth + 1);
    if (item == NULL)
      break;
    if (key->kind == HD_NODE_SCALAR)
      append(b, node, key, item);
    else if (key->kind != HD_NODE_BAD)
      hd_errors_add(b->errors, key->mark, "a key must be plain text, not %s",
                    hd_node_noun(key));
  }
  drop_repeated_keys(b, node);
  return node;
}

static struct hd_node *build_sequence(struct builder *b, yaml_event_t *event,
                                      unsigned depth)
{
  struct hd_node *node = new_node(b, HD_NODE_SEQUENCE, event->start_mark);
  refuse_properties(b, node->mark, event->data.sequence_start.anchor,
                    event->data.sequence_start.tag);
  for (struct hd_node *item; (item = next_node(b, depth + 1)) != NULL;)
    append(b, node, NULL, item);
  return node;
}

static struct hd_node *build(struct builder *b, yaml_event_t *event,
                             unsigned depth)
{
  if (depth > HD_DEPTH_MAX) {
    hd_errors_add(b->errors, mark_of(b, event->start_mark),
                  "nested deeper than %d levels", HD_DEPTH_MAX);
    b->broken = true;
    return NULL;
  }
  switch (event->type) {
  case YAML_SCALAR_EVENT:
    return build_scalar(b, event);
  case YAML_SEQUENCE_START_EVENT:
    return build_sequence(b, event, depth);
  case YAML_MAPPING_START_EVENT:
    return build_mapping(b, event, depth);
  case YAML_ALIAS_EVENT:
    hd_errors_add(b->errors, mark_of(b, event->start_mark),
                  "aliases ('*%s') are not supported; write the value out or "
                  "use 'include'",
                  hd_clip((const char *)event->data.alias.anchor).text);
    return new_node(b, HD_NODE_BAD, event->start_mark);
  default:
    return NULL; /* the end of a collection */
  }
}

/* Whether a document starts; false at the end of the file. */
static bool document_starts(struct builder *b, struct hd_mark *mark)
{
  yaml_event_t event;
  yaml_event_type_t type;
  do {
    if (!next(b, &event))
      return false;
    type = event.type;
    *mark = mark_of(b, event.start_mark);
    yaml_event_delete(&event);
  } while (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_END_EVENT);
  return type == YAML_DOCUMENT_START_EVENT;
}

static struct hd_node *build_root(struct builder *b)
{
  struct hd_mark start = {b->file, 1, 1}, mark;
  struct hd_node *root = document_starts(b, &mark) ? next_node(b, 0) : NULL;
  if (b->broken)
    return NULL;
  if (root == NULL ||
      (root->kind == HD_NODE_SCALAR && !hd_node_has_text(root))) {
    hd_errors_add(b->errors, start, "the file is empty");
    return NULL;
  }
  if (document_starts(b, &mark))
    hd_errors_add(b->errors, mark,
                  "a second document starts here; a file is one document");
  if (b->broken)
    return NULL;
  if (root->kind == HD_NODE_MAPPING)
    return root;
  if (root->kind != HD_NODE_BAD)
    hd_errors_add(b->errors, root->mark,
                  "the top level must be a mapping (KEY: VALUE), not %s",
                  hd_node_noun(root));
  return NULL;
}

struct hd_node *hd_document_parse(struct hd_arena *arena, const char *file,
                                  const char *text, size_t length,
                                  struct hd_errors *errors)
{
  struct builder b = {.arena = arena,
                      .errors = errors,
                      .file = file,
                      .text = text,
                      .length = length};
  if (length > HD_SOURCE_MAX) {
    hd_errors_add(errors, (struct hd_mark){file, 0, 0}, "larger than %zu bytes",
                  HD_SOURCE_MAX);
    return NULL;
  }
  if (!yaml_parser_initialize(&b.parser))
    abort();
  yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, length);
  struct hd_node *root = build_root(&b);
  yaml_parser_delete(&b.parser);
  return root;
}
