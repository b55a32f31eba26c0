#!/usr/bin/env bash
# validate.sh - simulates the conditions of all measurements and renews what the
# repository shows of it: results/validation/ and the table in docs/fidelity.md.
# Called by `make validate`; fails when a kind of measurement is not met.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree;
# JOBS, simulations at a time.
set -uo pipefail
program=${HDIOV_SIM:?}
cd "${SRCDIR:?}" || exit 1
"$program" validate scenarios/validation/pcie-bench.yaml \
  --out results/validation ${JOBS:+-j "$JOBS"}
status=$?
[ "$status" -le 1 ] || exit "$status" # no tables
work=$(mktemp) || exit 1
trap 'rm -f "$work"' EXIT
awk -v table=results/validation/table.md '
  /^<!-- table -->$/ { print; while ((getline line < table) > 0) print line
                       skip = 1; next }
  /^<!-- end of table -->$/ { skip = 0 }
  !skip' docs/fidelity.md >"$work" && cat "$work" >docs/fidelity.md || exit 1
exit "$status"
