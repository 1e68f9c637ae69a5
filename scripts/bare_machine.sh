#!/usr/bin/env bash
# Usage: scripts/bare_machine.sh [--links] [SCRIPT [ARGUMENT...]]
#
# Runs scripts/cross_test.sh, or SCRIPT, in a fresh clone of what is committed, on a machine that has
# git, a Rust toolchain and nothing else: a Debian made by debootstrap, with this machine's Rust and
# settings for package registries. Needs root on Linux.
#
#   --links  the cheaper way, which is also taken if the other is not possible: on this machine, with
#            a PATH of links to its programs without Go, CMake, Ninja and g++; apt-get brings the last
#            three back
#
# Prints which of the two it was. Exit status: 0 the script passed, 1 it failed, 2 usage.

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

# The settings of the registries' clients, at the same places in the root.
SETTINGS="/etc/apt /etc/ssl/certs /usr/local/share/ca-certificates /usr/share/keyrings /etc/resolv.conf /etc/hosts /etc/pip.conf
$HOME/.config/pip $HOME/.pip $HOME/.config/go/env ${CARGO_HOME:-$HOME/.cargo}/config.toml"
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HIDDEN="go gofmt cmake ctest ninja g++ c++"

# Sets why to the reason for which there can be no root here; empty if there can be one.
ask_for_root() {
    why=""
    if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
        why="not root on Linux"
    elif ! unshare --mount --pid --fork true 2>/dev/null; then
        why="no mount namespaces here"
    elif ! have debootstrap && ! { apt-get -q update && apt-get -q install -y debootstrap; } >"$work/log" 2>&1; then
        why="debootstrap cannot be installed"
    elif ! read -r mirror suite < <(apt-get indextargets --format "\$(REPO_URI) \$(RELEASE)" "Created-By: Packages"); then
        why="apt-get has no sources"
    fi
}

# The mounts are in a namespace of their own: they are gone when its first process is, however it ends.
in_root() {
    export root="$work/root" mirror suite SYSTEM_PATH
    # shellcheck disable=SC2016,SC2086 # expanded in the namespace; a list of words
    unshare --mount --pid --fork --kill-child bash -euc '
        debootstrap --variant=minbase --include=git "$suite" "$root" "$mirror" >"$root.log" 2>&1 ||
            { tail "$root.log" && exit 1; }
        echo "bare_machine: $suite made by debootstrap in $SECONDS s"
        settings=$(ls -d $1 2>/dev/null || true)
        tar -C / -ch $settings 2>/dev/null | tar -C "$root" -x
        mkdir -p "$root/opt/rust" "$root$HOME"
        mount -t proc proc "$root/proc"
        mount --bind -o ro "$2" "$root/opt/rust"
        git clone --quiet --no-hardlinks "$3" "$root$HOME/dkv20"
        shift 3
        exec env -u GOROOT -u GOPATH PATH="$SYSTEM_PATH:/opt/rust/bin" \
            chroot "$root" bash -c "cd ~/dkv20 && exec bash \"\$@\"" - "$@"
    ' - "$SETTINGS" "$(rustc --print sysroot)" "$ROOT" "$@"
}

# The stand-in for apt-get is the real one, if this is root, and then links what was hidden.
behind_links() {
    local folder file tool
    mkdir "$work/bin"
    for folder in $(echo "$PATH" | tr ':' ' '); do
        for file in "$folder"/*; do
            tool=${file##*/}
            case " $HIDDEN apt-get sudo " in
                *" $tool "*) ;;
                *) [ ! -e "$file" ] || [ -e "$work/bin/$tool" ] || ln -s "$file" "$work/bin/$tool" ;;
            esac
        done
    done
    cat >"$work/bin/apt-get" <<END
#!/bin/sh
[ "\$(id -u)" != 0 ] || PATH=$PATH apt-get "\$@" || exit
for tool in ${HIDDEN#go gofmt}; do
    ln -sf "\$(PATH=$PATH command -v \$tool)" "$work/bin/\$tool"
done
END
    printf '#!/bin/sh\nshift\nexec "$@"\n' >"$work/bin/sudo"
    chmod +x "$work/bin/apt-get" "$work/bin/sudo"
    git clone --quiet --no-hardlinks "$ROOT" "$work/dkv20" &&
        (cd "$work/dkv20" && PATH="$work/bin" exec bash "$@")
}

# Also on Ctrl-C: what runs is a process group, and the namespace ends with the first of its processes.
clean_up() {
    trap '' INT TERM
    [ -z "$running" ] || { kill -- "-$running" && wait "$running"; } 2>/dev/null
    rm -rf "$work" 2>/dev/null || { sleep 1 && rm -rf "$work"; }
}

main() {
    local links=no status
    case ${1:-} in
        -h | --help) usage && return ;;
        --links) links=yes && shift ;;
        -*) bad_usage "no such option: $1" ;;
    esac
    [ $# -gt 0 ] || set -- scripts/cross_test.sh
    [ -f "$ROOT/$1" ] || bad_usage "no such script: $1 (a path from the repository's root)"
    running=""
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/dkv20-bare.XXXXXX") || return 1
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    why="as asked"
    [ "$links" = yes ] || ask_for_root
    set -m
    if [ -z "$why" ]; then
        echo "bare_machine: in a root made by debootstrap"
        in_root "$@" </dev/null &
    else
        echo "bare_machine: behind a PATH of links without $HIDDEN ($why)"
        behind_links "$@" </dev/null &
    fi
    running=$!
    wait "$running"
    status=$? running=""
    echo "bare_machine: $* ended with status $status after $SECONDS s"
    [ "$status" = 0 ]
}

main "$@"
