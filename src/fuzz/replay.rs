//! The corpus of `fuzz/`, replayed and changed at random, without any tool but the compiler.
//!
//! `GROVE_FUZZ_CASES` is the number of changed inputs for each target, `GROVE_TEST_SEED` the seed of the
//! changes. An input that fails is written down, so that `cargo fuzz run TARGET FILE` shows it again.

use std::{env, fs, panic, path::PathBuf, str::FromStr};

/// Changed inputs for each target, where nobody says otherwise: a second or two without optimisation.
const CASES: u64 = 3_000;

/// What an input may grow to, as with libFuzzer.
const LONGEST: usize = 4096;

/// One test for each target. `tests/tidy.rs` checks that none is missing here.
macro_rules! replayed {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target), super::$target);
            }
        )*
    };
}

replayed! {
    codes
    config
    hash_seq
    have
    headers
    hub_ticket
    hubs
    identity
    kept
    manifest
    outboard
    path
    patterns
    places
    proof
    question
    request
    text
    ticket
    ticket_bytes
    tokens
    tree_cache
    units
}

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = corpus(target);
    for input in &corpus {
        run(target, check, input, "is in the corpus");
    }
    let cases = from_env("GROVE_FUZZ_CASES", CASES);
    let seed: u64 = from_env("GROVE_TEST_SEED", 20_261_122);
    let mut random = Random(seed ^ u64::from_le_bytes(*b"fuzzing!"));
    for case in 0..cases {
        let input = random.change(&corpus);
        run(
            target,
            check,
            &input,
            &format!("is case {case} of GROVE_TEST_SEED={seed}"),
        );
    }
}

/// The inputs of a target, always in the same order.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn from_env<T: FromStr>(name: &str, otherwise: T) -> T {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => otherwise,
    }
}

fn run(target: &str, check: fn(&[u8]), input: &[u8], which: &str) {
    let Err(failed) = panic::catch_unwind(|| check(input)) else {
        return;
    };
    let file = env::temp_dir().join(format!("grove-fuzz-{target}"));
    let kept = fs::write(&file, input).map_or("nowhere".into(), |()| file.display().to_string());
    println!(
        "the input that failed {which}; it is kept in {kept}: {}",
        input.escape_ascii()
    );
    panic::resume_unwind(failed);
}

/// Numbers that come out the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// A place in `bytes`, its end included.
    fn place(&mut self, bytes: &[u8]) -> usize {
        self.below(bytes.len() + 1)
    }

    /// A piece of an input, at most 64 bytes.
    fn piece<'a>(&mut self, of: &'a [u8]) -> &'a [u8] {
        let start = self.place(of);
        let end = start + self.below((of.len() - start).min(64) + 1);
        &of[start..end]
    }

    /// An input of the corpus with one to eight changes.
    fn change(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        /// What numbers go wrong at: as bytes, and as varints.
        const EDGES: [&[u8]; 12] = [
            &[0],
            &[0x7F],
            &[0x80],
            &[0xFF],
            &[0xFF, 0xFF],
            &[0xFF; 4],
            &[0xFF; 8],
            &[0, 0, 0, 0x80],
            &[0x80, 0],
            &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
            &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
        ];
        let mut bytes = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(8) {
            let at = self.place(&bytes);
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.next().to_le_bytes()[0]),
                2 => drop(bytes.drain(at..(at + self.below(9)).min(bytes.len()))),
                3 => {
                    let other = &corpus[self.below(corpus.len())];
                    let piece = self.piece(other).to_vec();
                    bytes.splice(at..at, piece);
                }
                4 => {
                    let piece = self.piece(&bytes).to_vec();
                    bytes.splice(at..at, piece);
                }
                5 => {
                    let edge = EDGES[self.below(EDGES.len())];
                    let end = (at + edge.len()).min(bytes.len());
                    bytes.splice(at..end, edge.iter().copied());
                }
                6 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ if at < bytes.len() => bytes[at] = self.next().to_le_bytes()[0],
                _ => {}
            }
            bytes.truncate(LONGEST);
        }
        bytes
    }
}
