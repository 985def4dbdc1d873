#!/bin/sh
# Do portable numbers have the same bits on processors of other classes?
#
# Runs one sweep as it is, and again on processors that qemu plays: with AVX2 and FMA, with AVX
# alone, and with neither. Says for each whether `result` of every record and all attachments are equal,
# with and without --portable. Needs qemu-x86_64 (Debian: qemu-user) and jq.
#
#   benches/agreement/portable.sh [LAB] [DEFINITION] [sweep options...]
set -eu
cd "$(dirname "$0")/../.."
lab=${1:-target/release/musicrec-lab}
definition=${2:-benches/agreement/portable.toml}
[ $# -ge 2 ] && shift 2 || shift $#
qemu=${QEMU:-qemu-x86_64}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# What must be equal: results by id, and the content of attachments, whose names are hashes.
digest() {
    {
        jq -Sc '.result' "$1"/*/records/*.json
        cd "$1" && cat ./*/attachments/*
    } | sha256sum | cut -c1-16
}

compare() { # name, options
    name=$1
    shift
    "$lab" sweep "$definition" --quiet --threads 2 --out "$folder/$name" "$@" >/dev/null
    here=$(digest "$folder/$name")
    echo "$name: here ($(jq -r '.provenance.instructions' "$folder/$name"/*/experiment.json)) $here"
    for cpu in max max,avx2=off,fma=off Nehalem; do
        out="$folder/$name-$cpu"
        "$qemu" -cpu "$cpu" "$lab" sweep "$definition" --quiet --threads 2 --out "$out" "$@" \
            >/dev/null 2>"$folder/said" || { cat "$folder/said"; exit 1; }
        there=$(digest "$out")
        same=equal
        [ "$there" = "$here" ] || same=differs
        class=$(jq -r '.provenance.instructions' "$out"/*/experiment.json)
        echo "$name: -cpu $cpu ($class) $there $same"
        if [ "$name" = portable ] && [ $same = differs ]; then failed=1; fi
    done
}

compare ordinary "$@"
compare portable --portable "$@"
exit $failed
