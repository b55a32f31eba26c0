/*
 * trace_input.h - for trace_reader.c: the text of a trace, piece by piece.
 */
#ifndef HD_CLI_TRACE_INPUT_H
#define HD_CLI_TRACE_INPUT_H

#include "sim/cli/trace_reader.h"

/* Reads more of the file, so that the next line is whole in the buffer, if the
 * file has one. False: the reason was printed and `failed` is set. */
bool cli_trace_fill(struct trace_reader *r);

/* Reads the names of the columns; likewise. */
bool cli_trace_header(struct trace_reader *r);

#endif
