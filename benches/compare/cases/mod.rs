//! The cases, in the order of the table.

mod again;
mod interrupted;
mod needs;
mod networks;
mod several;
mod start;
mod transfers;

use anyhow::Result;

use crate::lab::Lab;

/// Something to measure.
pub(crate) struct Case {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it is, for `--list`.
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Lab) -> Result<()>,
}

const fn case(name: &'static str, about: &'static str, run: fn(&Lab) -> Result<()>) -> Case {
    Case { name, about, run }
}

/// All of them.
pub(crate) const CASES: &[Case] = &[
    case("file", "one file of 1 GiB", transfers::file),
    case("small", "10,000 files of 0.1 to 20 KB", transfers::small),
    case("many", "100,000 files of 1 KB", transfers::many),
    case("deep", "6,000 files in folders, 60 deep", transfers::deep),
    case(
        "most-there",
        "1 GiB of which the receiver has 90 %",
        again::most_there,
    ),
    case(
        "unchanged",
        "sharing an unchanged 1 GiB again",
        again::unchanged,
    ),
    case("hash", "hashing 1 GiB", start::hash),
    case(
        "start",
        "--help, and a small file to the ticket",
        start::start,
    ),
    case("memory", "the memory of both sides", needs::memory),
    case(
        "disk",
        "the disk space of both sides while fetching",
        needs::disk,
    ),
    case(
        "killed",
        "bytes on the wire after a kill at 50 %",
        interrupted::killed,
    ),
    case("relayed", "256 MiB through a relay", transfers::relayed),
    case("several", "four receivers at once", several::several),
    case(
        "link",
        "what the link of the next two carries",
        networks::link,
    ),
    case("long", "100 ms round trip, 500 Mbit/s", networks::long),
    case("lossy", "50 ms round trip, 1 % loss", networks::lossy),
];
