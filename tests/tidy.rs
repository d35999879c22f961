//! House rules that no compiler checks: which layer may know which, where may be printed, how long a
//! file may be, that every file is part of something, that every module says what it is for, and that no fuzz
//! target is forgotten.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What a layer may use of the crate, as the table in `src/lib.rs` has it. Arrows point down only.
const LAYERS: [(&str, &[&str]); 9] = [
    ("content", &[]),
    ("events", &["content"]),
    ("disk", &["content", "events"]),
    ("profile", &["content", "events", "disk"]),
    ("node", &["content", "events"]),
    ("transfer", &["content", "events", "disk", "node"]),
    ("hub", &["content", "events", "disk"]),
    (
        "app",
        &[
            "content", "events", "disk", "profile", "node", "transfer", "hub",
        ],
    ),
    (
        "cli",
        &["content", "events", "disk", "profile", "node", "app", "hub"],
    ),
];

/// Crates that belong to some layers only.
const CRATES: [(&str, &[&str]); 10] = [
    // A peer's id and the ticket are types of iroh; the command line has them from `content`.
    ("iroh", &["content", "profile", "node", "transfer", "hub"]),
    ("iroh_blobs", &["content", "transfer", "app"]),
    ("iroh_mdns_address_lookup", &["node"]),
    ("iroh_dns_server", &["hub"]),
    ("hyper", &["hub"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("ignore", &["disk"]),
];

/// Most lines of code in one file, without comments and tests.
const LINES: usize = 400;

/// Files that may be longer, and why.
const LONGER: [(&str, &str); 0] = [];

struct Source {
    /// Below `src`, with `/`.
    name: String,
    text: String,
}

impl Source {
    /// The first component of its path: `content`, or `lib` for `src/lib.rs`.
    fn layer(&self) -> &str {
        let first = self.name.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn is_test(&self) -> bool {
        let in_tests = self.name.ends_with("/tests.rs") || self.name.contains("/tests/");
        in_tests || self.layer() == "fuzz"
    }

    /// Lines of code with their numbers: without comments, without blank lines, and without modules that
    /// exist for tests alone.
    fn code(&self) -> Vec<(usize, &str)> {
        let mut code = Vec::new();
        let mut lines = self.text.lines().zip(1..);
        while let Some((line, number)) = lines.next() {
            let trimmed = line.trim();
            if trimmed == "#[cfg(test)]" {
                let indent = line.len() - line.trim_start().len();
                let Some((item, _)) = lines.next() else { break };
                if item.trim_end().ends_with('{') {
                    let end = format!("{}}}", " ".repeat(indent));
                    lines.by_ref().find(|(line, _)| *line == end);
                }
            } else if !trimmed.is_empty() && !trimmed.starts_with("//") {
                code.push((number, line));
            }
        }
        code
    }
}

fn sources() -> Vec<Source> {
    sources_in("src")
}

fn sources_in(folder: &str) -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut sources = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(&src).unwrap();
                let parts: Vec<_> = below.iter().map(|part| part.to_str().unwrap()).collect();
                sources.push(Source {
                    name: parts.join("/"),
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    assert!(sources.len() > 20, "the sources are where they were");
    sources
}

/// Fails with all that was found.
fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// The names that follow `prefix` in a line: `crate::disk` and each of `crate::{disk, node::Node}`.
/// A list over several lines is joined before.
fn used<'a>(code: &'a str, prefix: &str) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.push(first_word(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (at, c) in list.char_indices() {
            match c {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && depth == 0 && !c.is_whitespace() => {
                    names.push(first_word(&list[at..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn joined(source: &Source) -> String {
    let lines = source.code().into_iter().map(|(_, line)| line);
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn arrows_point_down() {
    let mut found = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == source.layer()) else {
            continue;
        };
        let code = joined(&source);
        for name in used(&code, "crate::") {
            let is_layer = LAYERS.iter().any(|(layer, _)| *layer == name);
            if is_layer && name != source.layer() && !allowed.contains(&name) {
                found.push(format!("src/{} uses crate::{name}", source.name));
            }
        }
    }
    none(&found);
}

#[test]
fn crates_stay_in_their_layers() {
    let mut found = Vec::new();
    for source in sources() {
        let code = joined(&source);
        // It asks everybody, other tools' readers of the same bytes too.
        if source.layer() == "fuzz" {
            continue;
        }
        for (name, allowed) in CRATES {
            let path = format!("{name}::");
            if !allowed.contains(&source.layer()) && !used(&code, &path).is_empty() {
                found.push(format!("src/{} uses {name}", source.name));
            }
        }
    }
    none(&found);
}

#[test]
fn every_layer_is_in_the_table() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for (layer, _) in LAYERS {
        assert!(
            map.contains(&format!("| [`{layer}`] |")),
            "{layer} in src/lib.rs"
        );
    }
    for source in sources() {
        let layer = source.layer();
        let known = LAYERS.iter().any(|(name, _)| *name == layer);
        assert!(
            known || ["lib", "main", "fuzz"].contains(&layer),
            "the layer {layer}"
        );
    }
}

#[test]
fn nothing_climbs_two_modules_up() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (number, line) in source.code() {
            if line.contains("super::super") {
                found.push(format!("src/{}:{number}: name it by crate::", source.name));
            }
        }
    }
    none(&found);
}

#[test]
fn only_the_command_line_prints() {
    let mut found = Vec::new();
    for source in sources() {
        if source.layer() == "cli" || source.is_test() {
            continue;
        }
        for (number, line) in source.code() {
            let prints = ["println!", "eprintln!", "print!", "eprint!", "dbg!"];
            if prints.iter().any(|print| line.contains(print)) {
                found.push(format!("src/{}:{number} prints", source.name));
            }
        }
    }
    none(&found);
}

#[test]
fn every_file_is_declared() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches"] {
        let sources = sources_in(folder);
        let text_of = |name: &str| {
            let source = sources.iter().find(|source| source.name == name);
            source.map(|source| source.text.as_str())
        };
        for source in &sources {
            let path = source.name.strip_suffix(".rs").unwrap();
            let path = path.strip_suffix("/mod").unwrap_or(path);
            // What Cargo finds by itself, and folders of several programs, which name theirs by path.
            let is_root = ["main", "lib"].iter().any(|root| path.ends_with(root));
            let Some((above, module)) = path.rsplit_once('/').filter(|_| !is_root) else {
                continue;
            };
            let above = [
                format!("{above}.rs"),
                format!("{above}/mod.rs"),
                format!("{above}/main.rs"),
            ];
            let above = above.iter().find_map(|name| text_of(name));
            let line = format!("mod {module};");
            if !above.is_some_and(|text| text.contains(&line)) {
                found.push(format!("{folder}/{}: nobody says {line}", source.name));
            }
        }
    }
    none(&found);
}

#[test]
fn every_module_says_what_it_is_for() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        if !source.text.starts_with("//! ") {
            found.push(format!("src/{} does not begin with //!", source.name));
        }
    }
    none(&found);
}

#[test]
fn files_are_short() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let lines = source.code().len();
        let excused = LONGER.iter().any(|(name, _)| *name == source.name);
        if lines > LINES && !excused {
            found.push(format!("src/{} has {lines} lines of code", source.name));
        }
        if lines <= LINES && excused {
            found.push(format!("src/{} needs no excuse any more", source.name));
        }
    }
    none(&found);
}

/// A target that nobody replays would be forgotten, and one without inputs finds nothing.
#[test]
fn every_fuzz_target_has_a_corpus_and_is_replayed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let stems = paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        stems.collect()
    };
    let targets = names("fuzz/fuzz_targets");
    assert_eq!(targets, names("fuzz/corpus"), "a folder for each target");

    let replay = read("src/fuzz/replay.rs");
    let list = replay.split_once("\nreplayed! {").unwrap().1;
    let list = list.split_once('}').unwrap().0.split_whitespace();
    assert_eq!(
        targets,
        list.map(str::to_owned).collect(),
        "src/fuzz/replay.rs"
    );

    let cargo = read("fuzz/Cargo.toml");
    let bins = cargo
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/"));
    let bins = bins.map(|line| line.trim_end_matches(".rs\"").to_owned());
    assert_eq!(targets, bins.collect(), "fuzz/Cargo.toml");

    let (mut files, mut bytes) = (0, 0);
    for target in &targets {
        let code = read(&format!("fuzz/fuzz_targets/{target}.rs"));
        assert!(
            code.contains(&format!("| grove::fuzz::{target}(bytes)")),
            "{target}"
        );
        for entry in fs::read_dir(root.join("fuzz/corpus").join(target)).unwrap() {
            files += 1;
            bytes += entry.unwrap().metadata().unwrap().len();
        }
    }
    assert!(
        files < 2000 && bytes < 2_000_000,
        "minimise it: {files} files, {bytes} bytes"
    );
}

#[test]
fn lists_of_names_are_read() {
    let code = "use crate::{\n    app::{self, Accept},\n    disk::Stop, events,\n};\ncrate::node::x; my_crate::y";
    assert_eq!(used(code, "crate::"), ["app", "disk", "events", "node"]);
}
