#!/usr/bin/env bash
# test_readme.sh - the examples of README.md work as they stand.
#
# A fenced block after <!-- test file NAME --> is written to NAME, each line of
# one after <!-- test --> is a command that must succeed. Beyond that: every
# file and every parameter path that README.md names exists, and the quickstart
# table is the one that the program prints.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree.
# Prints "ok - NAME" or "not ok - NAME" for each; exits with 1 if any failed.
# What a green run does not prove: that the prose is true.
set -u
program=${HDIOV_SIM:?}
source=$(cd "${SRCDIR:?}" && pwd) || exit 1
readme=$source/README.md
work=$(mktemp -d "${TMPDIR:-/tmp}/test-readme-XXXXXX") || exit 1
cd "$work" || exit 1
trap 'cd /; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

report() { # STATUS NAME [LOG]
  if [ "$1" = 0 ]; then
    echo "ok - $2"
  else
    echo "not ok - $2"
    [ -z "${3:-}" ] || sed 's/^/#   /' "$3"
    failed=1
  fi
}

mkdir bin
ln -s "$program" bin/hdiov-sim
ln -s "$source/scenarios" scenarios
PATH=$work/bin:$PATH

# ---- the marked blocks -------------------------------------------------------

awk '
  /^<!-- test file / { file = $4; next }
  /^<!-- test -->/ { commands = 1; next }
  /^```/ && !inside && (file != "" || commands) { inside = 1; next }
  /^```/ && inside { inside = 0; if (file != "") close(file); file = ""; commands = 0; next }
  inside && file != "" { print > file }
  inside && commands { print > "commands" }' "$readme"

[ -s commands ] && [ -s web.yaml ]
report $? "README.md has marked examples"
while IFS= read -r line; do
  bash -e -c "$line" >log 2>&1 </dev/null
  report $? "$line" log
done <commands

grep -q '^web,.*,pingers,' out/web/summary.csv && [ -s out/web/figures/throughput.png ]
report $? "the scenario's results and figures are there"
[ "$(grep -c ',all,' out/itr/summary.csv)" = 6 ]
report $? "--resume has completed the sweep"

# ---- what is named -------------------------------------------------------------

"$program" params --paths | sed 's/=$//' >paths
# From the table of mechanisms: the first column.
sed -n '/^| path /,/^$/s/^| .\([a-z_.]*\)` |.*/\1/p' "$readme" |
  while IFS= read -r path; do
    grep -qxF "$path" paths || echo "$path"
  done >missing
[ ! -s missing ]
report $? "paths in the table of mechanisms exist" missing

"$program" run scenarios/quickstart.yaml --quiet --set run.warmup='0 ns' \
  --set run.duration='20 us' --out columns >/dev/null 2>&1
head -n 1 columns/summary.csv | tr , '\n' >names
# From the table of columns; the names are the words in back quotes.
sed -n '/^| column /,/^$/s/^| \(`[^|]*\) |.*/\1/p' "$readme" | grep -o '[a-z_0-9]*' |
  while IFS= read -r name; do
    grep -qxF "$name" names || echo "$name"
  done >missing
[ ! -s missing ]
report $? "columns in the table of results exist" missing

grep -o '](\([^)]*\))' "$readme" | sed 's/](\(.*\))/\1/' |
  while IFS= read -r file; do
    [ -e "$source/$file" ] || echo "$file"
  done >missing
sed -n 's/^| .\([a-z0-9-]*\.yaml\)` .*/\1/p' "$readme" |
  while IFS= read -r file; do
    ls "$source"/scenarios/*/"$file" >found 2>&1 || echo "$file"
  done >>missing
[ ! -s missing ]
report $? "files that README.md names exist" missing

# ---- the quickstart's table ------------------------------------------------------

"$program" sweep scenarios/quickstart.yaml --quiet --no-plot -j 2 --out quick 2>log |
  grep -v '^Results' | sed 's/ *$//' >printed
sed -n '/^    design  count/,/^$/p' "$readme" | sed 's/^    //; /^$/d' >shown
cmp -s printed shown || diff shown printed >log
cmp -s printed shown
report $? "the quickstart prints the table of README.md (make results renews it)" log

exit $failed
