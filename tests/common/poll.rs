//! Waiting for what nobody tells of when it happens.

use std::{
    fmt::Display,
    thread,
    time::{Duration, Instant},
};

use super::DEADLINE;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(50);

/// Looks until there is something, and returns it. Only for what can be seen and never heard of: the port
/// of another's program, numbers that are asked for. `look` says what is still missing.
pub(crate) fn poll<T, Missing: Display>(mut look: impl FnMut() -> Result<T, Missing>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(missing) => assert!(Instant::now() < deadline, "{missing}"),
        }
        thread::sleep(LOOK);
    }
}
