//! Mutation fuzzing of everything that parses input: remote write, OTLP, log lines and queries over them, spans, metric texts, chunks,
//! journal records, logs, queries, certificates, cgroup and machine files, responses of GitHub, boards, rule files and their tests,
//! templates, what coding agents send.
//!
//! `FUZZ_SECONDS=60 cargo test -p taskpulse-engine --lib fuzz -- --ignored --nocapture` runs it; the test command does. Each
//! target starts from real inputs, changes some bytes (or splices, cuts, repeats), and checks that nothing panics and that
//! accepted input is consistent. Every run starts with the same seed, so that a commit gives the same result each time;
//! `FUZZ_SEED=$RANDOM` tries other inputs. A failure prints its seed.

mod agents;
mod kept;
mod languages;
mod requests;
mod sources;

use std::time::{Duration, Instant};

use crate::forecast::random::Random;

/// CPU time of this thread: unlike the time on the clock it does not grow while other programs have the processor.
pub(crate) fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Bytes at the boundaries that decoders check.
const EDGES: [u8; 10] = [0, 1, 2, 0x0a, 0x12, 0x7f, 0x80, 0x81, 0xfe, 0xff];

fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = EDGES[random.below(EDGES.len())],
            2 if !bytes.is_empty() => bytes[at] = random.bits() as u8,
            3 => bytes.truncate(at),
            4 => bytes.insert(at, random.bits() as u8),
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len());
                let to = (from + random.below(64)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let to = (at + random.below(32)).min(bytes.len());
                let part = bytes[at..to].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// Runs a target for its share of `FUZZ_SECONDS`.
fn run(name: &str, corpus: &[Vec<u8>], mut target: impl FnMut(&[u8])) {
    let number = |key: &str| std::env::var(key).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("FUZZ_SECONDS").unwrap_or(3) as f64 / TARGETS;
    let begun = Instant::now();
    let mut seed = number("FUZZ_SEED").unwrap_or(1);
    let mut count = 0u64;
    corpus.iter().for_each(|bytes| target(bytes));
    while begun.elapsed() < Duration::from_secs_f64(seconds) {
        for _ in 0..256 {
            let bytes = mutate(&mut Random::new(seed), corpus);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target(&bytes)));
            assert!(outcome.is_ok(), "{name}: FUZZ_SEED={seed} made it panic, on {bytes:02x?}");
            seed = seed.wrapping_add(1);
            count += 1;
        }
    }
    println!("fuzz {name}: {count} inputs");
}

const TARGETS: f64 = 28.0;
