#include "sim/scenario/text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

void hd_list_add(struct hd_list *list, const char *item)
{
  size_t room = sizeof list->text - list->length;
  const char *comma = list->length > 0 ? ", " : "";
  if (room < 8)
    return;
  if (strlen(comma) + strlen(item) + 8 > room) {
    snprintf(list->text + list->length, room, ", ...");
    list->length = sizeof list->text;
    return;
  }
  list->length +=
      (size_t)snprintf(list->text + list->length, room, "%s%s", comma, item);
}

struct hd_clip hd_clip(const char *text)
{
  struct hd_clip clip;
  size_t length = strlen(text);
  if (length <= 60) {
    memcpy(clip.text, text, length + 1);
    return clip;
  }
  size_t keep = 57;
  while (keep > 0 && ((unsigned char)text[keep] & 0xC0) == 0x80)
    keep--;
  memcpy(clip.text, text, keep);
  memcpy(clip.text + keep, "...", 4);
  return clip;
}

struct hd_hint hd_hint(const struct hd_nearest *nearest, const char *what,
                       const struct hd_list *list)
{
  struct hd_hint hint = {.text = ""};
  if (nearest->best != NULL)
    snprintf(hint.text, sizeof hint.text, "; did you mean '%s'?",
             hd_clip(nearest->best).text);
  else if (list->length > 0)
    snprintf(hint.text, sizeof hint.text, "; %s: %s", what, list->text);
  return hint;
}

bool hd_is_name(const char *text)
{
  if (!isalpha((unsigned char)text[0]) && text[0] != '_')
    return false;
  size_t length = 0;
  for (const char *c = text; *c != '\0'; c++, length++)
    if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
      return false;
  return length <= HD_NAME_MAX;
}

/* Reads one character; returns its bytes, 0 if it is not valid UTF-8. */
static size_t decode(const char *text, uint32_t *code)
{
  static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *c = (const unsigned char *)text;
  size_t size = c[0] < 0x80             ? 1
                : (c[0] & 0xE0) == 0xC0 ? 2
                : (c[0] & 0xF0) == 0xE0 ? 3
                : (c[0] & 0xF8) == 0xF0 ? 4
                                        : 0;
  if (size == 0)
    return 0;
  *code = size == 1 ? c[0] : c[0] & (0x7Fu >> size);
  for (size_t i = 1; i < size; i++) {
    if ((c[i] & 0xC0) != 0x80)
      return 0;
    *code = *code << 6 | (c[i] & 0x3Fu);
  }
  bool surrogate = *code >= 0xD800 && *code <= 0xDFFF;
  if (*code < smallest[size] || surrogate || *code > 0x10FFFF)
    return 0;
  return size;
}

bool hd_is_utf8(const char *text)
{
  uint32_t code;
  for (size_t size; *text != '\0'; text += size)
    if ((size = decode(text, &code)) == 0)
      return false;
  return true;
}

void hd_write_quoted(FILE *out, const char *text)
{
  uint32_t code = 0;
  fputc('"', out);
  for (size_t size; *text != '\0' && (size = decode(text, &code)) > 0;
       text += size) {
    if (code == '"' || code == '\\')
      fprintf(out, "\\%c", (int)code);
    else if (code >= 0x20 && code < 0x7F)
      fputc((int)code, out);
    else if (code == '\n')
      fputs("\\n", out);
    else
      fprintf(out, code > 0xFFFF ? "\\U%08X" : "\\u%04X", (unsigned)code);
  }
  fputc('"', out);
}
