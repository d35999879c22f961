//! Shows what happens.
//!
//! Operations emit events from many threads and must not wait for a terminal, so events go into a
//! queue that one thread reads. What it does with them is chosen once: [`bars`] at a terminal,
//! [`lines`] without one, JSON lines with `--json`, nothing with `--quiet`. Progress events are
//! totals, so a newer one takes the place of an older one that nobody read yet: however slow the
//! reader, the queue stays short.

mod bars;
mod format;
mod json;
mod lines;
mod queue;
mod state;

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use self::queue::Queue;
use super::output::Output;
use crate::events::{Event, Events, Failure, FailureKind, WarningKind};

/// How often a reader that shows something that moves is woken.
const TICK: Duration = Duration::from_millis(100);

/// Which side of a transfer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    /// Many peers fetch from here.
    Share,
    /// This side fetches.
    Get,
}

/// Something that shows events.
trait Reader: Send {
    /// Takes one event.
    fn event(&mut self, event: Event, now: Instant);

    /// Called now and then while [`Reader::moves`] says so.
    fn tick(&mut self, now: Instant);

    /// Whether something on display changes by itself.
    fn moves(&self) -> bool;

    /// Whether to show nothing for a while, because a question is on the screen.
    fn hide(&mut self, hide: bool);

    /// Takes everything off the screen that is not to stay.
    fn finish(&mut self);
}

/// A shared handle to the thread that shows events.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    queue: Arc<Queue>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Progress {
    /// Starts to show events.
    ///
    /// # Errors
    /// `Failed` when the system gives no thread.
    pub(crate) fn start(output: &Output, shows: Shows) -> Result<Self, Failure> {
        let mut reader = choose(output, shows);
        let queue = Arc::new(Queue::default());
        let source = queue.clone();
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || source.drive(&mut *reader, TICK))
            .map_err(|error| {
                let message = format!("no thread to show progress: {error}");
                Failure::new(FailureKind::Failed, message)
            })?;
        Ok(Self {
            queue,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Where operations send their events.
    pub(crate) fn events(&self) -> Events {
        let queue = self.queue.clone();
        Events::to(move |event| queue.push(event))
    }

    /// Waits until everything that was emitted so far is shown.
    pub(crate) fn settle(&self) {
        self.queue.settle();
    }

    /// Shows nothing, or again something, as long as a question is on the screen.
    pub(crate) fn hide(&self, hide: bool) {
        self.queue.hide(hide);
        self.queue.settle();
    }

    /// Shows what was emitted, takes the bars off the screen and ends. A second call does nothing.
    pub(crate) fn finish(&self) {
        self.queue.close();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A reader that panicked has nothing left to show.
            _ = thread.join();
        }
    }
}

fn choose(output: &Output, shows: Shows) -> Box<dyn Reader> {
    if output.json() {
        Box::new(json::Json::new(output))
    } else if output.quiet() {
        Box::new(Nothing)
    } else if output.bars().is_hidden() {
        Box::new(lines::Lines::new(output, shows))
    } else {
        Box::new(bars::Bars::new(output, shows))
    }
}

/// The text of a warning that a person has not seen yet: what a share leaves out is listed as a
/// whole beside the ticket.
fn warning(event: &Event, shows: Shows) -> Option<&str> {
    match event {
        Event::Warning { kind, .. } if *kind == WarningKind::LeftOut && shows == Shows::Share => {
            None
        }
        Event::Warning { message, .. } => Some(message),
        _ => None,
    }
}

/// Shows nothing.
struct Nothing;

impl Reader for Nothing {
    fn event(&mut self, _event: Event, _now: Instant) {}
    fn tick(&mut self, _now: Instant) {}
    fn moves(&self) -> bool {
        false
    }
    fn hide(&mut self, _hide: bool) {}
    fn finish(&mut self) {}
}
