#!/bin/sh
# test_limits.sh - hdiov-sim limits: how many devices of each design, and what
# the next one would lack.
#
# Environment: HDIOV_SIM, the program; SRCDIR, the top of the source tree.
# Prints a line for each case, "ok - NAME" or "not ok - NAME"; exits with 1 if
# any failed. What a green run does not prove: that devices have these totals.

source=${SRCDIR:-.}
work_name=test-limits
. "$source/tests/cli/helpers.sh"

# row DESIGN QUEUE-PAIRS DEVICES WHAT: is a line of the table.
row() {
  grep -Eq "^$1 +$2 +$3  $4\$" stdout && return 0
  echo "no row '$1 $2 $3 $4' in"
  cat stdout stderr
  return 1
}
# rows N: the table has so many.
rows() {
  [ "$(($(wc -l <stdout) - 1))" -eq "$1" ] || {
    cat stdout
    return 1
  }
}

network() {
  run limits "$source/scenarios/hdiov/fig11-density.yaml" \
    --set vms.queue_pairs=4 &&
    status_is 0 && rows 12 &&
    row sriov 1 256 'virtual functions: 256 < 257' &&
    row hdiov 1 758 'interfaces: 758 < 759' &&
    row hdiov 4 395 'vectors: 1975 < 1980' &&
    row vhost-net 4 2032 'GiB of memory: 2032 < 2033' &&
    row un-iov 1 1023 'virtio functions: 1023 < 1024' &&
    row passthrough 4 448 'virtqueues: 4032 < 4041'
}
check "network: each design, with 1 and 4 queue pairs" network

storage() {
  run limits "$source/scenarios/uniov/storage-iops.yaml" \
    --set vms.queue_pairs=4 --set memory.size='1 TiB' &&
    status_is 0 && rows 12 &&
    row sriov 4 32 'virtual functions: 32 < 33' &&
    row hdiov 1 479 'vectors: 479 < 480' &&
    row hdiov 4 119 'vectors: 479 < 480' &&
    row spdk-vhost 1 1008 'GiB of memory: 1008 < 1009' &&
    row qemu-blk 4 32 'queue pairs of the host: 32 < 33' &&
    row un-iov 4 806 'vectors: 4032 < 4035' &&
    row passthrough 1 1008 'GiB of memory: 1008 < 1009'
}
check "storage: each design, with 1 and 4 queue pairs" storage

# Machines take turns at drives.
drives() {
  run limits "$source/scenarios/uniov/storage-iops.yaml" \
    --set vms.queue_pairs=1 --set storage.drives=4 &&
    status_is 0 && rows 6 &&
    row sriov 1 128 'virtual functions: 32 < 33' &&
    row hdiov 1 1916 'vectors: 479 < 480'
}
check "several drives" drives

# The published machine: 16 functions or 60 interfaces of a QAT endpoint.
accelerators() {
  run limits "$source/scenarios/hdiov/fig14-compression.yaml" \
    --set vms.queue_pairs=4 --set accelerator.endpoints=2 &&
    status_is 0 && rows 6 &&
    row sriov 4 32 'ring banks: 64 < 68' &&
    row hdiov 1 120 'ring banks: 60 < 61' &&
    row hdiov 4 30 'ring banks: 60 < 64' &&
    run limits "$source/scenarios/hdiov/fig14-compression.yaml" \
      --set accelerator.vectors=40 &&
    row sriov 1 16 'ring banks: 64 < 68' &&
    row hdiov 1 35 'vectors: 35 < 36'
}
check "accelerators: endpoints, banks, vectors" accelerators

no_network_designs() {
  run limits "$source/scenarios/uniov/storage-iops.yaml" &&
    ! says vhost-net && ! says vhost-user &&
    run limits "$source/scenarios/hdiov/fig11-density.yaml" &&
    ! says spdk-vhost && ! says qemu-blk
}
check "only designs that fit what the machines do" no_network_designs

store() {
  run limits "$source/scenarios/explore/interrupt-store.yaml" \
    --set vms.queue_pairs=4 --set nic.interrupt_store=device-memory &&
    status_is 0 &&
    row sriov 4 256 'virtual functions: 256 < 257' &&
    row hdiov 4 496 'receive queues: 1984 < 1988' &&
    run limits "$source/scenarios/explore/interrupt-store.yaml" \
      --set vms.queue_pairs=4 --set nic.interrupt_store=device-memory \
      --set nic.interrupt_messages=500 &&
    row hdiov 4 100 'interrupt messages: 500 < 505'
}
check "an interrupt store moves the bound" store

many() {
  run limits "$source/scenarios/explore/four-thousand-devices.yaml" &&
    status_is 0 &&
    row hdiov 1 8182 'interfaces: 8182 < 8183' &&
    run limits "$source/scenarios/explore/four-thousand-devices.yaml" \
      --set memory.size='16 TiB' &&
    row vhost-net 1 65535 'numbers for machines: 65535 < 65536'
}
check "thousands" many

# What other groups use is gone.
groups() {
  run limits "$source/scenarios/explore/mixed-server.yaml" &&
    status_is 0 &&
    row un-iov 1 1007 'virtio functions: 1023 < 1024' &&
    run limits "$source/scenarios/validation/pcie-bench.yaml" &&
    status_is 2 && warns 'no virtual machines'
}
check "other groups keep what they have; no groups" groups

exit $failed
