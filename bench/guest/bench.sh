# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# What make bench measures, the same in a guest and on the bare host: sourced by guest/init and host/init, which have
# fact(), mark(), wait_for_disk() and $bench, the folder of the programs.

# measure_fio NAME ARGUMENTS...: reads of the NVMe disk for four seconds, past the page cache. Of fio's terse output field 5
# is the error, 8 are the operations in a second, 16 is their mean time in microseconds.
measure_fio() {
    local name=$1
    shift
    "$bench/fio/ld-linux-aarch64.so.1" --library-path "$bench/fio" "$bench/fio/fio" --name=r --filename=/dev/nvme0n1 \
        --direct=1 --ioengine=psync --thread --group_reporting --time_based --runtime=4 --terse-version=3 --minimal "$@" >/tmp/fio.out
    fact "fio.$name.exit=$?"
    fact "fio.$name=$(awk -F ';' '{ printf "%s %s %s", $5, $8, $16 }' /tmp/fio.out)"
}

# measure_dma THREADS PAGES: the kernel's own measure, in microseconds: mean and standard deviation of map, and of unmap
measure_dma() {
    mark "dma-$1-$2-ready"
    "$bench/dma_map_benchmark" -t "$1" -g "$2" -s 2 >/tmp/dma.out
    fact "dma.$1.$2.exit=$?"
    mark "dma-$1-$2-done"
    for way in map unmap; do
        fact "dma.$1.$2.$way=$(sed -n "s/.*average $way latency(us):\([0-9.]*\) standard deviation:\([0-9.]*\).*/\1 \2/p" /tmp/dma.out)"
    done
}

# take_for_dma ADDRESS: from its driver to that of the benchmark
take_for_dma() {
    local d=/sys/bus/pci/devices/$1
    mount -t debugfs debugfs /sys/kernel/debug
    echo dma_map_benchmark >"$d/driver_override"
    [ ! -e "$d/driver" ] || echo "$1" >"$d/driver/unbind"
    echo "$1" >/sys/bus/pci/drivers_probe
}

# measure_all ADDRESS: with the NVMe device at that address. Of two threads' reads and one thread's.
measure_all() {
    wait_for_disk
    measure_fio randread-4k --rw=randread --bs=4k --numjobs=2
    measure_fio read-128k --rw=read --bs=128k --numjobs=1
    take_for_dma "$1"
    for threads in 1 2; do
        for pages in 1 16 256; do measure_dma $threads $pages; done
    done
}
