//! The lock of shards and accounts: `parking_lot`'s.
//!
//! Under test it is the same lock behind one that a scheduler can hold up, so that the interleavings of the very code that ships
//! are explored: see `interleavings`. Outside of an exploration nothing differs.

#[cfg(test)]
pub(super) use explored::{Mutex, explore};
#[cfg(not(test))]
pub(super) use parking_lot::Mutex;

#[cfg(test)]
mod explored {
    use std::cell::Cell;
    use std::ops::{Deref, DerefMut};

    thread_local! {
        /// Whether the locks that are made here are to be held up. An exploration runs all its threads on one of ours.
        static EXPLORING: Cell<bool> = const { Cell::new(false) };
    }

    /// Runs a model; the locks it makes take part in the exploration.
    pub(in crate::gate::replay::memory) fn explore(model: impl FnOnce()) {
        EXPLORING.set(true);
        model();
        EXPLORING.set(false);
    }

    #[derive(Debug)]
    pub(in crate::gate::replay::memory) struct Mutex<T> {
        turn: Option<shuttle::sync::Mutex<()>>,
        inner: parking_lot::Mutex<T>,
    }

    /// Given back in the order of its fields.
    pub(in crate::gate::replay::memory) struct Guard<'a, T> {
        inner: parking_lot::MutexGuard<'a, T>,
        _turn: Option<shuttle::sync::MutexGuard<'a, ()>>,
    }

    impl<T: Default> Default for Mutex<T> {
        fn default() -> Self {
            Self { turn: EXPLORING.get().then(shuttle::sync::Mutex::default), inner: parking_lot::Mutex::default() }
        }
    }

    impl<T> Mutex<T> {
        pub(in crate::gate::replay::memory) fn lock(&self) -> Guard<'_, T> {
            let turn = self.turn.as_ref().map(|turn| turn.lock().unwrap());
            Guard { inner: self.inner.lock(), _turn: turn }
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.inner
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.inner
        }
    }
}
