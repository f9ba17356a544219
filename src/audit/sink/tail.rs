//! How a file ended: its last whole record, and what stands torn after it.
//!
//! Rules: lines are looked at from the last one backwards until one is a record. What follows it is torn. A last record that
//! only lacks its newline is whole. A file with lines of which none is a record belongs to somebody else.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

use crate::audit::chain::{Hash, Head, Link, Tail};

/// How much of a file's end is looked at first; only where no record stands in it, the whole file is.
const WINDOW_BYTES: u64 = 4 << 20;
const CHUNK_BYTES: usize = 64 << 10;
/// No record is longer.
const LINE_BYTES: u64 = 64 << 10;
/// How many line ends are remembered: the torn region has few lines, if it has any.
const LINES: usize = 64;

/// The end of a file; `None` where its lines are no records.
pub(super) fn read_tail(file: &File, length: u64) -> io::Result<Option<Tail>> {
    let recent = length.saturating_sub(WINDOW_BYTES);
    if let Some(tail) = tail_from(file, recent, length)? {
        return Ok(Some(tail));
    }
    let tail = if recent > 0 { tail_from(file, 0, length)? } else { None };
    match tail {
        Some(tail) => Ok(Some(tail)),
        None => no_record(file, length),
    }
}

/// Without any record, the file is empty, or its very first line is torn, or it is no audit log.
fn no_record(file: &File, length: u64) -> io::Result<Option<Tail>> {
    if length == 0 {
        return Ok(Some(Tail::default()));
    }
    let unterminated = !ends_in_newline(file, length)?;
    let one_line = line_starts(file, 0, length)?.len() == 1;
    let torn = if one_line && unterminated { Some(hash_of(file, 0, length)?) } else { None };
    Ok(torn.map(|torn| Tail { last: None, torn: Some(torn), unterminated }))
}

fn tail_from(file: &File, start: u64, length: u64) -> io::Result<Option<Tail>> {
    let mut end = length;
    for line_start in line_starts(file, start, length)?.into_iter().rev() {
        if let Some(last) = record_at(file, line_start, end)? {
            return after_record(file, last, end, length).map(Some);
        }
        end = line_start;
    }
    Ok(None)
}

/// `end` is where the record's line ends, with its newline if it has one.
fn after_record(file: &File, last: Head, end: u64, length: u64) -> io::Result<Tail> {
    let unterminated = !ends_in_newline(file, length)?;
    let region_end = if unterminated { length } else { length.saturating_sub(1) };
    let torn = if end < length { Some(hash_of(file, end, region_end)?) } else { None };
    Ok(Tail { last: Some(last), torn, unterminated })
}

fn record_at(file: &File, start: u64, end: u64) -> io::Result<Option<Head>> {
    let bytes = end.saturating_sub(start);
    if bytes > LINE_BYTES {
        return Ok(None);
    }
    let mut line = vec![0; usize::try_from(bytes).unwrap_or_default()];
    file.read_exact_at(&mut line, start)?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    Ok(Link::parse(line).map(|link| Head { seq: link.seq, hash: Sha256::digest(line).into() }))
}

/// Where the last lines begin, in order. A line that begins before `start` is not among them.
fn line_starts(file: &File, start: u64, length: u64) -> io::Result<Vec<u64>> {
    let mut starts = VecDeque::with_capacity(LINES);
    if start == 0 && length > 0 {
        starts.push_back(0);
    }
    each_chunk(file, start, length, |offset, chunk| {
        for newline in memchr::memchr_iter(b'\n', chunk) {
            let next = offset.saturating_add(newline as u64).saturating_add(1);
            if next < length {
                starts.push_back(next);
            }
            if starts.len() > LINES {
                starts.pop_front();
            }
        }
    })?;
    Ok(starts.into())
}

fn hash_of(file: &File, start: u64, end: u64) -> io::Result<Hash> {
    let mut hasher = Sha256::new();
    each_chunk(file, start, end, |_, chunk| hasher.update(chunk))?;
    Ok(hasher.finalize().into())
}

fn ends_in_newline(file: &File, length: u64) -> io::Result<bool> {
    let mut last = [0];
    file.read_exact_at(&mut last, length.saturating_sub(1))?;
    Ok(last == *b"\n")
}

fn each_chunk(file: &File, start: u64, end: u64, mut see: impl FnMut(u64, &[u8])) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut offset = start;
    while offset < end {
        let want = usize::try_from(end.saturating_sub(offset)).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let chunk = buffer.get_mut(..want).unwrap_or_default();
        file.read_exact_at(chunk, offset)?;
        see(offset, chunk);
        offset = offset.saturating_add(want as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn line(seq: u64) -> String {
        format!("{{\"ts\":\"t\",\"seq\":{seq},\"prev\":\"{}\",\"kind\":\"stop\"}}", "0".repeat(64))
    }

    fn digest(text: &[u8]) -> Hash {
        Sha256::digest(text).into()
    }

    fn tail(content: &[u8]) -> Option<Tail> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        read_tail(&file, content.len() as u64).unwrap()
    }

    #[test]
    fn ends_are_told_apart() {
        let (one, two) = (line(1), line(2));
        let last = |seq: u64| Some(Head { seq, hash: digest(line(seq).as_bytes()) });
        let cases = [
            (String::new(), Tail::default()),
            (format!("{one}\n{two}\n"), Tail { last: last(2), ..Tail::default() }),
            (format!("{one}\n{two}"), Tail { last: last(2), torn: None, unterminated: true }),
            (format!("{one}\n{{\"ts\""), Tail { last: last(1), torn: Some(digest(b"{\"ts\"")), unterminated: true }),
            (format!("{one}\nab\ncd"), Tail { last: last(1), torn: Some(digest(b"ab\ncd")), unterminated: true }),
            (format!("{one}\nab\n"), Tail { last: last(1), torn: Some(digest(b"ab")), unterminated: false }),
            ("{\"ts\":\"2".to_owned(), Tail { last: None, torn: Some(digest(b"{\"ts\":\"2")), unterminated: true }),
        ];
        for (content, expected) in cases {
            assert_eq!(tail(content.as_bytes()), Some(expected), "{content}");
        }
    }

    #[test]
    fn somebody_elses_file_is_no_audit_log() {
        assert_eq!(tail(b"root:x:0:0\n"), None);
        assert_eq!(tail(b"# notes\nmore"), None);
    }

    #[test]
    fn a_long_torn_region_hides_no_record() {
        let torn = vec![0; 5 << 20];
        let content = [line(3).as_bytes(), b"\n", &torn].concat();
        let last = Some(Head { seq: 3, hash: digest(line(3).as_bytes()) });
        assert_eq!(tail(&content), Some(Tail { last, torn: Some(digest(&torn)), unterminated: true }));
    }
}
