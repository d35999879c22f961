//! What Grove keeps about its person: the identity, the settings, and where caches are.
//!
//! | file | who writes it | why |
//! |---|---|---|
//! | `identity` | [`Profile::secret_key`], once | the key that peers know this person by; mode 0600 |
//! | `config.toml` | the person | defaults for flags |
//! | `cache/` | sharing and fetching | hashes, outboards, copies; may be deleted at any time |

use std::path::{Path, PathBuf};

use iroh::SecretKey;

use crate::{content::PeerId, events::Failure};

/// Where a person's files are.
#[derive(Debug, Clone)]
pub struct Profile {
    config: PathBuf,
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
}

impl Profile {
    /// Uses `home` for everything when given (`GROVE_HOME`), else the platform's own folders.
    /// Nothing is created yet.
    ///
    /// # Errors
    /// `LocalDisk` when the platform names no folders (say, `HOME` is unset).
    pub fn locate(home: Option<&Path>) -> Result<Self, Failure> {
        let _ = home;
        todo!()
    }

    /// The secret key; made and stored on first use.
    ///
    /// # Errors
    /// `LocalDisk` when it cannot be read, written, or is damaged. A damaged key is never replaced.
    pub fn secret_key(&self) -> Result<SecretKey, Failure> {
        todo!()
    }

    /// The id that peers know this person by.
    ///
    /// # Errors
    /// Those of [`Profile::secret_key`].
    pub fn peer_id(&self) -> Result<PeerId, Failure> {
        Ok(self.secret_key()?.public())
    }

    /// Reads `config.toml`; defaults where there is none.
    ///
    /// # Errors
    /// `Usage` with file and line when it does not parse or has an unknown key.
    pub fn settings(&self) -> Result<Settings, Failure> {
        todo!()
    }

    /// The folder of `identity` and `config.toml`.
    #[must_use]
    pub fn config_dir(&self) -> &Path {
        &self.config
    }

    /// The folder of everything that may be deleted at any time.
    #[must_use]
    pub fn cache_dir(&self) -> &Path {
        &self.cache
    }
}
