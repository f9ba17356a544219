//! Opening a log to read it: plain, gzip or Zstandard, told apart by how it begins.
//!
//! Invariant: what is unpacked streams through a buffer; memory does not grow with the file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

const BUFFER_BYTES: usize = 256 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Opens a file for reading its lines.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut file = File::open(path)?;
    let mut magic = [0; 4];
    let known = fill(&mut file, &mut magic)?;
    if known > 0 {
        file.seek(SeekFrom::Start(0))?;
    }
    let plain = BufReader::with_capacity(BUFFER_BYTES, file);
    if magic.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(plain))));
    }
    if magic == ZSTANDARD {
        let frames = Frames { plain: Some(plain), frame: None };
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, frames)));
    }
    Ok(Box::new(plain))
}

fn fill(file: &mut File, magic: &mut [u8]) -> io::Result<usize> {
    let mut known = 0;
    while let Some(rest) = magic.get_mut(known..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            read => known = known.saturating_add(read),
        }
    }
    Ok(known)
}

/// A file of one frame after the other, as `zstd` and `cat` make them.
struct Frames<R: BufRead> {
    plain: Option<R>,
    frame: Option<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(mut frame) = self.frame.take() {
                let read = frame.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    self.frame = Some(frame);
                    return Ok(read);
                }
                self.plain = Some(frame.into_inner());
            }
            let Some(mut plain) = self.plain.take() else { return Ok(0) };
            if plain.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.frame = Some(StreamingDecoder::new(plain).map_err(io::Error::other)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(bytes: &[u8]) -> io::Result<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let mut text = String::new();
        open(file.path())?.read_to_string(&mut text).map(|_| text)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn all_three_forms_read_alike_and_so_do_files_that_were_joined() {
        let (one, two) = ("{\"seq\":1}\n".repeat(50_000), "{\"seq\":2}\n".repeat(3));
        let zstandard = |text: &str| compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
        assert_eq!(read(one.as_bytes()).unwrap(), one);
        assert_eq!(read(b"").unwrap(), "");
        assert_eq!(read(b"{\n").unwrap(), "{\n");
        assert_eq!(read(&[gzip(&one), gzip(&two)].concat()).unwrap(), format!("{one}{two}"));
        assert_eq!(read(&[zstandard(&one), zstandard(&two)].concat()).unwrap(), format!("{one}{two}"));
    }

    #[test]
    fn a_file_that_ends_in_the_middle_is_an_error() {
        let whole = gzip(&"abc".repeat(1000));
        assert!(read(&whole[..whole.len() / 2]).is_err());
        assert!(open(Path::new("/nowhere/audit.jsonl")).is_err());
    }
}
