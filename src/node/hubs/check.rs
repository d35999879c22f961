//! Tries a hub, before it is joined.

use std::time::{Duration, Instant, SystemTime};

use iroh::{SecretKey, tls::default_provider};
use iroh_relay::{client::ConnectError, protos::handshake};
use reqwest::Method;

use super::{
    Names,
    http::{Asker, NoAnswer},
    relay_url, resolver, trust,
};
use crate::{
    content::{HostPort, HubTicket, human_time},
    events::{Failure, FailureKind},
};

/// How long the relay may take to let us in.
const RELAY_WITHIN: Duration = Duration::from_secs(10);

/// How far two clocks may be apart before it is worth a word. Certificates and records of where somebody is
/// go by the time: the hub refuses records that are further ahead than a few minutes, and an older one
/// replaces no newer one.
const SKEW_SECONDS: u64 = 120;

/// What a hub said when it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubCheck {
    /// Under which of its names it answered.
    pub place: HostPort,
    /// How long its first answer took.
    pub took: Duration,
    /// How far this computer's clock is ahead of the hub's, negative when it is behind; in seconds, where
    /// the hub said what its clock says.
    pub ahead: Option<i64>,
}

/// Tries whether a hub answers, is the one that its ticket means, and lets us in everywhere. Takes at
/// most 15 seconds, and leaves nothing behind at the hub.
///
/// # Errors
/// `Unreachable`: it does not answer. `Unverified`: somebody else answers there. `Refused`: it does not
/// take the token. `Failed`: its certificate is of another time than this computer's clock.
pub async fn check_hub(hub: &HubTicket) -> Result<HubCheck, Failure> {
    let asker = Asker::new(hub).ok_or_else(|| {
        Failure::new(FailureKind::Failed, "no secure connection can be made here")
    })?;
    let start = Instant::now();
    let first = asker.ask(Method::GET, "/ping", None).await;
    let (place, answer) = first.map_err(|(place, why)| failure(&place, &why))?;
    let took = start.elapsed();
    let check = HubCheck {
        place: place.clone(),
        took,
        ahead: answer.date.map(ahead),
    };
    let key = SecretKey::generate();
    if hub.directory {
        let path = format!("/pkarr/{}", key.public().to_z32());
        match asker.ask(Method::GET, &path, None).await {
            Ok((_, answer)) if answer.is_refusal() => return Err(refused(hub, &place)),
            // Nobody has published under a key that was just made.
            Ok(_) => {}
            Err((place, why)) => return Err(failure(&place, &why)),
        }
    }
    if hub.relay {
        knock(hub, &place, key).await?;
    }
    Ok(check)
}

/// Connects to the relay, and leaves.
async fn knock(hub: &HubTicket, place: &HostPort, key: SecretKey) -> Result<(), Failure> {
    let no = |what: &str| {
        let message = format!("the relay of the hub {place} does not work: {what}");
        Failure::new(FailureKind::Unreachable, message).hint("tell whoever runs it")
    };
    let url = relay_url(place).ok_or_else(|| no("no address"))?;
    let tls = trust(std::slice::from_ref(hub))
        .client_config(default_provider())
        .map_err(|_| no("no secure connection"))?;
    let mut client = iroh_relay::client::ClientBuilder::new(url, key, resolver(Names::OfHubs))
        .tls_client_config(tls);
    if let Some(token) = &hub.token {
        client = client.auth_token(token);
    }
    match tokio::time::timeout(RELAY_WITHIN, client.connect()).await {
        Ok(Ok(_)) => Ok(()),
        Err(_) => Err(no("no answer in time")),
        Ok(Err(error)) => Err(match &error {
            ConnectError::Handshake {
                source: handshake::Error::ServerDeniedAuth { .. },
                ..
            } => refused(hub, place),
            ConnectError::UnexpectedUpgradeStatus { code, .. }
                if matches!(code.as_u16(), 401 | 403) =>
            {
                refused(hub, place)
            }
            other => {
                tracing::debug!(error = %other, "the relay");
                no("it answers in an unexpected way")
            }
        }),
    }
}

fn refused(hub: &HubTicket, place: &HostPort) -> Failure {
    let message = if hub.token.is_some() {
        format!("the hub {place} does not take this token")
    } else {
        format!("the hub {place} wants a token, and this line has none")
    };
    Failure::new(FailureKind::Refused, message)
        .hint("ask whoever runs the hub for a new line; it may have been withdrawn")
}

fn failure(place: &HostPort, why: &NoAnswer) -> Failure {
    match why {
        NoAnswer::Unreachable(why) => {
            let message = format!("the hub {place} cannot be reached: {why}");
            Failure::new(FailureKind::Unreachable, message).hint(
                "is it running, and does a firewall keep you from it? the same line works later",
            )
        }
        NoAnswer::NotTheHub => {
            let message = format!("what answers at {place} is not the hub that this line means");
            Failure::new(FailureKind::Unverified, message)
                .hint("something may be in between; or the hub was set up anew: ask for a new line")
        }
        NoAnswer::Clock => {
            let now = httpdate::fmt_http_date(SystemTime::now());
            let message =
                format!("the certificate of {place} is of another time than this clock's: {now}");
            Failure::new(FailureKind::Failed, message)
                .hint("set the clock of this computer; if it is right, the hub's is wrong")
        }
    }
}

/// What to say about the clocks here and at the hub of this name, if anything; this computer's is so many
/// seconds `ahead`.
#[must_use]
pub fn clocks_apart(hub: &str, ahead: i64) -> Option<String> {
    let apart = ahead.unsigned_abs();
    (apart > SKEW_SECONDS).then(|| {
        let apart = human_time(apart as f64);
        let way = if ahead > 0 { "ahead of" } else { "behind" };
        format!(
            "the clock of this computer is {apart} {way} that of the hub {hub}; set whichever is wrong, or \
             others may not find you"
        )
    })
}

/// How many seconds this computer's clock is ahead of `theirs`.
pub(super) fn ahead(theirs: SystemTime) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(theirs) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_are_told_with_the_direction() {
        for fine in [0, 120, -120] {
            assert_eq!(clocks_apart("hub.example", fine), None);
        }
        for (ahead, says) in [(7200, "is 2 h ahead of"), (-180, "is 3 min behind")] {
            let line = clocks_apart("hub.example", ahead).unwrap();
            assert!(line.contains(says), "{line}");
        }
        assert!(clocks_apart("hub.example", i64::MIN).is_some());
    }
}
