#!/usr/bin/env bash
# The figures of the README: a clean release build in a folder of its own, then benches/figures.rs on what it made.
# Loopback only, bounded, and nothing stays behind. FIGURES_QUICK=1 leaves the clean build out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo="${CARGO:-cargo}"
printf '%s, %s cores, %s, load %s\n' "$(date -u +%Y-%m-%d)" "$(nproc)" "$("${RUSTC:-rustc}" --version)" "$(cut -d' ' -f1 /proc/loadavg)"

if [[ -z "${FIGURES_QUICK:-}" ]]; then
    CARGO_TARGET_DIR="$(mktemp -d)"
    export CARGO_TARGET_DIR
    trap 'rm -rf "$CARGO_TARGET_DIR"' EXIT
    "$cargo" fetch --quiet --locked
    begun="$SECONDS"
    "$cargo" build --quiet --release --locked
    printf 'clean release build                     %d s\n' "$((SECONDS - begun))"
fi
"$cargo" bench --quiet --locked --bench figures
