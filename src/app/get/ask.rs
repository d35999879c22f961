//! Limits, space, and the question whether to go on.

use std::path::Path;

use super::{Accept, risky::risky_names, run::Job};
use crate::{
    content::{Manifest, human_bytes},
    disk,
    events::{Failure, FailureKind},
    transfer::fetch::{Plan, check_space},
};

impl Job {
    /// Compares the plan with limits and space, and asks where that is due.
    pub(super) async fn may_go_on(
        &self,
        manifest: &Manifest,
        plan: &Plan,
        had: u64,
        path: &Path,
    ) -> Result<(), Failure> {
        let wanted = plan.wanted_bytes;
        if let Some(max) = self.options.max_size
            && plan.bytes > max
        {
            let message = format!(
                "this share has {}, more than --max-size {}",
                human_bytes(plan.bytes),
                human_bytes(max)
            );
            return Err(Failure::new(FailureKind::Refused, message)
                .hint("raise --max-size, or take a part with --only"));
        }
        let existing = path
            .ancestors()
            .find(|path| path.is_dir())
            .unwrap_or(Path::new("."));
        let free = disk::available_bytes(existing).ok();
        check_space(wanted.saturating_sub(had), self.options.sparse, free)?;
        let risky = risky_names(manifest, &self.only, path);
        if wanted <= self.options.ask_above && risky.is_empty() {
            return Ok(());
        }
        let question = Accept {
            name: manifest.name(),
            files: plan.wants.len() as u64,
            bytes: wanted,
            free,
            risky: risky.clone(),
        };
        let decider = self.decider.clone();
        let answer = tokio::task::spawn_blocking(move || decider.accept(&question));
        if answer.await.unwrap_or(false) {
            return Ok(());
        }
        let why = if risky.is_empty() {
            format!("it has {}", human_bytes(wanted))
        } else {
            format!("it would put {} into your home folder", risky.join(", "))
        };
        Err(
            Failure::new(FailureKind::Refused, format!("not accepted: {why}"))
                .hint("--yes accepts it, --only takes a part, -o chooses another folder"),
        )
    }
}
