//! Who is let in: tokens with a name each, one for a person or a group.
//!
//! They are kept as they are, in a file for the owner alone, because the operator has to be able to
//! print the line of each again. They are never logged, and compared by their hashes, which takes as
//! long whatever they have in common.

use std::{
    fmt::Write as _,
    fs, io,
    path::Path,
    sync::{PoisonError, RwLock, RwLockReadGuard},
    time::{SystemTime, UNIX_EPOCH},
};

use data_encoding::BASE32_NOPAD;
use serde::Deserialize;

use super::folder::{Folder, shown};
use crate::{
    content::escape,
    disk,
    events::{Failure, FailureKind},
};

/// Bytes of chance in a token.
const SECRET: usize = 20;
/// Longest name of a token.
const NAME: usize = 64;
/// Most tokens of a hub.
const MOST: usize = 10_000;
/// The name of the one that a new hub makes.
const FIRST: &str = "team";

/// One token.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Whom it was made for.
    pub name: String,
    /// What lets in whoever has it.
    pub secret: String,
    /// When it was made, in seconds since 1970.
    pub made: u64,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Token {
    fn new(name: &str) -> Result<Self, Failure> {
        Ok(Self {
            name: name.to_owned(),
            secret: secret()?,
            made: now(),
        })
    }
}

/// Which token let somebody in. Another one that is made for the same name later is not it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    name: String,
    hash: blake3::Hash,
}

impl Pass {
    /// Whom the token was made for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// All tokens of a hub.
#[derive(Debug)]
pub struct Tokens {
    folder: Folder,
    known: RwLock<Vec<(Token, blake3::Hash)>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Token>,
}

impl Tokens {
    /// Reads the tokens in `folder`; makes the first one where there is no file.
    ///
    /// # Errors
    /// `LocalDisk` when the file cannot be read, written, or does not make sense: it is never
    /// replaced then.
    pub fn read_or_create(folder: &Folder) -> Result<Self, Failure> {
        let tokens = Self::read(folder)?;
        if tokens.known().is_empty() && !folder.tokens().exists() {
            tokens.add(FIRST)?;
        }
        Ok(tokens)
    }

    /// Reads the tokens in `folder`, which may be none.
    ///
    /// # Errors
    /// Those of [`Tokens::read_or_create`].
    pub fn read(folder: &Folder) -> Result<Self, Failure> {
        let path = folder.tokens();
        let list = match fs::read_to_string(&path) {
            Ok(text) => parse(&path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(folder.failure("read", &path, &error)),
        };
        Ok(Self {
            folder: folder.clone(),
            known: RwLock::new(list.into_iter().map(with_hash).collect()),
        })
    }

    /// All of them, the oldest first.
    #[must_use]
    pub fn known(&self) -> Vec<Token> {
        let known = self.list();
        known.iter().map(|(token, _)| token.clone()).collect()
    }

    /// What lets in whoever offers `secret`.
    #[must_use]
    pub fn pass(&self, secret: &str) -> Option<Pass> {
        let offered = blake3::hash(secret.as_bytes());
        let known = self.list();
        // Hashes of blake3 are compared in constant time.
        let (token, hash) = known.iter().find(|(_, hash)| *hash == offered)?;
        Some(Pass {
            name: token.name.clone(),
            hash: *hash,
        })
    }

    /// Whether it lets somebody in still.
    #[must_use]
    pub fn takes(&self, pass: &Pass) -> bool {
        self.list().iter().any(|(_, hash)| *hash == pass.hash)
    }

    fn list(&self) -> RwLockReadGuard<'_, Vec<(Token, blake3::Hash)>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a token for `name`, and returns once it is on the disk.
    ///
    /// # Errors
    /// `Usage` when the name will not do; `InTheWay` when it has one already; `LocalDisk` when the
    /// file cannot be written.
    pub fn add(&self, name: &str) -> Result<Token, Failure> {
        check_name(name)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|(token, _)| token.name == name) {
            let message = format!("there is a token for {name} already");
            return Err(Failure::new(FailureKind::InTheWay, message)
                .hint(format!("print its line with: grove hub token show {name}")));
        }
        if known.len() >= MOST {
            let message = format!("a hub has at most {MOST} tokens");
            return Err(Failure::new(FailureKind::Refused, message)
                .hint("remove some that nobody needs any more: grove hub token remove NAME"));
        }
        let token = Token::new(name)?;
        let more = known.iter().map(|(token, _)| token).chain([&token]);
        self.write(more)?;
        known.push(with_hash(token.clone()));
        Ok(token)
    }

    /// Takes the token of `name` away, and returns once that is on the disk.
    ///
    /// # Errors
    /// `Usage` when there is none of this name; `LocalDisk` when the file cannot be written.
    pub fn remove(&self, name: &str) -> Result<Token, Failure> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = known.iter().position(|(token, _)| token.name == name) else {
            return Err(unknown(name));
        };
        let others = known.iter().map(|(token, _)| token);
        self.write(others.filter(|token| token.name != name))?;
        Ok(known.remove(at).0)
    }

    fn write<'a>(&self, tokens: impl Iterator<Item = &'a Token>) -> Result<(), Failure> {
        let path = self.folder.tokens();
        disk::replace_synced(&path, text_of(tokens).as_bytes())
            .map_err(|error| self.folder.failure("write", &path, &error))
    }
}

/// There is no token of this name.
pub(super) fn unknown(name: &str) -> Failure {
    let message = format!("there is no token for {}", escape(name));
    Failure::new(FailureKind::Usage, message).hint("see which there are with: grove hub token list")
}

fn with_hash(token: Token) -> (Token, blake3::Hash) {
    let hash = blake3::hash(token.secret.as_bytes());
    (token, hash)
}

fn check_name(name: &str) -> Result<(), Failure> {
    let sound = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if !name.is_empty() && name.len() <= NAME && name.chars().all(sound) {
        return Ok(());
    }
    let message = format!("{} is no name for a token", escape(name));
    let hint =
        format!("use at most {NAME} letters, digits and - _ . @, such as alice or design-team");
    Err(Failure::new(FailureKind::Usage, message).hint(hint))
}

/// What [`parse`] reads.
pub(crate) fn text_of<'a>(tokens: impl Iterator<Item = &'a Token>) -> String {
    let mut text = String::from("# Who is let in. Whoever reads this can use the hub.\n");
    for Token { name, secret, made } in tokens {
        // Neither names nor secrets have characters that would need escaping.
        _ = write!(
            text,
            "\n[[token]]\nname = \"{name}\"\nsecret = \"{secret}\"\nmade = {made}\n"
        );
    }
    text
}

/// The tokens in the text of the file at `path`.
///
/// # Errors
/// `LocalDisk` when it is damaged.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Vec<Token>, Failure> {
    let damaged = |why: &str| {
        let message = format!("{} is damaged: {why}", shown(path));
        Failure::new(FailureKind::LocalDisk, message)
            .hint("restore it from a backup, or remove it: everybody then needs a new line to join")
    };
    // What the parser says may quote a secret.
    let file: File = toml::from_str(text).map_err(|_| damaged("it is no list of tokens"))?;
    for (at, token) in file.token.iter().enumerate() {
        check_name(&token.name).map_err(|_| damaged("a name will not do"))?;
        if token.secret.len() < 16 || !token.secret.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(damaged("a secret is too short or has odd characters"));
        }
        let twice = |other: &Token| other.name == token.name || other.secret == token.secret;
        if file.token[..at].iter().any(twice) {
            return Err(damaged("it has something twice"));
        }
    }
    Ok(file.token)
}

/// A word that nobody guesses.
pub(super) fn secret() -> Result<String, Failure> {
    let mut secret = [0; SECRET];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut secret).map_err(|_| {
        Failure::new(FailureKind::Failed, "this computer gives no random numbers")
            .hint("wait until it has started up, then try again")
    })?;
    Ok(BASE32_NOPAD.encode(&secret).to_ascii_lowercase())
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
