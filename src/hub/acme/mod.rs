//! A certificate from an authority by ACME (RFC 8555), proven by TLS-ALPN-01 (RFC 8737): that authority
//! connects to port 443 of the name, and the front shows it what only the owner of the account can make.
//!
//! Flow: what an earlier run `kept` is used if members would believe it now; else, and in the last third of
//! its life, a new one is asked for (`order`). What could not be had is said and tried again, ever more
//! slowly up to an hour, and the certificate that is there stays in use meanwhile. Where one was issued and is
//! of no use, to ask for another seldom helps and soon uses up what the authority allows: Let's Encrypt
//! certifies a name five times in a week, and then once in 34 hours. So pauses are long then, and it is used
//! as soon as it has become good, as when the clock was set.
//!
//! Who believes it: with a root of the authority's own, members do that because the line to join pins it,
//! and the chain that is shown ends with it; without one, the authority has to be one that everybody
//! knows. A certificate that members would not take is told, and not taken for one.

mod kept;
mod order;

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime},
};

use iroh_relay::tls::CaTlsConfig;
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use url::Url;

use self::{
    kept::{Good, Kept, Unusable},
    order::Failed,
};
use super::{
    certificate::{provider, unusable},
    folder::{Folder, shown},
    options::Authority,
};
use crate::{
    content::escape,
    disk,
    events::{Events, Failure, FailureKind, WarningKind},
};

/// The directory of Let's Encrypt.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// What the authority speaks when it looks whether the name is ours.
pub(super) const PROOF: &[u8] = b"acme-tls/1";
/// The first pause before it is asked again; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Authorities count what fails, and most allow a handful in an hour.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The same after one was issued that is of no use, or that never came.
const FIRST_PAUSE_ISSUED: Duration = Duration::from_mins(10);
/// It quadruples up to this.
const LONGEST_PAUSE_ISSUED: Duration = Duration::from_hours(36);
/// How often is looked meanwhile whether it has become good.
const GLANCE: Duration = Duration::from_secs(10);
/// How often the clock is looked at while a certificate is good: a computer may sleep.
const LOOK: Duration = Duration::from_mins(10);

/// What asks one authority for the certificate of one name.
pub(super) struct Acme {
    domain: String,
    contact: Option<String>,
    directory: Url,
    client: Arc<ClientConfig>,
    kept: Kept,
    shown: Arc<Shown>,
    pin: Option<[u8; 32]>,
}

impl Acme {
    /// Reads what it needs; asks nobody yet.
    ///
    /// # Errors
    /// `Usage` when the name or the address of the authority makes no sense, `LocalDisk` when its root or
    /// the folder cannot be used.
    pub(super) fn new(authority: &Authority, folder: &Folder) -> Result<Self, Failure> {
        let domain = name(&authority.domain)?;
        let directory = url(authority.directory.as_deref().unwrap_or(LETS_ENCRYPT))?;
        let roots = match &authority.root {
            Some(path) => roots(path)?,
            None => Vec::new(),
        };
        // An authority with a root of its own need not be known to anybody else.
        let trust = CaTlsConfig::embedded().with_extra_roots(roots.iter().cloned());
        let client = trust.client_config(provider()).map_err(unusable)?;
        let contact = authority.contact.as_deref();
        let contact = contact.map(|mail| format!("mailto:{}", mail.trim_start_matches("mailto:")));
        let root = roots.into_iter().next();
        let place = folder.acme();
        disk::create_private_dir(&place).map_err(|error| folder.failure("make", &place, &error))?;
        Ok(Self {
            pin: root.as_ref().map(|root| Sha256::digest(root).into()),
            kept: Kept::new(&place, &domain, &directory, contact.as_deref(), root)
                .map_err(unusable)?,
            domain,
            contact,
            directory,
            client: Arc::new(client),
            shown: Arc::default(),
        })
    }

    /// SHA-256 of the root that its certificates end in, where it was named.
    pub(super) fn pin(&self) -> Option<[u8; 32]> {
        self.pin
    }

    /// What is shown to whoever comes.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.shown.clone()
    }

    /// Keeps a good certificate in use, for as long as this runs. Once there is one, `there` is told.
    pub(super) async fn keep(mut self, there: watch::Sender<bool>, events: Events) {
        let mut renew = self.kept.best().map(|good| self.show(good, &there));
        let (mut pause, mut pause_issued) = (FIRST_PAUSE, FIRST_PAUSE_ISSUED);
        loop {
            if let Some(renew) = renew {
                self.until(renew).await;
            }
            let got = self.get(renew, &events).await.and_then(|good| {
                tracing::info!("there is a new certificate");
                let due = self.show(good, &there);
                renew = Some(due);
                lasts(due, SystemTime::now())
            });
            let Err(Failed { why, issued }) = got else {
                (pause, pause_issued) = (FIRST_PAUSE, FIRST_PAUSE_ISSUED);
                continue;
            };
            let what = if *there.borrow() {
                "the certificate was not renewed"
            } else {
                "no certificate yet"
            };
            let now = if issued { pause_issued } else { pause };
            let message = format!("{what}: {why}; tried again in {}", shortly(now));
            events.warn(WarningKind::Network, message);
            self.rest(now, renew).await;
            if issued {
                pause_issued = (pause_issued * 4).min(LONGEST_PAUSE_ISSUED);
            } else {
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// A certificate that lasts longer than the one in use, kept for the next run; or why there is none.
    async fn get(&mut self, renew: Option<SystemTime>, events: &Events) -> Result<Good, Failed> {
        match self.kept.newest() {
            Some(Ok(good)) if is_newer(&good, renew) => return Ok(good),
            Some(Err(Unusable { why, early: true })) => return Err(Failed { why, issued: true }),
            _ => {}
        }
        let account = self.kept.account();
        let account = account.map_err(|why| Failed { why, issued: false })?;
        let pem = order::order(self, &account).await;
        self.shown.prove(None);
        let pem = pem?;
        if let Err(why) = self.kept.write(&pem) {
            let message = format!(
                "the new certificate is not kept: {why}; tried again later, and a hub that starts again asks for \
                 another"
            );
            events.warn(WarningKind::Other, message);
        }
        let checked = self.kept.check(&pem);
        checked.map_err(|Unusable { why, .. }| Failed { why, issued: true })
    }

    /// Waits until this time, by the clock.
    async fn until(&mut self, time: SystemTime) {
        while let Ok(left) = time.duration_since(SystemTime::now()) {
            tokio::time::sleep(left.min(LOOK)).await;
            if let Err(why) = self.kept.write_again() {
                tracing::warn!(%why, "the certificate is not kept");
            }
        }
    }

    /// Waits so long, or until what was issued has become good.
    async fn rest(&mut self, pause: Duration, renew: Option<SystemTime>) {
        let since = Instant::now();
        while let Some(left) = pause.checked_sub(since.elapsed()) {
            tokio::time::sleep(left.min(GLANCE)).await;
            // That it fails was told.
            _ = self.kept.write_again();
            if let Some(Ok(good)) = self.kept.newest()
                && is_newer(&good, renew)
            {
                return;
            }
        }
    }

    /// Shows a certificate from now on; returns when it has to be renewed.
    fn show(&self, good: Good, there: &watch::Sender<bool>) -> SystemTime {
        self.shown.set(good.key);
        there.send_replace(true);
        good.renew
    }
}

/// Whether a new certificate that is to be renewed then spares asking for another one right away: with a
/// clock that is far ahead each would be as old as the one before.
fn lasts(renew: SystemTime, now: SystemTime) -> Result<(), Failed> {
    if renew > now {
        return Ok(());
    }
    let why = "the new one would have to be renewed at once, too; is the clock right?".to_owned();
    Err(Failed { why, issued: true })
}

/// Whether it lasts longer than the one that is to be renewed then.
fn is_newer(good: &Good, renew: Option<SystemTime>) -> bool {
    renew.is_none_or(|renew| good.renew > renew)
}

/// A pause as it is told.
fn shortly(pause: Duration) -> String {
    match pause.as_secs() {
        secs @ 0..120 => format!("{secs} s"),
        secs => format!("{} min", secs / 60),
    }
}

/// The certificate that is in use, and what is shown to the authority while it looks.
#[derive(Debug, Default)]
struct Shown {
    certificate: RwLock<Option<Arc<CertifiedKey>>>,
    proof: RwLock<Option<Arc<CertifiedKey>>>,
}

impl Shown {
    fn set(&self, key: Arc<CertifiedKey>) {
        let certificate = &self.certificate;
        *certificate.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    fn prove(&self, key: Option<Arc<CertifiedKey>>) {
        *self.proof.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_authority = hello
            .alpn()
            .is_some_and(|mut alpn| alpn.any(|name| name == PROOF));
        let key = if is_authority {
            &self.proof
        } else {
            &self.certificate
        };
        key.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The name alone, of a domain that may have a port behind it.
fn name(domain: &str) -> Result<String, Failure> {
    let place = domain.parse().or_else(|_| format!("{domain}:443").parse());
    let place = place
        .ok()
        .filter(|place: &crate::content::HostPort| place.ip().is_none());
    place.map(|place| place.host().to_owned()).ok_or_else(|| {
        let message = format!("no authority certifies {}", escape(domain));
        Failure::new(FailureKind::Usage, message)
            .hint("--domain wants a name that leads to this computer, such as hub.example.org")
    })
}

fn url(directory: &str) -> Result<Url, Failure> {
    let url = Url::parse(directory).ok();
    url.filter(|url| url.scheme() == "https").ok_or_else(|| {
        let message = format!("{} is no address of an authority", escape(directory));
        Failure::new(FailureKind::Usage, message)
            .hint("--acme-directory wants one such as https://ca.example.org/acme/acme/directory")
    })
}

/// All certificates in a file.
fn roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let bad = |why: &str| {
        Failure::new(FailureKind::LocalDisk, format!("{} {why}", shown(path)))
            .hint("--acme-root wants the certificate of the authority's root, in PEM")
    };
    let pem = std::fs::read(path)
        .map_err(|error| bad(&format!("cannot be read: {}", disk::reason(&error))))?;
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let roots = roots.ok().filter(|roots| !roots.is_empty());
    roots.ok_or_else(|| bad("holds no certificate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_due_at_once_is_no_reason_to_ask_again_at_once() {
        let now = SystemTime::now();
        assert!(lasts(now + LOOK, now).is_ok());
        for due in [now, now - LOOK] {
            let failed = lasts(due, now).unwrap_err();
            assert!(
                failed.issued && failed.why.contains("clock"),
                "{}",
                failed.why
            );
        }
    }

    #[test]
    fn names_and_authorities_that_make_no_sense_are_refused() {
        assert_eq!(name("Hub.Example.org").unwrap(), "hub.example.org");
        assert_eq!(name("hub.example.org:8443").unwrap(), "hub.example.org");
        for wrong in ["192.0.2.7", "[2001:db8::7]", "two words", "", "hub:x"] {
            assert_eq!(name(wrong).unwrap_err().kind, FailureKind::Usage, "{wrong}");
        }
        assert!(url(LETS_ENCRYPT).is_ok());
        for wrong in [
            "http://ca.example/directory",
            "ca.example",
            "",
            "file:///etc",
        ] {
            assert_eq!(url(wrong).unwrap_err().kind, FailureKind::Usage, "{wrong}");
        }
    }
}
