//! Writing content without filling the holes of sparse files.
//!
//! Zeros that are not written where a file has none yet read as zeros all the same, and take no
//! room. Nothing travels about holes: whoever writes sees the zeros.

use std::{fs::File, io, ops::Range};

use super::sys::{read_at, write_all_at};

/// Zeros in units of this size, and at multiples of it, are left out. It is the unit in which
/// content is verified; smaller ones would save little and cost many writes.
const UNIT: u64 = 16 * 1024;

/// Writes `content` at `offset`, but for units of zeros where the file has nothing or zeros already.
/// From `empty_from` on it is known to have nothing, so only before is it looked at. Returns whether
/// something was left out: the caller then sees to the length of the file.
///
/// # Errors
/// Those of reading and writing.
pub(super) fn write_around(
    file: &File,
    content: &[u8],
    offset: u64,
    empty_from: u64,
) -> io::Result<bool> {
    let mut left_out = false;
    // What is to be written in one go, within `content`.
    let mut pending = 0..0;
    let write = |range: Range<usize>| match content.get(range.clone()) {
        Some(bytes) if !bytes.is_empty() => write_all_at(file, bytes, offset + range.start as u64),
        _ => Ok(()),
    };
    for unit in units(offset, content.len()) {
        let bytes = &content[unit.clone()];
        let at = offset + unit.start as u64;
        if is_zero(bytes) && (at >= empty_from || reads_as_zeros(file, at, bytes.len())?) {
            write(std::mem::replace(&mut pending, unit.end..unit.end))?;
            left_out = true;
        } else {
            pending.end = unit.end;
        }
    }
    write(pending)?;
    Ok(left_out)
}

/// Cuts `len` bytes at `offset` of a file at multiples of the unit.
fn units(offset: u64, len: usize) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start == len {
            return None;
        }
        let room = UNIT - (offset + start as u64) % UNIT;
        let size = usize::try_from(room).map_or(len, |room| room.min(len - start));
        start += size;
        Some(start - size..start)
    })
}

/// Whether all bytes are zero.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    // In blocks that the compiler makes a few instructions of.
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks
        .iter()
        .all(|block| block.iter().fold(0, |any, byte| any | byte) == 0)
        && rest.iter().all(|byte| *byte == 0)
}

/// Whether there is nothing but zeros in the file from `offset` on, for `len` bytes or to its end.
fn reads_as_zeros(file: &File, offset: u64, len: usize) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    let mut done = 0;
    while done < len {
        let want = buffer.len().min(len - done);
        match read_at(file, &mut buffer[..want], offset + done as u64) {
            Ok(0) => return Ok(true),
            Ok(count) if is_zero(&buffer[..count]) => done += count,
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const U: usize = 16 * 1024;

    fn file() -> File {
        tempfile::tempfile().unwrap()
    }

    fn content(file: &File) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        super::super::sys::read_exact_at(file, &mut bytes, 0).unwrap();
        bytes
    }

    #[cfg(unix)]
    fn allocated(file: &File) -> u64 {
        use std::os::unix::fs::MetadataExt as _;
        file.metadata().unwrap().blocks() * 512
    }

    #[test]
    fn zeros_are_found_wherever_they_end() {
        for len in [0, 1, 63, 64, 65, 1000] {
            let mut bytes = vec![0; len];
            assert!(is_zero(&bytes), "{len}");
            for at in 0..len {
                bytes[at] = 1;
                assert!(!is_zero(&bytes), "{at} of {len}");
                bytes[at] = 0;
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_zero_takes_no_room_and_reads_the_same() {
        // One letter for each unit: data or zeros.
        for pattern in ["d", "z", "dz", "zd", "dzzd", "zdz", "zzzz", "dzdzdz"] {
            for cut in [0, 1, 5000] {
                let mut bytes: Vec<u8> = pattern
                    .bytes()
                    .flat_map(|unit| vec![u8::from(unit == b'd'); U])
                    .collect();
                bytes.truncate(bytes.len() - cut);
                let file = file();
                let left_out = write_around(&file, &bytes, 0, 0).unwrap();
                assert_eq!(left_out, pattern.contains('z'), "{pattern} -{cut}");
                file.set_len(bytes.len() as u64).unwrap();
                assert_eq!(content(&file), bytes, "{pattern} -{cut}");
                let data = pattern.matches('d').count() as u64 * U as u64;
                assert!(allocated(&file) <= data, "{pattern} -{cut}");
            }
        }
    }

    #[test]
    fn zeros_replace_what_is_there() {
        let before = vec![7; 3 * U];
        for (offset, len) in [(0, 3 * U), (U, U), (U, 2 * U), (100, U), (2 * U + 1, U - 1)] {
            let file = file();
            write_all_at(&file, &before, 0).unwrap();
            let zeros = vec![0; len];
            write_around(&file, &zeros, offset as u64, before.len() as u64).unwrap();
            let mut expected = before.clone();
            expected[offset..offset + len].fill(0);
            assert!(content(&file) == expected, "{len} at {offset}");
        }
    }

    #[test]
    fn zeros_are_written_around_at_the_end_of_what_is_there() {
        let file = file();
        write_all_at(&file, &vec![7; U + 10], 0).unwrap();
        write_around(&file, &vec![0; 2 * U], U as u64, (U + 10) as u64).unwrap();
        file.set_len(3 * U as u64).unwrap();
        let mut expected = vec![7; U];
        expected.resize(3 * U, 0);
        assert!(content(&file) == expected);
    }
}
