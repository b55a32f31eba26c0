#!/usr/bin/env bash
# regenerate.sh - renews what the repository shows of the program's output: the
# quickstart's figure in results/quickstart/ and its table in README.md. Called
# by `make results`.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree.
set -euo pipefail
program=${HDIOV_SIM:?}
cd "${SRCDIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" sweep scenarios/quickstart.yaml --out "$work/quick" >"$work/table"
mkdir -p results/quickstart
cp "$work/quick/figures/throughput.png" results/quickstart/
grep -v '^Results' "$work/table" | sed 's/^/    /; s/ *$//' >"$work/shown"
awk -v table="$work/shown" '
  /^    design  count/ { while ((getline line < table) > 0) print line; skip = 1; next }
  skip && /^$/ { skip = 0 }
  !skip' README.md >"$work/readme"
cat "$work/readme" >README.md
echo "README.md and results/quickstart/throughput.png are renewed"
