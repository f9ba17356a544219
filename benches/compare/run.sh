#!/usr/bin/env bash
# Compares hookward with nginx and HAProxy on this machine, over loopback, in under ten minutes. ROUNDS=5 by default.
# `run.sh long [minutes]` watches the memory of one hookward under steady load instead, `run.sh memory`
# only what one holds, fresh and with ten thousand idle connections.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! command -v nginx >/dev/null || ! command -v haproxy >/dev/null || [ ! -e /usr/lib/nginx/modules/ngx_http_lua_module.so ]; then
    if [ "$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi
    $as_root apt-get update -qq
    # Installed only to be run here by hand: Debian would start both as services.
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends nginx-light libnginx-mod-http-lua haproxy >/dev/null
fi
CARGO="${CARGO:-cargo}"
"$CARGO" build --release --locked --bin hookward
"$CARGO" bench --no-run --locked --bench compare
# Ten thousand connections at a time, on both sides.
ulimit -n "$(ulimit -H -n)"
export HOOKWARD_BINARY="${HOOKWARD_BINARY:-$PWD/${CARGO_TARGET_DIR:-target}/release/hookward}"
if [ "${1:-}" = long ]; then
    export WINDOW=60s
    exec taskset -c 1 "$CARGO" bench --locked --bench compare -- long "${2:-30}"
fi
if [ "${1:-}" = memory ]; then
    exec taskset -c 1 "$CARGO" bench --locked --bench compare -- memory
fi
exec taskset -c 1 "$CARGO" bench --locked --bench compare -- "${ROUNDS:-5}"
