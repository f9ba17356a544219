#!/usr/bin/env bash
# Counts the instructions of one operation each and fails where one takes more than a twentieth more than the baseline.
# A rise that has a reason: HOOKWARD_BLESS=1 writes the counts down as the new baseline; say the reason in the commit.
#
# Counted by callgrind, twice with different numbers of repetitions: the difference is the operation without its set-up.
# Callgrind knows no SHA instructions, so digests are counted as plain code does them; the counts are for comparing with
# themselves, on one toolchain. Not part of .ci/run: another compiler counts otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
baseline=benches/instructions/baseline.txt
if ! command -v valgrind >/dev/null; then
    if [ "$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends valgrind >/dev/null
fi
built="$("${CARGO:-cargo}" bench --no-run --locked --bench instructions --message-format=json | grep -o '"executable":"[^"]*instructions-[^"]*"' | cut -d'"' -f4)"

count() { # OPERATION TIMES
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$built" "$1" "$2" 2>&1 | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

few=300
many=1500
counts="$(mktemp)"
trap 'rm -f "$counts"' EXIT
risen=0
for operation in verify claim judge forward; do
    each=$((($(count "$operation" $many) - $(count "$operation" $few)) / (many - few)))
    echo "$operation $each" >>"$counts"
    before="$(sed -n "s/^$operation //p" "$baseline" 2>/dev/null || true)"
    echo "$operation: $each instructions; the baseline is ${before:-not written}"
    if [ -n "$before" ] && [ "$each" -gt $((before * 105 / 100)) ]; then
        risen=1
        echo "  that is more than 5 % more"
    fi
done
if [ "${HOOKWARD_BLESS:-}" = 1 ]; then
    cp "$counts" "$baseline"
    echo "written to $baseline"
    exit 0
fi
exit "$risen"
