//! What the documents show is so: commands, exit codes, links, outputs that do not vary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use grove::events::FailureKind;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_grove"))
        .args(args)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "grove {args:?} fails");
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of all fenced blocks of a document, and the lines outside of them.
fn split(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            inside.push(line);
        } else {
            outside.push(line);
        }
    }
    assert!(!fenced, "a block is not closed");
    (inside, outside)
}

/// The words of each call of `grove` in a shell line, without the program's name.
fn calls(line: &str) -> Vec<Vec<&str>> {
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let line = line.split(" #").next().unwrap_or(line);
    line.split([';', '|', '&'])
        .filter_map(|part| {
            let mut words = part.split_whitespace();
            let first = words.find(|word| !word.contains('='))?;
            (first == "grove").then(|| words.collect())
        })
        .collect()
}

/// All calls of `grove` that a document shows as commands.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let is_command = |line: &&&str| line.starts_with("$ ") || !line.starts_with(['{', '…']);
    let (inside, _) = split(text);
    inside
        .iter()
        .filter(is_command)
        .flat_map(|line| calls(line))
        .collect()
}

/// Every option in a help text: `-o`, `--output`.
fn options(help: &str) -> BTreeSet<&str> {
    help.split(|c: char| c.is_whitespace() || c == ',')
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.starts_with('-'))
        .collect()
}

#[test]
fn every_command_shown_exists_with_its_flags() {
    let mut seen = BTreeSet::new();
    for name in ["README.md", "CONTRIBUTING.md", "docs/hub.md"] {
        let text = read(name);
        for words in commands(&text) {
            let verb = words[0];
            let args: &[&str] = if verb.starts_with('-') {
                &["--help"]
            } else {
                &[verb, "--help"]
            };
            let help = stdout(args);
            let known = options(&help);
            for word in &words {
                let flag = word.split('=').next().unwrap();
                if flag.len() > 1 && flag.starts_with('-') {
                    assert!(known.contains(flag), "{name}: grove {verb} has no {flag}");
                }
            }
            seen.insert(verb.to_owned());
        }
    }
    for verb in ["share", "get", "ls", "id"] {
        assert!(seen.contains(verb), "no example of grove {verb}");
    }
}

#[test]
fn every_flag_named_in_the_readme_exists() {
    let text = read("README.md");
    let (_, outside) = split(&text);
    let mut known = String::new();
    for args in [
        &["--help"][..],
        &["share", "--help"],
        &["get", "--help"],
        &["ls", "--help"],
    ] {
        known.push_str(&stdout(args));
    }
    let known = options(&known);
    for line in outside {
        for code in line.split('`').skip(1).step_by(2) {
            for word in code
                .split_whitespace()
                .filter(|word| word.starts_with("--"))
            {
                assert!(known.contains(word), "there is no {word}");
            }
        }
    }
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_program() {
    let text = read("README.md");
    let table: BTreeSet<u8> = text
        .lines()
        .skip_while(|line| !line.starts_with("| exit code"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').nth(1).unwrap().trim().parse().unwrap())
        .collect();
    let kinds = [
        FailureKind::Failed,
        FailureKind::Usage,
        FailureKind::Partial,
        FailureKind::Unreachable,
        FailureKind::Refused,
        FailureKind::Unverified,
        FailureKind::InTheWay,
        FailureKind::LocalDisk,
        FailureKind::Interrupted,
    ];
    let mut codes: BTreeSet<u8> = kinds.iter().map(|kind| kind.exit_code()).collect();
    codes.insert(0);
    assert_eq!(table, codes);
}

/// Targets of `[text](target)` that are no addresses.
fn relative_links(text: &str) -> Vec<&str> {
    let (_, outside) = split(text);
    let targets = outside.iter().flat_map(|line| {
        let parts = line.split("](").skip(1);
        parts.filter_map(|part| part.split([')', '#']).next())
    });
    targets
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
}

fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
    ]
    .iter()
    .map(|name| root().join(name))
    .collect();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "md") {
            documents.push(path);
        }
    }
    documents
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in relative_links(&text) {
            let target = document.parent().unwrap_or(Path::new("")).join(link);
            assert!(target.exists(), "{}: {link}", document.display());
            count += 1;
        }
    }
    assert!(count > 5, "links are not found any more");
}

/// The names of tests that the page on security gives as evidence, and how it says to run them.
#[test]
fn every_test_named_exists() {
    let mut tests = BTreeMap::new();
    gather(&root().join("src"), "", &mut tests);
    gather(&root().join("tests"), "", &mut tests);
    let page = read("docs/security.md");
    let rows = page
        .lines()
        .skip_while(|line| *line != "## How it is tested")
        .take_while(|line| *line != "## Known gaps")
        .filter(|line| line.starts_with('|'));
    let mut count = 0;
    for row in rows {
        let parts: Vec<&str> = row.split('`').collect();
        for named in parts[1..].chunks(2) {
            let [name, behind] = named else {
                panic!("a name is not closed: {row}");
            };
            let mark = behind
                .strip_prefix(" (")
                .and_then(|rest| rest.split(')').next());
            let there = tests.get(*name);
            let there = there.unwrap_or_else(|| panic!("{name} is no test"));
            let mark = mark.unwrap_or_default();
            assert!(
                there.contains(mark),
                "{name} is marked {mark:?}, not {there:?}"
            );
            count += 1;
        }
    }
    assert!(count > 10, "tests are not found any more");
}

/// Finds tests by name. With each is the suite that has it, where it has to be asked for with `--ignored`,
/// and nothing where it does not.
fn gather(folder: &Path, suite: &str, tests: &mut BTreeMap<String, BTreeSet<String>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let suite = if suite.is_empty() { stem } else { suite };
        if path.is_dir() {
            gather(&path, suite, tests);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let (mut is_test, mut is_ignored) = (false, false);
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[") {
                    is_test |= line.contains("test");
                    is_ignored |= line.starts_with("#[ignore");
                    continue;
                }
                let after = line.split_once("fn ").map(|(_, after)| after);
                if let (Some(after), true) = (after, is_test) {
                    let name = after.split('(').next().unwrap_or_default();
                    let mark = if is_ignored { suite } else { "" };
                    let marks = tests.entry(name.to_owned()).or_default();
                    marks.insert(mark.to_owned());
                }
                (is_test, is_ignored) = (false, false);
            }
        }
    }
}

#[test]
fn the_folder_of_the_first_command_is_here() {
    let text = read("README.md");
    let (inside, _) = split(&text);
    let line = inside
        .iter()
        .find(|line| line.contains("cargo install"))
        .unwrap();
    let shared = calls(line)[0][1].to_owned();
    assert!(root().join(&shared).is_dir(), "{shared}");
}
