#!/usr/bin/env bash
# Compares hookward with nginx and HAProxy on this machine, loopback only, in a few minutes. ROUNDS=5 by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
for tool in nginx haproxy; do
    if ! command -v "$tool" >/dev/null; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light haproxy >/dev/null
    fi
done
cargo build --release --locked
HOOKWARD_BINARY="${HOOKWARD_BINARY:-$PWD/${CARGO_TARGET_DIR:-target}/release/hookward}" taskset -c 1 cargo bench --locked --bench compare -- "${ROUNDS:-5}"
