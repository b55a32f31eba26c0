#!/bin/sh
# test_cli.sh - the command line of hdiov-sim, from outside.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree.
# Prints a line for each case, "ok - NAME" or "not ok - NAME"; exits with 1 if
# any failed. What a green run does not prove: that the numbers are right.

source=${SRCDIR:-.}
work_name=test-cli
. "$source/tests/cli/helpers.sh"

# refuses STATUS PATTERN ARGUMENT...: and no file is left behind.
refuses() {
  wanted=$1 pattern=$2
  shift 2
  run "$@"
  status_is "$wanted" && warns "$pattern" && [ ! -e D ] && [ ! -e out ]
}

scenario() { # NAME COUNTS [DURATION]
  cat >"$1.yaml" <<YAML
name: $1
run: {warmup: 50 us, duration: ${3:-100 us}}
memory: {size: 2 TiB}
vms:
  guests:
    count: 1
    vcpus: 1
    memory: 64 MiB
    queue_pairs: 1
    workload: {type: udp_stream, payload: 1470 B, streams: 1, rate: 10 Gb/s}
sweep:
  axes:
    design: [sriov, hdiov]
    vms.count: [$2]
YAML
}

# The tables of two directories are the same bytes.
same_tables() {
  for table in summary.csv breakdown.csv; do
    cmp "$1/$table" "$2/$table" || return 1
  done
}

# Waits up to 30 s until DIR has at least N finished points.
wait_for_points() {
  tries=0
  while [ "$(ls "$1/points" 2>/dev/null | wc -l)" -lt "$2" ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || return 1
    sleep 0.05
  done
}

column() { # FILE NAME: the column's values
  awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++)
    if ($i == name) c = i; next } { print $c }' "$1"
}

is_png() { [ "$(head -c 4 "$1" | tail -c 3)" = PNG ] && [ -s "$1" ]; }
is_svg() { head -c 400 "$1" | grep -q '<svg' && tail -c 20 "$1" | grep -q '</svg>'; }

is_json() {
  if command -v python3 >/dev/null; then
    python3 -m json.tool <"$1" >/dev/null
  else
    head -c 1 "$1" | grep -q '{' && tail -c 3 "$1" | grep -q '}'
  fi
}

# -- help, version, mistakes ------------------------------------------------

helps() { run "$@" --help; status_is 0 && says Usage: && says Examples:; }
check "help" helps
for command in run sweep plot check params; do
  check "help of $command" helps $command
done
version() { run --version; status_is 0 && says '^hdiov-sim [0-9]'; }
check "version" version
check "no command" refuses 2 Usage:
check "unknown command" refuses 2 "did you mean 'sweep'" swep x.yaml
check "unknown option" refuses 2 "did you mean '--axis'" sweep --axs=1 x.yaml
check "unknown short option" refuses 2 'invalid option' run -Q x.yaml
check "no file named" refuses 2 'which FILE' run
check "two files" refuses 2 'one FILE' run a.yaml b.yaml
check "missing file" refuses 2 'missing.yaml: error' run missing.yaml --out D
check "-j 0" refuses 2 "not '0'" sweep x.yaml -j 0
check "-j junk" refuses 2 "not '2x'" sweep x.yaml -j 2x
check "--seed junk" refuses 2 'whole number' run x.yaml --seed 12abc
check "unknown model" refuses 2 "did you mean 'nic'" params nik
check "plot of nothing" refuses 2 'no results' plot nowhere

scenario small '1, 2'
cat >wrong.yaml <<'YAML'
name: wrong
vms:
  guests:
    count: 0
    cuont: 2
    memory: 5 parsecs
YAML
all_at_once() {
  refuses 2 'wrong.yaml:4:' "$1" wrong.yaml --out D &&
    warns 'wrong.yaml:5:' && warns "did you mean 'count'" &&
    warns 'wrong.yaml:6:'
}
check "all errors in one pass (run)" all_at_once run
check "all errors in one pass (sweep)" all_at_once sweep
check "bad --set" refuses 2 'vms.cuont' run small.yaml --set vms.cuont=3 --out D
check "bad axis" refuses 2 'vms.cuont' sweep small.yaml --axis vms.cuont=3 --out D
# What holds at the first point only is found before any is simulated.
check "rule across parameters" refuses 2 power sweep small.yaml \
  --axis pcie.lanes=4,3 --out D
echo file >plain
check "directory cannot be made" refuses 2 'plain' sweep small.yaml \
  --out plain/D

# -- check and params ---------------------------------------------------------

checks() { run check small.yaml; status_is 0 && says 'small.yaml: ok (4 points)'; }
check "check" checks
explains() {
  run check small.yaml --explain --set vms.count=2
  status_is 0 || return 1
  cp stdout explained.yaml
  grep -q 'count: 2  # --set' explained.yaml || return 1
  run check explained.yaml --explain
  status_is 0 || return 1
  sed 's/  # .*//' explained.yaml >before
  sed 's/  # .*//' stdout >after
  cmp before after
}
check "explain round trip" explains
lists() { run params nic; status_is 0 && says '^nic' && says default; }
check "params of a model" lists
paths() { run params --paths; status_is 0 && says '^vms.workload.payload$'; }
check "params --paths" paths
schema() { run params --schema; status_is 0 && is_json stdout && says draft-07; }
check "params --schema" schema

# -- run ------------------------------------------------------------------------

run_table() {
  run run small.yaml --quiet
  status_is 0 && says 'Gb/s' && says sriov && [ ! -s stderr ] &&
    [ ! -e D ] && [ ! -e out ]
}
check "run prints a table and leaves no file" run_table
run_hint() { run run small.yaml; status_is 0 && warns 'first of 4 points'; }
check "run of a sweep says so" run_hint
run_files() {
  run run small.yaml --set design=hdiov --set vms.count=2 --seed 5 \
    --set run.repetitions=2 --out D/deep --quiet
  status_is 0 && says 'Results in D/deep' &&
    [ "$(column D/deep/summary.csv seed | sort -u | tr '\n' ' ')" = '5 6 ' ] &&
    [ -s D/deep/confidence.csv ] && [ -s D/deep/latency-all-000.hgrm ] &&
    [ -s D/deep/latency-guests-001.hgrm ] && [ -s D/deep/breakdown.csv ] &&
    is_json D/deep/manifest.json && [ ! -e D/deep/points ] &&
    grep -q 'run.seed' D/deep/manifest.json
}
check "run --out with repetitions" run_files
refuses_old() {
  cp D/deep/summary.csv before
  run run small.yaml --out D/deep
  status_is 2 && warns 'already has results' && cmp before D/deep/summary.csv
}
check "run refuses a directory with results" refuses_old
refuses_foreign() {
  mkdir -p foreign && echo mine >foreign/notes
  run sweep small.yaml --out foreign --resume
  status_is 2 && warns 'not empty' && [ "$(ls foreign)" = notes ]
}
check "a directory with other files is refused" refuses_foreign

# -- sweep ------------------------------------------------------------------------

scenario middle '1, 2, 3, 4, 5, 6' '100 us'
sweeps() {
  run sweep middle.yaml -j1 --out one --no-plot --quiet
  status_is 0 && [ ! -s stderr ] && says 'Results in one' &&
    [ "$(wc -l <one/summary.csv)" -eq 25 ] &&
    [ "$(column one/summary.csv status | sort -u)" = ok ]
}
check "sweep" sweeps
parallel() {
  run sweep middle.yaml -j2 --out two --no-plot --quiet
  status_is 0 && same_tables one two
}
check "-j1 and -j2 give the same bytes" parallel
default_dir() {
  run sweep small.yaml --no-plot --quiet
  status_is 0 && [ -s out/small/summary.csv ] && [ ! -e out/small/figures ]
}
check "default directory" default_dir
sweep_refuses() {
  run sweep middle.yaml --out two --no-plot
  status_is 2 && warns 'resume' && same_tables one two
}
check "sweep refuses a directory with results" sweep_refuses
resume_nothing() {
  run sweep middle.yaml --out two --resume --no-plot
  status_is 0 && warns '12 of 12' && same_tables one two
}
check "--resume with nothing to do" resume_nothing
resume_damaged() {
  rm -r two/points/00003-000 && echo '{}' >two/points/00005-000/point.json
  run sweep middle.yaml --out two --resume --no-plot
  status_is 0 && warns '10 of 12' && same_tables one two
}
check "--resume repairs" resume_damaged
resume_changed() {
  run sweep middle.yaml --out two --resume --no-plot --seed 9
  status_is 0 && warns '0 of 12' &&
    [ "$(column two/summary.csv seed | sort -u)" = 9 ]
}
check "--resume runs what has changed" resume_changed

infeasible() {
  run sweep small.yaml --axis vms.count=1,257,759 --axis design=sriov,hdiov \
    --set run.duration='20 us' --set run.warmup='0 ns' --set nic.interfaces=100 \
    --set nic.pf_interfaces=10 --out few --no-plot --quiet
  status_is 0 &&
    grep -q '^small,1,0,1,infeasible: [a-z ]* [0-9]* < 257,sriov,257,all,NA' \
      few/summary.csv &&
    grep -q 'infeasible: interfaces 90 < 759' few/summary.csv &&
    grep -q '^small,3,0,1,ok,hdiov,1,' few/summary.csv && says infeasible
}
check "infeasible points are rows" infeasible

# -- interruption -----------------------------------------------------------------

scenario long '1, 2, 3, 4, 5, 6, 7, 8' '2 ms'
"$program" sweep long.yaml -j2 --out whole --no-plot --quiet >/dev/null 2>&1

killed() {
  "$program" sweep long.yaml -j2 --out killed --no-plot --quiet \
    >/dev/null 2>&1 &
  pid=$!
  wait_for_points killed 2
  kill -9 $pid
  wait $pid
  kept=$(ls killed/points | wc -l)
  sleep 0.3
  [ "$(ls killed/points | wc -l)" -le "$((kept + 1))" ] &&
    [ "$kept" -lt 16 ] && [ "$(ls killed/points | wc -l)" -lt 16 ]
}
check "kill -9 stops the children, too" killed
resumed() {
  run sweep long.yaml -j2 --out killed --no-plot --resume
  status_is 0 && warns 'of 16 points are there' && same_tables whole killed &&
    ! ls -d killed/points/.0* 2>/dev/null
}
check "resume after kill -9: the same bytes" resumed

# interrupted SIGNAL DIR: as Ctrl-C would.
interrupted() {
  env --default-signal=INT,TERM "$program" sweep long.yaml -j2 --out "$2" \
    --no-plot --quiet >stdout 2>stderr &
  pid=$!
  wait_for_points "$2" 2
  kill -"$1" $pid
  wait $pid
  status=$?
  status_is 130 && warns 'continue with:.*--resume' && says 'Results in' &&
    [ "$(column "$2/summary.csv" status | sort -u)" = ok ] &&
    [ "$(wc -l <"$2/summary.csv")" -lt 33 ] || return 1
  run sweep long.yaml --out "$2" --no-plot --resume --quiet
  status_is 0 && same_tables whole "$2"
}
check "Ctrl-C keeps what is finished; resume" interrupted INT ctrl-c
check "SIGTERM does the same" interrupted TERM term

# A child that dies costs its point, not the sweep.
died() {
  "$program" sweep long.yaml -j1 --out died --no-plot --quiet \
    >stdout 2>stderr &
  pid=$!
  wait_for_points died 2
  # Between two children there is none, and one may be about to end anyway.
  while kill -0 $pid && ! warns 'killed by signal 9' >/dev/null; do
    children=$(cat "/proc/$pid/task/$pid/children")
    [ -z "$children" ] || kill -KILL "${children%% *}"
    sleep 0.05
  done
  wait $pid
  status=$?
  status_is 1 && warns 'killed by signal 9' &&
    warns 'reproduce with: hdiov-sim run long.yaml --set design=.* --seed 1' &&
    lost=$(grep -c ',failed: killed by signal 9 (Killed),' died/summary.csv) &&
    [ "$lost" -lt 10 ] &&
    [ "$(wc -l <died/summary.csv)" -eq $((33 - lost)) ] || return 1
  run sweep long.yaml --out died --no-plot --resume --quiet
  status_is 0 && same_tables whole died
}
check "a point that dies is a row, the others go on; resume" died

# -- plot ---------------------------------------------------------------------------

plots() {
  run plot one
  status_is 0 && says throughput && says latency || return 1
  for figure in one/figures/*.gp; do
    stem=${figure%.gp}
    is_png "$stem.png" && is_svg "$stem.svg" && [ -s "$stem.dat" ] || return 1
  done
}
plots_again() {
  (cd one/figures && rm throughput.png && gnuplot throughput.gp &&
    is_png throughput.png)
}
plots_run() {
  run plot D/deep
  status_is 0 && is_png D/deep/figures/latency-cdf.png
}
sweep_plots() {
  run sweep small.yaml --out drawn --quiet
  status_is 0 && says 'figures in drawn/figures' &&
    is_png drawn/figures/throughput.png
}
plot_axis() {
  run plot one --x nothing.there
  status_is 2 && warns 'vms.count'
}
if command -v gnuplot >/dev/null; then
  check "plot makes PNG and SVG" plots
  check "figures' scripts run by themselves" plots_again
  check "plot of a run" plots_run
  check "sweep plots" sweep_plots
  check "plot over an axis that is not there" plot_axis
else
  echo "ok - plot # skipped: no gnuplot"
fi

exit $failed
