//! What is printed in rows: listings, trees, the cache, short lists of names, QR codes.

use std::fmt::Write as _;

use super::units::{count, files};
use crate::{
    content::{EntryPath, HubTicket, Manifest, Mtime, escape, escape_bytes, human_bytes},
    disk::CacheInfo,
};

/// Most names in a list that is only there to tell.
const NAMES_MAX: usize = 10;

/// One row of a listing.
struct Row<'a> {
    path: &'a EntryPath,
    size: Option<String>,
    date: Option<Mtime>,
    tail: String,
}

fn rows(manifest: &Manifest) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    rows.extend(manifest.files.iter().map(|file| Row {
        path: &file.path,
        size: file.size.map(human_bytes),
        date: file.mtime,
        tail: String::new(),
    }));
    rows.extend(manifest.dirs.iter().map(|dir| Row {
        path: &dir.path,
        size: None,
        date: Some(dir.mtime),
        tail: "/".to_owned(),
    }));
    rows.extend(manifest.links.iter().map(|link| Row {
        path: &link.path,
        size: None,
        date: Some(link.mtime),
        tail: format!(" -> {}", escape_bytes(&link.target)),
    }));
    // Component by component, so that what is in a folder follows it.
    rows.sort_by(|a, b| a.path.components().cmp(b.path.components()));
    rows
}

/// Size, date and name of every entry, and the sum.
pub(crate) fn listing(manifest: &Manifest) -> String {
    let mut text = String::new();
    for row in rows(manifest) {
        let size = row.size.as_deref().unwrap_or("-");
        let date = row.date.map_or_else(|| "-".to_owned(), date);
        _ = writeln!(text, "{size:>9}  {date:<16}  {}{}", row.path, row.tail);
    }
    text + &totals(manifest)
}

/// Entries indented below their folders, and the sum.
pub(crate) fn tree(manifest: &Manifest) -> String {
    let mut text = String::new();
    let mut shown: Vec<&[u8]> = Vec::new();
    for row in rows(manifest) {
        let parts: Vec<&[u8]> = row.path.components().collect();
        let common = shown.iter().zip(&parts).take_while(|(a, b)| a == b).count();
        let (last, folders) = parts
            .split_last()
            .map_or((&[][..], &[][..]), |(l, f)| (*l, f));
        // Folders that only the paths below them name.
        for (depth, folder) in folders.iter().enumerate().skip(common) {
            let name = escape_bytes(folder);
            _ = writeln!(text, "{:indent$}{name}/", "", indent = depth * 2);
        }
        let size = row.size.map(|size| format!("  {size}")).unwrap_or_default();
        let name = escape_bytes(last);
        let indent = folders.len() * 2;
        _ = writeln!(text, "{:indent$}{name}{}{size}", "", row.tail);
        shown = parts;
    }
    text + &totals(manifest)
}

fn totals(manifest: &Manifest) -> String {
    let number = manifest.files.len() as u64;
    let more = if manifest.files.iter().any(|file| file.size.is_none()) {
        "at least "
    } else {
        ""
    };
    let bytes = human_bytes(manifest.total_bytes());
    format!("{}, {more}{bytes}\n", files(number))
}

/// `2026-11-22 17:42`, in UTC. The calendar is computed from the days since 1970 by Howard Hinnant's
/// `civil_from_days`, which counts in eras of 400 years that begin in March.
pub(crate) fn date(mtime: Mtime) -> String {
    let days = mtime.secs.div_euclid(86_400);
    let minutes = mtime.secs.rem_euclid(86_400) / 60;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}",
        minutes / 60,
        minutes % 60
    )
}

/// What the cache holds, a row for each tree and each kind of file.
pub(crate) fn cache(info: &CacheInfo) -> String {
    let mut text = String::new();
    let mut row = |bytes: u64, what: &str| {
        _ = writeln!(text, "{:>9}  {what}", human_bytes(bytes));
    };
    let mut sum = 0_u64;
    for (path, number, bytes) in &info.trees {
        let path = path.to_string_lossy();
        row(*bytes, &format!("{} ({})", escape(&path), files(*number)));
        sum = sum.saturating_add(*bytes);
    }
    for ((number, bytes), one, many) in [
        (info.outboards, "hash tree", "hash trees"),
        (info.manifests, "list of files", "lists of files"),
        (info.left_behind, "unused copy", "unused copies"),
    ] {
        row(bytes, &count(number, one, many));
        sum = sum.saturating_add(bytes);
    }
    row(sum, "in all");
    text
}

/// The hubs that were joined, a row for each.
pub(crate) fn hubs(hubs: &[HubTicket]) -> String {
    let mut text = String::new();
    for hub in hubs {
        _ = writeln!(text, "{}  {}", hub.name(), roles(hub));
    }
    text
}

/// What a hub does.
pub(crate) fn roles(hub: &HubTicket) -> &'static str {
    match (hub.relay, hub.directory) {
        (true, true) => "relay and directory",
        (true, false) => "relay",
        (false, true) => "directory",
        (false, false) => "nothing that this grove knows",
    }
}

/// A headline and at most ten names; nothing for no names.
pub(crate) fn short_list(
    names: impl ExactSizeIterator<Item = String>,
    headline: impl FnOnce(usize) -> String,
) -> Vec<String> {
    let number = names.len();
    if number == 0 {
        return Vec::new();
    }
    let mut text = headline(number);
    for name in names.take(NAMES_MAX) {
        text += "\n  ";
        text += &name;
    }
    if number > NAMES_MAX {
        _ = write!(text, "\n  and {} more", number - NAMES_MAX);
    }
    vec![text]
}

/// A QR code of half blocks; `None` when it is wider than `columns`, or `text` too long for one.
pub(crate) fn qr(text: &str, columns: usize) -> Option<String> {
    // Capital letters need fewer dots, and a ticket means the same in them.
    let code = qrcode::QrCode::new(text.to_ascii_uppercase()).ok()?;
    let picture = code
        .render::<qrcode::render::unicode::Dense1x2>()
        .dark_color(qrcode::render::unicode::Dense1x2::Light)
        .light_color(qrcode::render::unicode::Dense1x2::Dark)
        .build();
    let width = picture.lines().next()?.chars().count();
    (width <= columns).then_some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{DirEntry, FileEntry, Hash, LinkEntry};

    fn manifest() -> Manifest {
        let path = |text: &str| EntryPath::parse(text.as_bytes()).unwrap();
        let mtime = Mtime {
            secs: 1_795_369_320,
            nanos: 0,
        };
        let file = |name: &str, size: Option<u64>| FileEntry {
            path: path(name),
            hash: Hash::EMPTY,
            size,
            mode: Some(0o644),
            mtime: size.map(|_| mtime),
        };
        Manifest {
            files: vec![
                file("photos/a.jpg", Some(1_500_000)),
                file("photos/b/c.jpg", Some(20)),
                file("photos/b.txt", Some(3)),
            ],
            dirs: vec![DirEntry {
                path: path("photos"),
                mode: 0o755,
                mtime,
            }],
            links: vec![LinkEntry {
                path: path("photos/l"),
                target: (*b"a\x1b[2J").into(),
                mtime,
            }],
        }
    }

    #[test]
    fn a_listing_has_size_date_name_and_sum() {
        insta::assert_snapshot!(listing(&manifest()));
    }

    #[test]
    fn a_tree_shows_folders_that_only_paths_name() {
        insta::assert_snapshot!(tree(&manifest()));
    }

    #[test]
    fn unknown_sizes_make_the_sum_a_lower_bound() {
        let mut manifest = manifest();
        manifest.files[1].size = None;
        assert!(listing(&manifest).ends_with("3 files, at least 1.5 MB\n"));
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (secs, text) in [
            (0, "1970-01-01 00:00"),
            (-1, "1969-12-31 23:59"),
            (951_782_400, "2000-02-29 00:00"),
            (1_709_251_140, "2024-02-29 23:59"),
            (1_795_369_320, "2026-11-22 17:42"),
            (-2_208_988_800, "1900-01-01 00:00"),
        ] {
            assert_eq!(date(Mtime { secs, nanos: 0 }), text);
        }
    }

    #[test]
    fn any_date_a_stranger_claims_is_shown() {
        for secs in [i64::MIN, i64::MAX] {
            assert!(!date(Mtime { secs, nanos: 0 }).is_empty());
        }
    }

    #[test]
    fn long_lists_end_with_a_number() {
        let names: Vec<String> = (0..12).map(|n| format!("n{n}")).collect();
        let list = short_list(names.into_iter(), |n| format!("{n} left out:"));
        assert_eq!(list.len(), 1);
        assert!(list[0].starts_with("12 left out:\n  n0\n"));
        assert!(list[0].ends_with("\n  n9\n  and 2 more"));
        assert!(short_list(Vec::new().into_iter(), |_| String::new()).is_empty());
    }

    #[test]
    fn a_code_that_is_too_wide_is_not_shown() {
        let ticket = format!("blob{}", "a".repeat(200));
        assert!(qr(&ticket, 40).is_none());
        assert!(qr(&ticket, 80).is_some());
    }
}
