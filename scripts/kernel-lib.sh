# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Linux from Debian's linux-source packages, built for arm64: what box-kernel and host-kernel share; sourced after lib.sh.
# The caller sets $source_tree, the folder of the source, and $objects, the folder of what is built of it.

# newest_source_package   Of the suites that apt_only named
newest_source_package() {
    apt_private_update
    apt_private apt-cache search --names-only '^linux-source-[0-9]+[.][0-9]+$' | cut -d' ' -f1 |
        sort -V | tail -n 1
}

# fetch_source OLDEST   Prints the package's file; dies when it is older than that
fetch_source() {
    local package
    package=$(newest_source_package)
    [ "$(printf '%s\n' "linux-source-$1" "$package" | sort -V | tail -n 1)" = "$package" ] ||
        die "the newest kernel source of Debian's ${apt_suites[*]} is ${package:-missing}, but at least $1 is needed"
    fetch_deb "$package" "$machine"
}

# unpack_source DEB tar-option...
unpack_source() {
    local deb=$1
    shift
    rm -rf "$source_tree"
    mkdir -p "$source_tree"
    dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc -T2 |
        tar -x -C "$source_tree" --strip-components=1 --wildcards "$@"
}

# cross_compile   The prefix of the compiler, none on arm64
cross_compile() { [ "$(uname -m)" = aarch64 ] || echo aarch64-linux-gnu-; }

kernel_make() { make -C "$source_tree" O="$objects" ARCH=arm64 CROSS_COMPILE="$(cross_compile)" "$@"; }

# check_config FRAGMENT   Every option that it names must have survived Kconfig: an option that a newer kernel renamed, or whose
# dependency went, would otherwise be missed only by a test that behaves strangely.
check_config() {
    local line name value dropped=()
    while IFS= read -r line; do
        name=${line%%=*}
        value=${line#*=}
        case $value in
            n) ! grep -q "^$name=" "$objects/.config" || dropped+=("$line") ;;
            *) grep -qxF "$line" "$objects/.config" || dropped+=("$line") ;;
        esac
    done < <(grep '^CONFIG_' "$1")
    [ ${#dropped[@]} = 0 ] || die "options of ${1#"$top"/} that the kernel's Kconfig did not keep: ${dropped[*]}"
}
