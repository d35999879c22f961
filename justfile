# Lists what there is to run.
default:
    @just --list --unsorted

# Formats, lints and the quick tests: what to run before a commit.
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test --lib --bins --test tidy --test cli_help

# All tests that need neither root nor other tools; with a word, those whose name has it.
test *words:
    cargo test {{ words }}

# The stories with the real program alone.
e2e *words:
    cargo test --test stories -- {{ words }}

# Exchanges files with sendme, which is installed on the first run.
interop:
    test -x target/peers/bin/sendme || CARGO_TARGET_DIR=target/peers/build cargo install sendme --version 0.37.1 --locked --debug --root target/peers
    cargo test --test interop --no-run
    unshare --net --map-root-user sh -ec 'ip link set lo up; exec cargo test --offline --test interop -- --ignored'

# Full disks, cut networks, kills: as root.
root *words:
    cargo test --test root -- --ignored {{ words }}

# Every kind of NAT, firewall and cut, with a hub in the middle, in namespaces: as root.
networks *words:
    cargo test --test networks -- --ignored --test-threads 6 {{ words }}

# Kills at random points until somebody has had enough; repeat one with GROVE_TEST_SEED.
torture kills="1000":
    GROVE_TEST_KILLS={{ kills }} cargo test --test root -- --ignored --nocapture random_kills

# Takes a nightly toolchain and cargo-fuzz. Without a sanitizer: nothing here is unsafe, and memory stays
# countable.
# Looks for inputs that break a parser: a target of fuzz/fuzz_targets, for so many seconds.
fuzz target seconds="300":
    mkdir -p target/fuzz/found/{{ target }}
    cargo +nightly fuzz run --sanitizer none --target-dir target/fuzz {{ target }} \
        target/fuzz/found/{{ target }} fuzz/corpus/{{ target }} -- \
        -max_total_time={{ seconds }} -timeout=5 -rss_limit_mb=256

# The same for all targets, one after the other.
fuzz-all seconds="60":
    set -e; for target in fuzz/fuzz_targets/*.rs; do just fuzz "$(basename "$target" .rs)" {{ seconds }}; done

# Takes into the corpus what a run found and reaches something new.
fuzz-keep target:
    cargo +nightly fuzz run --sanitizer none --target-dir target/fuzz {{ target }} -- \
        -merge=1 fuzz/corpus/{{ target }} target/fuzz/found/{{ target }}

# The corpus and as many changes of it for each target, on any toolchain; others with GROVE_TEST_SEED.
fuzz-replay cases="100000":
    GROVE_FUZZ_CASES={{ cases }} CARGO_PROFILE_DEV_OPT_LEVEL=2 cargo test --lib fuzz::replay

# Cuts the power of a disk at random points, as root; repeat a run with GROVE_TEST_SEED.
powercut cuts="1000":
    GROVE_TEST_CUTS={{ cuts }} cargo test --test root -- --ignored --nocapture power_cuts

# Hostile requesters by the hundred, lists as long as may be, and minutes of races at the destination.
hostile people="500" secs="600":
    GROVE_TEST_HOSTILE={{ people }} cargo test --test hostile requester -- --include-ignored --test-threads 1
    GROVE_TEST_NAMES=1000000 GROVE_TEST_RACE_SECS={{ secs }} cargo test --test hostile sharer -- --include-ignored --nocapture

# Kills and errors at system calls that are about files: so many of each line of Grove, or all, for hours.
sweep points="all" *words:
    GROVE_TEST_POINTS={{ points }} cargo test --test faults -- --ignored --nocapture --test-threads 1 {{ words }}

# So many files there and back, with the memory that takes; 1048575 is all that a share may have.
large files="1000000":
    GROVE_TEST_FILES={{ files }} cargo test --release --test root -- --ignored --nocapture many_files

# Measures a hub with 1,000 idle clients and 200 that transfer: docs/hub.md.
bench-hub:
    cargo bench --bench hub

# Installs what `just bench` compares with into target/peers; what is missing is left out of the table.
bench-peers:
    test -x target/peers/bin/sendme || CARGO_TARGET_DIR=target/peers/build cargo install sendme --version 0.37.1 --locked --root target/peers
    test -x target/peers/bin/wormhole-rs || CARGO_TARGET_DIR=target/peers/build cargo install magic-wormhole-cli --version 0.8.1 --locked --root target/peers
    test -x target/peers/bin/b3sum || CARGO_TARGET_DIR=target/peers/build cargo install b3sum --version 1.8.7 --locked --root target/peers
    test -x target/peers/python/bin/twist || (python3 -m venv target/peers/python && target/peers/python/bin/pip install magic-wormhole-mailbox-server magic-wormhole-transit-relay)

# Measures Grove beside others and prints the table for docs/performance.md; `--list` names the cases.
bench *words:
    cargo bench --bench compare -- {{ words }}

# Writes completions/ again, after a change of the command line.
completions:
    UPDATE=1 cargo test --test cli_help completions

# The documentation of the library.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --open

# Exactly what has to pass before a change is taken: as root, on Debian or a relative.
ci:
    .ci/run
