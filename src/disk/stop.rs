//! A flag that ends long blocking work from outside.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::events::{Failure, FailureKind};

/// Shared between the one who may stop the work and the work, which looks at it often.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the work to end; it then returns a failure of kind `Interrupted`.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The failure that the work ends with, once somebody asked.
    ///
    /// # Errors
    /// `Interrupted` when it was stopped.
    pub fn check(&self) -> Result<(), Failure> {
        if self.is_stopped() {
            Err(Failure::new(FailureKind::Interrupted, "interrupted"))
        } else {
            Ok(())
        }
    }
}
