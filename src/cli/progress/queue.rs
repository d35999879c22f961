//! The queue between operations, which must not wait, and the thread that shows their events.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::Reader;
use crate::{
    content::PeerId,
    events::{Event, Phase},
};

/// Most events that wait. Only a reader that is stuck (a stopped terminal, a full pipe) lets so many
/// gather; from there on, those are dropped that later ones make up for.
const WAITING_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Event>,
    hide: Option<bool>,
    /// Whether the reader is at work on something it took out.
    busy: bool,
    /// Nothing more comes.
    closed: bool,
    /// The reader has ended.
    done: bool,
}

/// What the reader does next.
enum Next {
    Events(VecDeque<Event>),
    Hide(bool),
    Tick,
    End,
}

impl Queue {
    /// Takes an event; never waits for the reader.
    pub(super) fn push(&self, event: Event) {
        let mut inner = self.lock();
        if inner.closed || inner.merge(&event) {
            return;
        }
        if inner.events.len() < WAITING_MAX || matters(&event) {
            inner.events.push_back(event);
        }
        drop(inner);
        self.changed.notify_all();
    }

    /// Says whether to show anything.
    pub(super) fn hide(&self, hide: bool) {
        self.lock().hide = Some(hide);
        self.changed.notify_all();
    }

    /// Waits until the reader has taken everything.
    pub(super) fn settle(&self) {
        let idle = |inner: &mut Inner| {
            !inner.done && (inner.busy || inner.hide.is_some() || !inner.events.is_empty())
        };
        drop(
            self.changed
                .wait_while(self.lock(), idle)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Lets the reader end after what is in the queue.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Feeds `reader` until the queue is closed and empty.
    pub(super) fn drive(&self, reader: &mut dyn Reader, tick: Duration) {
        let _done = Done(self);
        loop {
            let next = self.next(reader.moves().then_some(tick));
            let now = Instant::now();
            match next {
                Next::Events(events) => {
                    for event in events {
                        reader.event(event, now);
                    }
                    reader.tick(now);
                }
                Next::Hide(hide) => reader.hide(hide),
                Next::Tick => reader.tick(now),
                Next::End => break,
            }
        }
        reader.finish();
    }

    fn next(&self, tick: Option<Duration>) -> Next {
        let mut inner = self.lock();
        inner.busy = false;
        self.changed.notify_all();
        loop {
            if let Some(hide) = inner.hide.take() {
                inner.busy = true;
                return Next::Hide(hide);
            }
            if !inner.events.is_empty() {
                inner.busy = true;
                return Next::Events(std::mem::take(&mut inner.events));
            }
            if inner.closed {
                return Next::End;
            }
            match tick {
                None => {
                    inner = self
                        .changed
                        .wait(inner)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                Some(tick) => {
                    let (again, waited) = self
                        .changed
                        .wait_timeout(inner, tick)
                        .unwrap_or_else(PoisonError::into_inner);
                    inner = again;
                    if waited.timed_out() && inner.events.is_empty() && inner.hide.is_none() {
                        return if inner.closed { Next::End } else { Next::Tick };
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets everybody who waits for the reader go when it ends, also by a panic.
struct Done<'a>(&'a Queue);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.lock().done = true;
        self.0.changed.notify_all();
    }
}

impl Inner {
    /// Puts a progress event in the place of an older one of the same kind, unless something else
    /// happened in between.
    fn merge(&mut self, event: &Event) -> bool {
        let Some(key) = key(event) else { return false };
        let older = self
            .events
            .iter_mut()
            .rev()
            .map_while(|waiting| key_of(waiting))
            .find(|(waiting, _)| *waiting == key);
        match older {
            Some((_, place)) => {
                *place = event.clone();
                true
            }
            None => false,
        }
    }
}

type Key = (Phase, Option<PeerId>);

fn key(event: &Event) -> Option<Key> {
    match event {
        Event::Progress { phase, peer, .. } => Some((*phase, *peer)),
        _ => None,
    }
}

fn key_of(event: &mut Event) -> Option<(Key, &mut Event)> {
    key(event).map(|key| (key, event))
}

/// Whether nothing later makes up for the loss of this event.
fn matters(event: &Event) -> bool {
    matches!(event, Event::ShareReady { .. } | Event::Finished { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::WarningKind;

    fn progress(phase: Phase, bytes: u64) -> Event {
        Event::Progress {
            phase,
            peer: None,
            bytes,
            total: 100,
            files: 0,
            files_total: 1,
            current: None,
        }
    }

    fn warning() -> Event {
        Event::Warning {
            kind: WarningKind::Other,
            message: "so".into(),
        }
    }

    #[derive(Default)]
    struct Recorder(Vec<String>);

    impl Reader for Recorder {
        fn event(&mut self, event: Event, _now: Instant) {
            self.0.push(match event {
                Event::Progress { phase, bytes, .. } => format!("{phase:?} {bytes}"),
                Event::Warning { .. } => "warning".to_owned(),
                _ => "other".to_owned(),
            });
        }
        fn tick(&mut self, _now: Instant) {}
        fn moves(&self) -> bool {
            false
        }
        fn hide(&mut self, hide: bool) {
            self.0.push(format!("hide {hide}"));
        }
        fn finish(&mut self) {
            self.0.push("finish".to_owned());
        }
    }

    fn read(queue: &Queue) -> Vec<String> {
        queue.close();
        let mut recorder = Recorder::default();
        queue.drive(&mut recorder, Duration::from_secs(1));
        recorder.0
    }

    #[test]
    fn unread_progress_is_replaced_but_never_moved_past_other_events() {
        let queue = Queue::default();
        queue.push(progress(Phase::Hash, 1));
        queue.push(progress(Phase::Fetch, 2));
        queue.push(progress(Phase::Hash, 3));
        queue.push(warning());
        queue.push(progress(Phase::Hash, 4));
        queue.push(progress(Phase::Hash, 5));
        assert_eq!(
            read(&queue),
            ["Hash 3", "Fetch 2", "warning", "Hash 5", "finish"]
        );
    }

    #[test]
    fn a_stuck_reader_does_not_make_the_queue_grow_without_end() {
        let queue = Queue::default();
        for _ in 0..=WAITING_MAX {
            queue.push(warning());
        }
        queue.push(Event::Finished {
            root: crate::content::Hash::EMPTY,
            files: 0,
            bytes: 0,
            bytes_fetched: 0,
            skipped: 0,
            seconds: 0.0,
            dest: None,
        });
        let read = read(&queue);
        assert_eq!(read.len(), WAITING_MAX + 2);
        assert_eq!(read[WAITING_MAX..], ["other", "finish"]);
    }

    #[test]
    fn what_was_emitted_before_the_end_is_shown_and_nothing_after() {
        let queue = Queue::default();
        queue.push(warning());
        assert_eq!(read(&queue), ["warning", "finish"]);
        queue.push(warning());
        queue.settle();
        assert_eq!(read(&queue), ["finish"]);
    }
}
