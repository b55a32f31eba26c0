# helpers.sh - what the tests of the command line share; to be sourced.
#
# Before: source, the top of the source tree; work_name, of the scratch
# directory. After: program, source (absolute), work, failed=0; the current
# directory is the scratch one, which goes at the end.

program=${HDIOV_SIM:-./hdiov-sim}
case $program in /*) ;; *) program=$(pwd)/$program ;; esac
case $source in /*) ;; *) source=$(pwd)/$source ;; esac
HDIOV_SIM_DATA=$source/scenarios
export HDIOV_SIM_DATA

work=$(mktemp -d "${TMPDIR:-/tmp}/$work_name-XXXXXX") || exit 1
cd "$work" || exit 1
trap 'cd /; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

# check NAME COMMAND...: the command succeeds.
check() {
  name=$1
  shift
  if "$@" >check.log 2>&1; then
    echo "ok - $name"
  else
    echo "not ok - $name"
    sed 's/^/#   /' check.log
    failed=1
  fi
}

# run ARGUMENT...: stdout, stderr and status of the program.
run() {
  "$program" "$@" >stdout 2>stderr
  status=$?
  return 0
}

# status_is N: of the last run.
status_is() {
  [ "$status" -eq "$1" ] && return 0
  echo "exit status $status, not $1"
  cat stdout stderr
  return 1
}

says() { grep -q -e "$1" stdout || { cat stdout; return 1; }; }
warns() { grep -q -e "$1" stderr || { cat stderr; return 1; }; }
