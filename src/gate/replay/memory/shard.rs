//! One shard: the settled deliveries and the claims in flight whose identities fall here.
//!
//! Invariants:
//! 1. An identity is settled, in flight, or neither; never both.
//! 2. Every entry has exactly one place of the ledger, and gives it back when it goes.
//! 3. What is over counts as absent, whether or not it is still there.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::entry::JournalEntry;
use super::forgotten::Forgotten;
use super::ledger::{Ledger, Pool};
use crate::domain::time::{Monotonic, Now};
use crate::gate::replay::key::Identity;
use crate::gate::replay::reckoning::{Offsets, Until};
use crate::gate::replay::store::{Answer, Claim, Owner, StoreError};

/// What an entry is known by: as much of an identity as cannot meet another by chance. Of ten million two meet with a probability of
/// 10⁻¹⁵, and whoever wants two to meet needs the secret, 2⁴⁸ tries, and harms his own integration only.
type Tag = [u8; 12];

/// Half of an identity, its tag, and where that hashes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    half: [u8; 16],
    tag: Tag,
    hash: u64,
}

impl Key {
    pub(super) fn new(identity: &Identity, seed: &RandomState) -> Self {
        Self::of_half(identity.as_bytes().first_chunk().copied().unwrap_or_default(), seed)
    }

    pub(super) fn of_half(half: [u8; 16], seed: &RandomState) -> Self {
        let tag = half.first_chunk().copied().unwrap_or_default();
        Self { half, tag, hash: seed.hash_one(tag) }
    }

    /// Which of so many shards, by bits that nothing inside a shard's table is chosen by. The last shards are twice as likely as the
    /// first: tables double when they are full, and if all were of one size all would be half empty at once.
    pub(super) fn shard(self, shards: usize) -> usize {
        const RANGE: u64 = 1 << 24;
        let even = self.hash >> 32 & (RANGE - 1);
        // About the binary logarithm of one to two, which is what divides a doubling evenly.
        let uneven = even + even * (RANGE - even) / RANGE * 11 / 32;
        let shards = u64::try_from(shards).unwrap_or(1);
        usize::try_from(uneven.min(RANGE - 1) * shards / RANGE).unwrap_or(0)
    }
}

/// A delivery that was taken. Twenty bytes.
#[derive(Debug)]
struct Remembered {
    tag: Tag,
    until: Until,
    pool: Pool,
}

/// A claim in flight.
#[derive(Debug)]
struct Held {
    tag: Tag,
    owner: Owner,
    lease_until: Monotonic,
    until: Until,
    pool: Pool,
}

#[derive(Debug)]
pub(super) struct Shard {
    settled: HashTable<Remembered>,
    held: HashTable<Held>,
    offsets: Offsets,
    /// Before this second of the wall nothing settled is over.
    due_second: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Self { settled: HashTable::new(), held: HashTable::new(), offsets: Offsets::default(), due_second: u32::MAX }
    }
}

/// What every operation of a shard works with.
pub(super) struct Context<'a> {
    pub(super) now: Now,
    pub(super) ledger: &'a Ledger,
    pub(super) forgotten: &'a Forgotten,
    pub(super) seed: &'a RandomState,
}

impl Shard {
    /// The claim's answer; `owner` is the token it has if it is fresh.
    pub(super) fn claim(&mut self, key: Key, claim: &Claim, owner: Owner, with: &Context<'_>) -> Result<Answer, StoreError> {
        if self.is_settled(key, with) {
            return Ok(Answer::Settled);
        }
        let until = self.offsets.until(claim.keep_until, with.now);
        let lease_until = with.now.monotonic.plus(claim.lease);
        if let Some(held) = self.held.find_mut(key.hash, |held| held.tag == key.tag) {
            if with.now.monotonic < held.lease_until {
                return Ok(Answer::InFlight { retry_after: held.lease_until.since(with.now.monotonic) });
            }
            (held.owner, held.lease_until, held.until) = (owner, lease_until, until);
            return Ok(Answer::Fresh(owner));
        }
        if claim.is_timed && with.forgotten.may_hold(until.second()) {
            // The wall was set back: nobody can say whether this one was taken. The store has no answer, so it is refused.
            return Err(StoreError::Unavailable);
        }
        let pool = with.ledger.take(claim.share).ok_or(StoreError::Full)?;
        self.hold(Held { tag: key.tag, owner, lease_until, until, pool }, key, with);
        Ok(Answer::Fresh(owner))
    }

    fn hold(&mut self, held: Held, key: Key, with: &Context<'_>) {
        self.held.insert_unique(key.hash, held, |held| with.seed.hash_one(held.tag));
    }

    /// Makes sure that a settlement will have its place for as long as it takes to write it down, and says what to write;
    /// nothing if that was done before. `owner` is nobody's: it holds the place if no claim does any more.
    pub(super) fn secure(
        &mut self,
        key: Key,
        claim: &Claim,
        owner: Owner,
        with: &Context<'_>,
    ) -> Result<Option<JournalEntry>, StoreError> {
        if self.is_settled(key, with) {
            return Ok(None);
        }
        let lease_until = with.now.monotonic.plus(claim.lease);
        let (second, pool) = if let Some(held) = self.held.find_mut(key.hash, |held| held.tag == key.tag) {
            held.lease_until = held.lease_until.max(lease_until);
            (held.until.second(), held.pool)
        } else {
            let pool = with.ledger.take(claim.share).ok_or(StoreError::Full)?;
            let until = self.offsets.until(claim.keep_until, with.now);
            self.hold(Held { tag: key.tag, owner, lease_until, until, pool }, key, with);
            (until.second(), pool)
        };
        Ok(Some(JournalEntry { half: key.half, second, share: with.ledger.tag(pool), is_timed: claim.is_timed }))
    }

    /// Remembers what a journal says was settled; whether it is news.
    pub(super) fn restore(&mut self, key: Key, entry: &JournalEntry, with: &Context<'_>) -> bool {
        if self.is_settled(key, with) {
            return false;
        }
        let pool = with.ledger.restore(entry.share);
        let until = self.offsets.until_second(entry.second, with.now);
        self.remember(Remembered { tag: key.tag, until, pool }, key, entry.is_timed, with);
        true
    }

    fn remember(&mut self, remembered: Remembered, key: Key, is_timed: bool, with: &Context<'_>) {
        let second = remembered.until.second();
        if is_timed {
            with.forgotten.remembers(second);
        }
        self.due_second = self.due_second.min(second);
        self.settled.insert_unique(key.hash, remembered, |entry| with.seed.hash_one(entry.tag));
    }

    /// Remembers a success, in the place of whatever claim there is, else in a new one.
    pub(super) fn settle(&mut self, key: Key, claim: &Claim, with: &Context<'_>) -> Result<(), StoreError> {
        let (until, pool) = match self.remove_held(key, |_| true) {
            Some(held) => (held.until, held.pool),
            None if self.is_settled(key, with) => return Ok(()),
            None => {
                let pool = with.ledger.take(claim.share).ok_or(StoreError::Full)?;
                (self.offsets.until(claim.keep_until, with.now), pool)
            }
        };
        self.remember(Remembered { tag: key.tag, until, pool }, key, claim.is_timed, with);
        Ok(())
    }

    pub(super) fn release(&mut self, key: Key, owner: Owner, with: &Context<'_>) {
        if let Some(held) = self.remove_held(key, |held| held.owner == owner) {
            with.ledger.give_back(&[held.pool]);
        }
    }

    pub(super) fn lapse(&mut self, key: Key, owner: Owner, lease_until: Monotonic) {
        let own = |held: &Held| held.tag == key.tag && held.owner == owner;
        if let Some(held) = self.held.find_mut(key.hash, |held| own(held)) {
            held.lease_until = lease_until;
        }
    }

    /// What the index knows of a settled delivery: its half, and the second at which it is over.
    pub(super) fn settled(&mut self, key: Key, with: &Context<'_>) -> Option<([u8; 16], u32)> {
        let is_settled = self.is_settled(key, with);
        let entry = self.settled.find(key.hash, |entry| entry.tag == key.tag).filter(|_| is_settled)?;
        Some((key.half, entry.until.second()))
    }

    /// Forgets a settled delivery; whether there was one.
    pub(super) fn forget(&mut self, key: Key, with: &Context<'_>) -> bool {
        let was_settled = self.is_settled(key, with);
        if was_settled {
            self.remove_settled(key, with);
        }
        was_settled
    }

    /// Drops what is over and gives its places back; gives memory back when little is left.
    pub(super) fn sweep(&mut self, with: &Context<'_>) {
        let mut freed = Vec::new();
        self.held.retain(|held| keep(with.now.monotonic < held.lease_until, held.pool, &mut freed));
        if with.now.wall.seconds() >= i64::from(self.due_second) {
            self.sweep_settled(with, &mut freed);
        }
        if freed.is_empty() {
            return;
        }
        with.ledger.give_back(&freed);
        shrink(&mut self.settled, |entry| with.seed.hash_one(entry.tag));
        shrink(&mut self.held, |held| with.seed.hash_one(held.tag));
        if self.settled.is_empty() && self.held.is_empty() {
            self.offsets.clear();
        }
    }

    fn sweep_settled(&mut self, with: &Context<'_>, freed: &mut Vec<Pool>) {
        let mut due_second = u32::MAX;
        self.settled.retain(|entry| {
            let kept = keep(!self.offsets.is_over(entry.until, with.now), entry.pool, freed);
            if kept {
                due_second = due_second.min(entry.until.second());
            } else {
                with.forgotten.drops(entry.until.second());
            }
            kept
        });
        self.due_second = due_second;
    }

    /// Whether it is settled and not over; what is over is dropped.
    fn is_settled(&mut self, key: Key, with: &Context<'_>) -> bool {
        let Some(entry) = self.settled.find(key.hash, |entry| entry.tag == key.tag) else { return false };
        let over = self.offsets.is_over(entry.until, with.now);
        if over {
            with.forgotten.drops(entry.until.second());
            self.remove_settled(key, with);
        }
        !over
    }

    fn remove_settled(&mut self, key: Key, with: &Context<'_>) {
        if let Ok(entry) = self.settled.find_entry(key.hash, |entry| entry.tag == key.tag) {
            let (entry, _) = entry.remove();
            with.ledger.give_back(&[entry.pool]);
        }
    }

    fn remove_held(&mut self, key: Key, condition: impl Fn(&Held) -> bool) -> Option<Held> {
        let entry = self.held.find_entry(key.hash, |held| held.tag == key.tag && condition(held)).ok()?;
        Some(entry.remove().0)
    }
}

fn keep(kept: bool, pool: Pool, freed: &mut Vec<Pool>) -> bool {
    if !kept {
        freed.push(pool);
    }
    kept
}

/// Only far below a quarter full, so that growing and shrinking do not chase each other.
fn shrink<T>(table: &mut HashTable<T>, hasher: impl Fn(&T) -> u64) {
    if table.capacity() > SMALL && table.len() < table.capacity() / 8 {
        table.shrink_to(table.len().saturating_mul(2), hasher);
    }
}

/// Entries below which a table is not worth shrinking.
const SMALL: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_delivery_is_twenty_bytes() {
        assert_eq!(size_of::<Remembered>(), 20);
    }

    #[test]
    fn shards_differ_in_size_up_to_twice_and_none_is_left_out() {
        let seed = RandomState::default();
        for shards in [1, 2, 4096] {
            let mut counts = vec![0_u64; shards];
            for number in 0..100 * shards as u64 {
                let mut half = [0; 16];
                half[..8].copy_from_slice(&number.to_be_bytes());
                counts[Key::of_half(half, &seed).shard(shards)] += 1;
            }
            assert!(counts.iter().all(|count| (20..300).contains(count)), "{shards}");
            let tenth = shards.div_ceil(10);
            let (first, last) = (counts[..tenth].iter().sum::<u64>(), counts[shards - tenth..].iter().sum::<u64>());
            assert!(shards < 100 || (16 * first..23 * first).contains(&(10 * last)), "{first} {last}");
        }
        for hash in [0, u64::MAX, 0x00ff_ffff << 32, 1 << 32] {
            let key = Key { half: [0; 16], tag: [0; 12], hash };
            assert!(key.shard(4096) < 4096 && key.shard(1) == 0);
        }
    }
}
