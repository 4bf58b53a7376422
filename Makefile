# make run     builds tapscope and opens its window on a recording of two real guests
# make test    runs all tests
# make lab     boots two guests on a bridge to look at, as root; VARIANT=taps|apart connects them in other ways,
#              VARIANT=user|socket|stream|udp|mcast|hub without a TAP
# make docs    writes docs/causes.md anew from the table of causes
# make faults  breaks networks in every known way as root, asks tapscope why, and keeps the recordings that the tests ask again
# make check   formatting, lints and documentation
# make bench   measures, beside tcpdump and tshark
# make pictures  takes the pictures of the README anew
# make fuzz    TARGET=frame|file|recording|dhcp|dhcp6|dns|link|qemu_command_line|drop_reasons|cable_stream|cable_tcp|cable_datagram|qemu_monitor|monitor_answer|netlink|process|hub SECONDS=600: looks for bytes that break it
#
# run, test and lab install what a fresh Debian or Ubuntu lacks, and say so.

TARGET = frame
SECONDS = 600
VARIANT = bridge

.PHONY: run test faults lab docs check bench fuzz pictures

run:
	@.ci/setup run
	cargo run --release -- demo

test:
	@.ci/setup test
	cargo test --workspace --no-fail-fast

lab: AS_ROOT = $(if $(filter 0,$(shell id -u)),,--config 'target."cfg(unix)".runner="sudo"')
lab:
	@.ci/setup test
	cargo $(AS_ROOT) run --package tapscope-lab --bin setup -- $(VARIANT)

docs:
	UPDATE_EXPECT=1 cargo test --package tapscope-graph --test causes

faults:
	@.ci/setup test
	TAPSCOPE_BLESS=1 cargo $(if $(filter 0,$(shell id -u)),,--config 'target."cfg(unix)".runner="sudo -E"') test --test faults

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package tapscope --no-default-features --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

bench:
	@.ci/setup run
	cargo bench --bench stages
	cargo bench --bench whole
	cargo bench --bench cable
	cargo bench -p tapscope-graph --bench why
	cargo bench --bench tables
	cargo bench --bench frame
	@# Only root can make the namespaces that it measures in.
	@if [ $$(id -u) -eq 0 ]; then cargo bench --bench record --bench live --bench copy; else cargo --config 'target."cfg(unix)".runner="sudo"' bench --bench record --bench live --bench copy; fi

# The fuzzer's instrumentation is a feature of the nightly compiler that RUSTC_BOOTSTRAP opens in the stable one.
fuzz:
	@cargo fuzz --version >/dev/null || cargo install cargo-fuzz --locked
	@mkdir -p target/fuzz/$(TARGET)
	RUSTC_BOOTSTRAP=1 cargo fuzz run $(TARGET) target/fuzz/$(TARGET) fuzz/corpus/$(TARGET) -- -max_total_time=$(SECONDS) -rss_limit_mb=1024 -timeout=5

# The pictures of the README, from the session that the test has in the real window over two real guests.
pictures:
	@.ci/setup test
	cargo $(if $(filter 0,$(shell id -u)),,--config 'target."cfg(unix)".runner="sudo -E"') test --test session
	@mkdir -p docs/pictures
	for name in 3-they-ping 5-the-past 7-why; do convert target/screenshots/session/$$name.png -strip -colors 128 PNG8:docs/pictures/$${name#*-}.png; done
