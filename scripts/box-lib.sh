# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What box-root, box-payload and the like share; sourced after lib.sh.

# ext4_image FILE FOLDER [KIB]: an ext4 image of the folder, owned by root inside whoever runs this, with a little room to
# write, or as much as that
ext4_image() {
    local kib
    kib=$(du -sk --apparent-size "$2" | cut -f1)
    rm -f "$1.new"
    PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0,lazy_itable_init=0 -d "$2" -L box "$1.new" \
        "$((kib * 5 / 4 + ${3:-8192}))k" >/dev/null
    mv "$1.new" "$1"
}

# collect_libraries PROGRAM FROM TO: what an arm64 program needs of the unpacked packages in FROM, and what that needs
collect_libraries() {
    local name file
    aarch64-linux-gnu-readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | while read -r name; do
        [ ! -e "$3/$name" ] || continue
        file=$(find "$2" -name "$name" -print -quit)
        [ -n "$file" ] || die "${1##*/} needs $name, which is in none of its packages"
        cp -L "$file" "$3/$name"
        collect_libraries "$3/$name" "$2" "$3"
    done
}
