# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What every script of this project starts with:  . "$(dirname "$0")/lib.sh"
#
#   places     $top (the checkout), $build (SMMUV3_BUILD), $cache (SMMUV3_CACHE, what was downloaded); the last two exist
#   messages   say, die, step, and run, which keeps a long command's output in a log and shows that it lives
#   stamps     up_to_date and mark, so that a second run has nothing to do; only_one, so that two runs do not meet
#   machine    $machine (amd64, arm64); has_debian; and where to go on a machine that can neither
#   tools      find_meson; skip_all, for a test that this machine cannot run
#   headers    lacking_symbols, of the kernel's headers in a folder
#   packages   host_packages installs on this machine; apt_private, fetch_deb and fetch_closure only unpack Debian
#              packages of other suites and architectures into the build tree, and leave the system's apt alone
#
# Functions that answer on stdout (fetch_deb, apt_private) say everything else on stderr.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=${SMMUV3_BUILD:-$top/build}
mkdir -p "$build"
build=$(cd "$build" && pwd -P)
cache=${SMMUV3_CACHE:-$build/cache}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd -P)

# Nested scripts count the time from the outermost one's start.
export SMMUV3_T0=${SMMUV3_T0:-$EPOCHSECONDS}

# ---- messages ----

say() { printf '%s\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

minutes() { printf '%02d:%02d' $(($1 / 60)) $(($1 % 60)); }

# step N M "title"
step() { say "[$1/$2] $3 (elapsed $(minutes $((EPOCHSECONDS - SMMUV3_T0))))"; }

# The background part of run: a line every 30 s with the last line of the log, until run ends it. It also ends by itself
# when the script is gone, and its sleep dies with it, so that no pipe of a caller is kept open.
heartbeat() {
    local log=$1 t0=$EPOCHSECONDS nap=
    trap 'kill "$nap" 2>/dev/null; exit 0' TERM
    while :; do
        sleep 30 &
        nap=$!
        wait "$nap"
        kill -0 $$ 2>/dev/null || exit 0
        say "    ... $(minutes $((EPOCHSECONDS - t0))) $(tail -c 400 "$log" | tr '\r' '\n' | tail -n 1 | cut -c 1-90)"
    done
}

# run LOGFILE command args...   The command's status is returned; under set -e that ends the script.
run() {
    local log=$1 rc=0 beat
    shift
    mkdir -p "$(dirname "$log")"
    : >"$log"
    heartbeat "$log" &
    beat=$!
    "$@" >"$log" 2>&1 </dev/null || rc=$?
    kill "$beat" 2>/dev/null || :
    wait "$beat" 2>/dev/null || :
    [ "$rc" = 0 ] && return 0
    {
        echo "failed ($rc): $*"
        echo "the log is $log, its last lines:"
        tail -n 20 "$log" | sed 's/^/    /'
    } >&2
    return "$rc"
}

# ---- stamps and locks ----

up_to_date() { [ -f "$1" ] && [ "$(<"$1")" = "$2" ]; }

mark() {
    mkdir -p "$(dirname "$1")"
    printf '%s\n' "$2" >"$1"
}

# only_one NAME   Waits until no other script holds NAME; held until this script, and what it started, have ended.
only_one() {
    local fd
    [[ " ${SMMUV3_HELD:-} " == *" $1 "* ]] && return 0      # the script that started this one holds it
    exec {fd}>"$build/.lock-$1"
    flock -n "$fd" || { say "waiting for another run of $1"; flock "$fd"; }
    export SMMUV3_HELD="${SMMUV3_HELD:-} $1"
}

# ---- the machine ----

# Debian's name of what programs are compiled for here
machine=$(dpkg --print-architecture 2>/dev/null || uname -m)
case $machine in x86_64) machine=amd64 ;; aarch64) machine=arm64 ;; esac

# The compiler of programs for arm64, aarch64-linux-gnu-gcc, which on arm64 is a name of gcc itself
arm64_compiler=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
[ "$machine" != arm64 ] || arm64_compiler=(gcc libc6-dev)

# The release's name; empty where there is none
own_suite() { sed -n 's/^VERSION_CODENAME="\{0,1\}\([a-z]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null || :; }

# A container with Debian in it, for a machine that is none
container_line() {
    local inside="apt-get update && apt-get install -y make && make $1"
    printf '%s\n' "podman run --rm -it -v \"$top:/src:z\" -w /src debian:12 sh -c '$inside'"
}

# packages_or_die TARGET   Ends where packages cannot be installed by apt-get, or are those of another architecture. The
# scripts that install something call it before they say or do anything else. The first line of the message is to be typed.
packages_or_die() {
    { [ "$machine" = amd64 ] || [ "$machine" = arm64 ]; } || die "this is $machine; amd64 and arm64 are what it builds on"
    type -P apt-get >/dev/null && type -P dpkg >/dev/null && return 0
    die "type: $(container_line "$1")
    because everything is built from packages of Debian's, and this machine has no apt-get. Nothing was installed."
}

# debian_or_die TARGET   The same where only Debian's archive has what is needed: the arm64 libraries, a kernel's source
debian_or_die() {
    packages_or_die "$1"
    has_debian && return 0
    die "type: $(container_line "$1")
    because this needs packages of Debian's, and no Debian archive is among this machine's apt sources. Nothing was installed."
}

# ---- tools ----

# find_meson   Sets $meson to the one that MESON names, that scripts/setup unpacked, or that is on PATH; false if there is none.
find_meson() {
    if [ -n "${MESON:-}" ]; then
        meson=$MESON
    elif [ -x "$build/tools/bin/meson" ]; then
        meson=$build/tools/bin/meson
        # Ninja calls meson's modules by itself when a meson.build changed.
        export PYTHONPATH=$build/tools/python${PYTHONPATH:+:$PYTHONPATH}
    else
        meson=$(type -P meson) || return 1
    fi
}

# skip_all REASON   Ends a test program of TAP. Its status is 0, because meson takes 77 for an error where a test prints TAP.
skip_all() {
    echo "1..0 # SKIP $*"
    exit 0
}

# ---- the kernel's headers ----

uapi_symbols=$top/hw/vfio/uapi-symbols

# lacking_symbols DIR   What our code uses of the kernel's headers and those in DIR do not have, one a line.
lacking_symbols() {
    local header symbol release
    while read -r header symbol release; do
        [[ $header == '#'* ]] || grep -qsw "$symbol" "$1/$header" || echo "$symbol (Linux $release)"
    done <"$uapi_symbols"
}

# ---- packages of this machine ----

# host_packages pkg...
host_packages() {
    local missing=() p have
    # "not-installed" is a status, too.
    have=$(dpkg-query -W -f '|${db:Status-Status} ${Package}|' "$@" 2>/dev/null || :)
    for p; do
        [[ $have == *"|installed $p|"* ]] || missing+=("$p")
    done
    [ ${#missing[@]} = 0 ] && return 0
    [ "$(id -u)" = 0 ] || die "packages are missing; type:
    sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
    say "installing ${missing[*]}"
    run "$build/logs/host-update.log" apt-get update
    DEBIAN_FRONTEND=noninteractive run "$build/logs/host-packages.log" \
        apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"
}

# ---- the private apt: Debian packages of any suite and architecture, unpacked, never installed ----

apt_suites=(bookworm trixie trixie-backports)
apt_source_suites=(bookworm trixie trixie-backports)
apt_home=$cache/apt
apt_etc=${SMMUV3_APT_ETC:-/etc/apt}         # another one for tests

# apt_only SUITE...   For a script that wants suites which the others do not know (forky, sid). Configuration and lists lie
# in a folder of their own, so that what the others ask for resolves as before; downloads are shared.
apt_only() {
    apt_suites=("$@")
    apt_source_suites=()
    apt_home=$cache/apt-$(IFS=-; echo "$*")
}

# Prints "address keyring" of the machine's own main archive, best candidate first. The security archive and third
# parties are told apart by suite and component, and by an address that ends in /debian or a key ring of Debian's.
apt_own_sources() {
    find "$apt_etc/sources.list" "$apt_etc/sources.list.d" -name '*.sources' -exec awk -v RS= -F '\n' '
        {
            delete v
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^#/) continue
                if ($i ~ /^[^ \t].*:/) { k = tolower($i); sub(/:.*/, "", k); sub(/^[^:]*:[ \t]*/, "", $i) }
                v[k] = v[k] " " $i
            }
            if (tolower(v["enabled"]) !~ /no|false/ && v["types"] ~ /deb( |$)/)
                print v["uris"] "|" v["suites"] "|" v["components"] "|" v["signed-by"]
        }' {} + 2>/dev/null || :
    find "$apt_etc/sources.list" "$apt_etc/sources.list.d" -name '*.list' -exec awk '
        $1 == "deb" {
            key = ""
            if (match($0, /\[[^]]*\]/)) {
                key = substr($0, RSTART + 1, RLENGTH - 2)
                if (!sub(/.*signed-by=/, "", key)) key = ""
                sub(/ .*/, "", key)
                sub(/\[[^]]*\]/, "")
                $0 = $0
            }
            rest = ""
            for (i = 4; i <= NF; i++) rest = rest " " $i
            print $2 "|" $3 "|" rest "|" key
        }' {} + 2>/dev/null || :
}

# Prints "address keyring"; the keyring may be empty.
apt_mirror() {
    local key
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$key" ] || key=
    apt_own_sources | awk -F '|' -v fallback="$key" '
        {
            n = split($2, s, " "); ours = 0
            for (i = 1; i <= n; i++)
                if (s[i] ~ /^(oldstable|stable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)$/) ours = 1
            if (!ours || " " $3 " " !~ / main /) next
            split($1, u, " ")
            key = $4; gsub(/ /, "", key)
            score = (u[1] ~ /\/debian\/?$/ ? 2 : 0) + (key ~ /debian-archive/ ? 1 : 0)
            if (key !~ /^\/[^ ]*$/) key = fallback
            if (score > best || found == "") { best = score; found = u[1] " " key }
        }
        END { if (found != "") print found }'
}

has_debian() { [ -n "$(apt_mirror)" ]; }

# A preferences file under which packages come from one suite only (a backports suite may fall back to its own base).
apt_pin() {
    local s
    for s in "${apt_suites[@]}"; do
        printf 'Package: *\nPin: release n=%s\nPin-Priority: ' "$s"
        if [ "$s" = "$1" ]; then echo 990
        elif [ "$s" = "${1%-backports}" ]; then echo 500
        else echo -1; fi
        echo
    done
}

# Writes the private configuration. It is read after the machine's own (-c), so that proxies and the like still hold;
# hooks are cleared, since they would act on the system's folders.
apt_setup() {
    local a=$apt_home mirror key s architectures="arm64"
    [ "$machine" = arm64 ] || architectures="$machine arm64"
    read -r mirror key < <(apt_mirror) || die "no Debian archive is among the machine's apt sources"
    mkdir -p "$a"/{state/lists/partial,cache/archives/partial,pin} "$cache/debs"
    : >>"$a/status"
    for s in "${apt_suites[@]}"; do
        echo "deb [arch=${architectures// /,}${key:+ signed-by=$key}] $mirror $s main"
    done >"$a/sources.new"
    for s in "${apt_source_suites[@]}"; do
        echo "deb-src [${key:+signed-by=$key}] $mirror $s main" | sed 's/ \[\]//'
    done >>"$a/sources.new"
    cat >"$a/conf.new" <<-CONF
	#clear APT::Update;
	#clear APT::Architectures;
	#clear DPkg;
	APT::Architecture "$machine";
	APT::Architectures { $(printf '"%s"; ' $architectures)};
	APT::Sandbox::User "root";
	APT::Install-Recommends "false";
	Dir::State "$a/state";
	Dir::State::status "$a/status";
	Dir::State::lists "$a/state/lists";
	Dir::Cache "$a/cache";
	Dir::Cache::archives "$a/cache/archives";
	Dir::Cache::srcpkgcache "";
	Dir::Cache::pkgcache "pkgcache-$machine.bin";
	Dir::Etc::sourcelist "$a/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::Etc::preferences "/dev/null";
	Dir::Etc::preferencesparts "/dev/null";
	Acquire::Retries "5";
	Acquire::Languages "none";
	Acquire::PDiffs "false";
	Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
	Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
	CONF
    mv "$a/conf.new" "$a/apt.conf"
    mv "$a/sources.new" "$a/sources.list"
}

# apt_private apt-get|apt-cache args...
apt_private() {
    local tool=$1
    shift
    [ -f "$apt_home/apt.conf" ] || apt_setup
    "$tool" -c "$apt_home/apt.conf" "$@"
}

# apt_private_update [now]   Fetches the lists, at most once a day unless told "now". Without a network, old lists do.
apt_private_update() {
    local stamp=$apt_home/updated
    [ "${1:-}" != now ] && [ -n "$(find "$stamp" -mmin -1440 2>/dev/null)" ] && return 0
    mkdir -p "$apt_home"
    (
        flock 9
        # Another run may have done it while this one waited.
        [ -n "$(find "$stamp" -mmin "-$([ "${1:-}" = now ] && echo 1 || echo 1440)" 2>/dev/null)" ] && exit 0
        apt_setup
        say "fetching Debian's package lists" >&2
        if run "$build/logs/apt-update.log" apt_private apt-get -o APT::Update::Error-Mode=any update; then
            touch "$stamp"
        elif [ -f "$stamp" ]; then
            say "going on with the lists of $(date -r "$stamp" +%F)" >&2
        else
            exit 1
        fi >&2
    ) 9>"$apt_home/lock" || die "Debian's package lists cannot be fetched"
}

# apt_fetch command...   Runs a download; when it fails, the lists may name what is gone: once more with fresh ones.
apt_fetch() {
    apt_private_update
    "$@" && return 0
    apt_private_update now
    "$@"
}

# fetch_deb pkg[=version|/suite] ARCH   Downloads one package without what it depends on, and prints the file's path.
fetch_deb() { apt_fetch fetch_deb_once "$@"; }

fetch_deb_once() {
    local arch=$2 name tmp rc=0
    local apt=(apt_private apt-get -o "APT::Architecture=$arch" -o "Dir::Cache::pkgcache=pkgcache-$arch.bin")
    name=$("${apt[@]}" --print-uris download "$1" | awk '$1 ~ /^\x27/ { print $2 }') || return 1
    [ -n "$name" ] || return 1
    if [ ! -f "$cache/debs/$name" ]; then
        tmp=$(mktemp -d "$cache/debs/tmp.XXXXXX")
        (cd "$tmp" && run "$build/logs/fetch-${name%%_*}.log" "${apt[@]}" download "$1") >&2 || rc=$?
        [ "$rc" = 0 ] && mv "$tmp"/*.deb "$cache/debs/$name"
        rm -rf "$tmp"
        [ "$rc" = 0 ] || return "$rc"
    fi
    printf '%s\n' "$cache/debs/$name"
}

# fetch_closure DEST ARCH SUITE pkg...   Unpacks packages and all that they depend on into DEST, emptied first. Does
# nothing when DEST already holds just that.
fetch_closure() {
    local dest=$1 arch=$2 suite=$3 key
    shift
    key="$*"
    up_to_date "$dest.stamp" "$key" && return 0
    shift 2
    apt_fetch fetch_closure_debs "$arch" "$suite" "$dest.list" "$@" || die "cannot fetch $* ($arch, $suite)"
    rm -rf "$dest" "$dest.stamp"
    mkdir -p "$dest"
    local deb
    while read -r deb; do
        dpkg-deb -x "$cache/debs/$deb" "$dest" || die "cannot unpack $deb"
    done <"$dest.list"
    mark "$dest.stamp" "$key"
}

# fetch_closure_debs ARCH SUITE LIST pkg...   Downloads, and writes the names of the files to LIST.
fetch_closure_debs() {
    local arch=$1 suite=$2 list=$3 pin=$apt_home/pin/$2
    shift 3
    local apt=(apt_private apt-get -y -d --no-install-recommends -o Debug::NoLocking=true -o "APT::Architecture=$arch"
        -o "Dir::Cache::pkgcache=" -o "Dir::Etc::preferences=$pin" -o "Dir::Cache::archives=$cache/debs")
    mkdir -p "$cache/debs/partial" "$(dirname "$list")"
    apt_pin "$suite" >"$pin.$$" && mv "$pin.$$" "$pin"
    # "install" prints nothing for files that are there already, so the list is made for an empty folder.
    mkdir -p "$apt_home/none/partial"
    "${apt[@]}" -o "Dir::Cache::archives=$apt_home/none" --print-uris install "$@" |
        awk '$1 ~ /^\x27/ { print $2 }' >"$list" || return 1
    [ -s "$list" ] || return 1
    run "$build/logs/fetch-$1-$arch.log" "${apt[@]}" install "$@"
}
