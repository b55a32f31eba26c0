#!/usr/bin/env bash
# regenerate.sh - runs every shipped scenario and renews what the repository
# shows of it: results/NAME/ with summary.csv, published.csv and a figure,
# results/README.md with every published figure beside the simulated one, and
# the quickstart's table and figure in README.md. Called by `make results`.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree; JOBS,
# processes at a time (default: all cores).
set -euo pipefail
program=${HDIOV_SIM:?}
cd "${SRCDIR:?}"
jobs=${JOBS:-$(nproc)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scenarios() {
  echo scenarios/quickstart.yaml
  ls scenarios/hdiov/*.yaml scenarios/uniov/*.yaml scenarios/validation/*.yaml \
    scenarios/explore/*.yaml
}

# The kinds of figures of a scenario, the one that says most first.
kinds_of() { # NAME
  case $1 in
  *init-time | *start-storm) echo latency-cdf ;;
  *latency* | *noisy*) echo latency ;;
  *unplug) echo timeseries ;;
  *migration*) echo downtime timeseries ;;
  *host-cpu*) echo host-cores ;;
  esac
  echo timeseries throughput requests dma host-cores latency latency-cdf
}

# The figure that says most; where there is one a point or a group, the first.
figure_of() { # DIR NAME
  local kind file
  for kind in $(kinds_of "$2"); do
    for file in "$1/figures/$kind.png" "$1/figures/$kind"-*.png; do
      if [ -e "$file" ]; then
        basename "$file" .png
        return
      fi
    done
  done
}

title() { # FILE
  sed -n 's/^description: //p' "$1" | head -n 1
}

run() { # FILE NAME
  echo "$1"
  "$program" sweep "$1" -j "$jobs" --quiet --out "$work/$2" \
    >"$work/$2.table" || { cat "$work/$2.table"; return 1; }
  mkdir -p "results/$2"
  cp "$work/$2/summary.csv" "results/$2/"
  rm -f "results/$2"/*.png "results/$2/published.csv"
  if [ -e "$work/$2/published.csv" ]; then
    cp "$work/$2/published.csv" "results/$2/"
  fi
  local figure
  figure=$(figure_of "$work/$2" "$2")
  if [ -n "$figure" ]; then
    cp "$work/$2/figures/$figure.png" "results/$2/"
  fi
}

section() { # FILE NAME
  echo "## $2"
  echo
  echo "$(title "$1"). \`hdiov-sim sweep $1\`"
  echo
  "$program" report --markdown "$work/$2"
  echo
}

# Scenarios without anything to compare are listed, not judged.
write_readme() {
  local file name
  cat <<'END'
# Results

What is published beside what is simulated, scenario by scenario. Every row comes
from the list `published` of the scenario's file; the command above a table makes
it again. `make results` writes this file; `hdiov-sim report DIR` prints the table
of any run.

A value has a tolerance; a bound (`>=`, `<=`) says in which direction a source or
a derivation goes where no number is public. "off by" means what it says: the
model does not reproduce that figure.

END
  while read -r file; do
    name=$(name_of "$file")
    [ -e "$work/$name/published.csv" ] && section "$file" "$name"
  done < <(scenarios)
  echo "## Without published figures"
  echo
  while read -r file; do
    name=$(name_of "$file")
    [ -e "$work/$name/published.csv" ] ||
      echo "- \`hdiov-sim sweep $file\`: $(title "$file")"
  done < <(scenarios)
}

name_of() { # FILE
  local name=${1#scenarios/}
  name=${name%.yaml}
  echo "${name//\//-}"
}

# The quickstart's table and figure stand in README.md.
renew_quickstart() {
  mkdir -p results/quickstart
  grep -v '^Results' "$work/quickstart.table" | sed 's/^/    /; s/ *$//' \
    >"$work/shown"
  awk -v table="$work/shown" '
    /^    design  count/ { while ((getline line < table) > 0) print line; skip = 1; next }
    skip && /^$/ { skip = 0 }
    !skip' README.md >"$work/readme"
  cat "$work/readme" >README.md
}

while read -r file; do
  run "$file" "$(name_of "$file")"
done < <(scenarios)
renew_quickstart
write_readme >"$work/results.md"
cat "$work/results.md" >results/README.md
echo "README.md and results/ are renewed"
