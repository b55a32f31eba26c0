/* trace_reader.c - parses the rows of a trace, see trace_reader.h. */
#include "sim/cli/trace_reader.h"

#include "sim/cli/cli.h"
#include "sim/cli/trace_input.h"
#include "sim/scenario/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[TRACE_COLUMNS] = {"domain", "iova", "page_bytes",
                                                 "packet"};

/* ---- complaints ----------------------------------------------------- */

static void complain_at(struct trace_reader *r, const char *where,
                        const char *name, const char *format, va_list args)
{
  r->failed = true;
  fprintf(stderr, "%s: %s:%" PRIu64 ":%td: ", cli_program, r->name, r->line,
          where - r->line_start + 1);
  if (name)
    fprintf(stderr, "%s: ", name);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
}

void cli_trace_complain(struct trace_reader *r, enum trace_column column,
                        const char *format, ...)
{
  va_list args;
  va_start(args, format);
  complain_at(r, r->start[column], names[column], format, args);
  va_end(args);
}

/* About the line, not one of its cells. Returns false. */
__attribute__((format(printf, 3, 4))) static bool
complain(struct trace_reader *r, const char *where, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  complain_at(r, where, NULL, format, args);
  va_end(args);
  return false;
}

static inline bool ends_cell(char c)
{
  return c == ',' || c == '\n' || c == '\r';
}

/* The cell at `p` for a message: clipped and printable. */
static struct hd_clip cell_text(const char *p)
{
  char copy[64];
  size_t n = 0;
  while (n < sizeof copy - 1 && !ends_cell(p[n])) {
    copy[n] = isprint((unsigned char)p[n]) ? p[n] : '?';
    n++;
  }
  copy[n] = '\0';
  return hd_clip(copy);
}

/* ---- numbers -------------------------------------------------------- */

static const char *parse_hexadecimal(const char *p, uint64_t *value)
{
  uint64_t v = 0;
  const char *begin = p;
  for (;; p++) {
    unsigned c = (unsigned char)*p, digit = c - '0';
    if (digit > 9) {
      digit = (c | 0x20) - 'a';
      if (digit > 5)
        break;
      digit += 10;
    }
    v = v << 4 | digit;
  }
  *value = v;
  return p > begin && p - begin <= 16 ? p : NULL;
}

/* Where the number at `p` ends, or NULL when there is none or it is too long.
 */
static inline const char *parse_number(const char *p, uint64_t *value)
{
  uint64_t v = 0;
  const char *begin = p;
  if (p[0] == '0' && (p[1] | 0x20) == 'x')
    return parse_hexadecimal(p + 2, value);
  for (unsigned digit; (digit = (unsigned)(*p - '0')) <= 9; p++)
    v = v * 10 + digit;
  *value = v;
  return p > begin && p - begin <= 19 ? p : NULL;
}

/* ---- rows ----------------------------------------------------------- */

static bool bad_number(struct trace_reader *r, unsigned i)
{
  enum trace_column c = r->order[i];
  if (i == 0 && ends_cell(*r->start[c]) && *r->start[c] != ',')
    return complain(r, r->start[c], "the line is empty; remove it");
  if (ends_cell(*r->start[c]))
    cli_trace_complain(r, c, "the cell is empty; write a whole number");
  else
    cli_trace_complain(r, c,
                       "'%s' is no whole number: decimal of at most 19 digits, "
                       "or 0x and at most 16 hexadecimal ones, without blanks "
                       "and quotes",
                       cell_text(r->start[c]).text);
  return false;
}

/* After the last cell must come the end of the line, elsewhere a comma. */
static bool bad_end(struct trace_reader *r, unsigned i, const char *p)
{
  if (!ends_cell(*p))
    return bad_number(r, i);
  if (*p == ',')
    return complain(r, p, "more cells than the %u columns of the first line",
                    r->n_columns);
  return complain(r, p, "%u cells; the first line names %u columns", i + 1,
                  r->n_columns);
}

static inline bool parse_cells(struct trace_reader *r, struct trace_row *row)
{
  const char *p = r->next;
  for (unsigned i = 0; i < r->n_columns; i++) {
    enum trace_column c = r->order[i];
    r->start[c] = p;
    p = parse_number(p, &row->value[c]);
    if (__builtin_expect(!p, 0))
      return bad_number(r, i);
    if (*p == ',' && i + 1 < r->n_columns) {
      p++;
      continue;
    }
    if (*p == '\r' && p[1] == '\n')
      p++;
    if (__builtin_expect(*p != '\n' || i + 1 < r->n_columns, 0))
      return bad_end(r, i, p);
  }
  r->next = (char *)(uintptr_t)p + 1;
  return true;
}

static bool bad_page(struct trace_reader *r, uint64_t bytes)
{
  cli_trace_complain(r, TRACE_PAGE_BYTES,
                     "there are no pages of %" PRIu64
                     " bytes; write 4096, 2097152 or 1073741824",
                     bytes);
  return false;
}

static inline bool check_values(struct trace_reader *r, struct trace_row *row)
{
  const uint64_t *v = row->value;
  if (__builtin_expect(v[TRACE_DOMAIN] >= r->limits.domains, 0)) {
    cli_trace_complain(
        r, TRACE_DOMAIN, "%" PRIu64 " is not below %" PRIu64 "%s",
        v[TRACE_DOMAIN], r->limits.domains, r->limits.domains_why);
    return false;
  }
  if (__builtin_expect(v[TRACE_IOVA] >> r->limits.address_bits != 0, 0)) {
    cli_trace_complain(r, TRACE_IOVA, "an address has at most %u bits%s",
                       r->limits.address_bits, r->limits.address_why);
    return false;
  }
  if (v[TRACE_PAGE_BYTES] == trace_page_bytes(TRACE_4K))
    row->page = TRACE_4K;
  else if (v[TRACE_PAGE_BYTES] == trace_page_bytes(TRACE_2M))
    row->page = TRACE_2M;
  else if (v[TRACE_PAGE_BYTES] == trace_page_bytes(TRACE_1G))
    row->page = TRACE_1G;
  else
    return bad_page(r, v[TRACE_PAGE_BYTES]);
  return true;
}

/* Without the column each access is a packet. */
static inline bool check_packet(struct trace_reader *r, struct trace_row *row)
{
  row->first = true;
  if (r->n_columns < TRACE_COLUMNS)
    return true;
  uint64_t packet = row->value[TRACE_PACKET];
  row->first = r->rows == 0 || packet != r->packet;
  if (__builtin_expect(r->rows > 0 && packet < r->packet, 0)) {
    cli_trace_complain(r, TRACE_PACKET,
                       "%" PRIu64 " comes after %" PRIu64
                       "; numbers of packets must not decrease",
                       packet, r->packet);
    return false;
  }
  r->packet_rows = row->first ? 1 : r->packet_rows + 1;
  if (__builtin_expect(r->packet_rows > IOMMU_TRACE_PACKET_MAX, 0)) {
    cli_trace_complain(r, TRACE_PACKET,
                       "packet %" PRIu64 " has more than %d accesses", packet,
                       IOMMU_TRACE_PACKET_MAX);
    return false;
  }
  r->packet = packet;
  return true;
}

/* A whole line is in the buffer, or there is none. */
static inline bool have_line(struct trace_reader *r)
{
  if (__builtin_expect(r->end - r->next >= TRACE_LINE_MAX, 1))
    return true;
  return (r->at_end || cli_trace_fill(r)) && r->next < r->end;
}

bool cli_trace_next(struct trace_reader *r, struct trace_row *row)
{
  if (r->failed || !have_line(r))
    return false;
  r->line++;
  r->line_start = r->next;
  if (!parse_cells(r, row) || !check_values(r, row) || !check_packet(r, row))
    return false;
  r->rows++;
  return true;
}

/* ---- the first line ------------------------------------------------- */

static bool unknown_column(struct trace_reader *r, const char *p)
{
  struct hd_clip text = cell_text(p);
  struct hd_nearest nearest = hd_nearest_to(text.text);
  struct hd_list list = {.length = 0};
  for (size_t i = 0; i < TRACE_COLUMNS; i++) {
    hd_nearest_try(&nearest, names[i]);
    hd_list_add(&list, names[i]);
  }
  return complain(r, p, "there is no column '%s'%s", text.text,
                  hd_hint(&nearest, "columns", &list).text);
}

static bool add_column(struct trace_reader *r, const char *p, size_t length)
{
  enum trace_column c = TRACE_DOMAIN;
  while (c < TRACE_COLUMNS &&
         (strlen(names[c]) != length || strncmp(names[c], p, length) != 0))
    c++;
  if (c == TRACE_COLUMNS)
    return unknown_column(r, p);
  for (unsigned i = 0; i < r->n_columns; i++)
    if (r->order[i] == c)
      return complain(r, p, "a second column %s", names[c]);
  r->order[r->n_columns++] = c;
  return true;
}

bool cli_trace_header(struct trace_reader *r)
{
  r->line = 1;
  r->n_columns = 0;
  r->line_start = r->next;
  if (!have_line(r))
    return !r->failed && complain(r, r->line_start,
                                  "the file is empty; the first line is "
                                  "'domain,iova,page_bytes'");
  r->line_start = r->next;
  const char *p = r->next;
  for (;; p++) {
    size_t length = 0;
    while (!ends_cell(p[length]))
      length++;
    if (!add_column(r, p, length))
      return false;
    p += length;
    if (*p != ',')
      break;
  }
  p += *p == '\r';
  for (size_t c = 0; c < TRACE_PACKET; c++) {
    bool there = false;
    for (unsigned i = 0; i < r->n_columns; i++)
      there = there || r->order[i] == c;
    if (!there)
      return complain(r, p, "there is no column %s", names[c]);
  }
  if (*p != '\n')
    return complain(r, p, "a line ends in LF or CR LF");
  r->next = (char *)(uintptr_t)p + 1;
  return true;
}
