//! `grove hub token`

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::date;
use crate::{
    cli::{json, output::Output, units::count},
    events::{Failure, FailureKind},
    hub::{self, Answer, Folder, Place, Question, Token, TokenStatus, Tokens},
};

/// Who is let in: list, add and remove tokens
///
/// A token is for a person or a group, and has a name. A hub that runs takes changes at once.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  Who is let in:
      grove hub token list
  A line to join for one person:
      grove hub token add alice
  Print it again:
      grove hub token show alice
  Shut that person out, at once:
      grove hub token remove alice")]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the tokens by name, and how many use each
    List,
    /// Make a token, and print the line to join with it
    Add {
        /// Whom it is for
        name: String,
    },
    /// Print the line to join with a token again
    Show {
        /// Whom it is for
        name: String,
    },
    /// Take a token away; whoever is connected with it is disconnected
    Remove {
        /// Whom it is for
        name: String,
    },
}

pub(super) fn run(args: &TokenArgs, folder: &Folder, output: &Output) -> Result<u8, Failure> {
    match &args.verb {
        Verb::List => list(folder, output)?,
        Verb::Add { name } => {
            let line = match hub::change(folder, &Question::AddToken(name.clone()))? {
                Answer::Added(ticket) => ticket,
                _ => None,
            };
            tell(output, name, line)?;
        }
        Verb::Show { name } => {
            let tokens = Tokens::read(folder)?.known();
            let token = tokens.iter().find(|token| token.name == *name);
            let token = token.ok_or_else(|| {
                let name = crate::content::escape(name);
                Failure::new(FailureKind::Usage, format!("there is no token for {name}"))
                    .hint("see which there are with: grove hub token list")
            })?;
            tell(output, name, ticket(folder, token))?;
        }
        Verb::Remove { name } => {
            let clients = match hub::change(folder, &Question::RemoveToken(name.clone()))? {
                Answer::Removed(clients) => clients,
                _ => 0,
            };
            if output.json() {
                output.object(&json::token_removed(name, clients));
            } else {
                output.say(&format!(
                    "Removed {name}; {} disconnected",
                    clients_text(clients as u64)
                ));
            }
        }
    }
    Ok(0)
}

fn list(folder: &Folder, output: &Output) -> Result<(), Failure> {
    let tokens = match hub::ask(folder, Question::Status)? {
        Some(Answer::Status(status)) => status.tokens,
        _ => Tokens::read(folder)?
            .known()
            .into_iter()
            .map(|token| TokenStatus {
                name: token.name,
                made: token.made,
                clients: 0,
            })
            .collect(),
    };
    if output.json() {
        output.object(&json::tokens(&tokens));
    } else {
        output.data(table(&tokens).as_bytes());
    }
    Ok(())
}

fn table(tokens: &[TokenStatus]) -> String {
    let width = tokens.iter().map(|token| token.name.len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for token in tokens {
        let clients = clients_text(token.clients);
        let made = date(token.made);
        _ = writeln!(text, "{:<width$}  made {made} UTC  {clients}", token.name);
    }
    text
}

fn clients_text(clients: u64) -> String {
    count(clients, "client", "clients")
}

/// The ticket with this token, of a hub that was started before.
fn ticket(folder: &Folder, token: &Token) -> Option<String> {
    Place::read(folder).map(|place| place.ticket(Some(token)).to_string())
}

fn tell(output: &Output, name: &str, ticket: Option<String>) -> Result<(), Failure> {
    let ticket = ticket.ok_or_else(|| {
        let message =
            "the hub was never started with this folder, so nobody knows where it will be";
        Failure::new(FailureKind::Failed, message)
            .hint(format!("start it, then: grove hub token show {name}"))
    })?;
    if output.json() {
        output.object(&json::token(name, &ticket));
    } else {
        output.line(&format!("grove join {ticket}"));
    }
    Ok(())
}
