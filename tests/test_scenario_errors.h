/*
 * test_scenario_errors.h - bad scenarios and exactly what is said about them.
 *
 * Each is loaded as tests/data/scenario/t.yaml; that folder's name is left out
 * of the expected lines.
 */
#ifndef HD_TESTS_TEST_SCENARIO_ERRORS_H
#define HD_TESTS_TEST_SCENARIO_ERRORS_H

#include <stddef.h>

struct bad_scenario {
  const char *name, *yaml, *set, *axis, *errors;
};

#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

#define PUBLISHED_OF(entry)                                                    \
  "name: t\nsweep: { axes: { design: [sriov, hdiov], nic.ports: [1, 2, 8] } "  \
  "}\npublished:\n  - " entry "\n"

static const struct bad_scenario bad_scenarios[] = {
    {.name = "empty file",
     .yaml = "",
     .errors = "t.yaml:1:1: error: the file is empty\n"},
    {.name = "only a comment",
     .yaml = "# nothing\n",
     .errors = "t.yaml:1:1: error: the file is empty\n"},
    {.name = "top level is a list",
     .yaml = "- a\n- b\n",
     .errors =
         "t.yaml:1:1: error: the top level must be a mapping (KEY: VALUE), "
         "not a list\n"},
    {.name = "top level is a scalar",
     .yaml = "hello\n",
     .errors =
         "t.yaml:1:1: error: the top level must be a mapping (KEY: VALUE), "
         "not a single value\n"},
    {.name = "unclosed flow mapping",
     .yaml = "name: t\nnic: { ports: 1\n",
     .errors =
         "t.yaml:3:1: error: YAML syntax: did not find expected ',' or '}' "
         "(while parsing a flow mapping at line 2)\n"},
    {.name = "bad indentation",
     .yaml = "name: t\nnic:\n  ports: 1\n   rate: 2\n",
     .errors =
         "t.yaml:4:8: error: YAML syntax: mapping values are not allowed in "
         "this context\n"},
    {.name = "a tab",
     .yaml = "name: t\nnic:\n\tports: 1\n",
     .errors =
         "t.yaml:3:1: error: YAML syntax: a tab here; indent with blanks\n"},
    {.name = "not UTF-8",
     .yaml = "name: t\ndescription: \"\377\"\n",
     .errors =
         "t.yaml:2:15: error: YAML syntax: invalid leading UTF-8 octet\n"},
    {.name = "second document",
     .yaml = "name: t\n---\nname: u\n",
     .errors =
         "t.yaml:2:1: error: a second document starts here; a file is one "
         "document\n"},
    {.name = "anchor",
     .yaml = "name: t\nnic: &n { ports: 1 }\n",
     .errors = "t.yaml:2:6: error: anchors ('&n') are not supported; write the "
               "value out or use 'include'\n"},
    {.name = "alias",
     .yaml = "name: t\nnic: &n { ports: 1 }\nhost: *n\n",
     .errors = "t.yaml:2:6: error: anchors ('&n') are not supported; write the "
               "value out or use 'include'\n"
               "t.yaml:3:7: error: aliases ('*n') are not supported; write the "
               "value out or use 'include'\n"},
    {.name = "tag",
     .yaml = "name: t\nseed: !!int 3\n",
     .errors = "t.yaml:2:7: error: tags ('!!int') are not "
               "supported; write the value without it\n"},
    {.name = "deep nesting",
     .yaml = "name: t\nnic: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
     .errors = "t.yaml:2:38: error: nested deeper than 32 levels\n"},
    {.name = "a mapping as key",
     .yaml = "name: t\n? {a: b}\n: c\n",
     .errors = "t.yaml:2:3: error: a key must be plain text, not a mapping\n"},
    {.name = "NUL",
     .yaml = "name: t\ndescription: \"a\\0b\"\n",
     .errors = "t.yaml:2:14: error: a NUL character is not allowed\n"},
    {.name = "duplicate key",
     .yaml = "name: t\nnic:\n  ports: 1\n  ports: 2\n",
     .errors =
         "t.yaml:4:3: error: duplicate key 'ports'; first given at line 3\n"},
    {.name = "duplicate section",
     .yaml = "name: t\nnic: {}\niommu: {}\nnic: {}\n",
     .errors =
         "t.yaml:4:1: error: duplicate key 'nic'; first given at line 2\n"},
    {.name = "duplicate element",
     .yaml = "name: t\nvms:\n  a: {}\n  a: {}\n",
     .errors = "t.yaml:4:3: error: duplicate key 'a'; first given at line 3\n"},
    {.name = "two names of a section",
     .yaml = "name: t\nhost: {}\nserver: {}\n",
     .errors =
         "t.yaml:3:1: error: 'server' is another name of 'host', given at "
         "line 2\n"},
    {.name = "unknown section",
     .yaml = "name: t\niomu: {}\n",
     .errors =
         "t.yaml:2:1: error: unknown key 'iomu'; did you mean 'iommu'?\n"},
    {.name = "far unknown section",
     .yaml = "name: t\nzzzzzz: {}\n",
     .errors = "t.yaml:2:1: error: unknown key 'zzzzzz'; known keys: name, "
               "description, design, seed, host, iommu, nic, server, vms, "
               "include, sweep, plot, published\n"},
    {.name = "unknown key",
     .yaml = "name: t\niommu: { widow: 3 ns }\n",
     .errors =
         "t.yaml:2:10: error: unknown key 'widow' in 'iommu'; did you mean "
         "'window'?\n"},
    {.name = "far unknown key",
     .yaml = "name: t\niommu: { zzzzzz: 3 ns }\n",
     .errors =
         "t.yaml:2:10: error: unknown key 'zzzzzz' in 'iommu'; known keys: "
         "mode, page_size, window, preset\n"},
    {.name = "unknown key of an element",
     .yaml = "name: t\nvms: { a: { cuont: 3 } }\n",
     .errors =
         "t.yaml:2:13: error: unknown key 'cuont' in 'vms.a'; did you mean "
         "'count'?\n"},
    {.name = "unknown key of a variant",
     .yaml = "name: t\nvms: { a: { workload: { paylod: 3 B } } }\n",
     .errors =
         "t.yaml:2:25: error: unknown key 'paylod' in 'vms.a.workload'; did "
         "you mean 'payload'?\n"},
    {.name = "key of another alternative",
     .yaml = "name: t\nvms: { a: { workload: { type: ping, burst: 3 } } }\n",
     .errors = "t.yaml:2:44: error: 'vms.a.workload.burst' is for type "
               "udp_stream, but the type is ping\n"},
    {.name = "required of an alternative",
     .yaml = "name: t\nvms: { a: { workload: { type: udp_stream } } }\n",
     .errors =
         "t.yaml:2:8: error: 'vms.a.workload.payload' is required and not "
         "given; it takes a size in B, kB, KiB, MB, MiB, GB, GiB or TiB\n"},
    {.name = "required at the top",
     .yaml = "seed: 1\n",
     .errors =
         "t.yaml:1:1: error: 'name' is required and not given; it takes a "
         "text\n"},
    {.name = "empty section",
     .yaml = "name: t\nnic:\n",
     .errors =
         "t.yaml:2:5: error: 'nic' takes a mapping or the name of a preset, "
         "but is empty\n"},
    {.name = "section is a list",
     .yaml = "name: t\nnic: [1]\n",
     .errors =
         "t.yaml:2:6: error: 'nic' takes a mapping or the name of a preset, "
         "but is a list\n"},
    {.name = "group is a scalar",
     .yaml = "name: t\nvms: 3\n",
     .errors =
         "t.yaml:2:6: error: 'vms' takes a mapping, but is a single value\n"},
    {.name = "element is a scalar",
     .yaml = "name: t\nvms: { a: 3 }\n",
     .errors = "t.yaml:2:11: error: 'vms.a' takes a mapping, but is a single "
               "value\n"},
    {.name = "variant is a scalar",
     .yaml = "name: t\nvms: { a: { workload: ping } }\n",
     .errors = "t.yaml:2:23: error: 'vms.a.workload' takes a mapping, but is a "
               "single value\n"},
    {.name = "element named as a parameter",
     .yaml = "name: t\nvms: { count: 3 }\n",
     .errors = "t.yaml:2:8: error: 'count' is a parameter, not a name; write "
               "'vms: {NAME: {count: ...}}'\n"},
    {.name = "element name with a dot",
     .yaml = "name: t\nvms: { a.b: {} }\n",
     .errors = "t.yaml:2:8: error: 'a.b' is not a name; a name is a letter "
               "followed by letters, digits, '_' and '-', 127 at most\n"},
    {.name = "too many elements",
     .yaml = "name: t\nvms: { a: {}, b: {}, c: {}, d: {} }\n",
     .errors = "t.yaml:2:29: error: too many elements in 'vms'; at most 3\n"},
    {.name = "value is a list",
     .yaml = "name: t\nseed: [1, 2]\n",
     .errors = "t.yaml:2:7: error: 'seed' takes an integer, but is a list\n"},
    {.name = "value is missing",
     .yaml = "name: t\nseed:\n",
     .errors = "t.yaml:2:6: error: 'seed' takes an integer, but is empty\n"},
    {.name = "integer with junk",
     .yaml = "name: t\nseed: 12abc\n",
     .errors = "t.yaml:2:7: error: '12abc' is not an integer; 'seed' takes an "
               "integer\n"},
    {.name = "integer with a fraction",
     .yaml = "name: t\nseed: 1.5\n",
     .errors = "t.yaml:2:7: error: '1.5' is not an integer; 'seed' takes an "
               "integer\n"},
    {.name = "integer with a unit",
     .yaml = "name: t\nseed: 12 ns\n",
     .errors = "t.yaml:2:7: error: 'seed' takes no unit; remove 'ns'\n"},
    {.name = "integer too large",
     .yaml = "name: t\nseed: 9223372036854775808\n",
     .errors =
         "t.yaml:2:7: error: '9223372036854775808' does not fit in 64 bits; "
         "'seed' takes an integer\n"},
    {.name = "integer out of range",
     .yaml = "name: t\nnic: { ports: 9 }\n",
     .errors =
         "t.yaml:2:15: error: '9' is out of range; 'nic.ports' takes 1 to "
         "8\n"},
    {.name = "real with junk",
     .yaml = "name: t\nnic: { gain: 1.5x }\n",
     .errors = "t.yaml:2:14: error: '1.5x' is not a number; 'nic.gain' takes a "
               "number\n"},
    {.name = "real with a unit",
     .yaml = "name: t\nnic: { gain: 1.5 % }\n",
     .errors = "t.yaml:2:14: error: 'nic.gain' takes no unit; remove '%'\n"},
    {.name = "real too large",
     .yaml = "name: t\nnic: { gain: 1e999 }\n",
     .errors = "t.yaml:2:14: error: '1e999' is too large; 'nic.gain' takes a "
               "number\n"},
    {.name = "real is not a number",
     .yaml = "name: t\nnic: { gain: nan }\n",
     .errors = "t.yaml:2:14: error: 'nan' is not a number; 'nic.gain' takes a "
               "number\n"},
    {.name = "real out of range",
     .yaml = "name: t\nnic: { gain: 100.5 }\n",
     .errors =
         "t.yaml:2:14: error: '100.5' is out of range; 'nic.gain' takes at "
         "most 100\n"},
    {.name = "ratio out of range",
     .yaml = "name: t\nnic: { loss: 3 }\n",
     .errors =
         "t.yaml:2:14: error: '3' is out of range; 'nic.loss' takes 0 to 1\n"},
    {.name = "ratio in percent out of range",
     .yaml = "name: t\nnic: { loss: 101 % }\n",
     .errors =
         "t.yaml:2:14: error: '101 %' is out of range; 'nic.loss' takes 0 "
         "to 1\n"},
    {.name = "time without unit",
     .yaml = "name: t\niommu: { window: 150 }\n",
     .errors = "t.yaml:2:18: error: '150' has no unit; 'iommu.window' takes a "
               "time in ps, ns, us, ms or s\n"},
    {.name = "time with a wrong unit",
     .yaml = "name: t\niommu: { window: 150 nss }\n",
     .errors = "t.yaml:2:18: error: unknown unit 'nss'; did you mean 'ns'? "
               "'iommu.window' takes a time in ps, ns, us, ms or s\n"},
    {.name = "time with a unit of size",
     .yaml = "name: t\niommu: { window: 150 MiB }\n",
     .errors = "t.yaml:2:18: error: unknown unit 'MiB'; 'iommu.window' takes a "
               "time in ps, ns, us, ms or s\n"},
    {.name = "time in capitals",
     .yaml = "name: t\niommu: { window: 150 NS }\n",
     .errors = "t.yaml:2:18: error: unknown unit 'NS'; did you mean 'ns'? "
               "'iommu.window' takes a time in ps, ns, us, ms or s\n"},
    {.name = "time with junk",
     .yaml = "name: t\niommu: { window: 150 ns 3 }\n",
     .errors = "t.yaml:2:18: error: '150 ns 3' is not a time; 'iommu.window' "
               "takes a time in ps, ns, us, ms or s\n"},
    {.name = "time is a word",
     .yaml = "name: t\niommu: { window: soon }\n",
     .errors =
         "t.yaml:2:18: error: 'soon' is not a time; 'iommu.window' takes a "
         "time in ps, ns, us, ms or s\n"},
    {.name = "fraction of a picosecond",
     .yaml = "name: t\niommu: { window: 1.0001 ns }\n",
     .errors = "t.yaml:2:18: error: '1.0001 ns' is not a whole number of "
               "picoseconds, as 'iommu.window' must be\n"},
    {.name = "time too large",
     .yaml = "name: t\niommu: { window: 99999999999 s }\n",
     .errors = "t.yaml:2:18: error: '99999999999 s' does not fit in 64 bits of "
               "picoseconds\n"},
    {.name = "time out of range",
     .yaml = "name: t\niommu: { window: 2 ms }\n",
     .errors =
         "t.yaml:2:18: error: '2 ms' is out of range; 'iommu.window' takes "
         "0 to 1 ms\n"},
    {.name = "negative time",
     .yaml = "name: t\niommu: { window: -2 ns }\n",
     .errors =
         "t.yaml:2:18: error: '-2 ns' is out of range; 'iommu.window' takes "
         "0 to 1 ms\n"},
    {.name = "size out of range",
     .yaml = "name: t\niommu: { page_size: 1 KiB }\n",
     .errors = "t.yaml:2:21: error: '1 KiB' is out of range; 'iommu.page_size' "
               "takes 4 KiB to 1 GiB\n"},
    {.name = "rate without unit",
     .yaml = "name: t\nnic: { rate: 100 }\n",
     .errors =
         "t.yaml:2:14: error: '100' has no unit; 'nic.rate' takes a rate in "
         "b/s, kb/s, Mb/s, Gb/s or Tb/s\n"},
    {.name = "rate out of range",
     .yaml = "name: t\nnic: { rate: 1 kb/s }\n",
     .errors =
         "t.yaml:2:14: error: '1 kb/s' is out of range; 'nic.rate' takes at "
         "least 1 Mb/s\n"},
    {.name = "frequency unit",
     .yaml = "name: t\nnic: { clock: 1 Ghz }\n",
     .errors = "t.yaml:2:15: error: unknown unit 'Ghz'; did you mean 'GHz'? "
               "'nic.clock' takes a frequency in Hz, kHz, MHz or GHz\n"},
    {.name = "half a cycle",
     .yaml = "name: t\nnic: { doorbell: 1.5 cycles }\n",
     .errors =
         "t.yaml:2:18: error: '1.5 cycles' is not a whole number of cycles, "
         "as 'nic.doorbell' must be\n"},
    {.name = "boolean",
     .yaml = "name: t\nnic: { moderation: maybe }\n",
     .errors = "t.yaml:2:20: error: 'maybe' is not a boolean; 'nic.moderation' "
               "takes true or false\n"},
    {.name = "enum",
     .yaml = "name: t\niommu: { mode: scalble }\n",
     .errors =
         "t.yaml:2:16: error: unknown choice 'scalble'; did you mean "
         "'scalable'? 'iommu.mode' takes one of: off, legacy, scalable\n"},
    {.name = "far enum",
     .yaml = "name: t\niommu: { mode: zzzzzz }\n",
     .errors =
         "t.yaml:2:16: error: unknown choice 'zzzzzz'; 'iommu.mode' takes "
         "one of: off, legacy, scalable\n"},
    {.name = "long text",
     .yaml = "name: " X100 X100 "\n",
     .errors = "t.yaml:1:7: error: the text is 200 bytes long; 'name' takes at "
               "most 127\n"},
    {.name = "unknown preset",
     .yaml = "name: t\nnic: e811\n",
     .errors =
         "t.yaml:2:6: error: unknown preset 'e811' for 'nic'; did you mean "
         "'e810'?\n"},
    {.name = "far unknown preset",
     .yaml = "name: t\nnic: { preset: zzzzzz }\n",
     .errors = "t.yaml:2:16: error: unknown preset 'zzzzzz' for 'nic'; known "
               "presets: e810, greedy, x710\n"},
    {.name = "no presets at all",
     .yaml = "name: t\niommu: fast\n",
     .errors = "t.yaml:2:8: error: unknown preset 'fast' for 'iommu'; known "
               "presets: none\n"},
    {.name = "preset outside its folder",
     .yaml = "name: t\nnic: ../host/small\n",
     .errors = "t.yaml:2:6: error: unknown preset '../host/small' for 'nic'; "
               "known presets: e810, greedy, x710\n"},
    {.name = "preset is a list",
     .yaml = "name: t\nnic: { preset: [a] }\n",
     .errors =
         "t.yaml:2:16: error: 'nic.preset' takes the name of a preset, but "
         "is a list\n"},
    {.name = "a preset that does too much",
     .yaml = "name: t\nnic: greedy\n",
     .errors = "presets/nic/greedy.yaml:2:8: error: a preset may not choose a "
               "preset for 'iommu'\n"
               "presets/nic/greedy.yaml:3:17: error: a preset may not choose a "
               "preset for 'host'\n"
               "presets/nic/greedy.yaml:4:1: error: a preset may not contain "
               "'vms'\n"
               "presets/nic/greedy.yaml:5:1: error: a preset may not contain "
               "'sweep'\n"
               "presets/nic/greedy.yaml:6:1: error: a preset may not contain "
               "'plot'\n"
               "presets/nic/greedy.yaml:7:1: error: a preset may not contain "
               "'include'\n"
               "presets/nic/greedy.yaml:8:1: error: a preset may not contain "
               "'published'\n"},
    {.name = "missing include",
     .yaml = "name: t\ninclude: nowhere.yaml\n",
     .errors =
         "t.yaml:2:10: error: cannot read the included file 'nowhere.yaml': "
         "No such file or directory\n"},
    {.name = "include is a mapping",
     .yaml = "name: t\ninclude: { a: b }\n",
     .errors =
         "t.yaml:2:10: error: 'include' takes a path or a list of paths\n"},
    {.name = "include a folder",
     .yaml = "name: t\ninclude: include\n",
     .errors =
         "t.yaml:2:10: error: cannot read the included file 'include': not "
         "a regular file\n"},
    {.name = "include cycle",
     .yaml = "name: t\ninclude: cycle.yaml\n",
     .errors = "include/ring.yaml:1:11: error: a file cannot include itself: "
               "cycle.yaml -> include/ring.yaml -> include/../cycle.yaml\n"},
    {.name = "sweep is a list",
     .yaml = "name: t\nsweep: []\n",
     .errors =
         "t.yaml:2:8: error: 'sweep' takes a mapping with 'axes', but is a "
         "list\n"},
    {.name = "sweep with an unknown key",
     .yaml = "name: t\nsweep: { axis: {} }\n",
     .errors = "t.yaml:2:10: error: unknown key 'axis' in 'sweep'; known keys: "
               "axes\n"},
    {.name = "axes is a list",
     .yaml = "name: t\nsweep: { axes: [] }\n",
     .errors = "t.yaml:2:16: error: 'sweep.axes' takes a mapping PATH: [VALUE, "
               "...], but is a list\n"},
    {.name = "empty axis",
     .yaml = "name: t\nsweep: { axes: { design: [] } }\n",
     .errors = "t.yaml:2:26: error: axis 'design' has no values\n"},
    {.name = "axis without list",
     .yaml = "name: t\nsweep: { axes: { design: sriov } }\n",
     .errors =
         "t.yaml:2:26: error: axis 'design' takes a list of values, but is "
         "a single value\n"},
    {.name = "axis that names nothing",
     .yaml = "name: t\nsweep: { axes: { nic.prots: [1] } }\n",
     .errors = "t.yaml:2:18: error: unknown key 'prots' in 'nic'; did you mean "
               "'ports'?\n"},
    {.name = "axis of an unknown element",
     .yaml =
         "name: t\nvms: { web: {} }\nsweep: { axes: { vms.wep.count: [1] } }\n",
     .errors =
         "t.yaml:3:18: error: 'vms' has no element or parameter 'wep'; did "
         "you mean 'web'?\n"},
    {.name = "axis that names no parameter",
     .yaml = "name: t\nvms: { web: {} }\nsweep: { axes: { vms.web: [1] } }\n",
     .errors =
         "t.yaml:3:18: error: 'vms.web' names no parameter; add one of its "
         "keys, such as 'vms.web.PARAM'\n"},
    {.name = "axis of an empty group",
     .yaml = "name: t\nsweep: { axes: { vms.count: [1] } }\n",
     .errors = "t.yaml:2:18: error: 'vms' has no elements\n"},
    {.name = "axis that goes on",
     .yaml = "name: t\nsweep: { axes: { nic.ports.x: [1] } }\n",
     .errors = "t.yaml:2:18: error: 'nic.ports.x' goes on after a parameter\n"},
    {.name = "axis path with empty part",
     .yaml = "name: t\nsweep: { axes: { nic..x: [1] } }\n",
     .errors = "t.yaml:2:18: error: 'nic..x' is not a path; a path is PARAM, "
               "SECTION.PARAM or GROUP.NAME.PARAM\n"},
    {.name = "axis value",
     .yaml = "name: t\nsweep:\n  axes:\n    nic.ports: [1, 2, 9, x]\n",
     .errors =
         "t.yaml:4:23: error: '9' is out of range; 'nic.ports' takes 1 to "
         "8\n"
         "t.yaml:4:26: error: 'x' is not an integer; 'nic.ports' takes an "
         "integer\n"},
    {.name = "axis value is a list",
     .yaml = "name: t\nsweep: { axes: { seed: [1, [2]] } }\n",
     .errors = "t.yaml:2:28: error: a value of axis 'seed' must be a single "
               "value, but is a list\n"},
    {.name = "axis value twice",
     .yaml = "name: t\nsweep: { axes: { seed: [1, 2, 1] } }\n",
     .errors = "t.yaml:2:31: error: axis 'seed' has the value '1' twice\n"},
    {.name = "axes that overlap",
     .yaml = "name: t\nvms: { a: {} }\nsweep: { axes: { vms.count: [1], "
             "vms.a.count: [2] } }\n",
     .errors =
         "t.yaml:3:34: error: axis 'vms.a.count' sets what axis 'vms.count' "
         "sets too\n"},
    {.name = "axis of presets",
     .yaml = "name: t\nsweep: { axes: { nic: [e810, e811] } }\n",
     .errors =
         "t.yaml:2:30: error: unknown preset 'e811' for 'nic'; did you mean "
         "'e810'?\n"},
    {.name = "unknown key of plot",
     .yaml = "name: t\nplot: { logx: true }\n",
     .errors = "t.yaml:2:9: error: unknown key 'logx' in 'plot'; did you mean "
               "'log_x'?\n"},
    {.name = "plot of an unknown path",
     .yaml = "name: t\nplot: { x: nic.prots }\n",
     .errors = "t.yaml:2:12: error: unknown key 'prots' in 'nic'; did you mean "
               "'ports'?\n"},
    {.name = "plot with a wrong boolean",
     .yaml = "name: t\nplot: { log_x: 1 }\n",
     .errors =
         "t.yaml:2:16: error: '1' is not a boolean; 'plot.log_x' takes true "
         "or false\n"},
    {.name = "published is a mapping",
     .yaml = "name: t\npublished: { what: w }\n",
     .errors = "t.yaml:2:12: error: 'published' takes a list of entries, but "
               "is a mapping\n"},
    {.name = "published entry is a scalar",
     .yaml = PUBLISHED_OF("w"),
     .errors = "t.yaml:4:5: error: an entry of 'published' must be a mapping, "
               "but is a single value\n"},
    {.name = "empty published entry",
     .yaml = PUBLISHED_OF("{}"),
     .errors =
         "t.yaml:4:5: error: 'what' is required in an entry of 'published'\n"
         "t.yaml:4:5: error: 'source' is required in an entry of 'published'\n"
         "t.yaml:4:5: error: an entry of 'published' needs 'metric', 'largest' "
         "or 'infeasible'\n"
         "t.yaml:4:5: error: nothing to compare with: 'value', 'at_least' or "
         "'at_most' is missing\n"},
    {.name = "unknown key of published",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, tolerence: 3 % }"),
     .errors = "t.yaml:4:70: error: unknown key 'tolerence' in 'published'; "
               "did you mean 'tolerance'?\n"},
    {.name = "published key is a list",
     .yaml = PUBLISHED_OF(
         "{ what: w, source: s, metric: tx_gbps, value: [1], tolerance: 5 % }"),
     .errors = "t.yaml:4:51: error: 'published.value' takes a single value, "
               "but is a list\n"},
    {.name = "published unknown metric",
     .yaml =
         PUBLISHED_OF("{ what: w, source: s, metric: tx_gpbs, at_least: 1 }"),
     .errors = "t.yaml:4:35: error: unknown metric 'tx_gpbs'; did you mean "
               "'tx_gbps'?\n"},
    {.name = "published far unknown metric",
     .yaml =
         PUBLISHED_OF("{ what: w, source: s, metric: zzzzzz, at_least: 1 }"),
     .errors = "t.yaml:4:35: error: unknown metric 'zzzzzz'; metrics: tx_gbps, "
               "latency_ns\n"},
    {.name = "published unknown group",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, group: web }"),
     .errors = "t.yaml:4:77: error: unknown group 'web'; groups: all\n"},
    {.name = "published value with a unit",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 5 "
                          "Gb/s, tolerance: 5 % }"),
     .errors = "t.yaml:4:51: error: 'published.value' takes no unit; remove "
               "'Gb/s'\n"},
    {.name = "published tolerance",
     .yaml = PUBLISHED_OF(
         "{ what: w, source: s, metric: tx_gbps, value: 5, tolerance: 15 }"),
     .errors = "t.yaml:4:65: error: '15' is out of range; "
               "'published.tolerance' takes 0 to 1\n"},
    {.name = "published value without tolerance",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 5 }"),
     .errors =
         "t.yaml:4:51: error: 'value' needs a 'tolerance', such as 5 %\n"},
    {.name = "published tolerance of bounds",
     .yaml = PUBLISHED_OF(
         "{ what: w, source: s, metric: tx_gbps, at_most: 5, tolerance: 5 % }"),
     .errors = "t.yaml:4:67: error: 'tolerance' goes with 'value' only\n"},
    {.name = "published value and bound",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, at_most: 5 }"),
     .errors = "t.yaml:4:79: error: 'at_most' does not go with 'value'; give "
               "one of them\n"},
    {.name = "published bounds crossed",
     .yaml = PUBLISHED_OF(
         "{ what: w, source: s, metric: tx_gbps, at_least: 6, at_most: 5 }"),
     .errors = "t.yaml:4:54: error: 'at_least' is more than 'at_most'\n"},
    {.name = "published infeasible and metric",
     .yaml = PUBLISHED_OF(
         "{ what: w, source: s, metric: tx_gbps, infeasible: ports }"),
     .errors = "t.yaml:4:35: error: 'metric' does not go with 'infeasible'; "
               "give one of them\n"},
    {.name = "published metric and largest",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, largest: nic.ports }"),
     .errors = "t.yaml:4:79: error: 'largest' does not go with 'metric'; give "
               "one of them\n"},
    {.name = "published show",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, show: best }"),
     .errors = "t.yaml:4:76: error: unknown choice 'best'; 'published.show' "
               "takes one of: worst, every\n"},
    {.name = "published at is a list",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, at: [design] }"),
     .errors = "t.yaml:4:74: error: 'published.at' takes a mapping AXIS: "
               "VALUE, but is a list\n"},
    {.name = "published at an unknown path",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, at: { nic.prots: 1 } }"),
     .errors = "t.yaml:4:76: error: unknown key 'prots' in 'nic'; did you mean "
               "'ports'?\n"},
    {.name = "published at no axis",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, at: { nic.gain: 1 } }"),
     .errors = "t.yaml:4:76: error: 'nic.gain' is no axis of the sweep; axes: "
               "design, nic.ports\n"},
    {.name = "published at without a sweep",
     .yaml = "name: t\npublished:\n  - { what: w, source: s, metric: tx_gbps, "
             "value: 1, tolerance: 5 %, at: { nic.gain: 1 } }\n",
     .errors = "t.yaml:3:76: error: 'nic.gain' is no axis of the sweep; axes: "
               "none\n"},
    {.name = "published at a value that is not swept",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, at: { nic.ports: 4 } }"),
     .errors = "t.yaml:4:87: error: axis 'nic.ports' has no value '4'; it has: "
               "1, 2, 8\n"},
    {.name = "published at a wrong value",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, at: { nic.ports: [1, x] } }"),
     .errors = "t.yaml:4:91: error: 'x' is not an integer; 'nic.ports' takes "
               "an integer\n"},
    {.name = "published at no value",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, at: { nic.ports: [] } }"),
     .errors =
         "t.yaml:4:87: error: 'published.at' has no value of 'nic.ports'\n"},
    {.name = "published at a value that is a mapping",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, at: { nic.ports: { a: b } } }"),
     .errors = "t.yaml:4:87: error: a value of 'published.at' must be a single "
               "value, but is a mapping\n"},
    {.name = "published over without at",
     .yaml = PUBLISHED_OF("{ what: w, source: s, metric: tx_gbps, value: 1, "
                          "tolerance: 5 %, over: { design: sriov } }"),
     .errors = "t.yaml:4:78: error: 'over' changes axis 'design', which 'at' "
               "does not name\n"},
    {.name = "published over with a list",
     .yaml = PUBLISHED_OF(
         "{ what: w, source: s, metric: tx_gbps, value: 1, tolerance: 5 %, at: "
         "{ design: hdiov }, over: { design: [sriov] } }"),
     .errors = "t.yaml:4:109: error: a value of 'published.over' must be a "
               "single value, but is a list\n"},
    {.name = "published over the same",
     .yaml = PUBLISHED_OF(
         "{ what: w, source: s, metric: tx_gbps, value: 1, tolerance: 5 %, at: "
         "{ design: hdiov }, over: { design: hdiov } }"),
     .errors = "t.yaml:4:99: error: 'over' changes nothing of 'at'\n"},
    {.name = "published largest of no axis",
     .yaml = PUBLISHED_OF(
         "{ what: w, source: s, value: 8, tolerance: 0 %, largest: nic.gain }"),
     .errors = "t.yaml:4:62: error: 'nic.gain' is no axis of the sweep; axes: "
               "design, nic.ports\n"},
    {.name = "published largest of words",
     .yaml = PUBLISHED_OF(
         "{ what: w, source: s, value: 8, tolerance: 0 %, largest: design }"),
     .errors = "t.yaml:4:62: error: 'published.largest' takes an axis of plain "
               "numbers; 'design' is none\n"},
    {.name = "published largest of what at fixes",
     .yaml = PUBLISHED_OF("{ what: w, source: s, value: 8, tolerance: 0 %, "
                          "largest: nic.ports, at: { nic.ports: 1 } }"),
     .errors = "t.yaml:4:79: error: 'at' fixes axis 'nic.ports', whose largest "
               "value is asked for\n"},
    {.name = "set a wrong value",
     .yaml = "name: t\n",
     .set = "iommu.mode=foo",
     .errors =
         "--set iommu.mode=foo: error: unknown choice 'foo'; 'iommu.mode' "
         "takes one of: off, legacy, scalable\n"},
    {.name = "set an unknown key",
     .yaml = "name: t\n",
     .set = "iommu.widow=3",
     .errors =
         "--set iommu.widow=3: error: unknown key 'widow' in 'iommu'; did "
         "you mean 'window'?\n"},
    {.name = "set without value",
     .yaml = "name: t\n",
     .set = "iommu.mode",
     .errors = "--set iommu.mode: error: write --set PATH=VALUE\n"},
    {.name = "set an unknown section",
     .yaml = "name: t\n",
     .set = "iomu.mode=off",
     .errors = "--set iomu.mode=off: error: unknown parameter 'iomu.mode'; did "
               "you mean 'iommu'?\n"},
    {.name = "set an unknown top key",
     .yaml = "name: t\n",
     .set = "sede=3",
     .errors = "--set sede=3: error: unknown parameter 'sede'; did you mean "
               "'seed'?\n"},
    {.name = "set an unknown preset",
     .yaml = "name: t\n",
     .set = "server.preset=tiny",
     .errors = "--set server.preset=tiny: error: unknown preset 'tiny' for "
               "'host'; known presets: large, small\n"},
    {.name = "set an empty value",
     .yaml = "name: t\n",
     .set = "seed=",
     .errors = "--set seed=: error: '' is not an integer; 'seed' takes an "
               "integer\n"},
    {.name = "axis option with a wrong value",
     .yaml = "name: t\n",
     .axis = "nic.ports=1,2,foo",
     .errors = "--axis nic.ports=1,2,foo: error: 'foo' is not an integer; "
               "'nic.ports' takes an integer\n"},
    {.name = "axis option with no value",
     .yaml = "name: t\n",
     .axis = "nic.ports=",
     .errors = "--axis nic.ports=: error: axis 'nic.ports' has no values\n"},
    {.name = "axis option with an empty value",
     .yaml = "name: t\n",
     .axis = "nic.ports=1,",
     .errors =
         "--axis nic.ports=1,: error: a value of axis 'nic.ports' must be a "
         "single value, but is empty\n"},
    {.name = "axis option of nothing",
     .yaml = "name: t\n",
     .axis = "prots=1,2",
     .errors =
         "--axis prots=1,2: error: unknown parameter 'prots'; known keys: "
         "name, description, design, seed, host, iommu, nic, server, vms\n"},
    {.name = "a rule",
     .yaml = "name: t\nhost: { cores: 13 }\n",
     .errors =
         "t.yaml:2:16: error: 'host.cores': 13 brings bad luck; take 12\n"},
    {.name = "a rule, set",
     .yaml = "name: t\n",
     .set = "host.cores=13",
     .errors = "--set host.cores=13: error: 'host.cores': 13 brings bad luck; "
               "take 12\n"},
};

#endif
