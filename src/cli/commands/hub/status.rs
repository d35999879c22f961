//! `grove hub status`

use std::fmt::Write as _;

use clap::Args;

use super::{date, not_running};
use crate::{
    cli::{json, output::Output, units::count},
    content::{human_bytes, human_time},
    events::Failure,
    hub::{self, Answer, Folder, Question, Status},
};

/// Show how the hub on this computer is doing
///
/// Who is connected, what the relay carried, how many records there are, since when it runs. The exit
/// code is 4 when no hub is running with this folder.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {}

pub(super) fn run(_args: &StatusArgs, folder: &Folder, output: &Output) -> Result<u8, Failure> {
    let Some(Answer::Status(status)) = hub::ask(folder, Question::Status)? else {
        return Err(not_running());
    };
    if output.json() {
        output.object(&json::hub_status(&status));
    } else {
        output.data(table(&status).as_bytes());
    }
    Ok(0)
}

fn table(status: &Status) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| _ = writeln!(text, "{name:<12} {value}");
    let number = |number: u64, one: &str, many: &str| count(number, one, many);
    row("answers at", status.hosts.join(", "));
    let up = human_time(status.up_seconds as f64);
    row("runs since", format!("{} UTC, {up}", date(status.since)));
    if status.relay {
        let clients = number(status.clients, "client", "clients");
        row(
            "relay",
            format!("{clients}, {} carried", human_bytes(status.relayed_bytes)),
        );
    } else {
        row("relay", "off".to_owned());
    }
    match status.quic_port {
        Some(port) => row("discovery", format!("UDP port {port}")),
        None => row("discovery", "off".to_owned()),
    }
    if status.directory {
        let records = number(status.records, "record", "records");
        let published = status.records_published;
        let asked = number(status.records_resolved, "question", "questions");
        row(
            "directory",
            format!("{records}, published {published} times, {asked}"),
        );
    } else {
        row("directory", "off".to_owned());
    }
    row(
        "DNS",
        status.dns.clone().unwrap_or_else(|| "off".to_owned()),
    );
    row("connections", status.connections.to_string());
    let refused = format!(
        "{} without a good token, {} connections without room, {} records above a limit",
        status.unauthorized, status.turned_away, status.records_refused
    );
    row("refused", refused);
    if status.open {
        row("let in", "everybody".to_owned());
    } else {
        row(
            "let in",
            number(status.tokens.len() as u64, "token", "tokens"),
        );
    }
    if let Some(metrics) = &status.metrics {
        row("metrics", format!("http://{metrics}/metrics"));
    }
    row(
        "version",
        format!("{}, process {}", status.version, status.pid),
    );
    text
}
