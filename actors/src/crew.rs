//! Reading many items of which any may hang: mounts, sensors, files of processes.
//!
//! A call into a file system that does not answer cannot be cancelled. So one thread reads the items one after the other; if
//! an item takes longer than the limit, its thread is left behind and another one continues with the rest. An item that hangs is
//! free again when its thread returns. A server may have lost the request and answer the next, so the item is retried,
//! with growing waits. It holds at most [`MOST_OF_ONE`] threads, and all items together at most [`MOST_STUCK`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::standstill;

/// Most threads of one crew that hang.
pub const MOST_STUCK: usize = 16;
/// Most of them that one item holds.
const MOST_OF_ONE: usize = 4;
/// Wait before the first retry of an item that hangs, and the factor by which it grows.
const FIRST_RETRY: Duration = Duration::from_secs(10);
const RETRY_FACTOR: u32 = 3;

/// Why an item was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// Reading it has not returned for this long.
    Hangs(Duration),
    /// Other items hold all threads.
    Crowded,
    /// Reading it panicked.
    Panicked,
    /// The system gives no thread.
    NoThread(String),
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hangs(since) => write!(f, "has not answered for {} s", since.as_secs()),
            Self::Crowded => write!(f, "was not read, because {MOST_STUCK} others do not answer"),
            Self::Panicked => f.write_str("cannot be read: reading it ended in a panic"),
            Self::NoThread(why) => write!(f, "cannot be read: no thread: {why}"),
        }
    }
}

/// See the module. Clones share the items that hang.
#[derive(Debug, Clone)]
pub struct Crew<K> {
    limit: Duration,
    first_retry: Duration,
    stuck: Arc<Mutex<BTreeMap<K, Stuck>>>,
}

/// An item that holds threads.
#[derive(Debug, Clone, Copy)]
struct Stuck {
    /// Since when it hangs; none if it answers again but still holds threads.
    since: Option<Instant>,
    threads: usize,
    /// The next retry, and the wait after it.
    next: Instant,
    wait: Duration,
}

impl Stuck {
    fn is_skipped(&self) -> bool {
        self.since.is_some() && (self.threads >= MOST_OF_ONE || Instant::now() < self.next)
    }
}

fn threads<K>(stuck: &BTreeMap<K, Stuck>) -> usize {
    stuck.values().map(|stuck| stuck.threads).sum()
}

/// One pass over all items.
struct Round<K, T> {
    items: Vec<K>,
    next: AtomicUsize,
    results: Mutex<Vec<Option<T>>>,
}

/// Frees an item when the thread that was left behind at it returns, also after a panic.
struct Held<'a, K: Ord> {
    stuck: &'a Mutex<BTreeMap<K, Stuck>>,
    left: &'a AtomicBool,
    item: &'a K,
}

impl<K: Ord> Drop for Held<'_, K> {
    fn drop(&mut self) {
        if self.left.load(Ordering::Acquire) {
            let mut stuck = self.stuck.lock();
            if let Some(held) = stuck.get_mut(self.item) {
                held.threads -= 1;
                held.since = None;
                if held.threads == 0 {
                    stuck.remove(self.item);
                }
            }
        }
    }
}

impl<K: Ord + Clone + Send + Sync + 'static> Crew<K> {
    /// A crew with a time limit for each item.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit, first_retry: FIRST_RETRY, stuck: Arc::default() }
    }

    /// Reads each of `items`. Blocks for at most twice the limit for each item that begins to hang.
    pub fn each<T: Send + 'static>(&self, items: Vec<K>, work: impl Fn(&K) -> T + Send + Sync + 'static) -> Vec<(K, Result<T, Missed>)> {
        let hanging = self.stuck.lock().clone();
        let (known, items): (Vec<K>, Vec<K>) = items.into_iter().partition(|item| hanging.get(item).is_some_and(Stuck::is_skipped));
        let results = Mutex::new(items.iter().map(|_| None).collect());
        let round = Arc::new(Round { items, next: AtomicUsize::new(0), results });
        let work = Arc::new(work);
        let mut no_thread = None;
        while round.next.load(Ordering::Acquire) < round.items.len() && threads(&self.stuck.lock()) < MOST_STUCK {
            let left = Arc::new(AtomicBool::new(false));
            let (end, ended) = channel::<()>();
            let (own, work, held_by, stuck) = (Arc::clone(&round), Arc::clone(&work), Arc::clone(&left), Arc::clone(&self.stuck));
            let reading = move || read_items(&own, &*work, &stuck, &held_by, &end);
            if let Err(error) = thread::Builder::new().name("crew".to_owned()).spawn(reading) {
                no_thread = Some(error.to_string());
                break;
            }
            let mut at = round.next.load(Ordering::Acquire);
            loop {
                let begun = Instant::now();
                match ended.recv_timeout(self.limit) {
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => {}
                }
                let reached = round.next.load(Ordering::Acquire);
                // A machine that stood still says nothing about the item.
                if reached != at || standstill::spoiled(begun) {
                    at = reached;
                } else if self.leave(&round, reached, &left) {
                    break;
                }
            }
        }
        let results = std::mem::take(&mut *round.results.lock());
        let mut stuck = self.stuck.lock();
        let mut out: Vec<(K, Result<T, Missed>)> = Vec::with_capacity(known.len() + results.len());
        let since = |stuck: Option<&Stuck>| stuck.and_then(|stuck| stuck.since).map(|since| since.elapsed());
        // An item may have returned meanwhile; it is read the next time.
        out.extend(known.into_iter().map(|item| {
            let since = since(stuck.get(&item)).or_else(|| since(hanging.get(&item))).unwrap_or_default();
            (item, Err(Missed::Hangs(since)))
        }));
        let crowded = threads(&stuck) >= MOST_STUCK;
        for (item, result) in round.items.iter().zip(results) {
            if let (Some(_), Some(answers)) = (&result, stuck.get_mut(item)) {
                answers.since = None;
            }
            let why = || match (since(stuck.get(item)), &no_thread) {
                (Some(since), _) => Missed::Hangs(since),
                (None, Some(why)) => Missed::NoThread(why.clone()),
                (None, None) if crowded => Missed::Crowded,
                (None, None) => Missed::Panicked,
            };
            out.push((item.clone(), result.ok_or_else(why)));
        }
        out
    }

    /// Leaves a thread behind at the item that it reads; false if it has just returned.
    fn leave<T>(&self, round: &Round<K, T>, reached: usize, left: &AtomicBool) -> bool {
        let results = round.results.lock();
        let Some(at) = reached.checked_sub(1).filter(|at| results.get(*at).is_some_and(Option::is_none)) else { return false };
        let now = Instant::now();
        let mut stuck = self.stuck.lock();
        let fresh = Stuck { since: None, threads: 0, next: now, wait: self.first_retry };
        let held = stuck.entry(round.items[at].clone()).or_insert(fresh);
        if held.since.is_none() {
            (held.since, held.wait) = (Some(now.checked_sub(self.limit).unwrap_or(now)), self.first_retry);
        }
        held.threads += 1;
        (held.next, held.wait) = (now + held.wait, held.wait * RETRY_FACTOR);
        left.store(true, Ordering::Release);
        true
    }
}

/// Reads item after item until there is none left or this thread is left behind.
fn read_items<K: Ord, T>(
    round: &Round<K, T>,
    work: &impl Fn(&K) -> T,
    stuck: &Mutex<BTreeMap<K, Stuck>>,
    left: &AtomicBool,
    _end: &Sender<()>,
) {
    loop {
        let at = round.next.fetch_add(1, Ordering::AcqRel);
        let Some(item) = round.items.get(at) else { return };
        let _held = Held { stuck, left, item };
        let result = work(item);
        let mut results = round.results.lock();
        if let Some(place) = results.get_mut(at) {
            *place = Some(result);
        }
        if left.load(Ordering::Acquire) {
            return;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
mod tests {
    use std::sync::mpsc::Receiver;

    use super::*;

    /// More than a busy machine needs for the things that do not hang.
    const LIMIT: Duration = Duration::from_secs(2);

    type Gate = Arc<Mutex<BTreeMap<u32, Receiver<()>>>>;

    /// Items that hang until their gate opens.
    fn gates(items: impl IntoIterator<Item = u32>) -> (Gate, Vec<Sender<()>>) {
        let (mut gates, mut keys) = (BTreeMap::new(), Vec::new());
        for item in items {
            let (key, gate) = channel();
            gates.insert(item, gate);
            keys.push(key);
        }
        (Arc::new(Mutex::new(gates)), keys)
    }

    fn read(crew: &Crew<u32>, gates: &Gate, items: std::ops::Range<u32>) -> BTreeMap<u32, Result<u32, Missed>> {
        let gates = Arc::clone(gates);
        let work = move |item: &u32| {
            let gate = gates.lock().remove(item);
            if let Some(gate) = gate {
                let _ = gate.recv();
            }
            assert!(*item != 99, "a planned fault");
            item * 2
        };
        crew.each(items.collect(), work).into_iter().collect()
    }

    #[test]
    fn an_item_that_hangs_delays_no_other_and_recovers_by_itself() {
        let crew = Crew::new(LIMIT);
        let (gates, keys) = gates([3, 5]);
        let first = read(&crew, &gates, 0..10);
        for (item, result) in &first {
            match item {
                3 | 5 => assert!(matches!(result, Err(Missed::Hangs(_))), "{item} {result:?}"),
                _ => assert_eq!(result, &Ok(item * 2)),
            }
        }
        let begun = Instant::now();
        let again = read(&crew, &gates, 0..10);
        assert!(begun.elapsed() < LIMIT, "what is known to hang is not waited for again");
        assert!(matches!(again[&3], Err(Missed::Hangs(since)) if since >= LIMIT), "{again:?}");
        drop(keys);
        let deadline = Instant::now() + Duration::from_secs(60);
        while read(&crew, &gates, 0..10).values().any(Result::is_err) {
            assert!(Instant::now() < deadline, "it was let go and is still not asked");
        }
    }

    #[test]
    fn no_more_threads_hang_than_the_bound() {
        let crew = Crew::new(Duration::from_millis(200));
        let (gates, keys) = gates(0..40);
        for _ in 0..3 {
            let results = read(&crew, &gates, 0..40);
            let count = |wanted: fn(&Missed) -> bool| results.values().filter(|r| r.as_ref().is_err_and(wanted)).count();
            assert_eq!(count(|why| matches!(why, Missed::Hangs(_))), MOST_STUCK);
            assert_eq!(count(|why| matches!(why, Missed::Crowded)), 40 - MOST_STUCK);
        }
        assert_eq!(gates.lock().len(), 40 - MOST_STUCK, "the others were never begun");
        drop(keys);
    }

    #[test]
    fn a_lost_request_is_retried_and_holds_a_bounded_number_of_threads() {
        let crew = Crew { first_retry: LIMIT, ..Crew::new(LIMIT) };
        let (lost, keys) = gates([3]);
        assert!(matches!(read(&crew, &lost, 0..5)[&3], Err(Missed::Hangs(_))));
        // The gate is taken: whoever asks now gets an answer, while the first still waits.
        let deadline = Instant::now() + Duration::from_secs(60);
        while read(&crew, &lost, 0..5)[&3].is_err() {
            assert!(Instant::now() < deadline, "it answers and is not asked anew");
        }
        assert_eq!(threads(&crew.stuck.lock()), 1, "the lost one still counts");
        drop(keys);
        while !crew.stuck.lock().is_empty() {
            assert!(Instant::now() < deadline, "its thread came back and still counts");
        }
        // One that never answers holds no more than its bound.
        let never = Crew { first_retry: Duration::from_millis(1), ..Crew::new(Duration::from_millis(20)) };
        let (end, wait) = channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        for _ in 0..20 {
            let wait = Arc::clone(&wait);
            let results = never.each(vec![1_u32, 2], move |item| if *item == 1 { wait.lock().recv().is_ok() } else { true });
            assert!(matches!(results.iter().find(|(item, _)| *item == 1), Some((_, Err(Missed::Hangs(_))))), "{results:?}");
            thread::sleep(Duration::from_millis(5));
        }
        assert!(threads(&never.stuck.lock()) <= MOST_OF_ONE);
        drop(end);
    }

    #[test]
    fn a_panic_costs_one_item() {
        let crew = Crew::new(LIMIT);
        let results = read(&crew, &gates([]).0, 98..101);
        assert_eq!((results[&98].clone(), results[&99].clone(), results[&100].clone()), (Ok(196), Err(Missed::Panicked), Ok(200)));
        assert!(crew.stuck.lock().is_empty());
    }
}
