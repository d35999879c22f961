//! Requests to one hub: the one place where a token goes out.

use std::{io, time::Duration};

use iroh::tls::default_provider;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{AUTHORIZATION, HeaderValue},
    redirect::Policy,
};
use tokio::task::JoinSet;

use crate::{
    content::{HostPort, HubTicket},
    events::causes,
};

/// How long one request may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long a hub has under one name before the next is tried beside it.
const NEXT_AFTER: Duration = Duration::from_millis(250);

/// Most bytes of an answer that are read.
const ANSWER_BYTES: usize = 16 * 1024;

/// What asks one hub. Cheap to clone; its `Debug` shows where the hub is and nothing else.
#[derive(Clone)]
pub(super) struct Asker {
    client: Client,
    places: Vec<HostPort>,
    token: Option<HeaderValue>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::node) enum NoAnswer {
    /// Nobody answers there, for this reason.
    Unreachable(String),
    /// What answers there is somebody else.
    NotTheHub,
    /// Its certificate is not good at the time that this computer has.
    Clock,
}

/// An answer: what it says of itself, and its first bytes.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// What the hub's clock said, where it said so.
    pub(super) date: Option<std::time::SystemTime>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Whether the hub does not let us in.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        )
    }
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker")
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

impl Asker {
    /// What asks `hub`; `None` where the system cannot give randomness or the like.
    pub(super) fn new(hub: &HubTicket) -> Option<Self> {
        let tls = super::trust(std::slice::from_ref(hub))
            .client_config(default_provider())
            .ok()?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            // A token is for the hub, wherever it would like to send us.
            .redirect(Policy::none())
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .connect_timeout(ANSWER_WITHIN)
            .pool_max_idle_per_host(1)
            .build()
            .ok()?;
        let token = hub.token.as_deref().and_then(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Some(Self {
            client,
            places: hub.places().collect(),
            token,
        })
    }

    /// Asks the hub under all its names, one soon after the other; the first answer counts.
    ///
    /// # Errors
    /// What came of the name that got furthest.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(HostPort, Answer), (HostPort, NoAnswer)> {
        let mut tries = JoinSet::new();
        for (nth, place) in self.places.iter().enumerate() {
            let request = self.request(place, method.clone(), path, body.clone());
            let place = place.clone();
            let pause = NEXT_AFTER.saturating_mul(u32::try_from(nth).unwrap_or(u32::MAX));
            tries.spawn(async move {
                tokio::time::sleep(pause).await;
                let answer = answer(request).await;
                (place, answer)
            });
        }
        let mut worst: Option<(HostPort, NoAnswer)> = None;
        while let Some(tried) = tries.join_next().await {
            match tried {
                Ok((place, Ok(answer))) => return Ok((place, answer)),
                Ok((place, Err(why))) => {
                    tracing::debug!(%place, ?why, "no answer from the hub");
                    let is_first = worst.is_none();
                    if is_first || !matches!(why, NoAnswer::Unreachable(_)) {
                        worst = Some((place, why));
                    }
                }
                Err(_) => {}
            }
        }
        Err(worst.unwrap_or_else(|| {
            let place = HostPort::from((std::net::Ipv4Addr::UNSPECIFIED.into(), 0));
            (place, NoAnswer::Unreachable("it has no address".to_owned()))
        }))
    }

    fn request(
        &self,
        place: &HostPort,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> RequestBuilder {
        let mut request = self
            .client
            .request(method, format!("https://{place}{path}"));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        match body {
            Some(body) => request.body(body),
            None => request,
        }
    }
}

async fn answer(request: RequestBuilder) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(|error| no_answer(&error))?;
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(bytes)) => body.extend_from_slice(&bytes),
            Ok(None) => break,
            Err(error) => return Err(no_answer(&error)),
        }
    }
    Ok(Answer {
        status: response.status(),
        date: date(&response),
        body,
    })
}

/// What the server's clock said, where it said so.
pub(in crate::node) fn date(response: &Response) -> Option<std::time::SystemTime> {
    let date = response.headers().get(reqwest::header::DATE)?;
    httpdate::parse_http_date(date.to_str().ok()?).ok()
}

/// What a failed request means. The library's own texts have addresses in them, so they are not used.
pub(in crate::node) fn no_answer(error: &reqwest::Error) -> NoAnswer {
    let mut reason = None;
    for cause in causes(error) {
        if let Some(error) = cause.downcast_ref() {
            return of_tls_error(error);
        }
        let io = cause.downcast_ref::<io::Error>();
        reason = io.map(of_io_error).or(reason);
    }
    NoAnswer::Unreachable(match reason {
        Some(reason) => reason,
        None if error.is_timeout() => "it does not answer in time".to_owned(),
        None if error.is_connect() => "no connection".to_owned(),
        None => "it speaks another language".to_owned(),
    })
}

fn of_tls_error(error: &rustls::Error) -> NoAnswer {
    use rustls::CertificateError as Wrong;
    match error {
        rustls::Error::InvalidCertificate(
            Wrong::Expired
            | Wrong::ExpiredContext { .. }
            | Wrong::NotValidYet
            | Wrong::NotValidYetContext { .. },
        ) => NoAnswer::Clock,
        rustls::Error::InvalidCertificate(_) => NoAnswer::NotTheHub,
        _ => NoAnswer::Unreachable("no secure connection".to_owned()),
    }
}

fn of_io_error(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let phrase = match error.kind() {
        Kind::ConnectionRefused => "connection refused",
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::UnexpectedEof => {
            "it ended the connection"
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable => "there is no way to it",
        Kind::TimedOut => "it does not answer in time",
        // Looking up a name has no kind of its own.
        _ if error.raw_os_error().is_none() => "no such name",
        _ => "no connection",
    };
    phrase.to_owned()
}
