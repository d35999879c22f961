//! What a name looks like to a file system that ignores case and Unicode form.

use unicode_normalization::UnicodeNormalization as _;

use super::text::is_ignorable;

/// A key that two components share when some file system in use (NTFS, FAT, APFS, HFS+, ext4 with
/// casefold) may take them for one name.
///
/// It is Unicode's canonical caseless match, with full case folding by way of lower, upper and
/// lower case (`ß` is `ss`, `ﬁ` is `fi`, the Kelvin sign is `k`); code points that are ignored in
/// comparisons are left out, and so are dots and spaces at the end, which Windows drops. Bytes that
/// are not UTF-8 stand for themselves. It may join what one file system keeps apart, never the
/// other way round.
pub(crate) fn fold_component(component: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(component.len());
    if component.is_ascii() {
        key.extend(component.iter().map(u8::to_ascii_lowercase));
    } else {
        for chunk in component.utf8_chunks() {
            let folded: String = chunk
                .valid()
                .nfd()
                .filter(|c| !is_ignorable(*c))
                .flat_map(char::to_lowercase)
                .flat_map(char::to_uppercase)
                .flat_map(char::to_lowercase)
                .nfd()
                .collect();
            key.extend_from_slice(folded.as_bytes());
            key.extend_from_slice(chunk.invalid());
        }
    }
    let kept = key.iter().rposition(|b| !matches!(b, b'.' | b' '));
    // A name of nothing but dots and spaces is left as it is, lest all of them be one.
    if let Some(last) = kept {
        key.truncate(last + 1);
    }
    key
}
