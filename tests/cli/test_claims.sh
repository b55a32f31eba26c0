#!/bin/sh
# test_claims.sh - published figures beside simulated ones, from outside.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree.
# Prints a line for each case, "ok - NAME" or "not ok - NAME"; exits with 1 if
# any failed. What a green run does not prove: that published figures are
# reproduced; what is judged how is the matter of test_claims.c.

source=${SRCDIR:-.}
work_name=test-claims
. "$source/tests/cli/helpers.sh"
LC_ALL=C
export LC_ALL

# scenario NAME: with what follows on standard input as its list.
scenario() {
  cat - >list
  cat >"$1.yaml" <<YAML
name: claims
run: {warmup: 50 us, duration: 100 us}
memory: {size: 2 TiB}
nic: {interfaces: 12, pf_interfaces: 10}
vms:
  guests:
    count: 1
    vcpus: 1
    memory: 64 MiB
    queue_pairs: 1
    workload: {type: udp_stream, payload: 1470 B, streams: 1, rate: 1 Gb/s}
sweep:
  axes:
    design: [sriov, hdiov]
    vms.count: [1, 2, 3]
YAML
  cat list >>"$1.yaml"
}

scenario right <<'YAML'
published:
  - what: goodput, HD-IOV over SR-IOV
    metric: tx_goodput_gbps
    at: {design: hdiov}
    over: {design: sriov}
    value: 1
    tolerance: 5 %
    source: a paper
  - {what: devices, largest: vms.count, value: 2, tolerance: 0 %, at: {design: hdiov}, source: a paper}
  - {what: the third, infeasible: interfaces, at: {vms.count: 3}, source: a paper}
YAML
scenario wrong <<'YAML'
published:
  - {what: devices, largest: vms.count, value: 2, tolerance: 0 %, at: {design: hdiov}, source: a paper}
  - {what: goodput, metric: tx_goodput_gbps, at: {vms.count: 1, design: sriov}, value: 10, tolerance: 5 %, source: a paper}
YAML

# row FILE WHAT: points, published, simulated and verdict of the row, which has
# no quoted commas.
row() {
  awk -F, -v what="$2" 'NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
    $c["what"] == what { print $c["points"], $c["published"], $c["simulated"],
      $c["verdict"] }' "$1"
}

sweeps() {
  run sweep right.yaml --out D --no-plot --quiet --strict
  status_is 0 && says '^published: 3 of 3 within tolerance$' &&
    says 'Results in D (.*published.csv' && says 'of 2: vms.count=' &&
    [ "$(row D/published.csv devices)" = '1 2 2 ok' ] &&
    [ "$(row D/published.csv 'the third')" = \
      '2 infeasible: interfaces infeasible: interfaces 2 < 3 ok' ] &&
    [ "$(wc -l <D/published.csv)" -eq 4 ] &&
    [ "$(awk 'length > 100' stdout | grep -c -v 'Results in')" -eq 0 ]
}
check "sweep compares" sweeps
reports() {
  cp stdout before
  run report D --strict
  status_is 0 && sed '/^Results in/d' before >wanted && cmp wanted stdout
}
check "report prints the same tables" reports

off() {
  run sweep wrong.yaml --out E --no-plot --quiet
  status_is 0 && says '^published: 1 of 2 within tolerance$' &&
    says ' off by [0-9]* %' && [ -z "$(cat stderr)" ]
}
check "off is no failure" off
strict() {
  run sweep wrong.yaml --out E --no-plot --quiet --strict --resume
  status_is 3 && says '1 of 2' || return 1
  run report E
  status_is 0 || return 1
  run report E --strict
  status_is 3
}
check "--strict" strict

# Nothing is simulated again, and nothing of an old list is left.
resumes() {
  run sweep right.yaml --out E --no-plot --resume
  status_is 0 && warns '6 of 6 points are there already' &&
    cmp D/published.csv E/published.csv || return 1
  sed '/^published/,$d' right.yaml >none.yaml
  run sweep none.yaml --out E --no-plot --resume
  status_is 0 && warns '6 of 6' && [ ! -e E/published.csv ] &&
    ! says published >/dev/null
}
check "--resume compares anew" resumes

fewer() {
  run sweep right.yaml --set design=hdiov --axis vms.count=1,3 --out F \
    --no-plot --quiet --strict
  status_is 0 && says '^published: 1 of 1 within tolerance, 2 not run$' &&
    [ "$(row F/published.csv devices)" = '0 2 NA not run' ]
}
check "entries that are not run" fewer
runs() {
  run run right.yaml --set design=hdiov --set vms.count=3 --quiet
  status_is 0 && says 'the third' && says '1 of 1 within tolerance, 2 not run' &&
    ! grep -q goodput stdout || return 1
  run run right.yaml --quiet
  status_is 0 && ! grep -q published stdout
}
check "run compares what it runs" runs
repeats() {
  run sweep right.yaml --set run.repetitions=2 --out G --no-plot --quiet
  status_is 0 && says '3 of 3' && [ "$(row G/published.csv devices)" = '1 2 2 ok' ]
}
check "repetitions" repeats

checks() {
  run check right.yaml
  status_is 0 && says '6 points, 2 infeasible on this hardware, 3 published fig' ||
    return 1
  run check right.yaml --explain
  status_is 0 && ! grep -q '^published' stdout
}
check "check counts them" checks
scenario bad <<'YAML'
published:
  - {what: a, source: s, metric: tx_godput_gbps, value: 1, tolerance: 5 %}
  - {what: b, source: s, metric: tx_pps, at: {vms.count: 5}, at_most: 1}
  - {what: c, metric: tx_pps}
YAML
refuses() {
  run sweep bad.yaml --out H
  status_is 2 && [ ! -e H ] && warns "^bad.yaml:17:34: .*'tx_goodput_gbps'?" &&
    warns "^bad.yaml:18:58: .*axis 'vms.count' has no value '5'" &&
    warns "^bad.yaml:19:5: .*'source' is required" &&
    warns "^bad.yaml:19:5: .*nothing to compare with"
}
check "all mistakes in one pass" refuses
helps() {
  run report --help
  status_is 0 && says Examples: || return 1
  run --help
  status_is 0 && says '  report DIR' && says 'a published figure'
}
check "help" helps
no_dir() { run report nowhere; status_is 2 && warns nowhere; }
check "report of nothing" no_dir
which_dir() { run report; status_is 2 && warns 'which DIR'; }
check "report without a directory" which_dir

# Those that are shipped are right, and name what exists.
for file in "$source"/scenarios/hdiov/fig*.yaml; do
  shipped() { run check "$file"; status_is 0 && says 'published figure'; }
  check "$(basename "$file")" shipped
done

exit $failed
