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

# Kills at random points until somebody has had enough; repeat one with GROVE_TEST_SEED.
torture kills="1000":
    GROVE_TEST_KILLS={{ kills }} cargo test --test root -- --ignored --nocapture random_kills

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
