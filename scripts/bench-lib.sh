# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What scripts/bench and bench/guard share; sourced after lib.sh.

bench=$build/bench

build_engine() {
    find_meson || die "there is no meson; scripts/setup provides one"
    [ -d "$bench/bench" ] || run "$build/logs/bench-setup.log" "$meson" setup "$bench" "$top" --buildtype=release
    run "$build/logs/bench-build.log" "$meson" compile -C "$bench" engine-cmdq
}

# collected MIX WINDOW N: instructions of N windows, and of the engine's start
collected() {
    local log=$build/logs/bench-callgrind.log
    valgrind --tool=callgrind --callgrind-out-file="$bench/callgrind.out" "$bench/bench/engine-cmdq" "$@" 2>"$log" ||
        die "valgrind failed, see $log"
    sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p' "$log"
}

# instructions_of MIX WINDOW: a command's share. Fails if it cannot be counted.
instructions_of() {
    local n=$((200000 / $2)) start all
    start=$(collected "$1" "$2" 0) && all=$(collected "$1" "$2" $n) && [ "$all" -gt "$start" ] || return 1
    echo $(((all - start) / n / $2))
}
