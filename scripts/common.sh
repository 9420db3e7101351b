# What the scripts share; sourced, never run. Leaves the caller in the repository's root, whatever folder it came from.
set -euo pipefail
self=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Tools that live outside of a bare PATH: ip, nft and tc; cargo where rustup put it.
PATH=$PATH:/usr/sbin:/sbin:${HOME:-/root}/.cargo/bin
export PATH
# Built programs are under $target/debug and $target/release.
target=${CARGO_TARGET_DIR:-$PWD/target}

name=${self##*/}
die() { echo "$name: $*" >&2; exit 1; }
# The comment at the head of the script.
usage() { sed -n '2,/^[^#]/ { /^# shellcheck/d; s/^# \{0,1\}//p }' "$self"; }
