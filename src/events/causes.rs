//! The errors behind an error.

use std::{error::Error, io, iter};

/// An error and what caused it, the outermost first. An [`io::Error`] that wraps another error is left
/// out: what it wraps says more.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let all = iter::successors(Some(error), |&error| match wrapped(error) {
        // It is not the source of what wraps it.
        Some(inner) => Some(inner),
        None => error.source(),
    });
    all.filter(|error| wrapped(*error).is_none())
}

fn wrapped<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    Some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_is_told_and_the_wrapping_is_not() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let wrapping = io::Error::other(io::Error::other(refused));
        let kinds: Vec<_> = causes(&wrapping)
            .filter_map(|error| error.downcast_ref().map(io::Error::kind))
            .collect();
        assert_eq!(kinds, [io::ErrorKind::ConnectionRefused]);
    }
}
