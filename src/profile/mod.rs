//! What Grove keeps about its person: the identity, the settings, and where caches are.
//!
//! | file | who writes it | why |
//! |---|---|---|
//! | `identity` | [`Profile::secret_key`], once | the key that peers know this person by; mode 0600 |
//! | `config.toml` | the person | defaults for flags |
//! | `hubs.toml` | [`Profile::join_hub`], [`Profile::leave_hub`] | the hubs that were joined, with their tokens; mode 0600 |
//! | `shares/` (or in the platform's own data folder) | sharing with a limit | who has a place in it |
//! | `cache/` (or the platform's own cache folder) | sharing and fetching | hashes, outboards, copies; may be deleted at any time |

mod hubs;
mod identity;

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use directories::ProjectDirs;
#[cfg(any(test, fuzzing))]
pub(crate) use hubs::{parse as parse_hubs, text_of as hubs_text};
#[cfg(any(test, fuzzing))]
pub(crate) use identity::{parse as parse_identity, text_of as identity_text};
use iroh::SecretKey;

use crate::{
    content::{Hash, HubTicket, PeerId, escape},
    disk::{self, sys},
    events::{Failure, FailureKind},
};

/// The person's home folder, where the system names one.
#[must_use]
pub fn home_folder() -> Option<PathBuf> {
    directories::UserDirs::new().map(|dirs| dirs.home_dir().to_owned())
}

/// Where a person's files are.
#[derive(Debug, Clone)]
pub struct Profile {
    config: PathBuf,
    data: PathBuf,
    cache: PathBuf,
}

/// Defaults that the person wrote into `config.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// Whether to use no relay and no directory.
    pub offline: Option<bool>,
    /// Whether to look for peers on the local network.
    pub lan: Option<bool>,
    /// Bytes a second, such as `"10M"`.
    pub limit_rate: Option<String>,
    /// How long nothing at all may happen, such as `"10m"` or `"forever"`.
    pub wait: Option<String>,
    /// Tickets of hubs to use instead of those that were joined, files with one (`"@FILE"`), or
    /// `"public"`.
    pub hub: Option<Vec<String>>,
}

impl Profile {
    /// Uses `home` for everything when given (`GROVE_HOME`), else the platform's own folders.
    /// Nothing is created yet.
    ///
    /// # Errors
    /// `LocalDisk` when the platform names no folders (say, `HOME` is unset).
    pub fn locate(home: Option<&Path>) -> Result<Self, Failure> {
        if let Some(home) = home.filter(|home| !home.as_os_str().is_empty()) {
            let home = std::path::absolute(home).map_err(|error| {
                let message = format!("cannot use {}: {}", shown(home), disk::reason(&error));
                Failure::new(FailureKind::LocalDisk, message).hint("set GROVE_HOME to a full path")
            })?;
            return Ok(Self {
                cache: home.join("cache"),
                data: home.clone(),
                config: home,
            });
        }
        let dirs = ProjectDirs::from("", "", "grove").ok_or_else(|| {
            let message = "there is no home folder to keep Grove's files in";
            Failure::new(FailureKind::LocalDisk, message)
                .hint("set HOME, or GROVE_HOME to a folder")
        })?;
        Ok(Self {
            config: dirs.config_dir().to_owned(),
            cache: dirs.cache_dir().to_owned(),
            data: dirs.data_local_dir().to_owned(),
        })
    }

    /// The secret key; made and stored on first use.
    ///
    /// # Errors
    /// `LocalDisk` when it cannot be read, written, or is damaged. A damaged key is never replaced.
    pub fn secret_key(&self) -> Result<SecretKey, Failure> {
        identity::read_or_create(&self.config)
    }

    /// The id that peers know this person by.
    ///
    /// # Errors
    /// Those of [`Profile::secret_key`].
    pub fn peer_id(&self) -> Result<PeerId, Failure> {
        Ok(self.secret_key()?.public())
    }

    /// The secret key that the share `root` is served under: always the same for this person and this
    /// content, and nobody else's.
    ///
    /// Each share has an endpoint of its own, so that several can be served, and other things fetched
    /// meanwhile, by programs that run at once: two endpoints with one id are one to a relay or a
    /// directory, which then lose one of them. Nor do two tickets tell that they are of one person.
    /// Derived by BLAKE3's key derivation from the identity and the root.
    ///
    /// # Errors
    /// Those of [`Profile::secret_key`].
    pub fn share_key(&self, root: &Hash) -> Result<SecretKey, Failure> {
        let identity = self.secret_key()?;
        let mut derive = blake3::Hasher::new_derive_key("grove 2026-11-22 endpoint of a share");
        derive.update(&identity.to_bytes());
        derive.update(root.as_bytes());
        Ok(SecretKey::from_bytes(derive.finalize().as_bytes()))
    }

    /// Reads `config.toml`; defaults where there is none.
    ///
    /// # Errors
    /// `Usage` with file and line when it does not parse or has an unknown key; `LocalDisk` when it
    /// cannot be read.
    pub fn settings(&self) -> Result<Settings, Failure> {
        let path = self.config.join("config.toml");
        match fs::read_to_string(&path) {
            Ok(text) => parse_settings(&path, &text),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Settings::default()),
                io::ErrorKind::InvalidData => {
                    let message = format!("{} is not text in UTF-8", shown(&path));
                    Err(Failure::new(FailureKind::Usage, message).hint("save it as UTF-8"))
                }
                _ => {
                    let message = format!("cannot read {}: {}", shown(&path), disk::reason(&error));
                    Err(Failure::new(FailureKind::LocalDisk, message).hint("check its permissions"))
                }
            },
        }
    }

    /// The hubs that were joined, in that order.
    ///
    /// # Errors
    /// `LocalDisk` when the list cannot be read or is damaged; it is never taken for an empty one.
    pub fn hubs(&self) -> Result<Vec<HubTicket>, Failure> {
        hubs::read(&self.config)
    }

    /// Adds a hub, or gives one that was joined a new ticket; whether it was.
    ///
    /// # Errors
    /// `LocalDisk` as for [`Profile::hubs`], or when it cannot be written. `Usage` when there are too
    /// many.
    pub fn join_hub(&self, hub: HubTicket) -> Result<bool, Failure> {
        hubs::change(&self.config, |hubs| {
            let known = hubs.iter().position(|known| known.is_same_hub(&hub));
            hubs.retain(|known| !known.is_same_hub(&hub));
            hubs.insert(known.unwrap_or(hubs.len()), hub);
            Ok(known.is_some())
        })
    }

    /// Removes the hub that `which` names by its place in the list; that hub.
    ///
    /// # Errors
    /// Those of `which`, and as for [`Profile::join_hub`].
    pub fn leave_hub(
        &self,
        which: impl FnOnce(&[HubTicket]) -> Result<usize, Failure>,
    ) -> Result<HubTicket, Failure> {
        hubs::change(&self.config, |hubs| Ok(hubs.remove(which(hubs)?)))
    }

    /// The folder of `identity`, `config.toml` and `hubs.toml`.
    #[must_use]
    pub fn config_dir(&self) -> &Path {
        &self.config
    }

    /// The folder of what Grove itself writes and needs again.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// The folder of the records of who has a place in a share with a limit.
    #[must_use]
    pub fn shares_dir(&self) -> PathBuf {
        self.data.join("shares")
    }

    /// The folder of everything that may be deleted at any time.
    #[must_use]
    pub fn cache_dir(&self) -> &Path {
        &self.cache
    }
}

pub(crate) fn parse_settings(path: &Path, text: &str) -> Result<Settings, Failure> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| {
            // A span ends where characters do.
            let before = text.get(..span.start).unwrap_or(text);
            before.matches('\n').count() + 1
        });
        let what = error.message().lines().next().unwrap_or_default();
        let message = format!("{}, line {line}: {}", shown(path), escape(what));
        Failure::new(FailureKind::Usage, message).hint("correct that line, or remove it")
    })
}

/// Reads a file of secrets, up to `longest` bytes of it.
fn read_private(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    // Copied from a backup, the file may be open to others. To refuse would help nobody; that it cannot
    // be closed (a read-only medium) is no reason not to work, either.
    let _ = sys::tighten(&file);
    let mut text = Vec::new();
    file.take(longest).read_to_end(&mut text)?;
    Ok(text)
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests;
