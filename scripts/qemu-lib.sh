# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the qemu-* scripts share; sourced after lib.sh. It knows where QEMU's tree is, and how the patches become commits.
#
#   $src              QEMU's source as a git repository: branch "base" is Debian's source, one commit; branch "patches"
#                     has a commit per patch on top of it; refs/smmuv3/applied is what qemu/patches holds
#   $at               the same at one of the patches (scripts/qemu-bisect)
#   $authors          whom the patches are from, and who signs them off
#   package_version   the version of what is built from it
#   apply_series      patches -> commits, beside the tree, so that a failure leaves the tree as it was

. "$top/qemu/BASE"

src=$build/qemu/src
at=$build/qemu/at
authors='smmuv3-accel authors <smmuv3-accel@example.invalid>'
patches=$top/qemu/patches
worktree=$build/qemu/apply

src_git() { git -C "$src" "$@"; }

# Commits get the patches' own dates and a fixed committer: the same patches are the same commits everywhere.
in_worktree() {
    GIT_COMMITTER_NAME=smmuv3-accel GIT_COMMITTER_EMAIL=smmuv3-accel@localhost \
        git -C "$worktree" -c core.hooksPath=/dev/null -c commit.gpgSign=false "$@"
}

# The patches in order, comments and blank lines dropped.
series_list() { sed -e 's/[ \t]*#.*//' -e '/^$/d' "$patches/series"; }

series_hash() {
    (cd "$patches" && series_list | xargs -r cat -- series) | sha256sum | cut -d ' ' -f 1
}

base_version() { cat "$build/qemu/version"; }

project_version() { sed -n "s/^ *version: '\(.*\)',$/\1/p" "$top/meson.build" | head -n 1; }

# Debian's version with a suffix of ours: newer than what it was made from, older than Debian's next.
package_version() { printf '%s+smmuv3.%s\n' "$(base_version)" "$(project_version)"; }

# An empty working folder on the base: git am takes the files that it touches out of the index, the rest stays away.
worktree_make() {
    worktree_drop
    src_git worktree add -q --no-checkout --detach "$worktree" base
    in_worktree read-tree HEAD
}

worktree_drop() {
    rm -rf "$worktree"
    src_git worktree prune
}

# apply_series   Applies all patches on the base and leaves the commits in refs/smmuv3/new.
apply_series() {
    local p
    worktree_make
    for p in $(series_list); do
        [ -f "$patches/$p" ] || die "qemu/patches/series names $p, which is not there"
        in_worktree am -q --committer-date-is-author-date "$patches/$p" >"$build/logs/qemu-am.log" 2>&1 && continue
        grep '^error' "$build/logs/qemu-am.log" >&2 || cat "$build/logs/qemu-am.log" >&2
        worktree_drop
        die "qemu/patches/$p does not apply on $package $(base_version);
    the patches were made on $made_on. In $src: git checkout -B patches base, git am the patches in order
    (git am --reject for this one, mend, git am --continue), then scripts/qemu-patches export."
    done
    src_git update-ref refs/smmuv3/new "$(in_worktree rev-parse HEAD)"
    worktree_drop
}

# Dies when the tree holds work that qemu/patches does not know.
refuse_to_lose_work() {
    local applied
    applied=$(src_git rev-parse -q --verify refs/smmuv3/applied) || return 0
    src_git diff --quiet HEAD -- || die "$src has changes that are not committed.
    Commit and export them (scripts/qemu-patches export), or drop them: git -C $src reset --hard"
    [ "$(src_git rev-parse HEAD)" = "$applied" ] || die "$src has commits that are not exported.
    Export them (scripts/qemu-patches export), or drop them: git -C $src checkout -B patches refs/smmuv3/applied"
}
