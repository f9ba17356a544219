//! Who holds how many of the places. Counted exactly, under one small lock.
//!
//! 1. Never one place more than the capacity is taken, whatever a reload does to the division.
//! 2. Nine tenths are common. The last tenth is divided evenly; what does not divide goes to the first, one each.
//! 3. A claim takes a common place while there is one, then one of its own share. A flood at one integration
//!    cannot take the last places of another.
//! 4. A name keeps its id as long as it is configured or a place of its own is taken.
//! 5. What a journal remembers has a place, even past the capacity: a smaller one forgets nothing early, it only lets nothing
//!    in until it fits.

use sha2::{Digest, Sha256};

use super::lock::Mutex;
use crate::domain::name::IntegrationName;
use crate::gate::replay::store::ShareId;

/// Whose part of the last tenth a place is, in words that outlive the process: the beginning of the name's digest, or zeros for
/// the common part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::gate::replay) struct ShareTag(pub(in crate::gate::replay) [u8; 7]);

impl ShareTag {
    pub(in crate::gate::replay) const COMMON: Self = Self([0; 7]);

    fn of(name: &IntegrationName) -> Self {
        let digest: [u8; 32] = Sha256::digest(name.as_str()).into();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

/// Where a taken place was taken from, to be given back there: the common part, or the own part of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pool(ShareId);

impl Pool {
    const COMMON: Self = Self(ShareId::COMMON);
}

#[derive(Debug)]
pub(super) struct Ledger {
    capacity: u64,
    common_capacity: u64,
    /// Shared by every claim; held for a few additions, never while anything else is awaited or locked.
    accounts: Mutex<Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    taken: u64,
    common_taken: u64,
    /// By the index of a [`ShareId`].
    shares: Vec<Share>,
}

#[derive(Debug)]
struct Share {
    tag: ShareTag,
    /// Zero for an integration that is no longer configured.
    capacity: u64,
    taken: u64,
}

impl Ledger {
    pub(super) fn new(capacity: u64) -> Self {
        let common_capacity = capacity - capacity.div_ceil(10);
        Self { capacity, common_capacity, accounts: Mutex::default() }
    }

    pub(super) const fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(super) fn taken(&self) -> u64 {
        self.accounts.lock().taken
    }

    /// Takes a place, or says that none is left for this share.
    pub(super) fn take(&self, share: ShareId) -> Option<Pool> {
        let mut accounts = self.accounts.lock();
        if accounts.taken >= self.capacity {
            return None;
        }
        let pool = accounts.pool_with_room(share, self.common_capacity)?;
        accounts.count(pool, |taken| taken.saturating_add(1));
        Some(pool)
    }

    /// A place for what is remembered from before, whatever is taken already.
    pub(super) fn restore(&self, tag: ShareTag) -> Pool {
        let mut accounts = self.accounts.lock();
        let pool = if tag == ShareTag::COMMON { Pool::COMMON } else { Pool(accounts.share_of(tag, &[])) };
        accounts.count(pool, |taken| taken.saturating_add(1));
        pool
    }

    /// In which words a place taken from this pool is written down.
    pub(super) fn tag(&self, pool: Pool) -> ShareTag {
        let accounts = self.accounts.lock();
        accounts.shares.get(usize::from(pool.0.index())).map_or(ShareTag::COMMON, |share| share.tag)
    }

    pub(super) fn give_back(&self, pools: &[Pool]) {
        let mut accounts = self.accounts.lock();
        for pool in pools {
            accounts.count(*pool, |taken| taken.saturating_sub(1));
        }
    }

    /// Divides the last tenth anew.
    pub(super) fn divide(&self, integrations: &[IntegrationName]) -> Vec<ShareId> {
        let mut accounts = self.accounts.lock();
        accounts.shares.iter_mut().for_each(|share| share.capacity = 0);
        let tags: Vec<ShareTag> = integrations.iter().map(ShareTag::of).collect();
        let ids: Vec<ShareId> = tags.iter().map(|tag| accounts.share_of(*tag, &tags)).collect();
        let each = PartSizes::new(self.capacity - self.common_capacity, ids.len());
        for (id, part) in ids.iter().zip(each) {
            if let Some(share) = accounts.shares.get_mut(usize::from(id.index())) {
                share.capacity = part;
            }
        }
        ids
    }
}

impl Accounts {
    fn pool_with_room(&self, share: ShareId, common_capacity: u64) -> Option<Pool> {
        if self.common_taken < common_capacity {
            return Some(Pool::COMMON);
        }
        let own = self.shares.get(usize::from(share.index()))?;
        (own.taken < own.capacity).then_some(Pool(share))
    }

    fn count(&mut self, pool: Pool, change: impl Fn(u64) -> u64) {
        self.taken = change(self.taken);
        if pool == Pool::COMMON {
            self.common_taken = change(self.common_taken);
        } else if let Some(share) = self.shares.get_mut(usize::from(pool.0.index())) {
            share.taken = change(share.taken);
        }
    }

    /// The id a name has, a new one, or one that nobody needs any more; past 65535 of them, none of its own.
    fn share_of(&mut self, tag: ShareTag, configured: &[ShareTag]) -> ShareId {
        let known = self.shares.iter().position(|share| share.tag == tag);
        let index = known.unwrap_or_else(|| self.unused(configured));
        let Some(id) = u16::try_from(index).ok().map(ShareId::new).filter(|id| *id != ShareId::COMMON) else {
            return ShareId::COMMON;
        };
        match self.shares.get_mut(index) {
            Some(share) => share.tag = tag,
            None => self.shares.push(Share { tag, capacity: 0, taken: 0 }),
        }
        id
    }

    fn unused(&self, configured: &[ShareTag]) -> usize {
        let free = |share: &Share| share.taken == 0 && !configured.contains(&share.tag);
        self.shares.iter().position(free).unwrap_or(self.shares.len())
    }
}

/// The sizes of the parts of a whole that are as even as whole numbers can be.
struct PartSizes {
    each: u64,
    larger: u64,
}

impl PartSizes {
    fn new(whole: u64, parts: usize) -> Self {
        let parts = u64::try_from(parts).unwrap_or(u64::MAX).max(1);
        Self { each: whole / parts, larger: whole % parts }
    }
}

impl Iterator for PartSizes {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let extra = self.larger.min(1);
        self.larger -= extra;
        Some(self.each + extra)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<IntegrationName> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn take_all(ledger: &Ledger, share: ShareId) -> Vec<Pool> {
        std::iter::from_fn(|| ledger.take(share)).collect()
    }

    #[test]
    fn a_flood_leaves_the_others_their_part() {
        for (capacity, expected) in [(100, [94, 3, 3]), (10, [10, 0, 0]), (30, [28, 1, 1]), (1000, [934, 33, 33])] {
            let ledger = Ledger::new(capacity);
            let shares = ledger.divide(&names(&["a", "b", "c"]));
            let taken: Vec<u64> = shares.iter().map(|share| take_all(&ledger, *share).len() as u64).collect();
            assert_eq!(taken, expected, "{capacity}");
            assert_eq!(ledger.taken(), capacity);
            assert_eq!(ledger.take(ShareId::COMMON), None);
        }
    }

    #[test]
    fn without_a_share_nine_tenths_are_all_there_is() {
        let ledger = Ledger::new(100);
        assert_eq!(take_all(&ledger, ShareId::COMMON).len(), 90);
        assert_eq!(ledger.capacity(), 100);
    }

    #[test]
    fn what_is_given_back_goes_where_it_came_from() {
        let ledger = Ledger::new(20);
        let [a, b] = ledger.divide(&names(&["a", "b"]))[..] else { panic!("two ids") };
        let pools = take_all(&ledger, a);
        assert_eq!(pools.len(), 19);
        ledger.give_back(&pools[18..]);
        assert_eq!((take_all(&ledger, b).len(), take_all(&ledger, a).len()), (1, 1));
        ledger.give_back(&pools[..1]);
        assert_eq!((take_all(&ledger, b).len(), take_all(&ledger, a).len()), (1, 0));
    }

    #[test]
    fn ids_outlive_a_reload_and_the_whole_is_never_exceeded() {
        let ledger = Ledger::new(20);
        let before = ledger.divide(&names(&["a", "b"]));
        let pools = take_all(&ledger, before[0]);
        assert_eq!(pools.len(), 19);
        let after = ledger.divide(&names(&["b", "c"]));
        assert_eq!(after[0], before[1]);
        assert!(!before.contains(&after[1]), "a holds a place of its own and keeps its id");
        assert_eq!((take_all(&ledger, after[0]).len(), take_all(&ledger, after[1]).len()), (1, 0));
        assert_eq!(ledger.taken(), 20);
        ledger.give_back(&pools);
        assert_eq!(ledger.divide(&names(&["d", "b"]))[0], before[0], "an id nobody needs is used again");
    }

    #[test]
    fn what_is_restored_is_taken_from_where_it_was_and_keeps_the_rest_out() {
        let before = Ledger::new(20);
        let [a, _] = before.divide(&names(&["a", "b"]))[..] else { panic!("two ids") };
        let tags: Vec<ShareTag> = take_all(&before, a).into_iter().map(|pool| before.tag(pool)).collect();
        assert_eq!(tags.iter().filter(|tag| **tag == ShareTag::COMMON).count(), 18);
        for (capacity, left) in [(20, [0, 1]), (10, [0, 0]), (40, [19, 2])] {
            let after = Ledger::new(capacity);
            let pools: Vec<Pool> = tags.iter().map(|tag| after.restore(*tag)).collect();
            let shares = after.divide(&names(&["a", "b"]));
            assert_eq!(after.taken(), 19);
            assert_eq!([take_all(&after, shares[0]).len(), take_all(&after, shares[1]).len()], left, "{capacity}");
            after.give_back(&pools);
            assert_eq!(after.taken(), left.iter().sum::<usize>() as u64);
        }
    }
}
