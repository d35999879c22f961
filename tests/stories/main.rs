//! What people do with Grove, told with the real program: each test is one of them or two, on the
//! loopback interface.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "other suites use the rest")]
mod common;

mod bad_input;
mod cache;
mod changed;
mod conflicts;
mod damage;
mod doctor;
mod get;
mod hub;
mod hygiene;
mod join;
mod limits;
mod listing;
mod machine;
mod names;
mod resume;
mod secrets;
mod share;
mod sparse;
mod stop;
mod together;
mod verify;

/// A file that is not declared above would never be run.
#[test]
fn every_file_of_this_folder_is_declared() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["common", "stories", "interop", "root", "faults", "networks"] {
        let folder = root.join("tests").join(folder);
        let main = if folder.join("main.rs").exists() {
            "main.rs"
        } else {
            "mod.rs"
        };
        let declared = std::fs::read_to_string(folder.join(main)).unwrap();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let module = name.strip_suffix(".rs").unwrap_or(&name);
            if name != main {
                let line = format!("mod {module};");
                assert!(declared.contains(&line), "{}: {line}", folder.display());
            }
        }
    }
}
