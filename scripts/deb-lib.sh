# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts around the Debian package share; sourced after lib.sh and qemu-lib.sh.
#
#   deb_file ARCH     where scripts/deb leaves the package
#   source_date, changelog_entry   the date and the entry of a debian/changelog
#   dpkg_database     a dpkg database for packages that were only unpacked, as fetch_closure does

deb_package=qemu-system-arm-smmuv3-accel
deb_program=qemu-system-aarch64-smmuv3-accel
deb_check=smmuv3-accel-check

# Where QEMU's build leaves it, which has its folder for this tree
built_check=subprojects/smmuv3-accel/tools/check/$deb_check

# File names leave the epoch out.
deb_file() {
    local version
    version=$(package_version) || return
    printf '%s\n' "$build/deb/${deb_package}_${version#*:}_$1.deb"
}

# The time of the last commit, or of the changelog where there is no git
source_date() {
    printf '%s\n' "${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || stat -c %Y "$top/CHANGELOG.md")}"
}

maintainer() { printf '%s\n' "${DEBFULLNAME:-smmuv3-accel} <${DEBEMAIL:-smmuv3-accel@localhost}>"; }

# changelog_entry SOURCE-PACKAGE
changelog_entry() {
    cat <<-CHANGELOG
	$1 ($(package_version)) unstable; urgency=medium

	  * QEMU $(base_version), with smmuv3-accel $(project_version).

	 -- $(maintainer)  $(LC_ALL=C date -u -R -d "@$(source_date)")
	CHANGELOG
}

# dpkg_database FOLDER LIST [PREFIX]   Makes FOLDER the database of a system on which the packages in LIST (names of files
# in $cache/debs) are installed. PREFIX is where their root lies, if it is not /.
dpkg_database() {
    local db=$1 list=$2 prefix=${3:-} deb
    rm -rf "$db"
    mkdir -p "$db"/{info,updates,triggers,parts,alternatives}
    echo 1 >"$db/info/format"
    : | tee "$db"/{available,diversions,statoverride} >"$db/status"
    while read -r deb; do
        dpkg_register "$db" "$cache/debs/$deb" "$prefix" || die "cannot read $deb"
    done <"$list"
}

# dpkg_register DATABASE DEB PREFIX
dpkg_register() {
    local info=$1/info control=$1/control name f
    rm -rf "$control"
    dpkg-deb -e "$2" "$control" || return
    # shellcheck disable=SC2016
    name=$(dpkg-deb -W --showformat='${Package}:${Architecture} ${Multi-Arch}' "$2") || return
    case $name in *' same') name=${name% *} ;; *) name=${name%%:*} ;; esac
    sed '/^Package:/a Status: install ok installed' "$control/control" >>"$1/status"
    echo >>"$1/status"
    rm "$control/control"
    for f in "$control"/*; do
        [ ! -e "$f" ] || mv "$f" "$info/$name.${f##*/}"
    done
    rmdir "$control"
    dpkg-deb --fsys-tarfile "$2" | tar -t | sed -e 's,/$,,' -e 's,^\.,,' -e 's,^$,/.,' -e "s,^,$3," >"$info/$name.list"
}
