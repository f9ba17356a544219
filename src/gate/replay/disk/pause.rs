//! When the writer waits for others before it syncs. A sync takes the processor as long as some deliveries do, and one serves many. pure
//!
//! 1. For one that came alone nobody is waited for: it may be the only one.
//! 2. Where several came while the last sync was under way, others mostly follow: they are given [`PAUSE`].
//! 3. Where that brought fewer than had come already, all who could come were there, or one sync serves enough as it is: the next
//!    [`REST`] batches wait for nobody.

use std::time::Duration;

/// How long others are waited for.
pub(super) const PAUSE: Duration = Duration::from_micros(500);
/// How many batches are spared after a pause that was in vain.
const REST: u32 = 256;
/// From so many on.
const SEVERAL: usize = 2;

/// Whether pauses pay.
#[derive(Debug, Default)]
pub(super) struct Pause {
    spared: u32,
}

impl Pause {
    /// Whether to wait for others once so many have come.
    pub(super) fn is_due(&mut self, came: usize) -> bool {
        let is_spared = self.spared > 0;
        self.spared = self.spared.saturating_sub(1);
        !is_spared && came >= SEVERAL
    }

    /// So many had come, and so many came while they were waited for.
    pub(super) const fn brought(&mut self, came: usize, more: usize) {
        if more < came {
            self.spared = REST;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_where_it_pays() {
        let mut pause = Pause::default();
        assert!(!pause.is_due(0) && !pause.is_due(1), "alone");
        assert!(pause.is_due(2));
        pause.brought(2, 2);
        assert!(pause.is_due(3), "it paid");
        pause.brought(3, 2);
        assert_eq!((0..1000).position(|_| pause.is_due(9)), Some(256), "it was in vain");
    }
}
