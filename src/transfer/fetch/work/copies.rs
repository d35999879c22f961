//! Files whose content another file of the share has as well: copied at the destination.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Fetch, Work, broken, unwritable};
use crate::{
    disk::CopyOf,
    events::Failure,
    transfer::fetch::{Item, queue::Twin},
};

impl Work {
    /// Copies files; those for which that does not work are asked for.
    pub(super) async fn copies(self: &Arc<Self>, twins: Vec<Twin>) -> Result<(), Failure> {
        let work = self.clone();
        let copying = tokio::task::spawn_blocking(move || work.copy_all(twins));
        let rest = copying.await.unwrap_or_else(|_| Err(broken()))?;
        self.queue.add(rest);
        Ok(())
    }

    /// Copies what can be copied, and returns the rest.
    fn copy_all(&self, twins: Vec<Twin>) -> Result<Vec<Item>, Failure> {
        let mut rest = Vec::new();
        for twin in twins {
            if self.stop.is_stopped() {
                break;
            }
            if !self.copy(&twin)? {
                rest.push(twin.item);
            }
        }
        Ok(rest)
    }

    /// Copies one file; false when the other one is not there, or not what it should be.
    fn copy(&self, twin: &Twin) -> Result<bool, Failure> {
        let Fetch {
            partial,
            destination,
            manifest,
            ..
        } = &self.fetch;
        let (Some(want), Some(of)) = (twin.item.want(manifest), twin.of.want(manifest)) else {
            return Ok(false);
        };
        let Ok(source) = destination.open_file(&of.place) else {
            return Ok(false);
        };
        let copy = CopyOf {
            number: want.number,
            hash: &want.hash,
            size: want.size,
            place: &want.place,
        };
        let counted = AtomicU64::new(0);
        let copied = |bytes| {
            counted.fetch_add(bytes, Ordering::Relaxed);
            self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        };
        let finish = self.finish_whole(&want);
        match partial.write_copy(&source, (&copy, &finish), destination, &copied, &self.stop) {
            Ok(Some(stat)) => {
                self.is_placed(&want, stat);
                return Ok(true);
            }
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unwritable(&want.place, &error)),
        }
        self.bytes_done
            .fetch_sub(counted.into_inner(), Ordering::Relaxed);
        Ok(false)
    }
}
