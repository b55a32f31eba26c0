#!/usr/bin/env bash
# test_invariance.sh - same scenario, same seed, same bytes: how the simulation
# is executed must not show in any CSV byte, nor in the fingerprint. Needs
# HDIOV_SIM (the program) and SRCDIR (the source).
set -u
: "${HDIOV_SIM:?}" "${SRCDIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

sums() { # NAME SETS...: checksums of everything that must not change
  local dir=$work/$1
  shift
  "$HDIOV_SIM" sweep "$SRCDIR/scenarios/quickstart.yaml" --quiet --no-plot \
    --set run.warmup='100 us' --set run.duration='200 us' \
    --axis vms.count=1,16,64 "$@" --out "$dir" >"$work/log" 2>&1 ||
    cat "$work/log"
  (cd "$dir" && cat summary.csv breakdown.csv points/*/*.hgrm | cksum)
  grep -o '"fingerprint": "[0-9a-f]*"' "$dir/manifest.json"
}

expected=$(sums base)
case $expected in
*fingerprint*) echo "ok - the sweep runs" ;;
*) echo "not ok - the sweep runs" && failed=1 ;;
esac
same() { # NAME SETS...
  if [ "$(sums "$@")" = "$expected" ]; then
    echo "ok - $1"
  else
    echo "not ok - $1"
    failed=1
  fi
}
same again
same one-process-at-a-time -j1
same no-run-ahead-every-model-alone --set run.window='0 ns'
same narrow-window --set run.window='50 ns'
same wide-window --set run.window='10 us'
same another-order-of-actors --set run.actor_order=4711
same another-order-and-no-run-ahead --set run.actor_order=17 --set run.window='0 ns'

if [ "$(sums other-seed --seed 2)" != "$expected" ]; then
  echo "ok - another seed gives other bytes"
else
  echo "not ok - another seed gives other bytes"
  failed=1
fi

# Every kind of device and back end, run ahead and not at all.
point() { # DIR SCENARIO SETS...
  local dir=$work/$1 file=$SRCDIR/scenarios/$2.yaml
  shift 2
  rm -rf "$dir"
  "$HDIOV_SIM" run "$file" --quiet --out "$dir" "$@" >"$work/log" 2>&1 ||
    cat "$work/log"
  cat "$dir/summary.csv" "$dir/breakdown.csv" "$dir"/*.hgrm 2>/dev/null | cksum
  grep -o '"fingerprint": "[0-9a-f]*"' "$dir/manifest.json"
}

invariant() { # SCENARIO SETS...
  local base alone order
  base=$(point base "$@")
  alone=$(point alone "$@" --set run.window='0 ns')
  order=$(point order "$@" --set run.actor_order=99)
  case $base in
  *fingerprint*) ;;
  *) base=none ;;
  esac
  if [ "$base" = "$alone" ] && [ "$base" = "$order" ]; then
    echo "ok - $*"
  else
    echo "not ok - $*"
    failed=1
  fi
}
short='run.duration=300 us'
rate='vms.guests.workload.rate=200 Mb/s'
warm='run.warmup=200 us'
for design in vhost-net vhost-user un-iov; do
  invariant uniov/net-throughput --set "design=$design" --set "$short" \
    --set "$warm"
done
invariant uniov/net-throughput --set design=un-iov --set "$short" \
  --set hypervisor.relay_kicks=true --set "$warm"
for design in qemu-blk spdk-vhost un-iov hdiov; do
  invariant uniov/storage-iops --set "design=$design" --set "$short" \
    --set vms.workload.iodepth=8 --set "$warm"
done
invariant explore/mixed-server --set "$short" --set cpu.cores=24
invariant explore/ats --set ats.enabled=true --set ats.entries=128 \
  --set vms.count=128 --set "$short" --set "$warm"
invariant explore/mixed-server --set ats.enabled=true --set ats.entries=8 \
  --set "$short" --set cpu.cores=24
for design in un-iov vhost-net; do
  invariant uniov/migration-downtime --set "design=$design" \
    --set migration.tracking=log --set run.duration='450 ms'
done
for design in sriov hdiov passthrough; do
  invariant uniov/migration-unplug --set "design=$design" --set "$rate" \
    --set run.duration='70 ms'
done
for design in sriov hdiov; do
  invariant explore/vm-to-vm --set "design=$design" --set "$short" \
    --set vms.senders.count=3 --set vms.receivers.count=2 \
    --set vms.receivers.queue_pairs=2 --set vms.receivers.vcpus=2
done
invariant hdiov/fig13-nginx --set run.duration='2 ms'
invariant hdiov/fig16-symmetric --set "$short"
exit $failed
