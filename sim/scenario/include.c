#include "sim/scenario/internal.h"

#include <string.h>
#include <sys/stat.h>

static void read_document(struct hd_scenario *s, struct hd_document *doc,
                          struct hd_mark mark, struct hd_errors *errors);

/* `path` as seen from the directory of `file`. */
static const char *beside(struct hd_scenario *s, const char *file,
                          const char *path)
{
  const char *slash = strrchr(file, '/');
  if (path[0] == '/' || slash == NULL)
    return hd_arena_copy(&s->arena, path, strlen(path));
  return hd_arena_printf(&s->arena, "%.*s/%s", (int)(slash - file), file, path);
}

static size_t depth_of(const struct hd_document *doc)
{
  size_t depth = 0;
  for (; doc->includer != NULL; doc = doc->includer)
    depth++;
  return depth;
}

static struct hd_list chain_of(const struct hd_document *from,
                               const struct hd_document *to)
{
  const struct hd_document *docs[HD_INCLUDE_DEPTH_MAX + 2];
  struct hd_list chain = {.length = 0};
  size_t count = 0;
  for (const struct hd_document *d = to; d != from; d = d->includer)
    docs[count++] = d;
  docs[count++] = from;
  while (count-- > 0) {
    int room = (int)(sizeof chain.text - chain.length);
    int length = snprintf(chain.text + chain.length, (size_t)room, "%s%s",
                          chain.length > 0 ? " -> " : "", docs[count]->label);
    chain.length += (size_t)(length < room ? length : room - 1);
  }
  return chain;
}

static bool same_file(const struct hd_document *a, const struct hd_document *b)
{
  if (a->inode == 0 || b->inode == 0)
    return strcmp(a->label, b->label) == 0;
  return a->device == b->device && a->inode == b->inode;
}

static bool is_cycle(const struct hd_document *doc, struct hd_mark mark,
                     struct hd_errors *errors)
{
  for (const struct hd_document *d = doc->includer; d; d = d->includer) {
    if (!same_file(d, doc))
      continue;
    hd_errors_add(errors, mark, "a file cannot include itself: %s",
                  chain_of(d, doc).text);
    return true;
  }
  return false;
}

static void include(struct hd_scenario *s, const struct hd_document *from,
                    const struct hd_node *node, struct hd_errors *errors)
{
  struct stat status;
  if (!hd_node_has_text(node) || node->text[0] == '\0') {
    if (node->kind != HD_NODE_BAD)
      hd_errors_add(errors, node->mark,
                    "'include' takes a path or a list of paths");
    return;
  }
  struct hd_document *doc = hd_arena_alloc(&s->arena, sizeof *doc);
  doc->preset = HD_NONE;
  doc->includer = from;
  doc->label = beside(s, from->label, node->text);
  doc->source = beside(s, from->source, node->text);
  if (stat(doc->label, &status) == 0) {
    doc->device = status.st_dev;
    doc->inode = status.st_ino;
  }
  if (is_cycle(doc, node->mark, errors))
    return;
  if (depth_of(doc) > HD_INCLUDE_DEPTH_MAX || s->opened >= HD_FILES_MAX) {
    hd_errors_add(errors, node->mark,
                  "too many included files (at most %d, and %d levels)",
                  HD_FILES_MAX, HD_INCLUDE_DEPTH_MAX);
    return;
  }
  read_document(s, doc, node->mark, errors);
}

static void include_all(struct hd_scenario *s, const struct hd_document *doc,
                        struct hd_errors *errors)
{
  const struct hd_node *node = hd_node_find(doc->root, "include");
  if (node == NULL)
    return;
  if (node->kind != HD_NODE_SEQUENCE) {
    include(s, doc, node, errors);
    return;
  }
  for (size_t i = 0; i < node->count; i++)
    include(s, doc, node->items[i], errors);
}

static void add_document(struct hd_scenario *s, struct hd_document *doc)
{
  s->documents = hd_arena_grow(&s->arena, s->documents, s->document_count,
                               sizeof *s->documents);
  s->documents[s->document_count++] = doc;
}

static void parse_document(struct hd_scenario *s, struct hd_document *doc,
                           const char *text, size_t length,
                           struct hd_errors *errors)
{
  s->opened++;
  hd_errors_file(errors, doc->label);
  doc->root = hd_document_parse(&s->arena, doc->label, text, length, errors);
  if (doc->root == NULL) {
    s->incomplete = true;
    return;
  }
  include_all(s, doc, errors);
  add_document(s, doc);
}

static void read_document(struct hd_scenario *s, struct hd_document *doc,
                          struct hd_mark mark, struct hd_errors *errors)
{
  const char *problem = NULL;
  size_t length = 0;
  const char *text = hd_source_read(&s->arena, doc->label, &length, &problem);
  if (text != NULL) {
    parse_document(s, doc, text, length, errors);
    return;
  }
  s->incomplete = true;
  if (doc->includer == NULL)
    hd_errors_add(errors, mark, "cannot read the file: %s", problem);
  else
    hd_errors_add(errors, mark, "cannot read the included file '%s': %s",
                  doc->label, problem);
}

void hd_include_root(struct hd_scenario *s, const char *file, const char *text,
                     size_t length, struct hd_errors *errors)
{
  const char *slash = strrchr(file, '/');
  struct stat status;
  struct hd_document *doc = hd_arena_alloc(&s->arena, sizeof *doc);
  doc->preset = HD_NONE;
  doc->label = hd_arena_copy(&s->arena, file, strlen(file));
  doc->source = slash == NULL ? doc->label : doc->label + (slash - file) + 1;
  s->start = (struct hd_mark){doc->label, 1, 1};
  if (text != NULL) {
    parse_document(s, doc, text, length, errors);
    return;
  }
  if (stat(file, &status) == 0) {
    doc->device = status.st_dev;
    doc->inode = status.st_ino;
  }
  read_document(s, doc, (struct hd_mark){doc->label, 0, 0}, errors);
}
