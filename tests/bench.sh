#!/usr/bin/env bash
# bench.sh - the simulator's speed, in one run and as ratios where it can be:
# machines differ and are noisy. Called by `make bench`; HDIOV_SIM is the
# program, BUILDDIR the build directory, SRCDIR the source.
set -eu
: "${HDIOV_SIM:?}" "${BUILDDIR:?}" "${SRCDIR:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scenario=$SRCDIR/scenarios/hdiov/fig11-density.yaml
design=hdiov

field() { # FIELD FILE: a number from a manifest
  sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*$/\1/p" "$2" | head -n 1
}

point() { # NAME SETS...: runs one point; best of three, to shed noise
  local name=$1 best= i wall
  shift
  for i in 1 2 3; do
    "$HDIOV_SIM" run "$scenario" --set design="$design" \
      --set vms.queue_pairs=1 "$@" --quiet --out "$work/$name-$i" >/dev/null
    wall=$(field wall_s "$work/$name-$i/manifest.json")
    if [ -z "$best" ] || awk "BEGIN { exit !($wall < $best) }"; then
      best=$wall
      rm -rf "${work:?}/$name"
      cp -r "$work/$name-$i" "$work/$name"
    fi
  done
}

column() { # NAME FILE: of the row `all`
  awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) { if ($i == name) c = i; if ($i == "group") g = i } }
    NR > 1 && $g == "all" { print $c; exit }' "$2"
}

# The cost of a packet in steady state: the difference between a long and a
# short run, so that setting up and filling the rings does not count.
marginal() { # VMS -> "us_per_packet ns_per_event events_per_packet"
  rm -rf "$work/short$1" "$work/long$1" "$work/short$1"-? "$work/long$1"-?
  point "short$1" --set vms.count="$1" --set run.warmup='1 ms' --set run.duration='2 ms'
  point "long$1" --set vms.count="$1" --set run.warmup='1 ms' --set run.duration='22 ms'
  awk -v w0="$(field wall_s "$work/short$1/manifest.json")" \
    -v w1="$(field wall_s "$work/long$1/manifest.json")" \
    -v e0="$(field events "$work/short$1/manifest.json")" \
    -v e1="$(field events "$work/long$1/manifest.json")" \
    -v pps="$(column tx_pps "$work/long$1/summary.csv")" \
    'BEGIN { n = pps * 0.020; printf "%.3f %.2f %.1f\n", (w1 - w0) / n * 1e6, (w1 - w0) / (e1 - e0) * 1e9, (e1 - e0) / n }'
}

# A trace of 1,024 domains: hit, bursts to 2 MiB pages, or miss, random 4 KiB
# pages, of which nearly every access walks.
addresses() { # KIND ACCESSES
  awk -v kind="$1" -v n="$2" '
    function draw(m) { state = state * 16807 % 2147483647; return state % m }
    BEGIN { state = 1; print "domain,iova,page_bytes"
      for (i = 0; i < n; i++)
        if (kind == "hit")
          printf "%d,%d,2097152\n", int(i / 64) % 1024, i % 4096 * 64
        else
          printf "%d,%d,4096\n", draw(1024), draw(1024) * 4096 }'
}

accesses_per_s() { # KIND: best of three, with reading the file
  addresses "$1" 1000000 >"$work/$1.csv"
  for _ in 1 2 3; do
    "$HDIOV_SIM" trace "$work/$1.csv" 2>&1 >/dev/null
  done | sed -n 's/.*wall time, \([0-9.e+]*\) a second.*/\1/p' | sort -gr | head -n 1
}

"$BUILDDIR/tests/bench_engine" >"$work/warm" # warms the machine up
read -r one_us one_ns one_events < <(marginal 1)
read -r us ns per_packet < <(marginal 758)
size=$(field messages_peak "$work/long758/manifest.json")
"$BUILDDIR/tests/bench_engine" "$size" >"$work/engine"
heap=$(awk '$1 == "heap_hold_ns" { print $3; exit }' "$work/engine")
customers=$(awk '$1 == "mm1_customers_per_s" { print $2 }' "$work/engine")
peak=$(field peak_memory_bytes "$work/long758/manifest.json")

scenario=$SRCDIR/scenarios/uniov/net-density.yaml
design=vhost-net
read -r vhost_us _ vhost_events < <(marginal 64)
design=un-iov
read -r uniov_us _ uniov_events < <(marginal 64)

hits=$(accesses_per_s hit)
misses=$(accesses_per_s miss)

printf '%-66s %10s %10s\n' 'figure' 'measured' 'at most'
row() { printf '%-66s %10s %10s\n' "$1" "$2" "$3"; }
row "event at 758 VMs / operation on a binary heap of $size entries" \
  "$(awk "BEGIN { printf \"%.2f\", $ns / $heap }")" 3
row "  (event, ns / heap operation, ns)" "$ns / $heap" ''
row 'wall time per simulated packet at 758 VMs, us' "$us" 8
row "  (events per packet)" "$per_packet" ''
row 'the same, 758 VMs / 1 VM' "$(awk "BEGIN { printf \"%.2f\", $us / $one_us }")" 1.5
row "  (events, nanoseconds an event)" \
  "$(awk "BEGIN { printf \"%.2f * %.2f\", $per_packet / $one_events, $ns / $one_ns }")" ''
row 'M/M/1 customers per second on the engine' "$customers" ''
row 'peak memory at 758 VMs, MB' "$(awk "BEGIN { printf \"%.0f\", $peak / 1e6 }")" 256
row 'wall time per packet of 64 VMs on vhost-net, us' "$vhost_us" ''
row "  (events per packet)" "$vhost_events" ''
row 'wall time per packet of 64 VMs on Un-IOV, us' "$uniov_us" ''
row "  (events per packet)" "$uniov_events" ''
row 'accesses a second of a trace of 1,024 domains, most hit' "$hits" '>= 2e6'
row '  (most walk)' "$misses" ''
