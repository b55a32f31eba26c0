#!/bin/sh
# test_calibrate.sh - hdiov-sim calibrate and validate, from outside.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree.
# Prints a line for each case, "ok - NAME" or "not ok - NAME"; exits with 1 if
# any failed. Measurements are made by the simulator itself, with values that
# the fit must find again. What a green run does not prove: that the simulator
# meets real measurements; `make validate` does.

source=${SRCDIR:-.}
work_name=test-calibrate
. "$source/tests/cli/helpers.sh"
LC_ALL=C
export LC_ALL

# refuses PATTERN ARGUMENT...: the last line on standard error says so, status
# 2, and nothing is written.
refuses() {
  pattern=$1
  shift
  run "$@"
  status_is 2 && warns "$pattern" && [ ! -s stdout ] && [ ! -e p.yaml ]
}

# within TOLERANCE EXPECTED PATH UNIT: the fitted value in the report.
within() {
  awk -v path="$3" -v unit="$4" -v expected="$2" -v tolerance="$1" '
    $1 == path { found = 1
                 for (i = 2; i <= NF; i++) if ($(i) == "to") break
                 # before, fitted, low "to" high, with or without units
                 value = unit == "" ? $3 : $4
                 if (unit != "" && $5 != unit) bad = 1
                 d = value / expected - 1
                 if (d < 0) d = -d
                 if (d > tolerance) bad = 1
                 print path, value, "expected", expected }
    END { exit bad || !found }' stdout
}

cat >bench.yaml <<'YAML'
name: bench
host: dell-t630
device: nfp6000
run: {warmup: 100 us, duration: 300 us}
bench: {mode: latency, op: rd, cache: cold, transfer: 64 B, window: 8 KiB}
iommu: {mode: "off", page_size: 4 KiB}
sweep:
  axes:
    iommu.mode: ["off", legacy]
    bench.cache: [cold, hwarm]
    bench.window: [64 KiB, 1 MiB, 4 MiB]
YAML

# Values that no preset has. Latency fixes the memory's values, bandwidth those
# of the IOMMU.
truth="--set memory.llc_latency=119ns --set memory.dram_latency=83ns \
  --set iommu.iotlb_entries=77 --set iommu.walkers=3"
# shellcheck disable=SC2086
"$program" sweep bench.yaml $truth --no-plot --quiet --out lat >/dev/null 2>&1
# shellcheck disable=SC2086
"$program" sweep bench.yaml $truth --no-plot --quiet --out bw \
  --axis bench.mode=bandwidth --axis bench.op=wr --axis iommu.mode=legacy \
  --axis bench.cache=cold --axis bench.window='512KiB,1MiB,4MiB' \
  >/dev/null 2>&1
fits="--fit memory.llc_latency=40ns..300ns --fit memory.dram_latency=20ns..150ns"

# -- fits ------------------------------------------------------------------

recovers() {
  # shellcheck disable=SC2086
  run calibrate bench.yaml --quiet --starts 1 \
    --metric latency_mean_ns,iotlb_hit_ratio,dma_gbps \
    --data lat/summary.csv --where 'iommu.mode=off,bench.window=64 KiB' \
    --data bw/summary.csv $fits --fit iommu.iotlb_entries=16..1024 \
    --fit iommu.walkers=1..16 --fit device.write_contexts=14..20 --out p.yaml
  status_is 0 && within 0.03 119 memory.llc_latency ns &&
    within 0.03 83 memory.dram_latency ns &&
    within 0.05 77 iommu.iotlb_entries '' &&
    within 0 3 iommu.walkers '' &&
    says 'device.write_contexts .* - .*not identified'
}
check "known values are found again, and what no row shows is said" recovers

preset() {
  grep -q '^memory:$' p.yaml && grep -q '^iommu:$' p.yaml &&
    grep -q '^  dram_latency: .* ns  # fitted: .* to .* rows of summary.csv' \
      p.yaml && grep -q '^# device.write_contexts: not identified' p.yaml &&
    ! grep -q '^  write_contexts' p.yaml || { cat p.yaml; return 1; }
  mkdir -p presets/host && cp p.yaml presets/host/mine.yaml
  HDIOV_SIM_DATA=$work
  run check bench.yaml --set host.preset=mine --explain
  HDIOV_SIM_DATA=$source/scenarios
  status_is 0 && says 'preset host/mine.yaml'
}
check "the preset can be used" preset

same_bytes() {
  for jobs in 1 2; do
    # shellcheck disable=SC2086
    run calibrate bench.yaml --quiet --starts 1 --where point=0..2 \
      --metric latency_mean_ns --data lat/summary.csv -j $jobs \
      --fit memory.llc_latency=40ns..300ns --out same.yaml
    status_is 0 || return 1
    cp stdout "stdout-$jobs" && cp same.yaml "same-$jobs.yaml"
  done
  cmp stdout-1 stdout-2 && cmp same-1.yaml same-2.yaml
}
check "-j1 and -j2 give the same bytes" same_bytes
rm -f p.yaml

# -- mistakes --------------------------------------------------------------

cat >good.csv <<'CSV'
bench.window,latency_mean_ns,note
64 KiB,600,a
1 MiB,700,b
CSV
printf 'bench.window,latency_mean_ns\n64 KiB,600\n1 parsec,700\n' >unit.csv
printf 'bench.window,latency_mean_ns\n64 KiB,600\n1 MiB,soon\n' >word.csv
printf 'bench.window,latency_mean_ns\n64 KiB\n' >short.csv
printf 'bench.windw,latency_mean_ns\n64 KiB,600\n' >path.csv
printf 'bench.window,note\n64 KiB,600\n' >none.csv
printf 'iommu,median_ns\non-8k,600\n' >alias.csv
printf 'bench.mode,gbps\nlatency,6\n' >mode.csv
printf 'bench.window,tx_goodput_gbps\n64 KiB,6\n' >other.csv
fit=--fit=memory.llc_latency=40ns..90ns
no() { # NAME PATTERN ARGUMENT...
  name=$1 pattern=$2
  shift 2
  check "$name" refuses "$pattern" calibrate bench.yaml --out p.yaml "$@"
}
no "no data" 'measurements are missing' $fit
no "nothing to fit" 'nothing to fit' --data good.csv
no "missing file" 'nowhere.csv: No such file' --data nowhere.csv $fit
no "unit of a cell" "unit.csv:3: column 'bench.window': unknown unit 'parsec'" \
  --data unit.csv $fit
no "word for a number" "word.csv:3: column 'latency_mean_ns': 'soon'" \
  --data word.csv $fit
no "short row" 'short.csv:2: 1 cells' --data short.csv $fit
unused() {
  # shellcheck disable=SC2086
  run calibrate bench.yaml --data path.csv $fit --set run.duration=20us \
    --set run.warmup=0us --starts 1
  status_is 0 && warns 'path.csv: columns that are not used: bench.windw'
}
check "a misspelt condition is listed as not used" unused
no "nothing measured" 'none.csv:1: no column was measured' --data none.csv $fit
no "unknown alias" "alias.csv:2: column 'iommu': 'on-8k' is not known" \
  --data alias.csv $fit
no "contradiction" "mode.csv:2: column 'bench.mode' sets bench.mode=latency" \
  --data mode.csv $fit
no "metric that does not apply" 'other.csv:2: .*has no tx_goodput_gbps' \
  --data other.csv $fit
no "no rows left" 'no rows with measured values are left with note=c' \
  --data good.csv --where note=c $fit
no "unknown column" "has no column 'nota'; did you mean 'note'" \
  --data good.csv --where nota=a $fit
no "unknown metric" 'no column has latency_p77_ns' --data good.csv \
  --metric latency_p77_ns $fit
no "unknown parameter" "no parameter 'memory.lcc_latency'; did you mean" \
  --data good.csv --fit memory.lcc_latency=1ns..2ns
no "no unit" "'40' has no unit" --data good.csv --fit memory.llc_latency=40..90ns
no "limits the wrong way round" '90ns is not below 40ns' --data good.csv \
  --fit memory.llc_latency=90ns..40ns
no "no limits" 'write LOW..HIGH' --data good.csv --fit memory.llc_latency=90ns
no "no number" 'it is no number' --data good.csv --fit iommu.mode=off..legacy
no "out of the parameter's range" 'is out of range' --data good.csv \
  --fit memory.llc_latency=0ns..90ns
no "a condition cannot be fitted" 'the row itself sets bench.window' \
  --data good.csv --fit bench.window=4KiB..8KiB
no "twice" 'is given twice' --data good.csv $fit $fit
no "--starts 0" "not '0'" --data good.csv $fit --starts 0
check "preset that cannot be written" refuses 'nowhere/p.yaml' calibrate \
  bench.yaml --data good.csv $fit --out nowhere/p.yaml
check "missing scenario" refuses 'nowhere.yaml: error' calibrate nowhere.yaml \
  --data good.csv $fit

# -- validate --------------------------------------------------------------

cat >kinds.csv <<'CSV'
kind,title,data,where,set,metric,tolerance,floor,rig,figure,x,curve
own,Our own,lat/summary.csv,group=all,NA,latency_mean_ns,1 %,NA,host,own Latency,point,iommu.mode
shown,Shown,good.csv,NA,NA,latency_mean_ns,NA,NA,host,NA,NA,NA
CSV
meets() {
  # shellcheck disable=SC2086
  run validate bench.yaml --kinds kinds.csv --quiet --out val $truth
  status_is 0 && says 'Our own  *12  *0.00 %  *0.00 % .* pass' &&
    says 'Shown .* shown' && [ "$(wc -l <val/points.csv)" -eq 15 ] &&
    [ -s val/kinds.csv ] && [ -s val/table.md ]
}
check "validate: what was simulated is met" meets
fails() {
  run validate bench.yaml --kinds kinds.csv --quiet --only own
  status_is 1 && says 'FAIL' && ! says 'Shown' >/dev/null
}
check "validate: other values are not" fails
sed 's/1 %/1/' kinds.csv >bad-kinds.csv
check "validate: tolerance without its unit" refuses \
  "bad-kinds.csv:2: column 'tolerance': '1'" validate bench.yaml \
  --kinds bad-kinds.csv
check "validate: no such kind" refuses 'has no kind' validate bench.yaml \
  --kinds kinds.csv --only nix
check "validate: no table" refuses 'this is no table of kinds' validate \
  bench.yaml --kinds good.csv
check "validate: default table" refuses 'bench.csv: No such file' validate \
  bench.yaml

exit $failed
