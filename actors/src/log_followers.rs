//! Those who follow log lines as they come in.
//!
//! Lines are passed on once they are durable, and only while somebody follows. Nobody is waited for: what a follower does not take in time
//! is lost to it, and it learns how many lines that was from the gap in their numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use taskpulse_engine::logs::Lines;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

/// Requests that may wait for a follower.
const MAX_REQUESTS: usize = 256;
/// Bytes of lines that wait for followers, all together; lines beyond are passed on to nobody.
const MAX_BYTES: usize = 16 << 20;

/// Lines that came in together.
#[derive(Debug)]
pub struct Arrived {
    /// How many lines came before them.
    first: u64,
    /// How many they are.
    count: u64,
    /// By stream.
    pub lines: Lines,
    bytes: usize,
    held: Arc<AtomicUsize>,
}

impl Drop for Arrived {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Those who follow.
#[derive(Debug, Clone)]
pub struct Followers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    sender: broadcast::Sender<Arc<Arrived>>,
    /// Lines that came in while somebody followed.
    lines: AtomicU64,
    held: Arc<AtomicUsize>,
}

impl Default for Followers {
    fn default() -> Self {
        Self(Arc::new(Shared { sender: broadcast::channel(MAX_REQUESTS).0, lines: AtomicU64::new(0), held: Arc::default() }))
    }
}

impl Followers {
    /// How many follow.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.sender.receiver_count()
    }

    /// Follows from now on.
    #[must_use]
    pub fn follow(&self) -> Follower {
        let receiver = self.0.sender.subscribe();
        Follower { receiver, next: self.0.lines.load(Ordering::Acquire) }
    }

    /// A copy of lines for those who follow; none where nobody does.
    #[must_use]
    pub fn copy(&self, lines: &Lines) -> Option<Lines> {
        (self.count() > 0).then(|| lines.clone())
    }

    /// Passes lines on.
    pub fn publish(&self, lines: Lines) {
        let count = lines.iter().map(|stream| stream.records.len() as u64).sum();
        let texts = |pairs: &[(String, String)]| pairs.iter().map(|(name, value)| name.len() + value.len() + 48).sum::<usize>();
        let records = lines.iter().flat_map(|stream| &stream.records);
        let bytes: usize = records.map(|record| size_of_val(record) + record.body.len() + texts(&record.attributes)).sum();
        let first = self.0.lines.fetch_add(count, Ordering::AcqRel);
        if self.0.held.fetch_add(bytes, Ordering::Relaxed) + bytes > MAX_BYTES {
            // The next that is passed on shows the gap.
            self.0.held.fetch_sub(bytes, Ordering::Relaxed);
            return;
        }
        // An error says that nobody follows any more.
        let _ = self.0.sender.send(Arc::new(Arrived { first, count, lines, bytes, held: Arc::clone(&self.0.held) }));
    }
}

/// Follows lines.
#[derive(Debug)]
pub struct Follower {
    receiver: broadcast::Receiver<Arc<Arrived>>,
    /// The number of the next line.
    next: u64,
}

impl Follower {
    /// What came in, and how many lines before it were missed; none where nothing new came.
    pub fn take(&mut self) -> Option<(Arc<Arrived>, u64)> {
        loop {
            match self.receiver.try_recv() {
                Ok(arrived) => {
                    let missed = arrived.first.saturating_sub(self.next);
                    self.next = arrived.first + arrived.count;
                    return Some((arrived, missed));
                }
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use taskpulse_engine::logs::{Record, StreamLines};
    use taskpulse_engine::model::Labels;

    use super::*;

    fn lines(count: usize, bytes: usize) -> Lines {
        let record = Record { body: vec![b'x'; bytes], ..Record::default() };
        vec![StreamLines { labels: Labels::of(vec![("app", "web")]), records: vec![record; count] }]
    }

    #[test]
    fn a_follower_gets_what_comes_in_and_knows_what_it_missed() {
        let followers = Followers::default();
        assert!(followers.copy(&lines(1, 1)).is_none(), "nobody follows");
        let mut follower = followers.follow();
        assert!(follower.take().is_none());
        followers.publish(lines(3, 1));
        followers.publish(lines(2, 1));
        let counts = |taken: Option<(Arc<Arrived>, u64)>| taken.map(|(arrived, missed)| (arrived.count, missed));
        assert_eq!((counts(follower.take()), counts(follower.take()), counts(follower.take())), (Some((3, 0)), Some((2, 0)), None));
        (0..MAX_REQUESTS + 10).for_each(|_| followers.publish(lines(4, 1)));
        assert_eq!(counts(follower.take()), Some((4, 40)), "the oldest are gone");
        while follower.take().is_some() {}
        followers.publish(lines(1, MAX_BYTES));
        assert!(follower.take().is_none(), "too large to be passed on");
        followers.publish(lines(1, 1));
        assert_eq!(counts(follower.take()), Some((1, 1)));
        drop(follower);
        drop(followers.follow());
        followers.publish(lines(1, 1));
        assert_eq!((followers.count(), followers.0.held.load(Ordering::Relaxed)), (0, 0));
    }
}
