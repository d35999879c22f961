//! `grove doctor`

use std::time::Duration;

use clap::Args;

use crate::{
    app::{self, Diagnosis, Nat, Server, ServerKind, Trouble},
    cli::{
        args::ticket_of,
        json,
        output::Output,
        progress::Shows,
        session::{Running, Session},
    },
    events::{Failure, Path, WarningKind},
};

/// Find out what keeps people from reaching you, and what to do
///
/// Shows the addresses that others may reach you at, whether UDP gets out, what the router in
/// between does, which relays and directories answer and how fast, and whether the clock is right.
/// With a ticket it also tries the other side, and says whether it is there and how it is reached;
/// nothing is fetched.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Can I be reached?
      grove doctor
  Is the other side of this ticket there?
      grove doctor blobabc…

Exit codes:
  0  you can be reached, and so can the other side; there may be advice
  4  no network, no server that answers, or no answer from the other side
  5  servers or the other side do not let you in")]
pub(crate) struct DoctorArgs {
    /// Try the other side of this ticket, too
    ///
    /// With - it is read from standard input, with @FILE from that file.
    #[arg(env = "GROVE_TICKET", hide_env_values = true, value_name = "TICKET")]
    ticket: Vec<String>,
}

pub(crate) fn run(args: &DoctorArgs, session: &Session<'_>) -> Result<u8, Failure> {
    let profile = session.profile()?;
    let settings = session.settings(&profile)?;
    let (ticket, unused) = match args.ticket.as_slice() {
        [] => (None, Vec::new()),
        words => {
            let (ticket, unused) = ticket_of(words, &settings.network.relays())?;
            (Some(ticket), unused)
        }
    };
    let output = &session.output;
    session.run(profile, &settings, Shows::Get, |running| async move {
        let Running {
            context,
            mut signals,
            progress,
        } = running;
        for line in unused {
            context.events.warn(WarningKind::Network, line);
        }
        output.say("Looking around; this takes some seconds where nobody answers");
        let looking = Box::pin(app::doctor(&context, ticket.as_ref()));
        let diagnosis = match signals.unless(looking).await {
            Ok(diagnosis) => diagnosis?,
            Err(code) => {
                progress.finish();
                output.stopped("Stopped", None, code);
                return Ok(code);
            }
        };
        progress.finish();
        if output.json() {
            output.object(&json::doctor(&diagnosis));
        } else {
            show(&diagnosis, output);
        }
        diagnosis.failure().map_or(Ok(0), Err)
    })
}

fn show(diagnosis: &Diagnosis, output: &Output) {
    for line in lines(diagnosis) {
        output.line(&line);
    }
    // The one that decides is said as an error.
    let rest = diagnosis
        .problems
        .iter()
        .filter(|problem| Some(*problem) != diagnosis.deciding());
    for problem in rest {
        output.line("");
        output.line(&format!("Problem: {}", problem.message));
        output.line(&format!("     Do: {}", problem.hint));
    }
}

/// What was found, a line for each thing.
fn lines(diagnosis: &Diagnosis) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, text: String| lines.push(format!("{what:<11}{text}"));
    if diagnosis.addresses.is_empty() {
        line("Addresses", "none".to_owned());
    }
    for (number, address) in diagnosis.addresses.iter().enumerate() {
        let what = if number == 0 { "Addresses" } else { "" };
        line(what, address.to_string());
    }
    if !diagnosis.seen_as.is_empty() {
        let seen: Vec<String> = diagnosis.seen_as.iter().map(ToString::to_string).collect();
        line("Seen as", seen.join(", "));
    }
    line("UDP", udp(diagnosis));
    line("NAT", nat(diagnosis.nat).to_owned());
    if diagnosis.offline {
        line("Servers", "not asked, because of --offline".to_owned());
    }
    for server in &diagnosis.servers {
        let what = match server.kind {
            ServerKind::Relay => "Relay",
            ServerKind::Directory => "Directory",
        };
        line(what, format!("{}  {}", server.url, answer(server)));
    }
    line("Clock", clock(diagnosis.clock_ahead));
    if let Some(other) = &diagnosis.other {
        let text = match &other.reached {
            None => "does not answer".to_owned(),
            Some(reached) => {
                let how = match reached.path {
                    Path::Direct => "directly, at",
                    Path::Relay => "through the relay",
                };
                format!("reached {how} {}, {}", reached.at, ms(reached.round_trip))
            }
        };
        line("Other side", text);
    }
    if diagnosis.problems.is_empty() {
        line("", String::new());
        line("All is well", String::new());
    }
    lines
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn udp(diagnosis: &Diagnosis) -> String {
    let of = |name: &str, out: Option<bool>| {
        out.map(|out| {
            if out {
                format!("{name} gets out")
            } else {
                format!("{name} does not get out")
            }
        })
    };
    let known: Vec<String> = [("IPv4", diagnosis.udp_v4), ("IPv6", diagnosis.udp_v6)]
        .into_iter()
        .filter_map(|(name, out)| of(name, out))
        .collect();
    if known.is_empty() {
        return "not known: no relay to ask".to_owned();
    }
    known.join(", ")
}

fn nat(nat: Nat) -> &'static str {
    match nat {
        Nat::None => "none",
        Nat::EndpointIndependent => "one address for everybody: direct connections usually work",
        Nat::EndpointDependent => "another address for everybody (symmetric)",
        Nat::Unknown => "not known",
    }
}

fn answer(server: &Server) -> String {
    match server.answer {
        Ok(time) => ms(time),
        Err(Trouble::NoAddress) => "has no address".to_owned(),
        Err(Trouble::Silent) => "does not answer".to_owned(),
        Err(Trouble::Untrusted) => "cannot prove who it is".to_owned(),
        Err(Trouble::Clock) => "has a certificate of another time".to_owned(),
        Err(Trouble::Denied) => "does not let you in".to_owned(),
        Err(Trouble::Strange) => "answers as no such server does".to_owned(),
    }
}

fn clock(ahead: Option<i64>) -> String {
    match ahead {
        None => "not known: no server to ask".to_owned(),
        Some(0) => "right".to_owned(),
        Some(ahead) if ahead > 0 => format!("{ahead} s ahead"),
        Some(ahead) => format!("{} s behind", ahead.unsigned_abs()),
    }
}

fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}
