//! Fetching one file to somewhere that is written in order, such as standard output.

use super::{
    Got,
    run::{Job, Offered, closing, interrupted},
};
use crate::{
    content::human_bytes,
    disk::Replace,
    events::{Event, Failure, FailureKind},
    transfer::{
        fetch::{self, Want},
        wire::Close,
    },
};

impl Job {
    /// Fetches one file to somewhere it is written in order.
    pub(super) async fn to_output(
        &self,
        offered: Offered,
        output: fetch::Output,
    ) -> Result<Got, Failure> {
        let Offered { manifest, link } = offered;
        let mut chosen = manifest
            .files
            .iter()
            .zip(0u32..)
            .filter(|(file, _)| self.only.matches(&file.path));
        let (Some((file, number)), None) = (chosen.next(), chosen.next()) else {
            if let Some(link) = link {
                link.close(Close::Done).await;
            }
            return Err(Failure::new(
                FailureKind::Usage,
                "-o - takes one file, and this share does not have just one",
            )
            .hint("choose it with --only; `grove ls` shows what there is"));
        };
        let size = file.size.unwrap_or_default();
        self.context.events.emit(Event::Offer {
            name: file.path.to_string(),
            files: 1,
            bytes: size,
        });
        if self.options.max_size.is_some_and(|max| size > max) {
            let message = format!("this file has {}, more than --max-size", human_bytes(size));
            return Err(Failure::new(FailureKind::Refused, message).hint("raise --max-size"));
        }
        let link = match link {
            Some(link) => link,
            None => self.link().await?,
        };
        let want = Want {
            number,
            hash: file.hash,
            size,
            place: file.path.clone(),
            replace: Replace::Nothing,
        };
        let root = self.options.ticket.hash;
        let offset = self.first_offset() + u64::from(number);
        let rate = self.options.limit_rate;
        let events = &self.context.events;
        let writing = fetch::to_writer(link.clone(), root, offset, &want, output, rate, events);
        let received = tokio::select! {
            done = writing => done,
            () = self.cancel.notified() => Err(interrupted()),
        };
        link.close(received.as_ref().err().map_or(Close::Complete, closing))
            .await;
        Ok(Got {
            root,
            files: 1,
            bytes: size,
            bytes_fetched: received?,
            skipped: 0,
            already_complete: false,
            left_alone: Vec::new(),
            failed: Vec::new(),
            seconds: 0.0,
            dest: None,
            top: Vec::new(),
        })
    }
}
