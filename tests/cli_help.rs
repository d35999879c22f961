//! What people read before they run anything: help, manual pages, completions, and what a wrong
//! command line says. Run with `UPDATE=1` to rewrite `completions/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

fn grove(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_grove"))
        .args(args)
        .env_clear()
        .env("COLUMNS", "80")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = grove(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {stderr}");
    assert_eq!(stderr, "", "{args:?} has nothing to say beside its result");
    String::from_utf8(output.stdout).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

const COMMANDS: [&[&str]; 17] = [
    &[],
    &["share"],
    &["get"],
    &["ls"],
    &["doctor"],
    &["hub"],
    &["hub", "token"],
    &["hub", "token", "add"],
    &["hub", "status"],
    &["join"],
    &["leave"],
    &["id"],
    &["cache"],
    &["cache", "list"],
    &["cache", "clear"],
    &["completions"],
    &["man"],
];

#[test]
fn help_of_every_command() {
    for command in COMMANDS {
        let name = [&["grove"], command].concat().join("-");
        let short = stdout(&[command, &["-h"]].concat());
        insta::assert_snapshot!(format!("{name}-h"), short);
        let long = stdout(&[command, &["--help"]].concat());
        insta::assert_snapshot!(format!("{name}--help"), long);
    }
}

#[test]
fn help_fits_into_80_columns() {
    for command in COMMANDS {
        for flag in ["-h", "--help"] {
            for line in stdout(&[command, &[flag]].concat()).lines() {
                assert!(line.chars().count() <= 80, "{command:?} {flag}: {line}");
            }
        }
    }
}

/// A wrapped description starts where the descriptions above it do.
#[test]
fn short_help_takes_one_line_for_each_option() {
    for command in COMMANDS {
        for line in stdout(&[command, &["-h"]].concat()).lines() {
            let indent = line.len() - line.trim_start().len();
            assert!(indent < 10, "{command:?}: {line}");
        }
    }
}

#[test]
fn no_command_shows_help_as_an_error() {
    let output = grove(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: grove"));
}

#[test]
fn committed_completions_are_those_of_this_version() {
    for (shell, file) in [
        ("bash", "grove.bash"),
        ("zsh", "_grove"),
        ("fish", "grove.fish"),
        ("powershell", "_grove.ps1"),
        ("elvish", "grove.elv"),
    ] {
        let path = root().join("completions").join(file);
        let current = stdout(&["completions", shell]);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &current).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == current,
            "completions/{file} is old; run UPDATE=1 cargo test --test cli_help"
        );
    }
}

#[test]
fn the_manual_lists_every_exit_code() {
    let page = stdout(&["man"]);
    assert!(page.contains(".TH grove 1"), "{page}");
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "130"] {
        let listed = page
            .lines()
            .any(|line| line.trim_start().split(' ').next() == Some(code));
        assert!(listed, "exit code {code} is missing");
    }
}

#[test]
fn every_command_in_the_help_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    stdout(&["man", "--dir", dir.path().to_str().unwrap()]);
    for name in [
        "grove",
        "grove-share",
        "grove-get",
        "grove-ls",
        "grove-id",
        "grove-cache",
        "grove-cache-list",
        "grove-cache-clear",
    ] {
        let page = std::fs::read_to_string(dir.path().join(format!("{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{name}");
        assert!(page.contains(".SH NAME"), "{name}");
    }
    assert_eq!(
        stdout(&["man", "cache", "list"]),
        read(&dir.path().join("grove-cache-list.1"))
    );
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn refused(args: &[&str]) -> String {
    let output = grove(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn whatever_is_wrong_is_one_line_and_a_hint() {
    for args in [
        &["frobnicate"][..],
        &["share"],
        &["share", "x", "--name", "y"],
        &["share", "x", "-"],
        &["share", "x", "--for", "nobody"],
        &["share", "x", "--max-gets", "0"],
        &["get"],
        &["get", "blobabc"],
        &["get", "hello", "world"],
        &["get", "blobabc", "--overwrite", "--rename"],
        &["get", "blobabc", "--wait", "soon"],
        &["get", "blobabc", "--quiet", "-v"],
        &["ls", ""],
        &["ls", "-"],
        &["man", "frobnicate"],
    ] {
        let text = refused(args);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{args:?}: {text}");
        assert!(lines[0].starts_with("error: "), "{args:?}: {text}");
        assert!(lines[1].starts_with("hint: "), "{args:?}: {text}");
        assert!(!lines[0].ends_with('.'), "{args:?}: {text}");
    }
}

#[test]
fn with_json_an_error_is_an_event_and_nothing_else() {
    for args in [&["--json", "share"][..], &["get", "blobabc", "--json"]] {
        let output = grove(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}");
        let event: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(event["v"], 1);
        assert_eq!(event["event"], "error");
        assert_eq!(event["kind"], "usage");
        assert_eq!(event["exit_code"], 2);
        assert!(event["message"].is_string());
        assert!(event["hint"].is_string());
    }
}

#[test]
fn a_ticket_file_that_is_not_there_is_named() {
    let output = grove(&["ls", "@no/such/file"]);
    assert_eq!(output.status.code(), Some(8));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("no/such/file"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_grove"))
        .arg("man")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(8));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: standard output"), "{text}");
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_grove"))
        .arg("man")
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn the_identity_and_the_cache_need_no_network() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap();
    let id = stdout(&["id", "--home", home]);
    assert_eq!(id.trim_end().len(), 64, "{id}");
    assert_eq!(stdout(&["--home", home, "id"]), id, "it is kept");
    let event: serde_json::Value =
        serde_json::from_str(&stdout(&["id", "--json", "--home", home])).unwrap();
    assert_eq!(event["event"], "id");
    assert_eq!(event["peer"], id.trim_end());
    assert!(stdout(&["cache", "list", "--home", home]).contains("in all"));
}

#[test]
fn run_can_be_called_twice_in_one_process() {
    let run = || grove::cli::run(["grove", "man", "--dir", "/no/such/folder"].map(Into::into));
    assert_eq!(format!("{:?}", run()), format!("{:?}", run()));
}
