#!/bin/sh
# test_fuzz.sh - mutated scenarios through `hdiov-sim check`, under sanitizers.
#
# Two processes with FUZZ_RUNS / 2 mutants each (default: 100,000 in all) of the
# shipped scenarios and presets, and a few of the tests' scenarios. A crash, a
# report of a sanitizer, a leak, an input that takes more than 20 s, an error
# without a line that says so, and an explained scenario that means something
# else are failures; the input is printed. See fuzz_scenario.c.
#
# Environment: BUILDDIR, where tests/fuzz_scenario is; SRCDIR, the top of the
# source tree; FUZZ_RUNS; FUZZ_SEED, a number (default 1).

build=${BUILDDIR:-.}
source=${SRCDIR:-.}
runs=${FUZZ_RUNS:-100000}
seed=${FUZZ_SEED:-1}
fuzz=$(cd "$build" && pwd)/tests/fuzz_scenario
cd "$source" || exit 1
HDIOV_SIM_DATA=$(pwd)/scenarios
# Memory errors are found all the same; reports have two frames of where a block
# was allocated, and freed memory is reused sooner: twice as fast.
ASAN_OPTIONS=malloc_context_size=2:quarantine_size_mb=16:check_printf=0:detect_leaks=1
export HDIOV_SIM_DATA ASAN_OPTIONS

work=$(mktemp -d "${TMPDIR:-/tmp}/test-fuzz-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
TMPDIR=$work
export TMPDIR
failed=0

verdict() { # NAME STATUS LOG
  if [ "$2" -eq 0 ]; then
    echo "ok - $1: $(tail -n 1 "$3")"
  else
    echo "not ok - $1: status $2"
    head -c 20000 "$3"
    failed=1
  fi
}

begin=$(date +%s)
set -- scenarios/*.yaml scenarios/*/*.yaml scenarios/presets/*/*.yaml
"$fuzz" --check $((runs / 2)) "$seed" "$@" >"$work/a.log" 2>&1 &
first=$!
"$fuzz" --check $((runs - runs / 2)) $((seed + 1)) "$@" >"$work/b.log" 2>&1
second=$?
wait "$first"
verdict "check, first half" $? "$work/a.log"
verdict "check, second half" "$second" "$work/b.log"
"$fuzz" $((runs / 20)) "$seed" tests/data/scenario/*.yaml >"$work/c.log" 2>&1
verdict "the tests' scenarios" $? "$work/c.log"
echo "# $runs mutants in $(($(date +%s) - begin)) s"
exit $failed
