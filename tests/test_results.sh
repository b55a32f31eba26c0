#!/usr/bin/env bash
# test_results.sh - shipped scenarios give what results/ says, to the byte, and
# what they claim to reproduce is reproduced (sweep --strict). `make results`
# renews results/ after a change of the models.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree.
set -u
program=${HDIOV_SIM:?}
cd "${SRCDIR:?}" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

report() { # STATUS TEXT
  if [ "$1" = 0 ]; then
    echo "ok - $2"
  else
    echo "not ok - $2"
    bad=1
  fi
}

compare() { # SCENARIO
  local name=${1//\//-} status
  "$program" sweep "scenarios/$1.yaml" -j 2 --quiet --strict \
    --out "$work/$name" >"$work/$name.table" 2>&1
  status=$?
  [ "$status" = 0 ] || grep -E 'off|failed|NA|error' "$work/$name.table" |
    sed 's/^/# /'
  report "$status" "$1: what is published is reproduced"
  cmp -s "$work/$name/summary.csv" "results/$name/summary.csv"
  report $? "$1: results/$name/summary.csv (make results renews it)"
}

# Those that take a few seconds each.
for scenario in hdiov/fig09-latency hdiov/fig15-asymmetric \
  hdiov/fig16-symmetric uniov/net-throughput uniov/net-latency \
  uniov/net-density uniov/host-cpu uniov/storage-iops uniov/storage-latency \
  uniov/storage-density uniov/migration-downtime uniov/migration-dirty-rate \
  uniov/migration-queues uniov/migration-image uniov/migration-unplug \
  validation/interrupt-rates validation/nvme-interrupts \
  explore/pcap-replay explore/vm-to-vm explore/ats; do
  compare "$scenario"
done
exit "$bad"
