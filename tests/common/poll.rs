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

/// Does it again until what comes of it is right, and returns that.
pub(crate) fn poll_for<T: Display>(
    mut make: impl FnMut() -> T,
    is_right: impl Fn(&T) -> bool,
) -> T {
    poll(|| {
        let made = make();
        if is_right(&made) { Ok(made) } else { Err(made) }
    })
}
