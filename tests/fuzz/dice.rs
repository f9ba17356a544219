//! Chance that can be repeated, and what it does to bytes.

/// A stream of numbers from one seed (`SplitMix64`).
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From nought to one less than the bound; nought for no bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap().max(1);
        usize::try_from(self.number() % bound).unwrap()
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub(crate) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn byte(&mut self) -> u8 {
        const TELLING: &[u8] = b"\0\x01\t\n\r \"#%&'+,-./0129:;=?@AZ[\\]_az{|}~\x7f\x80\xff";
        if self.one_in(2) { TELLING[self.below(TELLING.len())] } else { self.number().to_be_bytes()[0] }
    }

    /// Where a piece begins and ends; short ones are more likely.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let longest = if self.one_in(4) { length } else { length.min(8) };
        let piece = self.below(longest + 1);
        let start = self.below(length - piece + 1);
        (start, start + piece)
    }

    /// The bytes, changed one to four times: a piece deleted, replaced, inserted, doubled, moved, cut off, or a word put in.
    pub(crate) fn mutate(&mut self, bytes: &[u8], others: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, others, words);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, others: &[Vec<u8>], words: &[&[u8]]) {
        let (start, end) = self.range(bytes.len());
        match self.below(9) {
            0 => drop(bytes.drain(start..end)),
            1 => bytes[start..end].iter_mut().for_each(|byte| *byte = self.byte()),
            2 => bytes.insert(start, self.byte()),
            3 if !words.is_empty() => drop(bytes.splice(start..start, self.pick(words).iter().copied())),
            4 if !words.is_empty() => drop(bytes.splice(start..end, self.pick(words).iter().copied())),
            5 => {
                let piece = bytes[start..end].to_vec();
                let at = self.below(bytes.len() + 1);
                bytes.splice(at..at, piece);
            }
            6 => bytes.truncate(end),
            7 if !others.is_empty() => {
                let other = &others[self.below(others.len())];
                let (from, to) = self.range(other.len());
                bytes.splice(start..end, other[from..to].iter().copied());
            }
            _ if !bytes.is_empty() => {
                let at = self.below(bytes.len());
                bytes[at] ^= 1 << self.below(8);
            }
            _ => bytes.push(self.byte()),
        }
    }
}

const LONGEST: usize = 1 << 16;
