//! What the figures were measured on.

use std::{fs, path::Path, process::Command, thread};

/// Processor, cores, memory, kernel, file system, and the day.
pub(crate) fn describe(scratch: &Path) -> String {
    let cores = thread::available_parallelism().map_or(0, Into::into);
    format!(
        "{}, {cores} cores, {:.0} GiB of memory, {}, {}, {}",
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned()),
        memory().unwrap_or_default() as f64 / f64::from(1 << 20),
        said("uname", &["-sr"]),
        file_system(scratch),
        said("date", &["--utc", "+%Y-%m-%d"]),
    )
}

/// A name for the files of this run, such as `20260131-235959`.
pub(crate) fn stamp() -> String {
    said("date", &["--utc", "+%Y%m%d-%H%M%S"])
}

/// What a program says of itself in its first line.
pub(crate) fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let said = output.map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    said.lines().next().unwrap_or_default().trim().to_owned()
}

/// In KiB.
fn memory() -> Option<u64> {
    field("/proc/meminfo", "MemTotal")?
        .strip_suffix(" kB")?
        .parse()
        .ok()
}

fn file_system(path: &Path) -> String {
    let shown = path.to_string_lossy();
    said("stat", &["--file-system", "--format=%T", &shown]).replace("ext2/ext3", "ext4")
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
