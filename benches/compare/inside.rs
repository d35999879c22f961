//! Runs the cases and prints the table.

use std::{fs, path::Path};

use anyhow::{Result, bail};

use crate::{
    args::{Args, output, root},
    cases::{CASES, Case},
    content::Content,
    lab::Lab,
    link::bring_up_loopback,
    machine,
    measure::Report,
    peers,
    table::table,
};

/// Runs what was asked for, with everything it makes in the folder.
pub(crate) fn run(args: &Args, cases: &[&Case], scratch: &Path) -> Result<()> {
    bring_up_loopback()?;
    let content = scratch.join("content");
    fs::create_dir(&content)?;
    let (mut peers, missing) = peers::find(root());
    if !args.only.is_empty() {
        peers.retain(|peer| args.only.iter().any(|name| name == peer.name()));
    }
    let machine = machine::describe(scratch);
    let stamp = machine::stamp();
    let raw = output().join(format!("{stamp}.jsonl"));
    let mut report = Report::new(&raw, &machine)?;
    if args.only.is_empty() {
        for missing in missing {
            report.note(missing)?;
        }
    }
    let versions: Vec<_> = peers.iter().map(|peer| peer.version()).collect();
    let lab = Lab::new(
        scratch,
        Content::new(content, args.shrink),
        peers,
        args.runs,
        report,
    );
    for case in cases {
        lab.run(case)?;
    }
    let report = lab.into_report();
    let smaller = match args.shrink {
        1 => String::new(),
        times => format!(", everything {times} times smaller than it says"),
    };
    let text = format!(
        "{machine}; {} runs{smaller}. {}.\n\n{}\n",
        args.runs,
        versions.join(", "),
        table(&report)
    );
    fs::write(output().join(format!("{stamp}.md")), &text)?;
    print(&text);
    if args.strict && !report.notes.is_empty() {
        bail!("not everything worked");
    }
    Ok(())
}

/// The cases of these names, or all.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Case>> {
    let unknown = names
        .iter()
        .find(|name| CASES.iter().all(|case| case.name != **name));
    if let Some(unknown) = unknown {
        bail!("there is no case {unknown}, see --list");
    }
    let wanted = |case: &&Case| names.is_empty() || names.iter().any(|name| name == case.name);
    Ok(CASES.iter().filter(wanted).collect())
}

/// Says which cases there are.
pub(crate) fn list() {
    let width = CASES
        .iter()
        .map(|case| case.name.len())
        .max()
        .unwrap_or_default();
    for case in CASES {
        print(&format!("{:width$}  {}\n", case.name, case.about));
    }
}

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
fn print(text: &str) {
    print!("{text}");
}
