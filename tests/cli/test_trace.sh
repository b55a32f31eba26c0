#!/bin/sh
# test_trace.sh - hdiov-sim trace, from outside.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree.
# Prints a line for each case, "ok - NAME" or "not ok - NAME"; exits with 1 if
# any failed. What a green run does not prove: that it is fast; the rate that it
# prints on standard error depends on the machine.

source=${SRCDIR:-.}
work_name=test-trace
. "$source/tests/cli/helpers.sh"
LC_ALL=C
export LC_ALL

run() {
  "$program" trace "$@" >stdout 2>stderr
  status=$?
  return 0
}

# refuses MESSAGE ARGUMENT...: one line on standard error with MESSAGE, as it
# is; status 2; nothing is written.
refuses() {
  message=$1
  shift
  run "$@" --out bad
  status_is 2 || return 1
  grep -q -F -e "$message" stderr || { cat stderr; return 1; }
  [ "$(wc -l <stderr)" -eq 1 ] || { cat stderr; return 1; }
  [ ! -s stdout ] && [ ! -e bad ]
}

# wrong MESSAGE TEXT: a trace with TEXT (of printf) is refused.
wrong() {
  printf "$2" >wrong.csv
  refuses "wrong.csv:$1" wrong.csv
}

# value FILE COLUMN: of a one-row CSV.
value() {
  awk -F, -v name="$2" '
    NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i }
    NR == 2 { print $c }' "$1"
}

# has DIR COLUMN VALUE
has() {
  got=$(value "$1/trace.csv" "$2")
  [ "$got" = "$3" ] || { echo "$2 is $got, not $3"; return 1; }
}

# -- traces ----------------------------------------------------------------

printf 'domain,iova,page_bytes\n' >head
{ cat head; printf '0,0x1000,4096\n0,4097,4096\n5,0x200000,2097152\n'
  printf '0,0x40000000,1073741824\n0,0x7fffffff,1073741824\n'; } >small.csv
awk 'BEGIN { print "domain,iova,page_bytes"
  for (i = 0; i < 20000; i++)
    printf "%d,0x%x,4096\n", (i * 7) % 64, 268435456 + 4096 * (i * i % 211) }' \
  >many.csv
awk 'BEGIN { print "packet,page_bytes,iova,domain"
  for (i = 0; i < 999; i++)
    printf "%d,4096,%d,3\n", 10 + int(i / 3) * 2, i * 4096 }' >packets.csv

# -- results ---------------------------------------------------------------

small() {
  run small.csv --out small
  status_is 0 && says '^5 accesses of 2 domains in 5 packets' &&
    warns 'accesses in .* s of wall time' && has small lookups 5 &&
    has small iotlb_hits_4k 1 && has small iotlb_hits_2m 0 &&
    has small iotlb_hits_1g 1 && has small walks 3 && has small domains 2 &&
    has small scenario trace && has small trace small.csv &&
    [ "$(wc -l <small/trace.csv)" -eq 2 ] && [ -s small/latency.hgrm ] &&
    grep -q '"fingerprint"' small/manifest.json && [ ! -e small/points ]
}
check "a small trace" small

# The same bytes: again, quietly, from a pipe, with CR LF, in decimal, without a
# newline at the end.
same() {
  cp small.csv t.csv && run t.csv --quiet --out s1 && status_is 0 &&
    [ ! -s stderr ] || return 1
  cat small.csv | "$program" trace - --quiet >piped || return 1
  sed 's/$/\r/' small.csv >t.csv && run t.csv --out s2 && status_is 0 || return 1
  printf '%s' "$(cat small.csv)" >t.csv && run t.csv --out s3 || return 1
  cmp s1/trace.csv s2/trace.csv && cmp s1/trace.csv s3/trace.csv || return 1
  run small.csv && diff stdout piped
}
check "the same trace gives the same results" same

depth() {
  run many.csv --depth 1 --out d1 && status_is 0 || return 1
  run many.csv --depth 16 --out d16 && status_is 0 || return 1
  has d16 depth 16 && has d1 lookups 20000 && has d16 lookups 20000 &&
    awk -v a="$(value d1/trace.csv accesses_per_s)" \
      -v b="$(value d16/trace.csv accesses_per_s)" 'BEGIN { exit !(b > 2 * a) }'
}
check "depth raises the rate" depth

packets() {
  run packets.csv --out p1 && status_is 0 && has p1 packets 333 &&
    has p1 lookups 999
}
check "packets, columns in another order" packets

geometry() {
  run many.csv --set iommu.iotlb_entries=16384 --set iommu.iotlb_ways=0 \
    --out g1 && has g1 walks "$(sed 1d many.csv | sort -u | wc -l)" || return 1
  run many.csv --set iommu.iotlb_entries=1 --set iommu.iotlb_ways=1 --out g2 &&
    has g2 iotlb_hits 0
}
check "the geometry is --set" geometry

modes() {
  printf 'name: mine\niommu: { mode: legacy, walkers: 2 }\n' >mine.yaml
  run small.csv --scenario mine.yaml --out m1 && status_is 0 &&
    has m1 scenario mine && has m1 pasid_hits 0 && has m1 walks 3 || return 1
  run small.csv --set iommu.stage=nested --out m2 && status_is 0 &&
    has m2 walks 3 &&
    [ "$(value m2/trace.csv walk_reads)" -gt "$(value m1/trace.csv walk_reads)" ]
}
check "a scenario, legacy and nested" modes

# -- refusals --------------------------------------------------------------

check "no domain" wrong "1:16: there is no column domain" 'iova,page_bytes\n1,4096\n'
check "unknown column" wrong "1:8: there is no column 'iov'; did you mean 'iova'?" \
  'domain,iov,page_bytes\n'
check "column twice" wrong "1:13: a second column iova" 'domain,iova,iova\n'
check "empty file" wrong "1:1: the file is empty" ''
check "empty line" wrong "3:1: the line is empty" \
  'domain,iova,page_bytes\n0,0,4096\n\n0,0,4096\n'
check "empty cell" wrong "2:3: iova: the cell is empty" \
  'domain,iova,page_bytes\n0,,4096\n'
check "too few cells" wrong "2:6: 2 cells; the first line names 3" \
  'domain,iova,page_bytes\n0,0x1\n'
check "too many cells" wrong "2:9: more cells than the 3" \
  'domain,iova,page_bytes\n0,0,4096,1\n'
check "no number" wrong "2:3: iova: '0x12g' is no whole number" \
  'domain,iova,page_bytes\n0,0x12g,4096\n'
check "a blank" wrong "2:3: iova: ' 1' is no whole number" \
  'domain,iova,page_bytes\n0, 1,4096\n'
check "quotes" wrong "2:3: iova: '\"1\"' is no whole number" \
  'domain,iova,page_bytes\n0,"1",4096\n'
check "a negative number" wrong "2:1: domain: '-1' is no whole number" \
  'domain,iova,page_bytes\n-1,1,4096\n'
check "a number too long" wrong "2:3: iova: '10000000000000000000000' is no" \
  'domain,iova,page_bytes\n0,10000000000000000000000,4096\n'
check "no cell text beyond the file" wrong "2:3: iova: '0x' is no whole number" \
  'domain,iova,page_bytes\n0,0x'
check "domain too large" wrong "2:1: domain: 1048576 is not below 1048576" \
  'domain,iova,page_bytes\n1048576,0,4096\n'
check "address too large" wrong "2:3: iova: an address has at most 48 bits" \
  'domain,iova,page_bytes\n0,0x1000000000000,4096\n'
check "page size" wrong \
  "2:5: page_bytes: there are no pages of 8192 bytes; write 4096, 2097152" \
  'domain,iova,page_bytes\n0,0,8192\n'
check "two page sizes" wrong \
  "4:12: page_bytes: the page of 2097152 bytes at 0x200000 of domain 7 overlaps one of 4096" \
  'domain,iova,page_bytes\n7,0x201000,4096\n8,0x201000,2097152\n7,0x3fffff,2097152\n'
check "packets go back" wrong "3:10: packet: 4 comes after 5" \
  'domain,iova,page_bytes,packet\n0,0,4096,5\n0,0,4096,4\n'
check "no accesses" refuses "head has no accesses" head
check "no file" refuses "cannot open nowhere.csv: No such file" nowhere.csv
check "a directory" refuses "cannot" .
check "mode off" refuses "iommu.mode is off" small.csv --set iommu.mode=off

limits() {
  printf 'domain,iova,page_bytes\n65535,0,4096\n' >legacy.csv
  refuses "legacy.csv:2:1: domain: 65535 is not below 65535" legacy.csv \
    --set iommu.mode=legacy || return 1
  printf 'domain,iova,page_bytes\n0,0x400000000000,4096\n' >nested.csv
  refuses "iova: an address has at most 46 bits with nested" nested.csv \
    --set iommu.stage=nested
}
check "limits of the modes" limits

# An error far behind the first buffer.
late() {
  { cat many.csv many.csv many.csv | sed '/^d/d' | sed '1s/^/domain,iova,page_bytes\n/'
    echo 'x'; } >late.csv
  refuses "late.csv:60002:1: domain: 'x' is no whole number" late.csv
}
check "line numbers of large files" late

usage() {
  run small.csv --depth 0 && status_is 2 && warns 'from 1 to' || return 1
  run small.csv --depth && status_is 2 || return 1
  run && status_is 2 && warns 'which FILE' || return 1
  run small.csv --dept=3x && status_is 2 || return 1
  run small.csv --set iommu.walker=3 && status_is 2 && warns 'walkers'
}
check "usage" usage

again() {
  run small.csv --out small && status_is 2 && warns 'already has results'
}
check "results are not overwritten" again

room() {
  awk 'BEGIN { print "domain,iova,page_bytes"
    for (i = 0; i < 40000; i++) printf "%d,0,4096\n", i }' >wide.csv
  refuses "need more than host.memory_reserved" wide.csv \
    --set host.memory_reserved='1 GiB' &&
    run wide.csv --set host.memory_reserved='2 GiB' && status_is 0 &&
    says '^40000 accesses of 40000 domains'
}
check "tables have to fit" room

exit "$failed"
