//! The hash of labels that Prometheus has: `limit_ratio()` chooses series by it, so that both choose the same.
//!
//! Labels are written one behind the other, each text behind its length (prometheus/prometheus, model/labels, in the form
//! of strings); the hash is `XXH64` with a seed of 0 (Collet 2012).

use crate::model::Labels;

const PRIMES: [u64; 5] =
    [0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63, 0x27D4_EB2F_1656_67C5];

/// The hash of labels, the metric name among them.
pub(super) fn of(labels: &Labels) -> u64 {
    let mut text = Vec::with_capacity(labels.as_bytes().len());
    for part in labels.pairs().flat_map(|(name, value)| [name, value]) {
        // A length of 255 marks one of more than a byte.
        match u8::try_from(part.len()) {
            Ok(length) if length < 255 => text.push(length),
            _ => {
                text.push(255);
                text.extend_from_slice(&part.len().to_le_bytes()[..3]);
            }
        }
        text.extend_from_slice(part);
    }
    xxh64(&text)
}

fn round(lane: u64, input: u64) -> u64 {
    lane.wrapping_add(input.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

/// The number of eight bytes, the lowest first.
fn eight(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn xxh64(data: &[u8]) -> u64 {
    let [p1, p2, p3, p4, p5] = PRIMES;
    let mut stripes = data.chunks_exact(32);
    let mut hash = if data.len() < 32 {
        p5
    } else {
        let mut lanes = [p1.wrapping_add(p2), p2, 0, 0u64.wrapping_sub(p1)];
        for stripe in stripes.by_ref() {
            for (lane, input) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
                *lane = round(*lane, eight(input));
            }
        }
        let turned = lanes.iter().zip([1, 7, 12, 18]).fold(0u64, |sum, (lane, by)| sum.wrapping_add(lane.rotate_left(by)));
        lanes.iter().fold(turned, |hash, lane| (hash ^ round(0, *lane)).wrapping_mul(p1).wrapping_add(p4))
    };
    hash = hash.wrapping_add(data.len() as u64);
    let rest = if data.len() < 32 { data } else { stripes.remainder() };
    let mut eights = rest.chunks_exact(8);
    for input in eights.by_ref() {
        hash = (hash ^ round(0, eight(input))).rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
    }
    let mut rest = eights.remainder();
    if let Some((four, tail)) = rest.split_at_checked(4) {
        hash = (hash ^ eight(four).wrapping_mul(p1)).rotate_left(23).wrapping_mul(p2).wrapping_add(p3);
        rest = tail;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(p2);
    hash = (hash ^ hash >> 29).wrapping_mul(p3);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_that_are_published() {
        for (text, hash) in [
            ("", 0xEF46_DB37_51D8_E999),
            ("a", 0xD24E_C4F1_A98C_6E5B),
            ("abc", 0x44BC_2CF5_AD77_0999),
            ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
        ] {
            assert_eq!(xxh64(text.as_bytes()), hash, "{text}");
        }
    }
}
