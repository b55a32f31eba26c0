#!/bin/sh
# test_bad_input.sh - bad input, and exactly what hdiov-sim says about it.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree.
#
# Each case is one call:
#
#   bad NAME ARGUMENT... <<'CASE'
#   (scenario, written to t.yaml)
#   ==
#   (all of standard error)
#   CASE
#
# The program runs in a directory with t.yaml and the files of prepare(). It
# must end with status 2, print that text and nothing on standard output, and
# leave the directory as it was. Prints "ok - NAME" or "not ok - NAME"; exits
# with 1 if any failed. What a green run does not prove: that what is accepted
# can be simulated.

program=${HDIOV_SIM:-./hdiov-sim}
source=${SRCDIR:-.}
case $program in /*) ;; *) program=$(pwd)/$program ;; esac
case $source in /*) ;; *) source=$(pwd)/$source ;; esac
HDIOV_SIM_DATA=$source/scenarios
LC_ALL=C
export HDIOV_SIM_DATA LC_ALL
unset ARGP_HELP_FMT

work=$(mktemp -d "${TMPDIR:-/tmp}/test-bad-input-XXXXXX") || exit 1
trap 'cd /; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
cases=0

# -- helpers ---------------------------------------------------------------

prepare() {
  mkdir "$work/place" "$work/place/directory" "$work/place/results" \
    "$work/place/other" || exit 1
  cd "$work/place" || exit 1
  echo 'include: ring-b.yaml' >ring-a.yaml
  echo 'include: ring-a.yaml' >ring-b.yaml
  printf 'nic:\n  itr: 20\n' >part.yaml
  printf 'name: b\n\200\377\000\001' >binary.yaml
  : >empty.yaml
  : >file
  : >results/summary.csv
  echo 'my thesis' >other/thesis.txt
  printf 'vms: {a: {memory: 1 GiB}}\n' >good.yaml
  awk 'BEGIN { printf "name: "; for (i = 0; i < 300; i++) printf "x"
               print "\nvms: {a: {memory: 1 GiB}}" }' >long.yaml
  awk 'BEGIN { printf "vms: {"; for (i = 0; i < 200; i++) printf "x"
               print ": {}}" }' >longname.yaml
  awk 'BEGIN { print "name: n"; print "vms:"
               for (i = 0; i < 65; i++) printf "  g%d: {}\n", i }' >many.yaml
  awk 'BEGIN { for (i = 0; i < 70000; i++) print "# sixteen bytes" }' >big.yaml
}

# A pcap file of microseconds, of bytes as octal escapes: LINK (a byte), then
# packets of 14 B; each is its SECOND (a byte), and CAPTURED and WHOLE length.
pcap() {
  printf '\324\303\262\241\002\000\004\000\000\000\000\000\000\000\000\000'
  printf "\\377\\377\\000\\000\\$1\\000\\000\\000"
  shift
  while [ $# -gt 0 ]; do
    printf "\\$1\\000\\000\\000\\000\\000\\000\\000\\$2\\000\\000\\000$3"
    printf '0123456789ab\010\006'
    shift 3
  done
}

captures() {
  pcap 001 >none.pcap
  pcap 161 001 016 '\016\000\000\000' >cooked.pcap
  pcap 001 001 016 '\016\000\000\000' >one.pcap
  pcap 001 003 016 '\016\000\000\000' 001 016 '\016\000\000\000' >back.pcap
  pcap 001 001 016 '\000\100\000\000' >large.pcap
  pcap 001 001 016 '\016\000\000\000' 002 017 '\017\000\000\000' >cut.pcap
}

# All files with their contents.
contents() {
  find . | sort
  find . -type f ! -name t.yaml | sort | xargs cksum
}

not_ok() {
  echo "not ok - $1: $2"
  failed=1
}

bad() {
  name=$1
  shift
  cases=$((cases + 1))
  awk -v yaml="$work/place/t.yaml" -v text="$work/wanted" '
    BEGIN { printf "" >yaml; printf "" >text }
    $0 == "==" { rest = 1; next }
    { print >(rest ? text : yaml) }'
  contents >"$work/before"
  "$program" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null
  status=$?
  contents >"$work/after"
  if ! cmp -s "$work/wanted" "$work/stderr"; then
    not_ok "$name" "another message"
    diff "$work/wanted" "$work/stderr" | sed 's/^/#   /'
  elif [ "$status" -ne 2 ]; then
    not_ok "$name" "status $status"
  elif [ -s "$work/stdout" ]; then
    not_ok "$name" "on standard output: $(head -n 3 "$work/stdout")"
  elif ! cmp -s "$work/before" "$work/after"; then
    not_ok "$name" "something was written"
    diff "$work/before" "$work/after" | sed 's/^/#   /'
  else
    echo "ok - $name"
  fi
}

prepare
captures

# -- syntax --------------------------------------------------------------------

bad 'unclosed bracket' check t.yaml <<'CASE'
name: t
nic: { ports: 1
vms: {a: {}}
==
t.yaml:3:4: error: YAML syntax: did not find expected ',' or '}' (while parsing a flow mapping at line 2)
CASE

bad 'tab indentation' check t.yaml <<'CASE'
name: t
nic:
	ports: 1
==
t.yaml:3:1: error: YAML syntax: a tab here; indent with blanks
CASE

bad 'two colons in a line' check t.yaml <<'CASE'
name: t: u
==
t.yaml:1:8: error: YAML syntax: mapping values are not allowed in this context
CASE

bad 'not YAML at all' check t.yaml <<'CASE'
hello world
==
t.yaml:1:1: error: the top level must be a mapping (KEY: VALUE), not a single value
CASE

bad 'a list at the top' check t.yaml <<'CASE'
- name: t
==
t.yaml:1:1: error: the top level must be a mapping (KEY: VALUE), not a list
CASE

bad 'two documents' check t.yaml <<'CASE'
name: t
---
name: u
==
t.yaml:2:1: error: a second document starts here; a file is one document
CASE

bad 'anchor and alias' check t.yaml <<'CASE'
vms:
  a: &a {memory: 1 GiB}
  b: *a
==
t.yaml:2:6: error: anchors ('&a') are not supported; write the value out or use 'include'
t.yaml:3:6: error: aliases ('*a') are not supported; write the value out or use 'include'
CASE

bad tag check t.yaml <<'CASE'
name: !!str t
==
t.yaml:1:7: error: tags ('!!str') are not supported; write the value without it
CASE

bad 'deep nesting' check t.yaml <<'CASE'
nic: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
==
t.yaml:1:38: error: nested deeper than 32 levels
CASE

bad 'duplicate key' check t.yaml <<'CASE'
nic:
  ports: 1
  ports: 2
==
t.yaml:3:3: error: duplicate key 'ports'; first given at line 2
CASE

bad 'duplicate section' check t.yaml <<'CASE'
nic: {ports: 1}
vms: {a: {}}
nic: {ports: 2}
==
t.yaml:3:1: error: duplicate key 'nic'; first given at line 1
CASE

bad 'tab after an accent' check t.yaml <<'CASE'
name: déjà
nic:
	ports: 1
==
t.yaml:3:1: error: YAML syntax: a tab here; indent with blanks
CASE

# -- files ---------------------------------------------------------------------

bad 'missing file' check nosuch.yaml <<'CASE'
==
nosuch.yaml: error: cannot read the file: No such file or directory
CASE

bad 'missing file, run' run nosuch.yaml <<'CASE'
==
nosuch.yaml: error: cannot read the file: No such file or directory
CASE

bad 'missing file, sweep' sweep nosuch.yaml --out D <<'CASE'
==
nosuch.yaml: error: cannot read the file: No such file or directory
CASE

bad 'directory instead of a file' check directory <<'CASE'
==
directory: error: cannot read the file: not a regular file
CASE

bad 'binary file' check binary.yaml <<'CASE'
==
binary.yaml:2:1: error: YAML syntax: invalid leading UTF-8 octet
CASE

bad 'empty file' check empty.yaml <<'CASE'
==
empty.yaml:1:1: error: the file is empty
CASE

bad 'only a comment' check t.yaml <<'CASE'
# nothing yet
==
t.yaml:1:1: error: the file is empty
CASE

bad 'file of more than 1 MiB' check big.yaml <<'CASE'
==
big.yaml: error: cannot read the file: larger than 1 MiB
CASE

bad 'cyclic include' check ring-a.yaml <<'CASE'
==
ring-b.yaml:1:10: error: a file cannot include itself: ring-a.yaml -> ring-b.yaml -> ring-a.yaml
CASE

bad 'file that includes itself' check t.yaml <<'CASE'
include: t.yaml
==
t.yaml:1:10: error: a file cannot include itself: t.yaml -> t.yaml
CASE

bad 'missing include' check t.yaml <<'CASE'
name: t
include: [good.yaml, nosuch.yaml]
==
t.yaml:2:22: error: cannot read the included file 'nosuch.yaml': No such file or directory
CASE

bad 'include of a directory' check t.yaml <<'CASE'
include: directory
==
t.yaml:1:10: error: cannot read the included file 'directory': not a regular file
CASE

bad 'error in an included file' check t.yaml <<'CASE'
include: part.yaml
vms: {a: {}}
==
part.yaml:2:8: error: '20' has no unit; 'nic.itr' takes a time in ps, ns, us, ms or s
CASE

bad 'unknown preset' check t.yaml <<'CASE'
nic: e811
==
t.yaml:1:6: error: unknown preset 'e811' for 'nic'; did you mean 'e810'?
CASE

bad 'preset for a section that has none' check t.yaml <<'CASE'
pcie: gen5
==
t.yaml:1:7: error: unknown preset 'gen5' for 'pcie'; known presets: none
CASE

bad 'unknown preset by --set' check good.yaml --set nic=x710 <<'CASE'
==
--set nic=x710: error: unknown preset 'x710' for 'nic'; did you mean 'e810'?
CASE

# -- captures ------------------------------------------------------------------

# bad_capture NAME FILE WORKLOAD's-REST MESSAGE
bad_capture() {
  bad "$1" check t.yaml <<CASE
vms:
  a: {memory: 1 GiB, workload: {type: pcap_replay, file: $2$3}}
==
t.yaml:2:58: error: 'vms.a.workload.file': '$2': $4
CASE
}

bad 'capture that is not named' check t.yaml <<'CASE'
vms:
  a: {workload: {type: pcap_replay}}
==
t.yaml:2:3: error: 'vms.a.workload.file' is required and not given; it takes the path of a file
CASE

bad 'capture without a name' check t.yaml <<'CASE'
vms:
  a: {workload: {type: pcap_replay, file: ''}}
==
t.yaml:2:43: error: 'vms.a.workload.file' takes the path of a file, but is empty
CASE

bad_capture 'capture that is missing' nosuch.pcap '' \
  'cannot read the capture: No such file or directory'
bad_capture 'capture that is a directory' directory '' \
  'cannot read the capture: not a regular file'
bad_capture 'capture that is empty' empty.yaml '' \
  'the file is empty; a capture in pcap or pcapng format is wanted'
bad_capture 'capture that is none' good.yaml '' \
  'not a capture in pcap or pcapng format: unknown file format'
bad_capture 'capture without packets' none.pcap '' 'the capture holds no packets'
bad_capture 'capture that ends within a packet' cut.pcap '' \
  'after packet 1: truncated dump file; tried to read 15 captured bytes, only got 14'
bad_capture 'capture of another link' cooked.pcap '' \
  "the link type is LINUX_SLL (113), not Ethernet (EN10MB, 1): capture on an Ethernet interface, not on 'any'"
bad_capture 'capture that steps back' back.pcap '' \
  "packet 2: its time stamp is 2 s before an earlier packet's; sort the file, or raise disorder"
bad_capture 'capture before segmentation' large.pcap '' \
  'packet 1: 16384 B, more than an MTU of 1500 B allows: captured before the card cut it; set oversize: segment, or capture without offloads'
bad_capture 'capture that cannot be segmented' large.pcap ', oversize: segment' \
  'packet 1: 16384 B, more than an MTU of 1500 B allows, and not to be cut: no TCP or UDP header was captured'

bad 'loops of no length' check t.yaml <<'CASE'
vms:
  a: {memory: 1 GiB, workload: {type: pcap_replay, file: one.pcap, loops: 2}}
==
t.yaml:2:75: error: 'vms.a.workload.loops': all packets of the file have the same time, so passes have no length; choose loops: 1, or speed: 0
CASE

bad 'capture by an axis of the command line' sweep good.yaml --out D \
  --set vms.a.workload.type=pcap_replay --axis vms.a.workload.file=none.pcap <<'CASE'
==
--axis vms.a.workload.file=none.pcap: error: 'vms.a.workload.file': 'none.pcap': the capture holds no packets
CASE

# -- keys ----------------------------------------------------------------------

bad 'unknown section' check t.yaml <<'CASE'
name: t
niic: {ports: 1}
==
t.yaml:2:1: error: unknown key 'niic'; did you mean 'nic'?
CASE

bad 'unknown key with a suggestion' check t.yaml <<'CASE'
nic:
  prots: 1
==
t.yaml:2:3: error: unknown key 'prots' in 'nic'; did you mean 'ports'?
CASE

bad 'unknown key with a list' check t.yaml <<'CASE'
host:
  colour: red
==
t.yaml:2:3: error: unknown key 'colour' in 'host'; known keys: sockets, memory_reserved, preset
CASE

bad 'unknown key of a group' check t.yaml <<'CASE'
vms:
  web: {cuont: 3}
==
t.yaml:2:9: error: unknown key 'cuont' in 'vms.web'; did you mean 'count'?
CASE

bad 'unknown key of a workload' check t.yaml <<'CASE'
vms:
  web: {workload: {paylod: 64 B}}
==
t.yaml:2:20: error: unknown key 'paylod' in 'vms.web.workload'; did you mean 'payload'?
CASE

bad 'key of another workload' check t.yaml <<'CASE'
vms:
  web: {workload: {type: ping, streams: 4}}
==
t.yaml:2:41: error: 'vms.web.workload.streams' is for type udp_stream, dpdk_forward, but the type is ping
CASE

bad 'unknown workload' check t.yaml <<'CASE'
vms:
  web: {workload: {type: udp_steam}}
==
t.yaml:2:26: error: unknown choice 'udp_steam'; did you mean 'udp_stream'? 'vms.web.workload.type' takes one of: udp_stream, ping, dpdk_forward, idle, block_jobs, accelerator_jobs, web_server, pcap_replay
CASE

bad 'a parameter where a group'"'"'s name goes' check t.yaml <<'CASE'
vms:
  count: 4
==
t.yaml:2:3: error: 'count' is a parameter, not a name; write 'vms: {NAME: {count: ...}}'
CASE

bad 'group'"'"'s name with a blank' check t.yaml <<'CASE'
vms:
  web server: {}
==
t.yaml:2:3: error: 'web server' is not a name; a name is a letter followed by letters, digits, '_' and '-', 127 at most
CASE

bad 'group'"'"'s name of 200 letters' check longname.yaml <<'CASE'
==
longname.yaml:1:7: error: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is not a name; a name is a letter followed by letters, digits, '_' and '-', 127 at most
CASE

bad 'too many groups' check many.yaml <<'CASE'
==
many.yaml:67:3: error: too many elements in 'vms'; at most 64
CASE

bad 'section that is a list' check t.yaml <<'CASE'
nic: [1, 2]
==
t.yaml:1:6: error: 'nic' takes a mapping or the name of a preset, but is a list
CASE

bad 'section that is empty' check t.yaml <<'CASE'
nic:
vms: {a: {}}
==
t.yaml:1:5: error: 'nic' takes a mapping or the name of a preset, but is empty
CASE

bad 'value that is a list' check t.yaml <<'CASE'
nic: {ports: [1, 2]}
==
t.yaml:1:14: error: 'nic.ports' takes an integer, but is a list
CASE

bad 'value that is missing' check t.yaml <<'CASE'
nic: {itr: }
==
t.yaml:1:12: error: 'nic.itr' takes a time in ps, ns, us, ms or s, but is empty
CASE

# -- values --------------------------------------------------------------------

bad 'missing unit' check t.yaml <<'CASE'
run: {duration: 5}
==
t.yaml:1:17: error: '5' has no unit; 'run.duration' takes a time in ps, ns, us, ms or s
CASE

bad 'wrong unit' check t.yaml <<'CASE'
run: {duration: 5 Gb/s}
==
t.yaml:1:17: error: unknown unit 'Gb/s'; 'run.duration' takes a time in ps, ns, us, ms or s
CASE

bad 'misspelt unit' check t.yaml <<'CASE'
network: {rate: 100 gb/s}
==
t.yaml:1:17: error: unknown unit 'gb/s'; did you mean 'Gb/s'? 'network.rate' takes a rate in b/s, kb/s, Mb/s, Gb/s or Tb/s
CASE

bad 'unit of a plain number' check t.yaml <<'CASE'
vms: {a: {count: 5 VMs}}
==
t.yaml:1:18: error: '5 VMs' is not an integer; 'vms.a.count' takes an integer
CASE

bad 'unit of another type for a plain number' check t.yaml <<'CASE'
vms: {a: {count: 5 ms}}
==
t.yaml:1:18: error: 'vms.a.count' takes no unit; remove 'ms'
CASE

bad 'junk after a number' check t.yaml <<'CASE'
run: {duration: 5 ms!}
==
t.yaml:1:17: error: '5 ms!' is not a time; 'run.duration' takes a time in ps, ns, us, ms or s
CASE

bad 'junk after an integer' check t.yaml <<'CASE'
vms: {a: {count: 4x}}
==
t.yaml:1:18: error: '4x' is not an integer; 'vms.a.count' takes an integer
CASE

bad 'fraction of an integer' check t.yaml <<'CASE'
vms: {a: {count: 1.5}}
==
t.yaml:1:18: error: '1.5' is not an integer; 'vms.a.count' takes an integer
CASE

bad 'fraction of the base unit' check t.yaml <<'CASE'
run: {warmup: 0.5 ps}
==
t.yaml:1:15: error: '0.5 ps' is not a whole number of picoseconds, as 'run.warmup' must be
CASE

bad 'out of range' check t.yaml <<'CASE'
nic: {ports: 3}
==
t.yaml:1:14: error: '3' is out of range; 'nic.ports' takes 1 to 2
CASE

bad 'out of range, with a unit' check t.yaml <<'CASE'
run: {duration: 1 us}
==
t.yaml:1:17: error: '1 us' is out of range; 'run.duration' takes 20 us to 100 s
CASE

bad 'negative time' check t.yaml <<'CASE'
nic: {itr: -1 us}
==
t.yaml:1:12: error: '-1 us' is out of range; 'nic.itr' takes 0 ns to 8160 us
CASE

bad 'too large for 64 bits' check t.yaml <<'CASE'
run: {seed: 99999999999999999999}
==
t.yaml:1:13: error: '99999999999999999999' does not fit in 64 bits; 'run.seed' takes an integer
CASE

bad 'too long for 64 bits of picoseconds' check t.yaml <<'CASE'
run: {duration: 10000000000 s}
==
t.yaml:1:17: error: '10000000000 s' does not fit in 64 bits of picoseconds
CASE

bad 'zero VMs' check t.yaml <<'CASE'
vms: {a: {count: 0}}
==
t.yaml:1:18: error: '0' is out of range; 'vms.a.count' takes 1 to 10000
CASE

bad 'word for a number' check t.yaml <<'CASE'
vms: {a: {count: many}}
==
t.yaml:1:18: error: 'many' is not an integer; 'vms.a.count' takes an integer
CASE

bad 'wrong choice' check t.yaml <<'CASE'
design: sr-iov
==
t.yaml:1:9: error: unknown choice 'sr-iov'; did you mean 'sriov'? 'design' takes one of: sriov, hdiov, vhost-net, vhost-user, spdk-vhost, qemu-blk, un-iov, passthrough, host
CASE

bad 'wrong boolean' check t.yaml <<'CASE'
iommu: {coherent: maybe}
==
t.yaml:1:19: error: 'maybe' is not a boolean; 'iommu.coherent' takes true or false
CASE

bad 'ratio above 1' check t.yaml <<'CASE'
run: {confidence: 95}
==
t.yaml:1:19: error: '95' is out of range; 'run.confidence' takes 0.5 to 0.999
CASE

bad 'name of 300 bytes' check long.yaml <<'CASE'
==
long.yaml:1:7: error: the text is 300 bytes long; 'name' takes at most 127
CASE

# -- rules ---------------------------------------------------------------------

bad 'no VMs' check t.yaml <<'CASE'
name: t
==
t.yaml:1:1: error: 'vms': a scenario needs at least one group of virtual machines: vms: {NAME: {count: 1}}
CASE

bad 'empty vms' check t.yaml <<'CASE'
vms: {}
==
t.yaml:1:1: error: 'vms': a scenario needs at least one group of virtual machines: vms: {NAME: {count: 1}}
CASE

bad 'group called all' check t.yaml <<'CASE'
vms:
  all: {count: 2}
==
t.yaml:2:3: error: 'vms.all': a group cannot be called all: results have a row of that name, for all groups
CASE

bad 'hdiov without PASIDs' check t.yaml <<'CASE'
design: hdiov
iommu: {mode: legacy}
vms: {a: {}}
==
t.yaml:2:15: error: 'iommu.mode': design hdiov needs PASIDs, which mode legacy has not; choose scalable, or off
CASE

bad 'no other socket' check t.yaml <<'CASE'
host: {sockets: 1}
vms: {a: {numa: alternate}}
==
t.yaml:2:17: error: 'vms.a.numa': needs a second socket (host.sockets: 1); or local
CASE

bad 'half a physical core' check t.yaml <<'CASE'
cpu: {cores: 7, threads: 2}
vms: {a: {}}
==
t.yaml:1:14: error: 'cpu.cores': must be even, not 7, when cpu.threads is 2: it counts logical cores
CASE

bad 'device-TLBs without an IOMMU' check t.yaml <<'CASE'
iommu: {mode: off}
ats: {enabled: true}
vms: {a: {}}
==
t.yaml:2:16: error: 'ats.enabled': nobody translates for devices with iommu.mode off
CASE

bad 'port out of range' check t.yaml <<'CASE'
vms:
  a: {port: 0}
  b: {port: 1}
==
t.yaml:3:13: error: 'vms.b.port': there is no port 1: ports count from 0, and nic.ports is 1
CASE

bad 'two designs on one port' check t.yaml <<'CASE'
vms:
  a: {design: sriov}
  b: {design: hdiov}
==
t.yaml:3:15: error: 'vms.b.design': groups a and b share a port but not a design; a physical function offers SR-IOV or HD-IOV, not both
CASE

bad 'peer that does not exist, misspelt' check t.yaml <<'CASE'
vms:
  a: {workload: {type: udp_stream, peer: recievers}}
  receivers: {workload: {type: idle}}
==
t.yaml:2:42: error: 'vms.a.workload.peer': there is no group 'recievers' to send to; did you mean 'receivers'?
CASE

bad 'peer that does not exist' check t.yaml <<'CASE'
vms:
  a: {workload: {type: ping, peer: nobody}}
==
t.yaml:2:36: error: 'vms.a.workload.peer': there is no group 'nobody' to send to
CASE

bad 'peer misspelt on the command line' check t.yaml --set vms.a.workload.peer=cleint <<'CASE'
vms: {a: {}}
==
--set vms.a.workload.peer=cleint: error: 'vms.a.workload.peer': there is no group 'cleint' to send to; did you mean 'client'?
CASE

bad 'its own peer' check t.yaml <<'CASE'
vms:
  a: {workload: {type: udp_stream, peer: a}}
==
t.yaml:2:42: error: 'vms.a.workload.peer': group a cannot be its own peer: each machine would send to itself
CASE

bad 'peer without a network device' check t.yaml <<'CASE'
vms:
  a: {workload: {type: udp_stream, peer: disks}}
  disks: {workload: {type: block_jobs}}
==
t.yaml:2:42: error: 'vms.a.workload.peer': group disks has no network device: its workload is block_jobs
CASE

bad 'peer that polls' check t.yaml <<'CASE'
vms:
  a: {workload: {type: udp_stream, peer: b}}
  b: {workload: {type: dpdk_forward}}
==
t.yaml:2:42: error: 'vms.a.workload.peer': group b runs dpdk_forward; a peer only receives and answers: workload: {type: idle}
CASE

bad 'peers in a circle' check t.yaml <<'CASE'
vms:
  a: {workload: {type: udp_stream, peer: b}}
  b: {workload: {type: ping, peer: a}}
==
t.yaml:2:42: error: 'vms.a.workload.peer': group b runs ping; a peer only receives and answers: workload: {type: idle}
t.yaml:3:36: error: 'vms.b.workload.peer': group a runs udp_stream; a peer only receives and answers: workload: {type: idle}
CASE

bad 'sender behind host software' check t.yaml <<'CASE'
vms:
  a: {design: vhost-net, workload: {type: udp_stream, peer: b}}
  b: {workload: {type: idle}}
==
t.yaml:2:61: error: 'vms.a.workload.peer': machines reach each other by the NIC's bridge, and group a with design vhost-net has no interfaces there; designs sriov and hdiov have
CASE

bad 'peer on another device' check t.yaml <<'CASE'
vms:
  a: {workload: {type: udp_stream, peer: b}}
  b: {design: un-iov, workload: {type: idle}}
==
t.yaml:2:42: error: 'vms.a.workload.peer': machines reach each other by the NIC's bridge, and group b with design un-iov has no interfaces there; designs sriov and hdiov have
CASE

bad 'peer on another port' check t.yaml <<'CASE'
nic: {ports: 2}
vms:
  a: {workload: {type: udp_stream, peer: b}}
  b: {port: 1, workload: {type: idle}}
==
t.yaml:3:42: error: 'vms.a.workload.peer': groups a and b are on ports 0 and 1; the NIC's bridge joins interfaces of one port
CASE

bad 'peers in a live migration, and in a time series' check t.yaml <<'CASE'
migration: {enabled: true}
run: {series: 1 ms}
vms:
  a: {workload: {type: udp_stream, peer: b}}
  b: {workload: {type: idle}}
==
t.yaml:4:42: error: 'vms.a.workload.peer': traffic between machines stays in the NIC of one server: it cannot be combined with migration.enabled
t.yaml:4:42: error: 'vms.a.workload.peer': time series have what the client sees, which is nothing of traffic between machines; set run.series to 0 ps
CASE

bad 'replayed capture to a peer' check t.yaml <<'CASE'
vms:
  a: {workload: {type: pcap_replay, file: x.pcap, peer: b}}
  b: {workload: {type: idle}}
==
t.yaml:2:57: error: 'vms.a.workload.peer' is for type udp_stream, ping, but the type is pcap_replay
CASE

bad 'foreign-pasid without a victim' check t.yaml <<'CASE'
nic: {ports: 2}
vms:
  a: {rogue: foreign-pasid}
==
t.yaml:3:14: error: 'vms.a.rogue': foreign-pasid needs a victim: a group with design hdiov on the other port (nic.ports: 2)
CASE

bad 'foreign-pasid with SR-IOV' check t.yaml <<'CASE'
design: sriov
vms:
  a: {rogue: foreign-pasid}
==
t.yaml:3:14: error: 'vms.a.rogue': foreign-pasid needs design hdiov and an IOMMU
CASE

bad 'memory that is no multiple of 2 MiB' check t.yaml <<'CASE'
vms:
  a: {memory: 65 MiB}
==
t.yaml:2:15: error: 'vms.a.memory': must be a multiple of 2 MiB
CASE

bad 'memory too small for the rings' check t.yaml <<'CASE'
nic: {tx_ring: 4096, rx_ring: 4096}
vms:
  a: {memory: 64 MiB, queue_pairs: 8}
==
t.yaml:3:15: error: 'vms.a.memory': rings and buffers of 8 queue pairs take 130 MiB of memory
CASE

bad 'ring of 300 descriptors' check t.yaml <<'CASE'
nic: {tx_ring: 300}
vms: {a: {}}
==
t.yaml:1:16: error: 'nic.tx_ring': must be a power of two, not 300
CASE

bad 'payload size of 384 B' check t.yaml <<'CASE'
pcie: {mps: 384 B}
vms: {a: {}}
==
t.yaml:1:13: error: 'pcie.mps': must be a power of two, not 384
CASE

bad 'link of 3 lanes' check t.yaml <<'CASE'
pcie: {lanes: 3}
vms: {a: {}}
==
t.yaml:1:15: error: 'pcie.lanes': must be a power of two, not 3
CASE

bad 'rule broken at one point of a sweep only' sweep t.yaml --out D <<'CASE'
vms: {a: {}}
sweep: {axes: {iommu.mode: [scalable, legacy]}}
==
t.yaml:2:39: error: 'iommu.mode': design hdiov needs PASIDs, which mode legacy has not; choose scalable, or off
CASE

bad 'several errors in one pass' check t.yaml <<'CASE'
name: t
nic: {ports: 9, itr: 5}
pci: {}
vms:
  a: {count: 0, color: red}
sweep: {axes: {vms.cuont: [1]}}
==
t.yaml:2:14: error: '9' is out of range; 'nic.ports' takes 1 to 2
t.yaml:2:22: error: '5' has no unit; 'nic.itr' takes a time in ps, ns, us, ms or s
t.yaml:3:1: error: unknown key 'pci'; did you mean 'pcie'?
t.yaml:5:14: error: '0' is out of range; 'vms.a.count' takes 1 to 10000
t.yaml:5:17: error: unknown key 'color' in 'vms.a'; known keys: count, vcpus, memory, queue_pairs, numa, design, port, rogue, workload
t.yaml:6:16: error: 'vms' has no element or parameter 'cuont'; did you mean 'count'?
CASE

bad 'errors in two files' check t.yaml <<'CASE'
include: part.yaml
run: {seed: x}
vms: {a: {}}
==
t.yaml:2:13: error: 'x' is not an integer; 'run.seed' takes an integer
part.yaml:2:8: error: '20' has no unit; 'nic.itr' takes a time in ps, ns, us, ms or s
CASE

# -- sweep ---------------------------------------------------------------------

bad 'empty axis' check t.yaml <<'CASE'
vms: {a: {}}
sweep: {axes: {vms.count: []}}
==
t.yaml:2:27: error: axis 'vms.count' has no values
CASE

bad 'axis that is no list' check t.yaml <<'CASE'
vms: {a: {}}
sweep: {axes: {vms.count: 4}}
==
t.yaml:2:27: error: axis 'vms.count' takes a list of values, but is a single value
CASE

bad 'axis that names nothing' sweep t.yaml --out D <<'CASE'
vms: {a: {}}
sweep: {axes: {nic.prots: [1, 2]}}
==
t.yaml:2:16: error: unknown key 'prots' in 'nic'; did you mean 'ports'?
CASE

bad 'axis of a group that is not there' check t.yaml <<'CASE'
vms: {web: {}}
sweep: {axes: {vms.wep.count: [1, 2]}}
==
t.yaml:2:16: error: 'vms' has no element or parameter 'wep'; did you mean 'web'?
CASE

bad 'axis with a bad value' check t.yaml <<'CASE'
vms: {a: {}}
sweep: {axes: {nic.itr: [10 us, 20]}}
==
t.yaml:2:33: error: '20' has no unit; 'nic.itr' takes a time in ps, ns, us, ms or s
CASE

bad 'axis with a value twice' check t.yaml <<'CASE'
vms: {a: {}}
sweep: {axes: {vms.count: [1, 2, 1]}}
==
t.yaml:2:34: error: axis 'vms.count' has the value '1' twice
CASE

bad 'two axes of one parameter' check t.yaml <<'CASE'
vms: {a: {}}
sweep: {axes: {vms.count: [1, 2], vms.a.count: [3, 4]}}
==
t.yaml:2:35: error: axis 'vms.a.count' sets what axis 'vms.count' sets too
CASE

bad 'unknown key in sweep' check t.yaml <<'CASE'
vms: {a: {}}
sweep: {axis: {vms.count: [1]}}
==
t.yaml:2:9: error: unknown key 'axis' in 'sweep'; known keys: axes
CASE

bad 'plot of nothing' check t.yaml <<'CASE'
vms: {a: {}}
plot: {x: vms.cuont}
==
t.yaml:2:11: error: 'vms' has no element or parameter 'cuont'; did you mean 'count'?
CASE

bad 'too many points' check t.yaml --axis "run.seed=$(seq -s, 1000)" --axis "vms.count=$(seq -s, 1000)" <<'CASE'
vms: {a: {}}
==
--axis vms.count=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19...: error: the sweep has more than 100000 points
CASE

# -- command line --------------------------------------------------------------

bad '--set without a value' check good.yaml --set nic.ports <<'CASE'
==
--set nic.ports: error: write --set PATH=VALUE
CASE

bad '--set of an unknown path' check good.yaml --set nic.prots=1 <<'CASE'
==
--set nic.prots=1: error: unknown key 'prots' in 'nic'; did you mean 'ports'?
CASE

bad '--set of an unknown section' check good.yaml --set gpu.count=1 <<'CASE'
==
--set gpu.count=1: error: unknown parameter 'gpu.count'; did you mean 'cpu'?
CASE

bad '--set of a section' check good.yaml --set vms.a=1 <<'CASE'
==
--set vms.a=1: error: 'vms.a' names no parameter; add one of its keys, such as 'vms.a.PARAM'
CASE

bad '--set of a bad value' run good.yaml --set run.duration=5 --out D <<'CASE'
==
--set run.duration=5: error: '5' has no unit; 'run.duration' takes a time in ps, ns, us, ms or s
CASE

bad '--set with an empty value' check good.yaml --set nic.itr= <<'CASE'
==
--set nic.itr=: error: '' is not a time; 'nic.itr' takes a time in ps, ns, us, ms or s
CASE

bad '--axis without a value' check good.yaml --axis vms.count <<'CASE'
==
--axis vms.count: error: write --axis PATH=VALUE,VALUE,...
CASE

bad '--axis with no values' check good.yaml --axis vms.count= <<'CASE'
==
--axis vms.count=: error: axis 'vms.count' has no values
CASE

bad '--axis with a bad value' sweep good.yaml --axis vms.count=1,two --out D <<'CASE'
==
--axis vms.count=1,two: error: 'two' is not an integer; 'vms.count' takes an integer
CASE

bad '--axis with an empty value' check good.yaml --axis vms.count=1,,2 <<'CASE'
==
--axis vms.count=1,,2: error: a value of axis 'vms.count' must be a single value, but is empty
CASE

bad '--seed that is no number' run good.yaml --seed x <<'CASE'
==
hdiov-sim run: --seed takes a whole number, not 'x'
Try `hdiov-sim run --help' or `hdiov-sim run --usage' for more information.
CASE

bad '--seed that is negative' run good.yaml --seed=-1 <<'CASE'
==
hdiov-sim run: --seed takes a whole number, not '-1'
Try `hdiov-sim run --help' or `hdiov-sim run --usage' for more information.
CASE

bad '--seed that is too large' run good.yaml --seed 99999999999999999999 <<'CASE'
==
--set run.seed=99999999999999999999: error: '99999999999999999999' does not fit in 64 bits; 'run.seed' takes an integer
CASE

bad '-j that is no number' sweep good.yaml -j many --out D <<'CASE'
==
hdiov-sim sweep: -j takes a number from 1 to 1024, not 'many'
Try `hdiov-sim sweep --help' or `hdiov-sim sweep --usage' for more
information.
CASE

bad '-j of 0' sweep good.yaml -j0 --out D <<'CASE'
==
hdiov-sim sweep: -j takes a number from 1 to 1024, not '0'
Try `hdiov-sim sweep --help' or `hdiov-sim sweep --usage' for more
information.
CASE

bad '--out inside a file' run good.yaml --out file/D <<'CASE'
==
hdiov-sim: cannot make directory file/D: Not a directory
CASE

bad '--out is a file' sweep good.yaml --out file <<'CASE'
==
hdiov-sim: cannot make directory file: Not a directory
CASE

bad '--out without a name' run good.yaml --out= <<'CASE'
==
hdiov-sim run: --out takes the name of a directory
Try `hdiov-sim run --help' or `hdiov-sim run --usage' for more information.
CASE

bad '--out where nothing can be made' run good.yaml --out /proc/hdiov <<'CASE'
==
hdiov-sim: cannot make directory /proc/hdiov: No such file or directory
CASE

bad 'results that are there, run' run good.yaml --out results <<'CASE'
==
hdiov-sim: results already has results; remove it, or choose another directory with --out
CASE

bad 'results that are there, sweep' sweep good.yaml --out results <<'CASE'
==
hdiov-sim: results already has results; continue them with --resume, remove it, or choose another directory with --out
CASE

bad 'directory with something else' sweep good.yaml --out other <<'CASE'
==
hdiov-sim: other is not empty and has no results; choose another directory with --out
CASE

bad 'unknown command' swep good.yaml <<'CASE'
==
hdiov-sim: unknown command 'swep'; did you mean 'sweep'?
CASE

bad 'unknown option' run good.yaml --sed 1 <<'CASE'
==
hdiov-sim run: unknown option '--sed'; did you mean '--set'?
Try 'hdiov-sim run --help' for the options.
CASE

bad 'unknown option before the command' --quiet run good.yaml <<'CASE'
==
hdiov-sim: unknown option '--quiet'
Try 'hdiov-sim --help' for the options.
CASE

bad 'unknown short option' run good.yaml -z <<'CASE'
==
hdiov-sim run: invalid option -- 'z'
Try `hdiov-sim run --help' or `hdiov-sim run --usage' for more information.
CASE

bad 'option without its value' run good.yaml --out <<'CASE'
==
hdiov-sim run: option '--out' requires an argument
Try `hdiov-sim run --help' or `hdiov-sim run --usage' for more information.
CASE

bad 'no file' check <<'CASE'
==
hdiov-sim check: which FILE?
Try `hdiov-sim check --help' or `hdiov-sim check --usage' for more
information.
CASE

bad 'two files' check good.yaml t.yaml <<'CASE'
==
hdiov-sim check: one FILE at a time, not also 't.yaml'
Try `hdiov-sim check --help' or `hdiov-sim check --usage' for more
information.
CASE

bad 'no command'  <<'CASE'
==
Usage: hdiov-sim [OPTION...] COMMAND [ARGUMENT...]
Try `hdiov-sim --help' or `hdiov-sim --usage' for more information.
CASE

bad 'unknown model' params nik <<'CASE'
==
hdiov-sim: no model 'nik'; did you mean 'nic'?
CASE

bad 'plot of nothing, there is no directory' plot nosuch <<'CASE'
==
hdiov-sim: nosuch has no results to plot: unable to open nosuch/manifest.json: No such file or directory
CASE

bad 'plot of a directory without results' plot other <<'CASE'
==
hdiov-sim: other has no results to plot: unable to open other/manifest.json: No such file or directory
CASE

# -- what cannot be unplugged ---------------------------------------------------

bad 'block device to be unplugged' check t.yaml <<'CASE'
vms: {a: {memory: 1 GiB, workload: {type: block_jobs}}}
design: sriov
migration:
  enabled: true
  passthrough: unplug
==
t.yaml:5:16: error: 'migration.passthrough': only network devices have a stand-in: a block device of design sriov cannot be unplugged; choose refuse
CASE

bad 'polling application whose device is to be unplugged' check t.yaml <<'CASE'
vms: {a: {memory: 1 GiB, workload: {type: dpdk_forward}}}
design: passthrough
migration:
  enabled: true
  passthrough: unplug
==
t.yaml:5:16: error: 'migration.passthrough': a polling application has the device's queues to itself: no kernel can send by a stand-in for a device of design passthrough that is unplugged; choose refuse, or another workload
CASE

bad 'stand-in on a port that others use' check t.yaml <<'CASE'
nic: {ports: 2}
design: passthrough
migration: {enabled: true, passthrough: unplug}
vms:
  a: {memory: 1 GiB, workload: {type: udp_stream}, port: 1}
  b: {memory: 1 GiB, design: vhost-net, port: 1}
  c: {memory: 1 GiB, design: sriov, port: 0}
==
t.yaml:5:58: error: 'vms.a.port': the stand-in of the device that is unplugged needs a port of the NIC for itself; group b uses port 1, too
CASE

bad 'accelerator to be unplugged' check t.yaml <<'CASE'
vms: {a: {memory: 1 GiB, workload: {type: accelerator_jobs}}}
design: sriov
migration: {enabled: true, passthrough: unplug}
==
t.yaml:1:1: error: 'vms.a.workload': an accelerator cannot be migrated; migration.enabled needs other workloads
CASE

bad 'no memory for the rings of a stand-in' check t.yaml <<'CASE'
vms: {a: {memory: 64 MiB, queue_pairs: 28}}
design: sriov
migration: {enabled: true, passthrough: unplug}
==
t.yaml:1:19: error: 'vms.a.memory': rings and buffers of 28 queue pairs take 72 MiB of memory
CASE

# -- the DMA benchmark ---------------------------------------------------------

bad 'benchmark with virtual machines' check t.yaml <<'CASE'
host: dell-t630
bench: {mode: latency}
vms: {a: {}}
==
t.yaml:3:7: error: 'vms.a': a DMA benchmark has no virtual machines; leave vms out, or set bench.mode to none
CASE

bad 'neither benchmark nor virtual machines' check t.yaml <<'CASE'
bench: {mode: none}
==
t.yaml:1:1: error: 'vms': a scenario needs at least one group of virtual machines: vms: {NAME: {count: 1}}
CASE

bad 'latency of posted writes' check t.yaml <<'CASE'
bench: {mode: latency, op: wr}
==
t.yaml:1:28: error: 'bench.op': posted writes are not answered, so that they have no latency; mode latency measures rd and wrrd
CASE

bad 'bandwidth of what is done one by one' check t.yaml <<'CASE'
bench:
  mode: bandwidth
  op: wrrd
  engine: cmd
  transfer: 65 B
==
t.yaml:3:7: error: 'bench.op': wrrd is one operation after the other: mode latency only
t.yaml:4:11: error: 'bench.engine': direct commands are issued one after the other: mode latency only
t.yaml:5:13: error: 'bench.transfer': a direct command (bench.engine: cmd) transfers at most 64 B
CASE

bad 'transfer over a page' check t.yaml <<'CASE'
bench: {mode: latency, transfer: 4 KiB, host_offset: 1 B}
==
t.yaml:1:34: error: 'bench.transfer': a transfer of 4096 B at host_offset 1 B crosses a 4 KiB page
CASE

bad 'transfer over the window' check t.yaml <<'CASE'
bench: {mode: latency, transfer: 100 B, window: 64 B}
==
t.yaml:1:34: error: 'bench.transfer': a transfer of 100 B at host_offset 0 B takes more than the window of 64 B
CASE

bad 'window over the buffer' check t.yaml <<'CASE'
bench: {mode: latency, window: 128 MiB}
==
t.yaml:1:32: error: 'bench.window': the buffer that a window is a part of has 64 MiB
CASE

bad 'odd windows' check t.yaml --set bench.window='6000 B' <<'CASE'
bench: {mode: latency}
==
--set bench.window=6000 B: error: 'bench.window': must be a multiple of 64 B
CASE

bad 'more requests than tags' check t.yaml <<'CASE'
bench: {mode: bandwidth, transfer: 4 KiB, window: 64 KiB}
device: {tags: 4}
==
t.yaml:1:8: error: 'bench': a transfer needs more read requests than there are tags
CASE

# -- the end -------------------------------------------------------------------

echo "# $cases inputs"
exit $failed
