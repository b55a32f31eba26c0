#!/usr/bin/env bash
# follow_guide.sh - follows docs/adding-a-model.md literally, in a copy of the
# source: writes its files, applies its changes, builds, runs its commands.
# Called by `make check-guide` (a minute or two: it builds everything).
#
# Environment: SRCDIR, the top of the source tree; GUIDE_DIR, if set, is where
# the copy goes and stays.
set -euo pipefail
source=$(cd "${SRCDIR:?}" && pwd)
work=${GUIDE_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/hdiov-guide-XXXXXX")}
[ -n "${GUIDE_DIR:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work/source" "$work/build" "$work/steps"

echo "copying the source"
tar -C "$source" -cf - Makefile.am README.md bootstrap configure.ac .clang-format \
  .ci docs models results scenarios sim tests | tar -C "$work/source" -xf -
chmod -R u+w "$work/source"

# Each marked block becomes a numbered step: NN.file, NN.patch or NN.run; the
# first line of a .file is its path.
awk -v dir="$work/steps/" '
  /^<!-- (file|patch|run)/ { kind = $2; path = $3; next }
  /^```/ && kind != "" && !inside { inside = 1; out = sprintf("%s%02d.%s", dir, ++n, kind)
    if (kind == "file") print path > out
    next }
  /^```/ && inside { inside = 0; kind = ""; close(out); next }
  inside { print > out }' "$source/docs/adding-a-model.md"

for step in "$work"/steps/*.file; do
  path=$(head -n 1 "$step")
  echo "writing $path"
  mkdir -p "$work/source/$(dirname "$path")"
  tail -n +2 "$step" >"$work/source/$path"
done
for step in "$work"/steps/*.patch; do
  echo "applying $(basename "$step")"
  patch -d "$work/source" -p0 --no-backup-if-mismatch <"$step"
done

echo "building"
(cd "$work/source" && autoreconf --install --force)
cd "$work/build"
"$work/source/configure" --quiet --enable-werror
make -s hdiov-sim
ln -sfn "$work/source/scenarios" scenarios
PATH=$work/build:$PATH
for step in "$work"/steps/*.run; do
  echo "running $(basename "$step")"
  # shellcheck disable=SC1090 # the guide's own commands
  (set -x; . "$step") 2>&1 | sed 's/^++* /$ /'
done

# What the text says about the numbers.
column() { # NAME FILE [ROW]
  awk -F, -v name="$1" -v row="${3:-1}" 'NR == 1 { for (i = 1; i <= NF; i++) { if ($i == name) c = i; if ($i == "group") g = i } next }
    $g == "all" && ++n == row { print $c; exit }' "$2"
}
hdiov-sim run scenarios/quickstart.yaml --set design=hdiov --set vms.count=16 --quiet --out out/wide >/dev/null
hdiov-sim run scenarios/quickstart.yaml --set design=hdiov --set vms.count=16 --set network.extra_gap='1536 B' \
  --quiet --out out/gap >/dev/null
awk -v a="$(column tx_goodput_gbps out/wide/summary.csv)" \
  -v b="$(column tx_goodput_gbps out/gap/summary.csv)" \
  'BEGIN { r = b / a; print "throughput with the gap: " r " of that without"; exit !(r > 0.495 && r < 0.505) }'
awk -v a="$(column dram_utilization out/noise/summary.csv 1)" \
  -v b="$(column dram_utilization out/noise/summary.csv 2)" \
  'BEGIN { print "DRAM utilization " a " without noise, " b " with 1200 Gb/s"; exit !(b - a > 0.4) }'
echo "the guide works"
