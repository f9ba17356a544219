# What a person types. Needs a Rust toolchain (1.90 or newer), a C compiler and make; nothing else is assumed.

CARGO ?= cargo
SOAK_ROUNDS ?= 20
SOAK_KILLS ?= 5000
SOAK_FAULTS ?= 50
REDIS_ROUNDS ?= 10000

.PHONY: help demo build test manifests valkey bench figures compare compare-long compare-instructions instructions soak sdk-full fmt lint doc need-compiler need-lint need-redis need-sdks need-promtool browser need-chromium

help:
	@echo 'make demo    build, then send signed and forged deliveries through the real gateway and show what happened'
	@echo 'make test    every test: units, tickets, vectors, configurations, house rules, integration, documentation'
	@echo 'make valkey  the tests of the Redis store against Valkey'
	@echo 'make browser the status page in Chromium'
	@echo 'make bench   measure verification, claims and the whole pipeline'
	@echo 'make figures what the README says of size, memory, start and speed, measured on this machine'
	@echo 'make compare beside nginx and HAProxy on this machine: CPU, latency, memory, as ratios; make compare-long: memory over half an hour;'
	@echo '             make compare-instructions: hookward alone, in instructions, which do not depend on what else the machine does'
	@echo 'make instructions  count the instructions of verify, claim, judge and forward; fails where they rose by over 5 %'
	@echo 'make soak    the tests whose faults hide in timing, SOAK_ROUNDS=$(SOAK_ROUNDS) times; SOAK_KILLS=$(SOAK_KILLS) kills under load; then ten thousand connections at a time'
	@echo 'make sdk-full  hookward against every SDK of docs/sdk.md; make test takes the light ones'
	@echo 'make fmt     format; make lint: what CI asks of style; make doc: the documentation'

# The table ends by itself; the exit code is 1 if one line of it is not as it must be.
demo: need-compiler
	$(CARGO) run --release --locked -- demo

build: need-compiler
	$(CARGO) build --release --locked

# nextest runs the tests of all binaries side by side where it is installed; documentation tests are cargo's own either way.
test: need-compiler need-redis need-sdks need-promtool need-chromium
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		echo '$(CARGO) nextest run --locked --lib --bins --tests'; \
		$(CARGO) nextest run --locked --lib --bins --tests; \
	else \
		echo '$(CARGO) test --locked --lib --bins --tests'; \
		$(CARGO) test --locked --lib --bins --tests; \
	fi
	$(CARGO) test --locked --doc
	@.ci/manifests
	@.ci/configs
	@$(MAKE) --no-print-directory browser

# The status page in the system's Chromium; the driver is installed from a locked list. Half a minute.
browser: need-compiler need-chromium
	$(CARGO) build --locked --bin hookward
	tests/browser/run

# The Kubernetes manifests against the schemas of Kubernetes itself. Python 3 only, installed into .venv from a locked list.
manifests:
	@.ci/manifests

# The tests of the Redis store against Valkey, which is installed under target from a locked list. Python 3 with pip only.
valkey: need-compiler
	@.ci/valkey

bench: need-compiler
	$(CARGO) bench --locked

# Loopback only; about four minutes on two cores, most of it the clean build that is one of the figures.
figures: need-compiler
	CARGO=$(CARGO) benches/figures.sh

# Loopback only; ten minutes on two cores that have nothing else to do. Installs nginx and HAProxy where they are missing.
compare: need-compiler
	CARGO=$(CARGO) benches/compare/run.sh

compare-long: need-compiler
	CARGO=$(CARGO) benches/compare/run.sh long

compare-instructions: need-compiler
	CARGO=$(CARGO) benches/compare/run.sh instructions

instructions: need-compiler
	CARGO=$(CARGO) benches/instructions/check.sh

soak: need-compiler need-redis sdk-full
	$(CARGO) build --release --locked --tests
	@round=1; while [ $$round -le $(SOAK_ROUNDS) ]; do \
		echo "round $$round of $(SOAK_ROUNDS)"; \
		$(CARGO) test --release --locked --test it -- drain:: replay:: upstream:: providers::of_64 || exit 1; \
		HOOKWARD_FUZZ_SEED=$$round HOOKWARD_FUZZ_ROUNDS=5 $(CARGO) test --release --locked --test fuzz || exit 1; \
		round=$$((round + 1)); \
	done
	LEDGER_KILLS=$(SOAK_KILLS) LEDGER_FAULTS=$(SOAK_FAULTS) $(CARGO) test --release --locked --test ledger -- --nocapture --test-threads 1
	$(CARGO) test --release --locked --test soak
	HOOKWARD_REDIS_ROUNDS=$(REDIS_ROUNDS) $(CARGO) test --release --locked --test it -- --nocapture redis::rpl_04

# All SDKs of docs/sdk.md; a GiB and a half of packages under target/sdk.
sdk-full: need-compiler need-sdks
	@.ci/sdks full
	HOOKWARD_SDKS=full $(CARGO) test --locked --test it -- sdk::

fmt:
	$(CARGO) fmt

lint: need-compiler need-lint
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

doc: need-compiler
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items

need-compiler:
	@command -v $(CARGO) >/dev/null 2>&1 || { echo 'cargo is missing: install a Rust toolchain with rustup' >&2; exit 1; }
	@command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || { echo 'a C compiler is missing: install gcc' >&2; exit 1; }

need-lint:
	@$(CARGO) fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@$(CARGO) clippy --version >/dev/null 2>&1 || rustup component add clippy

# The alert rules are tested with promtool; it is unpacked, not installed, where it is missing.
need-promtool:
	@.ci/promtool >/dev/null

# The tests of the Redis store start servers of their own; without redis-server they fail.
need-redis:
	@command -v redis-server >/dev/null 2>&1 || { \
		echo 'redis-server is missing: installing it with apt-get'; \
		if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi; \
		$$as_root apt-get update -qq && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server >/dev/null; \
	} || { echo 'install redis-server (Redis 6 or newer) and try again' >&2; exit 1; }

# The SDKs that the tests compare hookward with; Node and Python run them.
need-sdks:
	@command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && python3 -c 'import venv, ensurepip' 2>/dev/null || { \
		echo 'node, npm or python3 with venv is missing: installing them with apt-get'; \
		if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi; \
		$$as_root apt-get update -qq && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm python3-venv >/dev/null; \
	} || { echo 'install Node 18 or newer (20 for make sdk-full) with npm, and python3 with venv, and try again' >&2; exit 1; }
	@.ci/sdks light

# The status page is driven in a real browser; without one its tests fail.
need-chromium:
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || { \
		echo 'chromium is missing: installing it with apt-get'; \
		if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi; \
		$$as_root apt-get update -qq && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	} || { echo 'install chromium and try again' >&2; exit 1; }
