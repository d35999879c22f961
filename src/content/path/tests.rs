use proptest::prelude::*;

use super::*;

fn why(path: &[u8]) -> PathError {
    EntryPath::parse(path).unwrap_err()
}

#[test]
fn hostile_names_are_refused_everywhere() {
    let cases: [(&[u8], PathError); 27] = [
        (b"", PathError::Empty),
        (b"/", PathError::Absolute),
        (b"/etc/passwd", PathError::Absolute),
        (b"//srv/x", PathError::Absolute),
        (b"../x", PathError::ParentDir),
        (b"..", PathError::ParentDir),
        (b"a/../../x", PathError::ParentDir),
        (b"a/..", PathError::ParentDir),
        (b".", PathError::CurrentDir),
        (b"./a", PathError::CurrentDir),
        (b"a/./b", PathError::CurrentDir),
        (b"a//b", PathError::EmptyComponent),
        (b"a/", PathError::EmptyComponent),
        (b"C:\\x", PathError::Backslash),
        (b"\\\\srv\\x", PathError::Backslash),
        (b"a\\..\\b", PathError::Backslash),
        (b"dir/a\\b", PathError::Backslash),
        (b"~", PathError::Home),
        (b"~/.ssh/authorized_keys", PathError::Home),
        (b"a\0b", PathError::Nul),
        (b"a/\0", PathError::Nul),
        (b".grove-partial", PathError::Partial),
        (b".grove-partial/root/x", PathError::Partial),
        (b".Grove-PARTIAL", PathError::Partial),
        (b"photos/.grove-partial/root/7.have", PathError::Partial),
        (b".grove-partial. .", PathError::Partial),
        (".grove-p\u{200b}artial/x".as_bytes(), PathError::Partial),
    ];
    for (path, expected) in cases {
        assert_eq!(why(path), expected, "{}", escape_bytes(path));
    }
}

#[test]
fn odd_but_legal_names_keep_every_byte() {
    let cases: [&[u8]; 22] = [
        b"a",
        b"a:b",
        b"C:x",
        b"c:",
        b"CON",
        b"nul.txt",
        b"a.",
        b"a?b ",
        b"a/b/c",
        b"...",
        b"..a/.b",
        b"~user/x",
        b"a/~",
        b"dir/C:",
        b".grove-partial2",
        b"-rf",
        b"$(touch x)",
        b"new\nline\tand \x1b[2J",
        b"'\"`",
        b"\xff\xfe",
        b"wtf-8 \xed\xa0\x80",
        b" x",
    ];
    for bytes in cases {
        if cfg!(windows) && EntryPath::parse(bytes).is_err() {
            continue;
        }
        let path = EntryPath::parse(bytes).unwrap();
        assert_eq!(path.as_bytes(), bytes);
        assert!(!path.to_string().contains(char::is_control));
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt as _;
            assert_eq!(path.to_path().as_os_str().as_bytes(), bytes);
        }
    }
}

#[test]
fn lengths_and_depth_have_limits() {
    let component = |len: usize| vec![b'x'; len];
    assert!(EntryPath::parse(&component(255)).is_ok());
    assert_eq!(
        why(&component(256)),
        PathError::ComponentTooLong { max: 255 }
    );
    assert_eq!(why(&component(16 << 20)), PathError::TooLong { max: 4096 });
    let deep = |depth: usize| vec!["d"; depth].join("/").into_bytes();
    assert!(EntryPath::parse(&deep(255)).is_ok());
    assert_eq!(why(&deep(256)), PathError::TooDeep { max: 255 });
    assert_eq!(why(&deep(2000)), PathError::TooDeep { max: 255 });
    let long = |len: usize| {
        let mut path = vec!["x".repeat(255); 16].join("/").into_bytes();
        path.resize(len, b'y');
        path
    };
    assert!(EntryPath::parse(&long(4095)).is_ok());
    assert_eq!(why(&long(4097)), PathError::TooLong { max: 4096 });
}

#[test]
fn windows_names_are_told() {
    let cases: [(&[u8], PathError); 19] = [
        (b"C:", PathError::Forbidden),
        (b"C:x", PathError::Forbidden),
        (b"file:hidden", PathError::Forbidden),
        (b"CON", PathError::Reserved),
        (b"con.txt", PathError::Reserved),
        (b"aux .tar.gz", PathError::Reserved),
        (b"NUL", PathError::Reserved),
        (b"com1", PathError::Reserved),
        ("COM¹".as_bytes(), PathError::Reserved),
        (b"LPT9.tar", PathError::Reserved),
        (b"conin$", PathError::Reserved),
        (b"x.", PathError::TrailingDotOrSpace),
        (b"x ", PathError::TrailingDotOrSpace),
        (b"COM1 ", PathError::TrailingDotOrSpace),
        (b"a:b", PathError::Forbidden),
        (b"a?b", PathError::Forbidden),
        (b"a*", PathError::Forbidden),
        (b"a\x1bb", PathError::Forbidden),
        (b"\xff", PathError::NotUtf8),
    ];
    for (name, expected) in cases {
        assert_eq!(check_windows(name), Err(expected));
        // Elsewhere they are names like any other.
        for path in [name.to_vec(), [b"dir/", name].concat()] {
            assert_eq!(EntryPath::parse(&path).is_ok(), !cfg!(windows));
        }
    }
    for name in ["console", "com10", "a.con", "nul-1", "été"] {
        assert_eq!(check_windows(name.as_bytes()), Ok(()));
    }
}

#[test]
fn parts_of_a_path() {
    let path = EntryPath::parse(b"a/bc/d").unwrap();
    assert_eq!(path.top(), b"a");
    assert_eq!(path.file_name(), b"d");
    assert_eq!(path.parent().unwrap().as_bytes(), b"a/bc");
    assert_eq!(path.parent().unwrap().parent().unwrap().parent(), None);
    let below = |base: &[u8]| path.starts_with(&EntryPath::parse(base).unwrap());
    assert!(below(b"a") && below(b"a/bc") && below(b"a/bc/d"));
    assert!(!below(b"a/b") && !below(b"a/bc/d/e") && !below(b"bc"));
    assert_eq!(path.join(b"e").unwrap().as_bytes(), b"a/bc/d/e");
    assert_eq!(path.join(b".."), Err(PathError::ParentDir));
}

proptest! {
    #[test]
    fn what_is_parsed_stays_below_its_folder(bytes in prop::collection::vec(
        prop_oneof![any::<u8>(), Just(b'/'), Just(b'.'), Just(b'\\'), Just(b':')], 0..40)
    ) {
        if let Ok(path) = EntryPath::parse(&bytes) {
            prop_assert_eq!(path.as_bytes(), &bytes[..]);
            let only_names = path
                .to_path()
                .components()
                .all(|c| matches!(c, std::path::Component::Normal(_)));
            prop_assert!(only_names);
            prop_assert!(!path.to_string().contains(char::is_control));
        }
    }
}
