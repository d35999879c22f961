//! How other commands on the same computer reach the hub that runs with a folder.
//!
//! It listens at a port of the loopback interface; port and a secret of this run are in the file
//! `control` of its folder, which its owner alone can read. A line of JSON there, a line of JSON
//! back. So a change of the tokens is made by the process that uses them, and counts at once.
//!
//! A hub that is killed leaves the file, and anybody on the computer can take the port then. So nobody is
//! asked unless the folder is locked, and whoever locks it removes the file that another one left.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::Semaphore,
};

use super::{
    folder::Folder,
    listen::accept,
    place::Place,
    running::Parts,
    status::Status,
    tokens::{Token, Tokens},
};
use crate::{
    disk,
    events::{Failure, FailureKind},
};

/// Most bytes of a question.
const QUESTION: u64 = 4096;
/// Most bytes of an answer: a line for each of the most tokens there can be.
const ANSWER: u64 = 8 * 1024 * 1024;
/// How long either may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Most who ask at once.
const MOST: usize = 16;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// How it is.
    Status,
    /// Make a token of this name.
    AddToken(String),
    /// Take the token of this name away, and end the connections of whoever uses it.
    RemoveToken(String),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// How it is.
    Status(Box<Status>),
    /// The token was made; the ticket with it, unless the hub was never started, so that nobody knows
    /// where it will be.
    Added(Option<String>),
    /// The token is gone; so many were connected with it.
    Removed(usize),
    /// That cannot be done.
    Refused {
        /// The name of the kind of failure.
        kind: String,
        /// One line.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
struct Asked {
    secret: String,
    question: Question,
}

/// Asks the hub that runs with `folder`; `None` when none does, or it is not to be asked yet.
///
/// # Errors
/// What the hub says; `LocalDisk` when this user may not ask it; `Unreachable` when it does not
/// answer.
pub fn ask(folder: &Folder, question: Question) -> Result<Option<Answer>, Failure> {
    let path = folder.control();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let failure = folder.failure("read", &path, &error);
            return Err(failure.hint("do this as the user that the hub runs as"));
        }
    };
    let mut words = text.split_whitespace();
    let (Some(Ok(addr)), Some(secret)) = (words.next().map(str::parse), words.next()) else {
        return Ok(None);
    };
    if !folder.is_locked()? {
        return Ok(None);
    }
    match exchange(addr, secret, question) {
        Ok(Answer::Refused {
            kind,
            message,
            hint,
        }) => {
            let mut failure = Failure::new(kind_of(&kind), message);
            failure.hint = hint;
            Err(failure)
        }
        Ok(answer) => Ok(Some(answer)),
        // It has just ended.
        Err(error) if is_nobody(&error) => Ok(None),
        Err(error) => {
            let message = format!("the hub does not answer: {}", disk::reason(&error));
            Err(Failure::new(FailureKind::Unreachable, message)
                .hint("it may be busy; try again, and look at what it printed"))
        }
    }
}

/// Makes or takes away a token: the hub that runs with `folder` does it, and where none does, this
/// process, while it keeps any from starting.
///
/// # Errors
/// Those of [`ask`] and [`Tokens`]; `InTheWay` when a hub has the folder and is not to be asked;
/// `LocalDisk` when none runs and the folder is somebody else's.
pub fn change(folder: &Folder, question: &Question) -> Result<Answer, Failure> {
    let until = Instant::now() + WITHIN;
    loop {
        if let Some(answer) = ask(folder, question.clone())? {
            return Ok(answer);
        }
        folder.check_owner()?;
        match folder.lock() {
            Ok(_lock) => return change_alone(folder, question),
            // It is just starting, or ending.
            Err(failure) if failure.kind == FailureKind::InTheWay && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn change_alone(folder: &Folder, question: &Question) -> Result<Answer, Failure> {
    let tokens = Tokens::read(folder)?;
    match question {
        Question::AddToken(name) => {
            let token = tokens.add(name)?;
            let place = Place::read(folder);
            let ticket = place.map(|place| place.ticket(Some(&token)).to_string());
            Ok(Answer::Added(ticket))
        }
        Question::RemoveToken(name) => tokens.remove(name).map(|_| Answer::Removed(0)),
        Question::Status => {
            let message = "no hub is running with this folder";
            Err(Failure::new(FailureKind::Unreachable, message).hint("start it with grove hub"))
        }
    }
}

fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let kinds = [
        Kind::ConnectionRefused,
        Kind::ConnectionReset,
        Kind::UnexpectedEof,
        Kind::InvalidData,
    ];
    kinds.contains(&error.kind())
}

fn exchange(addr: SocketAddr, secret: &str, question: Question) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&addr, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    let asked = Asked {
        secret: secret.to_owned(),
        question,
    };
    let mut line = serde_json::to_vec(&asked)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    io::Read::take(BufReader::new(stream), ANSWER).read_until(b'\n', &mut answer)?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&answer).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn kind_of(name: &str) -> FailureKind {
    let kinds = [
        FailureKind::Usage,
        FailureKind::Refused,
        FailureKind::InTheWay,
        FailureKind::LocalDisk,
    ];
    let found = kinds.into_iter().find(|kind| kind.name() == name);
    found.unwrap_or(FailureKind::Failed)
}

/// Where the hub is asked, as long as this is kept.
#[derive(Debug)]
pub(super) struct Control {
    folder: Folder,
    listener: Arc<TcpListener>,
    secret: Arc<str>,
}

impl Control {
    /// Listens, and writes down where.
    ///
    /// # Errors
    /// `Failed` when there is no port, `LocalDisk` when the file cannot be written.
    pub(super) async fn start(folder: &Folder) -> Result<Self, Failure> {
        let failed = |error: &io::Error| {
            let message = format!("no port of the loopback interface: {}", disk::reason(error));
            Failure::new(FailureKind::Failed, message).hint("look at the limits of this computer")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(|error| failed(&error))?;
        let addr = listener.local_addr().map_err(|error| failed(&error))?;
        let secret = super::tokens::secret()?;
        let path = folder.control();
        disk::replace_private(&path, format!("{addr} {secret}\n").as_bytes())
            .map_err(|error| folder.failure("write", &path, &error))?;
        Ok(Self {
            folder: folder.clone(),
            listener: Arc::new(listener),
            secret: secret.into(),
        })
    }

    /// Answers until it is dropped.
    pub(super) async fn serve(self, parts: Arc<Parts>, place: Place) {
        let room = Arc::new(Semaphore::new(MOST));
        let place = Arc::new(place);
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else {
                return;
            };
            let (stream, _) = accept(&self.listener).await;
            let (parts, place, secret) = (parts.clone(), place.clone(), self.secret.clone());
            tokio::spawn(async move {
                let _permit = permit;
                let talk = talk(stream, &parts, &place, &secret);
                // Whoever went away or took too long gets nothing.
                _ = tokio::time::timeout(WITHIN, talk).await;
            });
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Where it stays, it is not believed, since nobody has the lock.
        _ = fs::remove_file(self.folder.control());
    }
}

async fn talk(
    mut stream: tokio::net::TcpStream,
    parts: &Parts,
    place: &Place,
    secret: &str,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = Vec::new();
    let mut reader = tokio::io::BufReader::new(reader.take(QUESTION));
    reader.read_until(b'\n', &mut line).await?;
    let asked: Asked = serde_json::from_slice(&line)?;
    if blake3::hash(asked.secret.as_bytes()) != blake3::hash(secret.as_bytes()) {
        return Ok(());
    }
    let answer = answer(parts, place, asked.question).unwrap_or_else(|failure| Answer::Refused {
        kind: failure.kind.name().to_owned(),
        message: failure.message,
        hint: failure.hint,
    });
    let mut answer = serde_json::to_vec(&answer)?;
    answer.push(b'\n');
    writer.write_all(&answer).await?;
    writer.shutdown().await
}

fn answer(parts: &Parts, place: &Place, question: Question) -> Result<Answer, Failure> {
    Ok(match question {
        Question::Status => Answer::Status(Box::new(parts.status())),
        Question::AddToken(name) => {
            let token: Token = parts.tokens.add(&name)?;
            Answer::Added(Some(place.ticket(Some(&token)).to_string()))
        }
        Question::RemoveToken(name) => {
            parts.tokens.remove(&name)?;
            let relay = parts.relay.as_ref();
            Answer::Removed(relay.map_or(0, |relay| relay.disconnect(&name)))
        }
    })
}
