use proptest::prelude::*;

use super::*;

/// Undoes [`escape_bytes`], to show that nothing is lost and nothing ambiguous.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let mut put = |c: char| out.extend(c.to_string().bytes());
        let next = rest.chars().next();
        let (c, used) = match (c, next) {
            ('\\', Some('\\')) => ('\\', 1),
            ('\\', Some('n')) => ('\n', 1),
            ('\\', Some('t')) => ('\t', 1),
            ('\\', Some('r')) => ('\r', 1),
            ('\\', Some('u')) => {
                let end = rest.find('}').unwrap();
                let code = u32::from_str_radix(&rest[2..end], 16).unwrap();
                (char::from_u32(code).unwrap(), end + 1)
            }
            ('\\', Some('x')) => {
                out.push(u8::from_str_radix(&rest[1..3], 16).unwrap());
                rest = &rest[3..];
                continue;
            }
            (c, _) => (c, 0),
        };
        put(c);
        rest = &rest[used..];
    }
    out
}

#[test]
fn attacks_become_visible() {
    let marks = format!("a{}", "\u{301}".repeat(4000));
    let cases = [
        ("\x1b[2J", "\\u{1b}[2J"),
        ("\x1b]8;;http://x\x07", "\\u{1b}]8;;http://x\\u{7}"),
        ("\u{9b}31m", "\\u{9b}31m"),
        ("a\rb\nc\td", "a\\rb\\nc\\td"),
        ("\0\x7f\u{80}", "\\u{0}\\u{7f}\\u{80}"),
        ("photo\u{202e}gpj.exe", "photo\\u{202e}gpj.exe"),
        ("\u{2066}a\u{2069}", "\\u{2066}a\\u{2069}"),
        ("\u{200e}\u{200f}\u{61c}", "\\u{200e}\\u{200f}\\u{61c}"),
        (
            "a\u{200b}\u{200d}\u{2060}\u{feff}",
            "a\\u{200b}\\u{200d}\\u{2060}\\u{feff}",
        ),
        ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
        ("a\u{e0041}\u{e007f}", "a\\u{e0041}\\u{e007f}"),
        ("a\u{ad}b\u{fff9}\u{ffff}", "a\\u{ad}b\\u{fff9}\\u{ffff}"),
    ];
    for (raw, shown) in cases {
        assert_eq!(escape(raw), shown);
        assert_eq!(escape_bytes(raw.as_bytes()), shown);
    }
    let shown = escape(&marks);
    assert_eq!(shown.matches('\u{301}').count(), 8);
    assert_eq!(shown.matches("\\u{301}").count(), 3992);
}

#[test]
fn ordinary_names_are_borrowed() {
    for name in [
        "photos/été 2024.jpg",
        "日本語.txt",
        "e\u{301}",
        "\u{2764}\u{fe0f}",
        "$(touch x) 'quoted' -rf",
        "C:\\Games\\save",
        "",
    ] {
        assert!(matches!(escape(name), Cow::Borrowed(shown) if shown == name));
    }
}

#[test]
fn a_backslash_is_doubled_only_where_it_would_mislead() {
    assert_eq!(escape("a\\b"), "a\\b");
    assert_eq!(escape("a\\nb"), "a\\\\nb");
    assert_eq!(escape("a\\\x1b"), "a\\\\\\u{1b}");
    assert_eq!(escape("\\\\srv"), "\\\\\\srv");
    assert_eq!(escape_bytes(b"a\\\xff"), "a\\\\\\xff");
    assert_eq!(escape_bytes(b"caf\xe9.txt"), "caf\\xe9.txt");
}

#[test]
fn shortened_text_keeps_both_ends_and_the_limit() {
    assert_eq!(shorten("short.txt", 9), "short.txt");
    assert_eq!(shorten("été.txt", 7), "été.txt");
    assert_eq!(shorten("a-very-long-name.tar.gz", 10), "a-very….gz");
    assert_eq!(shorten("abc", 1), "…");
    assert_eq!(shorten("ééééé", 3), "éé…");
}

#[test]
fn sizes_read_well() {
    let cases = [
        (0, "0 B"),
        (17, "17 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (812_345, "812 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_400_000_000, "1.4 GB"),
        (u64::MAX, "18 EB"),
    ];
    for (bytes, shown) in cases {
        assert_eq!(human_bytes(bytes), shown);
    }
}

proptest! {
    #[test]
    fn escaping_is_reversible_and_leaves_nothing_hostile(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(b'\\'), Just(b'u'), Just(b'n'), Just(0x1b)], 0..40)
    ) {
        let shown = escape_bytes(&bytes);
        prop_assert!(!shown.chars().any(is_hostile));
        prop_assert_eq!(unescape(&shown), bytes);
    }

    #[test]
    fn escaping_text_is_reversible(text in "(\\PC|\\\\|[nrtux]|\u{301}|\u{202e}){0,40}") {
        let shown = escape(&text);
        prop_assert!(!shown.chars().any(is_hostile));
        prop_assert_eq!(unescape(&shown), text.as_bytes());
    }

    #[test]
    fn shortened_text_is_never_too_long(text in ".{0,40}", max in 1_usize..30) {
        prop_assert!(shorten(&text, max).chars().count() <= max);
    }
}

#[test]
fn times_read_well() {
    for (seconds, text) in [
        (0.0, "0.0 s"),
        (1.26, "1.3 s"),
        (9.99, "10 s"),
        (12.4, "12 s"),
        (59.7, "1 min"),
        (200.0, "3 min 20 s"),
        (7_500.0, "2 h 5 min"),
        (273_600.0, "3 d 4 h"),
    ] {
        assert_eq!(human_time(seconds), text);
    }
}
