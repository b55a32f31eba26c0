/*
 * trace_reader.h - a CSV file of I/O virtual addresses, as a stream.
 *
 * The first line names the columns, in any order: domain, iova, page_bytes and,
 * if wanted, packet. Each other line is an access. Numbers are decimal or 0x
 * hexadecimal, nothing else may stand in a cell. Lines end in LF or CR LF.
 *
 *   domain      0 to limits.domains - 1
 *   iova        below 2^limits.address_bits
 *   page_bytes  4096, 2097152 or 1073741824: the leaf that maps the address
 *   packet      never decreases; the accesses of one number are a packet
 *
 * Only TRACE_BUFFER bytes of the file's text are in memory at a time. What is
 * no file (a pipe) is copied to a temporary file that has no name, so that it
 * can be read twice.
 */
#ifndef HD_CLI_TRACE_READER_H
#define HD_CLI_TRACE_READER_H

#include "models/iommu_trace/iommu_trace.h"

#define TRACE_BUFFER (256 * 1024)
#define TRACE_LINE_MAX 4096 /* bytes; a correct line is much shorter */

enum trace_column {
  TRACE_DOMAIN,
  TRACE_IOVA,
  TRACE_PAGE_BYTES,
  TRACE_PACKET,
  TRACE_COLUMNS
};

struct trace_limits {
  uint64_t domains;
  const char *domains_why; /* "": the format's own limit */
  unsigned address_bits;
  const char *address_why;
};

struct trace_row {
  uint64_t value[TRACE_COLUMNS];
  enum trace_page page;
  bool first; /* of its packet */
};

struct trace_reader {
  const char *name;
  struct trace_limits limits;
  int file;
  char *buffer;     /* its text ends in a newline beyond `end` */
  char *next, *end; /* not parsed yet: [next, end) */
  bool at_end;      /* of the file */
  bool failed;      /* the reason was printed */
  uint64_t line;    /* of the row last read, from 1 */
  const char *start[TRACE_COLUMNS]; /* of its cells */
  const char *line_start;
  unsigned n_columns;
  enum trace_column order[TRACE_COLUMNS]; /* of the columns in the file */
  uint64_t packet;                        /* of the row before */
  uint32_t packet_rows;                   /* with that number, so far */
  uint64_t rows;
};

/* Opens the file ("-": standard input) and reads its first line. False: the
 * reason was printed, nothing is held. `name` lives on. */
bool cli_trace_open(struct trace_reader *r, const char *name,
                    const struct trace_limits *limits);
void cli_trace_close(struct trace_reader *r);
/* Begins again with the first access. */
bool cli_trace_rewind(struct trace_reader *r);

/* The next access. False at the end, or when the file is wrong: then the
 * reason was printed and `failed` is set. */
bool cli_trace_next(struct trace_reader *r, struct trace_row *row);

/* "FILE:LINE:COLUMN: NAME: ..." about the row last read; sets `failed`. */
void cli_trace_complain(struct trace_reader *r, enum trace_column column,
                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
