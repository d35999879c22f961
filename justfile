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

# So many files there and back, with the memory that takes; 1048575 is all that a share may have.
large files="1000000":
    GROVE_TEST_FILES={{ files }} cargo test --release --test root -- --ignored --nocapture many_files

# Compares the speed with sendme's, in a table for docs/performance.md.
bench runs="5":
    test -x target/peers/bin/sendme || CARGO_TARGET_DIR=target/peers/build cargo install sendme --version 0.37.1 --locked --root target/peers
    cargo build --release
    benches/compare.sh {{ runs }}

# Writes completions/ again, after a change of the command line.
completions:
    UPDATE=1 cargo test --test cli_help completions

# The documentation of the library.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --open

# Exactly what has to pass before a change is taken: as root, on Debian or a relative.
ci:
    .ci/run
