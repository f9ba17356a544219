//! One run against one parser: the corpus as it stands, then changes of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dice::Dice;

const SEED: u64 = 0x0048_4f4f_4b57_4152;

/// Where the run begins.
#[expect(clippy::disallowed_methods, reason = "a run is begun again by its seed")]
pub(crate) fn seed() -> u64 {
    std::env::var("HOOKWARD_FUZZ_SEED").map_or(SEED, |text| text.parse().expect("HOOKWARD_FUZZ_SEED is a number"))
}

/// So many rounds, and more if asked for.
#[expect(clippy::disallowed_methods, reason = "whoever has time asks for more rounds")]
pub(crate) fn rounds(usual: usize) -> usize {
    let times = std::env::var("HOOKWARD_FUZZ_ROUNDS").map_or(1, |text| text.parse().expect("HOOKWARD_FUZZ_ROUNDS is a number"));
    usual.saturating_mul(times)
}

/// Every file of a folder of the corpus, in order.
pub(crate) fn files(folder: &str) -> Vec<Vec<u8>> {
    paths(&root().join("tests/corpus").join(folder)).iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Every line of the files of a folder of the corpus.
pub(crate) fn lines(folder: &str) -> Vec<Vec<u8>> {
    files(folder).iter().flat_map(|file| file.split(|byte| *byte == b'\n')).map(<[u8]>::to_vec).collect()
}

/// Every file under a folder with the ending, in order.
pub(crate) fn files_with(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let paths = paths(&root().join(folder));
    let fits = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == ending));
    fits.map(|path| fs::read(path).unwrap()).collect()
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}

/// Tries every entry, then changes of entries. What is tried panics if something does not hold.
pub(crate) fn run(name: &str, usual: usize, entries: &[Vec<u8>], words: &[&[u8]], mut attempt: impl FnMut(&[u8], &mut Dice)) {
    assert!(!entries.is_empty(), "{name} begins with nothing");
    let seed = seed();
    let mut dice = Dice::new(seed ^ name.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte)));
    for round in 0..entries.len() + rounds(usual) {
        let input = entries.get(round).cloned().unwrap_or_else(|| {
            let entry = dice.below(entries.len());
            dice.mutate(&entries[entry], entries, words)
        });
        let blame = Blame { name, seed, round, input: &input };
        attempt(&input, &mut dice);
        drop(blame);
    }
}

/// Says what was tried when it fails.
struct Blame<'a> {
    name: &'a str,
    seed: u64,
    round: usize,
    input: &'a [u8],
}

impl Drop for Blame<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { name, seed, round, input } = self;
            eprintln!("{name}: HOOKWARD_FUZZ_SEED={seed}, round {round}, input:\n{}", input.escape_ascii());
        }
    }
}
