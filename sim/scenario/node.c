#include "sim/scenario/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct hd_node *hd_node_find(const struct hd_node *mapping, const char *key)
{
  for (size_t i = 0; i < mapping->count; i++)
    if (strcmp(mapping->keys[i]->text, key) == 0)
      return mapping->items[i];
  return NULL;
}

bool hd_node_has_text(const struct hd_node *node)
{
  if (node->kind != HD_NODE_SCALAR)
    return false;
  return node->quoted ||
         (node->text[0] != '\0' && strcmp(node->text, "~") != 0);
}

const char *hd_node_noun(const struct hd_node *node)
{
  switch (node->kind) {
  case HD_NODE_SEQUENCE:
    return "a list";
  case HD_NODE_MAPPING:
    return "a mapping";
  default:
    return hd_node_has_text(node) ? "a single value" : "empty";
  }
}

struct place {
  const char *text;
  size_t index;
};

static int compare(const void *left, const void *right)
{
  const struct place *a = left, *b = right;
  int order = strcmp(a->text, b->text);
  return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

size_t *hd_node_repeats(struct hd_arena *arena, struct hd_node *const *items,
                        size_t count)
{
  struct place *places = hd_arena_alloc(arena, count * sizeof *places + 1);
  size_t *first = hd_arena_alloc(arena, count * sizeof *first + 1);
  for (size_t i = 0; i < count; i++)
    places[i] = (struct place){items[i]->text, i};
  if (count > 1)
    qsort(places, count, sizeof *places, compare);
  for (size_t i = 0, start = 0; i < count; i++) {
    if (strcmp(places[start].text, places[i].text) != 0)
      start = i;
    first[places[i].index] = places[start].index;
  }
  return first;
}

static char *read_all(struct hd_arena *arena, int file, size_t size,
                      size_t *length)
{
  char *text = hd_arena_alloc(arena, size + 1);
  *length = 0;
  while (*length < size) {
    ssize_t got = read(file, text + *length, size - *length);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return NULL;
    if (got == 0)
      break;
    *length += (size_t)got;
  }
  return text;
}

char *hd_source_read(struct hd_arena *arena, const char *path, size_t *length,
                     const char **problem)
{
  struct stat status;
  char *text = NULL;
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0 || fstat(file, &status) != 0)
    *problem = strerror(errno);
  else if (!S_ISREG(status.st_mode))
    *problem = "not a regular file";
  else if ((size_t)status.st_size > HD_SOURCE_MAX)
    *problem = "larger than 1 MiB";
  else if ((text = read_all(arena, file, (size_t)status.st_size, length)) ==
           NULL)
    *problem = strerror(errno);
  if (file >= 0)
    close(file);
  return text;
}
