//! The word that a batch is durable, on its way to those who wait for it.
//!
//! Waking a task from another thread takes a system call for each, and for a batch the first is enough. So one of each runtime
//! is told, and tells the others of its batch on its own thread, where it costs next to nothing.
//!
//! Invariant: the word is passed on by being dropped, so nobody misses it, whether whoever was told first still waits or not.

use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

/// Somebody who waits for a line to be durable. Dropped without a word: it is not, or nobody knows.
#[derive(Debug)]
pub(super) struct Waiting {
    runtime: Option<runtime::Id>,
    word: oneshot::Sender<Durable>,
}

/// The word. Whoever gets it lets go of it.
#[derive(Debug)]
pub(super) struct Durable {
    others: Vec<Waiting>,
}

/// One who waits, and where the word arrives.
pub(super) fn wait() -> (Waiting, oneshot::Receiver<Durable>) {
    let (word, answer) = oneshot::channel();
    let runtime = Handle::try_current().ok().as_ref().map(Handle::id);
    (Waiting { runtime, word }, answer)
}

/// Tells all of them.
pub(super) fn tell(mut waiting: Vec<Waiting>) {
    while let Some(first) = waiting.pop() {
        let (others, elsewhere) = waiting.into_iter().partition(|other| other.runtime == first.runtime);
        waiting = elsewhere;
        // Whoever does not wait any more has been refused; its record does no harm.
        drop(first.word.send(Durable { others }));
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        for other in self.others.drain(..) {
            drop(other.word.send(Self { others: Vec::new() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_is_told_whoever_is_gone() {
        for gone in [None, Some(0), Some(1), Some(2)] {
            let (mut waiting, mut answers): (Vec<_>, Vec<_>) = (0..3).map(|_| wait()).unzip();
            let elsewhere = std::thread::spawn(wait).join().unwrap();
            waiting.push(elsewhere.0);
            answers.push(elsewhere.1);
            if let Some(gone) = gone {
                drop(answers.remove(gone));
            }
            tell(waiting);
            // The last one is told first, and passes the word on when it looks.
            for answer in answers.into_iter().rev() {
                assert!(answer.await.is_ok(), "{gone:?}");
            }
        }
    }

    #[tokio::test]
    async fn one_who_was_told_and_never_looks_passes_it_on() {
        let (waiting, mut answers): (Vec<_>, Vec<_>) = (0..3).map(|_| wait()).unzip();
        tell(waiting);
        drop(answers.pop());
        for answer in answers {
            assert!(answer.await.is_ok());
        }
    }

    #[tokio::test]
    async fn without_a_word_nobody_believes_it() {
        let (waiting, answer) = wait();
        drop(waiting);
        assert!(answer.await.is_err());
    }
}
