//! Sizes and times as people type and read them.
//!
//! Sizes are decimal, as on the box a disk comes in: `10M` and `10MB` are 10,000,000 bytes. Whoever
//! means powers of 1024 says so: `10MiB`. Fractions are exact; nothing goes through a float.

use std::{str::FromStr, time::Duration};

/// A number of bytes: `500`, `64K`, `10M`, `1.5G`, `10MB`, `64KiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

/// A time: `90s`, `10m`, `2h`, `1d`, `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// A time, or `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// So long.
    For(Duration),
    /// Without end.
    Forever,
}

/// Why a size or a time was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnitError {
    /// It does not start with a number.
    #[error("it must start with a number, such as {0}")]
    NoNumber(&'static str),
    /// The letters behind the number mean nothing.
    #[error("the unit must be one of K, M, G, T, KB, MB, GB, TB, KiB, MiB, GiB, TiB")]
    SizeUnit,
    /// The letters behind the number mean nothing, or are missing.
    #[error("say in which unit: 90s, 10m, 2h or 1d")]
    TimeUnit,
    /// More than fits.
    #[error("it is too large")]
    TooLarge,
    /// Less than one byte or one second.
    #[error("it must be more than zero")]
    Zero,
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split_number(text.trim()).ok_or(UnitError::NoNumber("10M"))?;
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "t" | "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return Err(UnitError::SizeUnit),
        };
        match scale(number, factor).ok_or(UnitError::TooLarge)? {
            0 => Err(UnitError::Zero),
            bytes => Ok(Self(bytes)),
        }
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let mut rest = text.trim();
        let mut millis: u64 = 0;
        loop {
            let (number, tail) = split_number(rest).ok_or(UnitError::NoNumber("10m"))?;
            let end = tail
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(tail.len());
            let factor = match &tail[..end] {
                "s" => 1_000,
                "m" | "min" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return Err(UnitError::TimeUnit),
            };
            millis = scale(number, factor)
                .and_then(|more| millis.checked_add(more))
                .ok_or(UnitError::TooLarge)?;
            rest = &tail[end..];
            if rest.is_empty() {
                break;
            }
        }
        if millis < 1_000 {
            return Err(UnitError::Zero);
        }
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl FromStr for Patience {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if text.trim() == "forever" {
            return Ok(Self::Forever);
        }
        Span::from_str(text).map(|span| Self::For(span.0))
    }
}

/// Splits `1.5G` into `1.5` and `G`; `None` when there is no number in front.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let sound = !whole.is_empty() && !fraction.is_empty() && !fraction.contains('.');
    sound.then_some((number, rest))
}

/// `number`, digits with at most one point between them, times `factor`; `None` when it overflows.
fn scale(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    // Twelve digits decide about single bytes of a terabyte; more cannot change the result.
    let digits = &fraction[..fraction.len().min(12)];
    let part = digits
        .bytes()
        .try_fold((0_u128, 1_u128), |(value, unit), b| {
            Some((value.checked_mul(10)? + u128::from(b - b'0'), unit * 10))
        })?;
    let part = u64::try_from(part.0 * u128::from(factor) / part.1).ok()?;
    whole.checked_add(part)
}

/// `1 file`, `214 files`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {}", if number == 1 { one } else { many })
}

/// `214 files`.
pub(crate) fn files(number: u64) -> String {
    count(number, "file", "files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_unless_they_say_otherwise() {
        for (text, bytes) in [
            ("500", 500),
            ("500B", 500),
            ("10M", 10_000_000),
            ("10MB", 10_000_000),
            ("10mb", 10_000_000),
            ("1.5G", 1_500_000_000),
            ("64KiB", 65_536),
            ("0.5 KiB", 512),
            ("1.000000001G", 1_000_000_001),
            ("16000000T", 16_000_000_000_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn senseless_sizes_say_why() {
        for (text, error) in [
            ("", UnitError::NoNumber("10M")),
            ("M", UnitError::NoNumber("10M")),
            ("-1", UnitError::NoNumber("10M")),
            (".5M", UnitError::NoNumber("10M")),
            ("1.M", UnitError::NoNumber("10M")),
            ("1.2.3M", UnitError::NoNumber("10M")),
            ("10X", UnitError::SizeUnit),
            ("10MM", UnitError::SizeUnit),
            ("99999999T", UnitError::TooLarge),
            ("99999999999999999999", UnitError::TooLarge),
            ("0", UnitError::Zero),
            ("0.0001", UnitError::Zero),
        ] {
            assert_eq!(text.parse::<Size>(), Err(error), "{text}");
        }
    }

    #[test]
    fn times_need_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("10min", 600),
            ("2h", 7_200),
            ("1d", 86_400),
            ("1h30m", 5_400),
            ("1.5h", 5_400),
        ] {
            let expected = Span(Duration::from_secs(seconds));
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for (text, error) in [
            ("", UnitError::NoNumber("10m")),
            ("forever", UnitError::NoNumber("10m")),
            ("90", UnitError::TimeUnit),
            ("90x", UnitError::TimeUnit),
            ("1h30", UnitError::TimeUnit),
            ("0s", UnitError::Zero),
            ("999999999999d", UnitError::TooLarge),
        ] {
            assert_eq!(text.parse::<Span>(), Err(error), "{text}");
        }
    }

    #[test]
    fn waiting_may_be_forever() {
        assert_eq!("forever".parse(), Ok(Patience::Forever));
        let ten = Patience::For(Duration::from_mins(10));
        assert_eq!("10m".parse(), Ok(ten));
    }

    #[test]
    fn counts_agree_with_their_noun() {
        assert_eq!(files(0), "0 files");
        assert_eq!(files(1), "1 file");
        assert_eq!(files(214), "214 files");
        assert_eq!(files(1_048_575), "1,048,575 files");
    }
}
