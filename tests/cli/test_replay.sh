#!/bin/sh
# test_replay.sh - workload pcap_replay from file to results.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree;
# BUILDDIR, where make_capture is. Prints "ok - NAME" or "not ok - NAME"; exits
# with 1 if any failed. What a green run does not prove: exact times of single
# packets (test_guest_replay), what files are refused (test_capture, and
# test_bad_input.sh for the messages).

make_capture=${BUILDDIR:-.}/tests/make_capture
case $make_capture in /*) ;; *) make_capture=$(pwd)/$make_capture ;; esac
source=${SRCDIR:-.}
work_name=test-replay
. "$source/tests/cli/helpers.sh"

mkdir captures
# 400 frames of 60 to 1514 B in 16 flows, one each 2.5 us: a pass of 1 ms. The
# first frame is as long as the last: a window's ends may fall on it.
awk 'BEGIN { for (i = 0; i < 400; i++)
       printf "1700000000%09d %d udp %d\n", 2500 * i,
              i % 399 ? 60 + i * 89 % 1455 : 60, 5000 + i % 16 }' >lines
"$make_capture" pcap-ns captures/mixed.pcap <lines
"$make_capture" pcapng captures/mixed.pcapng <lines
"$make_capture" pcap-ns captures/short.pcap 1 60 <lines
awk '{ printf "%s000 %s %s %s\n", substr($1, 1, 16), $2, $3, $4 }' lines >rounded
"$make_capture" pcap captures/micro.pcap <rounded
"$make_capture" pcap-ns captures/rounded.pcap <rounded
# Full frames, more than 10 Gb/s.
awk 'BEGIN { for (i = 0; i < 1000; i++)
       printf "1700000000%09d 1514 udp 9\n", 1000 * i }' |
  "$make_capture" pcap-ns captures/fast.pcap
bytes=$(awk '{ n += $2 } END { print n }' lines)

cat >t.yaml <<'CASE'
name: t
host: sapphire-rapids
nic: e810
design: hdiov
run: {warmup: 1 ms, duration: 4 ms}
vms:
  a:
    count: 1
    vcpus: 2
    memory: 1 GiB
    queue_pairs: 2
    workload: {type: pcap_replay, file: captures/mixed.pcap, loops: 0}
CASE

# go DIR ARGUMENT...: a run with results in DIR.
go() {
  dir=$1
  shift
  rm -rf "$dir"
  run run t.yaml --quiet --out "$dir" "$@"
  status_is 0
}
W=vms.a.workload

# value FILE COLUMN: of the first row.
value() {
  awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i }
    NR == 2 { print $c }' "$1"
}
# is FILE COLUMN VALUE
is() {
  [ "$(value "$1" "$2")" = "$3" ] && return 0
  echo "$2 is $(value "$1" "$2"), not $3"
  return 1
}
# near FILE COLUMN VALUE PER-MILLE
near() {
  awk -v got="$(value "$1" "$2")" -v want="$3" -v p="$4" 'BEGIN {
    d = got - want; if (d < 0) d = -d
    if (d * 1000 <= want * p) exit 0
    print got " is not " want; exit 1 }'
}
# sum FILE COLUMN: over all rows.
sum() {
  awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i }
    NR > 1 { n += $c } END { print n }' "$1"
}

# All bytes of four passes, and as many packets, arrive.
bytes_and_packets() {
  for way in tx rx; do
    go out --set $W.direction=$way &&
      is out/replay.csv due_packets 1600 &&
      is out/replay.csv due_bytes $((4 * bytes)) &&
      near out/replay.csv arrived_packets 1600 1 &&
      near out/summary.csv ${way}_goodput_gbps "$(awk -v b="$bytes" \
        'BEGIN { print b * 8 / 1e-3 / 1e9 }')" 1 &&
      near out/summary.csv ${way}_pps 400000 1 &&
      is out/summary.csv drops 0 &&
      is out/summary.csv limited_by 'offered load' || return 1
  done
}
check "bytes and packets are the file's" bytes_and_packets

# A window's first and last packets may be under way: three designs of a device.
designs() {
  for design in sriov vhost-net un-iov; do
    for way in tx rx; do
      go out --set design=$design --set $W.direction=$way &&
        is out/replay.csv due_packets 1600 &&
        near out/replay.csv arrived_packets 1600 2 || return 1
    done
  done
}
check "other designs carry the same" designs

# Once, and over: nothing is left to send.
once() {
  go out --set $W.loops=1 --set run.warmup='0 ns' &&
    is out/replay.csv sent_packets 400 && is out/replay.csv sent_bytes "$bytes" &&
    is out/replay.csv arrived_packets 400
}
check "one pass is one pass" once

formats() {
  go one && go two --set $W.file=captures/mixed.pcapng &&
    cmp one/summary.csv two/summary.csv && cmp one/replay.csv two/replay.csv &&
    go two --set $W.file=captures/short.pcap &&
    cmp one/summary.csv two/summary.csv &&
    go one --set $W.file=captures/micro.pcap &&
    go two --set $W.file=captures/rounded.pcap &&
    cmp one/summary.csv two/summary.csv
}
check "pcap, pcapng, shortened packets, micro- and nanoseconds agree" formats

wire_limits() {
  set -- --set $W.file=captures/fast.pcap --set network.rate='10 Gb/s' \
    --set run.warmup='2 ms'
  payload=$(awk 'BEGIN { print 10 * 1514 / 1538 }')
  go out "$@" && near out/summary.csv tx_goodput_gbps "$payload" 5 &&
    is out/summary.csv limited_by wire &&
    near out/summary.csv offered_gbps 12.112 1 &&
    go out "$@" --set $W.direction=rx --set $W.speed=0 &&
    near out/summary.csv wire_rx_utilization 1 1 &&
    near out/replay.csv sent_bytes "$(awk -v g="$payload" \
      'BEGIN { print g * 4e-3 / 8 * 1e9 }')" 5
}
check "a saturating file is limited by the wire" wire_limits

late() {
  go out --set $W.speed=4 && is out/replay.csv due_packets 6400 &&
    is out/summary.csv limited_by 'sending core' &&
    [ "$(value out/replay.csv late_packets)" = \
      "$(value out/replay.csv sent_packets)" ] &&
    go out --set $W.wait=spin && is out/replay.csv late_packets 0
}
check "a core that cannot keep up is late" late

spread() {
  go out --set vms.a.count=3 --set $W.spread=flows &&
    [ "$(sum out/replay.csv due_packets)" -eq 1600 ] &&
    [ "$(sum out/replay.csv due_bytes)" -eq $((4 * bytes)) ] &&
    go out --set vms.a.count=3 &&
    [ "$(sum out/replay.csv due_packets)" -eq 4800 ] &&
    go out --set vms.a.count=3 --set $W.direction=rx --set $W.loops=1 \
      --set $W.stagger='2 ms' --set run.warmup='0 ns' &&
    [ "$(sum out/replay.csv due_packets)" -eq 800 ]
}
check "copies, flows and staggered starts" spread

invariance() {
  for way in tx rx; do
    set -- --set vms.a.count=3 --set $W.direction=$way --set $W.speed=2 \
      --set $W.spread=flows
    go one "$@" && go two "$@" --set run.window='0 ns' &&
      cmp one/summary.csv two/summary.csv && cmp one/replay.csv two/replay.csv &&
      go two "$@" --set run.window='200 ns' --set run.actor_order=7 &&
      cmp one/summary.csv two/summary.csv && cmp one/replay.csv two/replay.csv ||
      return 1
  done
}
check "window and order of actors change nothing" invariance

# Relative to the scenario, wherever that is named from; also in an axis.
paths() {
  mkdir -p elsewhere && (cd elsewhere && "$program" check ../t.yaml) &&
    sed 's/captures/lost/' t.yaml >captures/t.yaml &&
    sed 's/captures.//' t.yaml >captures/t.yaml && run check captures/t.yaml &&
    status_is 0 && run check t.yaml --explain && says 'file: "captures/mixed.pcap"'
}
check "paths are relative to the scenario" paths

sweep() {
  rm -rf out
  run sweep t.yaml --quiet --out out --axis $W.speed=1,2 \
    --axis $W.file=captures/mixed.pcap,captures/fast.pcap
  status_is 0 && [ "$(wc -l <out/replay.csv)" -eq 5 ] &&
    grep -q '"file": "captures/fast.pcap"' out/manifest.json &&
    grep -q "\"cksum\": $(cksum <captures/mixed.pcap | cut -d' ' -f1)," \
      out/manifest.json
}
check "sweeps, and the manifest says what was read" sweep

# --resume keeps what is there, unless the file is another.
resume() {
  rm -rf out && cp captures/mixed.pcap captures/now.pcap
  set -- sweep t.yaml --out out --set $W.file=captures/now.pcap
  run "$@" && status_is 0 && run "$@" --resume &&
    warns '1 of 1 points are there already' &&
    "$make_capture" pcap-ns captures/now.pcap <rounded &&
    run "$@" --resume && warns '0 of 1 points are there already'
}
check "resume notices another capture" resume

shipped() {
  awk -f "$source/tests/sample_capture.awk" |
    "$make_capture" pcap-ns sample.pcap 1 54 &&
    cmp sample.pcap "$source/scenarios/explore/data/bursts.pcap"
}
check "the shipped capture can be made again" shipped

exit $failed
