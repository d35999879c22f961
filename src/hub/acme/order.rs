//! One order of a certificate, from the first question to the last.

use std::{fmt::Display, io, sync::Arc, time::Duration};

use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use tokio::time::{sleep, timeout};
use tokio_rustls_acme::acme::{
    Account, AcmeError, Auth, AuthStatus, Directory, Identifier, OrderStatus, Problem,
};
use url::Url;

use super::Acme;
use crate::{content::escape, disk, events::causes};

/// How long one answer of the authority may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Most bytes that are read of what it says first.
const ANSWER_BYTES: usize = 64 * 1024;
/// How often is asked whether it has come to a decision, and how many times.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ASK_TIMES: usize = 90;
/// How often it may fail to answer once there is a certificate, or may be. Its key is nowhere else yet.
const FORGIVEN: usize = 10;
/// Authorities forget the numbers that they gave out against replays, and say so.
const FORGOTTEN: usize = 8;

/// Why there is no certificate: one line, without anything that could hurt a terminal.
type Why = String;

/// No certificate came of it.
pub(super) struct Failed {
    pub(super) why: Why,
    /// Whether one was issued all the same, or may have been: the authority counts it, and the next one.
    pub(super) issued: bool,
}

/// A new key and the chain for it, PEM.
pub(super) async fn order(acme: &Acme, account: &[u8]) -> Result<Vec<u8>, Failed> {
    let mut issued = false;
    let made = make(acme, account, &mut issued).await;
    made.map_err(|why| Failed { why, issued })
}

async fn make(acme: &Acme, account: &[u8], issued: &mut bool) -> Result<Vec<u8>, Why> {
    let client = &acme.client;
    let directory = discover(acme).await?;
    let contact: Vec<String> = acme.contact.iter().cloned().collect();
    let account =
        ask(|| Account::create_with_keypair(client, directory.clone(), &contact, account, &None))
            .await?;
    let names = || vec![acme.domain.clone()];
    let (url, mut order) = ask(|| account.new_order(client, names())).await?;
    let key = KeyPair::generate().map_err(unmade)?;
    let mut forgiven = FORGIVEN;
    let mut forgive = |why| {
        forgiven = forgiven.checked_sub(1).ok_or(why)?;
        Ok::<_, Why>(())
    };
    for _ in 0..ASK_TIMES {
        match &order.status {
            OrderStatus::Pending => {
                for url in &order.authorizations {
                    prove(acme, &account, url).await?;
                }
                sleep(ASK_AGAIN / 4).await;
                order = ask(|| account.order(client, &url)).await?;
            }
            OrderStatus::Ready => {
                let mut params = CertificateParams::new(names()).map_err(unmade)?;
                params.distinguished_name = DistinguishedName::new();
                let request = params.serialize_request(&key).map_err(unmade)?;
                let request = || request.der().to_vec();
                // Whatever is heard of it, from here on there may be one.
                *issued = true;
                order = ask(|| account.finalize(client, &order.finalize, request())).await?;
            }
            OrderStatus::Processing => {
                sleep(ASK_AGAIN).await;
                match ask(|| account.order(client, &url)).await {
                    Ok(next) => order = next,
                    Err(why) => forgive(why)?,
                }
            }
            OrderStatus::Valid { certificate } => {
                match ask(|| account.certificate(client, certificate)).await {
                    Ok(chain) => {
                        return Ok(format!("{}\n{chain}", key.serialize_pem()).into_bytes());
                    }
                    Err(why) => forgive(why)?,
                }
                sleep(ASK_AGAIN).await;
            }
            OrderStatus::Invalid => {
                *issued = false;
                return Err(says(order.error.as_ref()));
            }
        }
    }
    Err("the authority does not come to an end".to_owned())
}

/// What the authority can be asked for. Asked here and not by the library, since most that can be wrong
/// is seen first here, and the library only has a dump for it.
async fn discover(acme: &Acme) -> Result<Directory, Why> {
    let url = &acme.directory;
    let no = |why: Why| format!("{}: {why}", host(url));
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(acme.client.as_ref().clone())
        .timeout(ANSWER_WITHIN)
        .build()
        .map_err(|_| no("no secure connection can be made here".to_owned()))?;
    let mut answer = client
        .get(url.clone())
        .send()
        .await
        .map_err(|error| no(of_request(&error)))?;
    if !answer.status().is_success() {
        return Err(no(format!("it answers {}", answer.status().as_u16())));
    }
    let mut body = Vec::new();
    while let Some(bytes) = answer
        .chunk()
        .await
        .map_err(|error| no(of_request(&error)))?
    {
        body.extend_from_slice(&bytes);
        if body.len() > ANSWER_BYTES {
            break;
        }
    }
    serde_json::from_slice(&body).map_err(|_| no("it is no authority that speaks ACME".to_owned()))
}

/// Has the authority look whether the name is ours.
async fn prove(acme: &Acme, account: &Account, url: &str) -> Result<(), Why> {
    let client = &acme.client;
    let auth = ask(|| account.auth(client, url)).await?;
    if matches!(auth.status, AuthStatus::Valid) {
        return Ok(());
    }
    let Identifier::Dns(name) = &auth.identifier;
    let made = account.tls_alpn_01(&auth.challenges, name.clone());
    let (challenge, proof) = made.map_err(|error| of_library(&error))?;
    acme.shown.prove(Some(Arc::new(proof)));
    ask(|| account.challenge(client, &challenge.url)).await?;
    for _ in 0..ASK_TIMES {
        sleep(ASK_AGAIN / 4).await;
        let auth = ask(|| account.auth(client, url)).await?;
        match auth.status {
            AuthStatus::Valid => return Ok(()),
            AuthStatus::Pending => sleep(ASK_AGAIN).await,
            _ => return Err(of_authorization(&auth)),
        }
    }
    Err("the authority does not come to a decision".to_owned())
}

/// Asks one question, again where the authority has only forgotten its number.
async fn ask<T, F: Future<Output = Result<T, AcmeError>>>(
    mut question: impl FnMut() -> F,
) -> Result<T, Why> {
    for _ in 0..FORGOTTEN {
        match timeout(ANSWER_WITHIN, question()).await {
            Err(_) => return Err("the authority does not answer any more".to_owned()),
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if is_forgotten(&error) => {}
            Ok(Err(error)) => return Err(of_library(&error)),
        }
    }
    Err("the authority forgets at once what it has said".to_owned())
}

fn is_forgotten(error: &AcmeError) -> bool {
    problem(error).is_some_and(|said| {
        let kind = said.typ.unwrap_or_default();
        kind == "urn:ietf:params:acme:error:badNonce"
    })
}

/// What the authority itself says is wrong. The library hands it on within the text of its error only.
fn problem(error: &AcmeError) -> Option<Problem> {
    let text = error.to_string();
    let (_, rest) = text.split_once("non 2xx http status: ")?;
    let (_, body) = rest.split_once(' ')?;
    // What `{:?}` makes of JSON is a string of JSON, but for characters that are rare there.
    let body: String = serde_json::from_str(body).ok()?;
    serde_json::from_str(&body).ok()
}

fn of_library(error: &AcmeError) -> Why {
    if let Some(said) = problem(error) {
        return says(Some(&said));
    }
    tracing::debug!(%error, "the authority");
    match error {
        AcmeError::NoTlsAlpn01Challenge => {
            "the authority does not take TLS-ALPN-01 for a proof".to_owned()
        }
        AcmeError::KeyRejected(_) => "the key of the account in acme/ is damaged".to_owned(),
        AcmeError::HttpRequest(_) => "the authority does not answer any more".to_owned(),
        _ => "the authority answers in an unexpected way".to_owned(),
    }
}

fn of_authorization(auth: &Auth) -> Why {
    says(
        auth.challenges
            .iter()
            .find_map(|challenge| challenge.error.as_ref()),
    )
}

fn says(problem: Option<&Problem>) -> Why {
    let detail = problem.and_then(|problem| problem.detail.as_deref().or(problem.typ.as_deref()));
    match detail {
        Some(detail) => format!(
            "the authority says: {}",
            escape(detail.trim_end_matches('.'))
        ),
        None => "the authority refuses, without a word".to_owned(),
    }
}

fn unmade(error: impl Display) -> Why {
    format!(
        "nothing to certify could be made: {}",
        escape(&error.to_string())
    )
}

/// Why there is no answer. The library's own texts are dumps.
fn of_request(error: &reqwest::Error) -> Why {
    let mut reason = None;
    for cause in causes(error) {
        if let Some(rustls::Error::InvalidCertificate(_)) = cause.downcast_ref() {
            return "its own certificate is not believed; if it is an authority of yours, name its \
                    root with --acme-root"
                .to_owned();
        }
        let io = cause.downcast_ref::<io::Error>();
        reason = io.map(disk::reason).or(reason);
    }
    match reason {
        _ if error.is_timeout() => "it does not answer".to_owned(),
        Some(reason) => reason,
        None => "no connection".to_owned(),
    }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}
