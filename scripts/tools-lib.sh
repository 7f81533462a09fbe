# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What scripts/setup provides beside packages, sourced after lib.sh: a meson, and the kernel's headers.
#
#   provide_tools           $build/tools: meson and what reads the documentation
#   provide_linux_headers   $build/linux-headers

tools=$build/tools
headers=$build/linux-headers

# ---- meson ----

# Packages for every architecture, of Debian's current stable suite. Its meson runs with Debian 12's python as well.
python_packages=(meson/trixie python3-pycotap/trixie)

# In build/tools/unpacked, whoever made it
python_modules=usr/lib/python3/dist-packages

unpack_python_packages() {
    local deb
    for deb in "${python_packages[@]}"; do
        deb=$(fetch_deb "$deb" "$machine") || die "cannot fetch ${deb:-a package of Python modules}"
        dpkg-deb -x "$deb" "$tools/unpacked"
    done
}

# The wheels of meson and pycotap that QEMU's own tarballs have, and Debian's has not. Prints the newest of each.
qemus_wheels() {
    local from=${QEMU_SRC:-$build/qemu/src} name
    for name in meson pycotap; do
        if [ -f "$from" ]; then
            mkdir -p "$tools/wheels"
            tar -x -C "$tools/wheels" --wildcards --strip-components=3 -f "$from" "*/python/wheels/$name-*.whl" 2>/dev/null || :
            find "$tools/wheels" -name "$name-*.whl"
        elif [ -d "$from/python/wheels" ]; then
            find "$from/python/wheels" -name "$name-*.whl"
        fi | sort -V | tail -n 1
    done
}

# A wheel is a ZIP file whose folders are modules.
unpack_wheels() {
    local wheel
    for wheel; do
        python3 -m zipfile -e "$wheel" "$tools/unpacked/$python_modules" || die "cannot unpack $wheel"
    done
}

# A python of another make may come first on PATH; the system's modules are for the system's.
write_meson() {
    mkdir -p "$tools/bin"
    ln -sfn "unpacked/$python_modules" "$tools/python"
    cat >"$tools/bin/meson" <<-WRAPPER
	#!/bin/sh
	PYTHONPATH="$tools/python\${PYTHONPATH:+:\$PYTHONPATH}" exec /usr/bin/python3 -m mesonbuild.mesonmain "\$@"
	WRAPPER
    chmod +x "$tools/bin/meson"
    "$tools/bin/meson" --version >/dev/null || die "the unpacked meson does not run"
}

provide_tools() {
    local wheels=() key
    has_debian || mapfile -t wheels < <(qemus_wheels)
    key="$(sha256sum <"${BASH_SOURCE[0]}") ${wheels[*]##*/}"
    up_to_date "$tools.stamp" "$key" && [ -x "$tools/bin/meson" ] && return 0
    rm -rf "$tools/unpacked" "$tools/bin/meson"
    mkdir -p "$tools/unpacked/$python_modules"
    if has_debian; then
        unpack_python_packages
    elif [ ${#wheels[@]} -gt 0 ]; then
        unpack_wheels "${wheels[@]}"
    else
        say "meson is this machine's own, $(meson --version)"
    fi
    write_meson
    mark "$tools.stamp" "$key"
}

# ---- the kernel's headers ----

# link_linux_headers DIR   Only the folder linux: what else it includes is the compiler's own, for this machine and for arm64.
link_linux_headers() {
    say "linux/iommufd.h is that of $1"
    rm -rf "$headers"
    mkdir -p "$headers/usr/include"
    ln -s "$(cd "$1" && pwd -P)/linux" "$headers/usr/include/linux"
}

# copy_kernel_headers DIR   From include/uapi of a kernel's own tree, only the files that are needed: others there include the
# kernel's internals, and the system's own do. What the kernel says to its compiler alone is taken out, as its "make
# headers_install" would.
copy_kernel_headers() {
    local f
    say "linux/iommufd.h is that of $1"
    rm -rf "$headers"
    mkdir -p "$headers/usr/include/linux"
    for f in $(sed '/^#/d; s/ .*//' "$uapi_symbols" | sort -u); do
        sed 's/ *__counted_by\(_[lb]e\)\{0,1\}([a-z_]*)//' "$1/$f" >"$headers/usr/include/$f"
    done
}

# Folders of kernels whose headers are installed, the running one's first, then the newest
kernel_headers() {
    local d
    for d in "/lib/modules/$(uname -r)"/{source,build}; do
        [ ! -d "$d/include/uapi" ] || echo "$d/include/uapi"
    done
    find /usr/src -maxdepth 1 -name 'linux*headers*' 2>/dev/null | sort -Vr | while read -r d; do
        [ ! -d "$d/include/uapi" ] || echo "$d/include/uapi"
    done
}

unpack_linux_headers() {
    local deb lacks
    has_debian || die "linux/iommufd.h of Linux 6.15 or newer is needed; this system's is older, and so are those of kernels in
    /usr/src. Install the headers of such a kernel (on Ubuntu linux-headers-VERSION-generic); or, where its source is,
    make headers_install INSTALL_HDR_PATH=DIR there, and name them here: SMMUV3_LINUX_HEADERS=DIR/include"
    deb=$(fetch_deb linux-libc-dev/trixie-backports "$machine") || die "cannot fetch linux-libc-dev"
    rm -rf "$headers"
    mkdir -p "$headers"
    dpkg-deb -x "$deb" "$headers"
    lacks=$(lacking_symbols "$headers/usr/include")
    [ -z "$lacks" ] || die "${deb##*/} is too old: there is no ${lacks//$'\n'/, }"
}

choose_linux_headers() {
    local own=${SMMUV3_LINUX_HEADERS:-} lacks d
    if [ -n "$own" ]; then
        lacks=$(lacking_symbols "$own")
        [ -z "$lacks" ] || die "SMMUV3_LINUX_HEADERS: in $own there is no ${lacks//$'\n'/, }"
        link_linux_headers "$own"
        return
    elif [ -z "$(lacking_symbols /usr/include)" ]; then
        link_linux_headers /usr/include
        return
    fi
    while read -r d; do
        [ -z "$(lacking_symbols "$d")" ] && copy_kernel_headers "$d" && return
    done < <(kernel_headers)
    unpack_linux_headers
}

provide_linux_headers() {
    local key
    key="$(sha256sum <"$uapi_symbols") ${SMMUV3_LINUX_HEADERS:-}"
    up_to_date "$headers.stamp" "$key" && [ -f "$headers/usr/include/linux/iommufd.h" ] && return 0
    choose_linux_headers
    mark "$headers.stamp" "$key"
}
