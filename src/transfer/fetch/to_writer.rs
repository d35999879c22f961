//! Fetching one file into something that is written in order, such as standard output.
//!
//! Nothing is kept for another run; a connection that is lost is made again, and the file goes on
//! where it was.

use std::{
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bao_tree::{ChunkNum, ChunkRanges};

use super::{
    Link, StreamError, Want,
    request::{Taker, Wire},
};
use crate::{
    content::Hash,
    events::{Event, Events, Failure, FailureKind, Phase},
    transfer::{
        rate::RateLimit,
        wire::{Request, Reset},
    },
};

/// How much is gathered before it is written.
const WRITE_BYTES: usize = 256 * 1024;

/// How often an answer that the sharer cut short without a reason is asked for again.
const TRIES: u32 = 5;

/// What is written to.
pub type Output = Box<dyn Write + Send>;

/// Fetches `want` from the share `root`, in which it is at `offset`, and writes it to `output`.
/// Returns the bytes that came over the network.
///
/// # Errors
/// Those of [`Link::connection`]; `Unverified`; `Refused` when the file changed at the sharer;
/// `LocalDisk` when `output` cannot be written.
pub async fn to_writer(
    link: Arc<Link>,
    root: Hash,
    offset: u64,
    want: &Want,
    output: Output,
    limit_rate: Option<u64>,
    events: &Events,
) -> Result<u64, Failure> {
    let wire = Wire {
        link,
        rate: limit_rate.map(RateLimit::new),
        received: AtomicU64::new(0),
    };
    let mut writer = InOrder {
        output: Arc::new(Mutex::new(output)),
        gathered: Vec::with_capacity(WRITE_BYTES),
        verified: 0,
        written: 0,
        size: want.size,
        events: events.clone(),
    };
    write_all(&wire, root, offset, want, &mut writer).await?;
    Ok(wire.received.load(Ordering::Relaxed))
}

async fn write_all(
    wire: &Wire,
    root: Hash,
    offset: u64,
    want: &Want,
    writer: &mut InOrder,
) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        let connection = wire.link.connection().await?;
        let ranges = ChunkRanges::from(ChunkNum(writer.written / 1024)..);
        let asked = async {
            let request = Request::ranges(root, offset, ranges.clone());
            let mut answer = wire.ask(&connection, &request).await?;
            let size = answer.size().await?;
            if size != want.size {
                return Err(StreamError::Hostile(
                    "a size that is not the one announced".into(),
                ));
            }
            answer.blob(&want.hash, size, &ranges, writer).await
        };
        let result = asked.await;
        writer.flush().await?;
        match result {
            Ok(()) => return Ok(()),
            Err(StreamError::Lost) => Link::give_up(&connection),
            Err(StreamError::Incomplete | StreamError::Reset(Reset::Internal)) if tries < TRIES => {
                tries += 1;
            }
            Err(StreamError::Reset(Reset::Changed(_))) => {
                let message = format!("{} changed at the sharer after it was shared", want.place);
                return Err(Failure::new(FailureKind::Refused, message)
                    .hint("what was written is incomplete; ask the sharer to share it again"));
            }
            Err(error) => return Err(error.into_failure()),
        }
    }
}

/// Writes verified content in order.
struct InOrder {
    output: Arc<Mutex<Output>>,
    gathered: Vec<u8>,
    verified: usize,
    written: u64,
    size: u64,
    events: Events,
}

impl InOrder {
    async fn flush(&mut self) -> Result<(), Failure> {
        self.gathered.truncate(self.verified);
        let bytes = std::mem::replace(&mut self.gathered, Vec::with_capacity(WRITE_BYTES));
        self.verified = 0;
        self.written += bytes.len() as u64;
        let done = self.written >= self.size;
        let output = self.output.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.write_all(&bytes)?;
            if done { output.flush() } else { Ok(()) }
        });
        self.events.emit(Event::Progress {
            phase: Phase::Fetch,
            peer: None,
            bytes: self.written,
            total: self.size,
            files: u64::from(done),
            files_total: 1,
            current: None,
        });
        let written = written
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)));
        written.map_err(|error| {
            let reason = crate::disk::reason(&error);
            Failure::new(
                FailureKind::LocalDisk,
                format!("cannot write the output: {reason}"),
            )
            .hint("what was written is incomplete")
        })
    }
}

impl Taker for InOrder {
    fn pair(&mut self, _: Option<u64>, _: &[u8; 64]) {}

    async fn room(&mut self, _: u64, size: usize) -> Result<&mut [u8], StreamError> {
        if self.verified + size > WRITE_BYTES {
            self.flush().await?;
        }
        self.gathered.resize(self.verified + size, 0);
        Ok(&mut self.gathered[self.verified..])
    }

    fn verified(&mut self) {
        self.verified = self.gathered.len();
    }
}
