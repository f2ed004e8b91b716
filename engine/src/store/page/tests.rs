use super::*;
use crate::windows::{self, Level};

#[test]
fn a_page_gives_back_its_chunks_and_shares_equal_times() {
    for effort in [Effort::Quick, Effort::Thorough] {
        let times: Vec<i64> = (0..300).map(|i| i * 10_000 + i % 3).collect();
        let values: Vec<f64> = (0..300).map(|i| f64::from(i % 17) / 10.0).collect();
        let rows = windows::from_samples(Level::H1, &Columns { times: times.clone(), values: values.clone() });
        let mut builder = PageBuilder::new(effort);
        builder.samples(SeriesId(3), &times, &values).unwrap();
        let alone = builder.size().1;
        builder.samples(SeriesId(4), &times, &values).unwrap();
        assert!(builder.size().1 < 2 * alone, "times are kept once");
        builder.samples(SeriesId(9), &times[..2], &[f64::NAN, 1.0]).unwrap();
        builder.hours(SeriesId(9), &rows).unwrap();
        assert_eq!(builder.keys(), Some([(SeriesId(3), ChunkKind::Samples), (SeriesId(9), ChunkKind::Hours)]));
        let page = builder.finish();
        let directory = Directory::read(page.as_slice(), 0, page.len() as u64).unwrap();
        let [chunk] = directory.of((SeriesId(4), ChunkKind::Samples)) else { panic!("one chunk") };
        assert_eq!(chunk.bounds, Some((0.0, 1.6)));
        assert_eq!(directory.samples(page.as_slice(), 0, chunk, ALWAYS, &mut Damage::default()).unwrap(), Columns { times, values });
        assert_eq!(directory.of((SeriesId(5), ChunkKind::Samples)).len(), 0);
        let [hours] = directory.of((SeriesId(9), ChunkKind::Hours)) else { panic!("one chunk") };
        assert_eq!(directory.hours(page.as_slice(), 0, hours).unwrap(), rows);
    }
}

#[test]
fn bounds_skip_only_chunks_without_a_matching_value() {
    let values: Vec<f64> = (0..200).map(|i| if i == 7 { f64::NAN } else { f64::from(i) }).collect();
    let times: Vec<i64> = (0..200).collect();
    let mut builder = PageBuilder::new(Effort::Thorough);
    builder.samples(SeriesId(1), &times, &values).unwrap();
    let page = builder.finish();
    let directory = Directory::read(page.as_slice(), 0, page.len() as u64).unwrap();
    for op in
        [Comparison::Greater, Comparison::GreaterEqual, Comparison::Less, Comparison::LessEqual, Comparison::Equal, Comparison::NotEqual]
    {
        for threshold in [-1.0, 0.0, 0.5, 7.0, 199.0, 200.0, f64::NAN] {
            let any = values.iter().any(|v| op.holds(*v, threshold));
            assert!(directory.chunks[0].may_hold(Some((op, threshold))) || !any, "{op:?} {threshold}");
        }
    }
    assert!(!directory.chunks[0].may_hold(Some((Comparison::Greater, 199.0))));
    assert!(!directory.chunks[0].may_hold(Some((Comparison::Equal, 200.0))));
}

/// Rows of each series that can still be read after damage, and the damage that was found.
fn left(page: &[u8]) -> (Vec<(u32, Columns)>, Damage) {
    let mut damage = Damage::default();
    let Ok(directory) = Directory::read(page, 0, page.len() as u64) else { panic!("the directory is there twice") };
    damage.spare_used |= directory.damaged;
    let mut read = Vec::new();
    for chunk in &directory.chunks {
        match directory.samples(page, 0, chunk, ALWAYS, &mut damage) {
            Ok(columns) => read.push((chunk.id.0, columns)),
            Err(_) => damage.lost.push((chunk.first, chunk.last)),
        }
    }
    (read, damage)
}

#[test]
fn a_damaged_byte_costs_one_block_of_one_chunk_and_never_gives_a_wrong_value() {
    let times: Vec<i64> = (0..700).map(|i| i * 10_000 + i * i % 7).collect();
    let own: Vec<i64> = times.iter().map(|t| t + t % 3).collect();
    let decimals: Vec<f64> = (0..700).map(|i| f64::from(i * 7_919 % 100) / 10.0).collect();
    let floats: Vec<f64> = (0..700).map(|i| (f64::from(i) * 0.1).sin()).collect();
    let all = [(3, &times, &decimals), (4, &times, &floats), (7, &own, &decimals)];
    for effort in [Effort::Quick, Effort::Thorough] {
        let mut builder = PageBuilder::new(effort);
        all.iter().for_each(|(id, times, values)| builder.samples(SeriesId(*id), times, values).unwrap());
        builder.samples(SeriesId(9), &[5], &[0.5]).unwrap();
        let page = builder.finish();
        assert_eq!(left(&page).1, Damage::default());
        let longest = if effort == Effort::Thorough { PAGE_ROWS } else { 700 };
        for at in (0..page.len()).step_by(if effort == Effort::Thorough { 1 } else { 5 }) {
            let mut damaged = page.clone();
            damaged[at] ^= 1 << (at % 8);
            let (read, damage) = left(&damaged);
            let mut lost = 0;
            for (id, times, values) in &all {
                let found = read.iter().find(|(read, _)| read == id).map(|(_, columns)| columns.clone()).unwrap_or_default();
                let mut rows = 0..times.len();
                for sample in found.iter() {
                    let row =
                        rows.find(|row| times[*row] == sample.t).unwrap_or_else(|| panic!("byte {at}: a time that was never written"));
                    assert_eq!(sample.v.to_bits(), values[row].to_bits(), "byte {at}");
                }
                lost += times.len() - found.times.len();
                let reported = |t: &i64| damage.lost.iter().any(|(first, last)| first <= t && t <= last);
                assert!(
                    found.times.len() == times.len() || times.iter().all(|t| reported(t) || found.times.binary_search(t).is_ok()),
                    "byte {at}: lost without a report"
                );
            }
            assert!(lost <= longest, "byte {at}, {effort:?}: {lost} rows lost");
        }
    }
}

#[test]
fn second_copies_and_spares_of_a_day_of_host_metrics_take_little_room() {
    let times: Vec<i64> = (0..8_640).map(|i| i * 10_000 + i * i % 3).collect();
    let mut builder = PageBuilder::new(Effort::Thorough);
    for id in 0..20u32 {
        let mut level = 40.0f64;
        let values: Vec<f64> = (0..8_640u32)
            .map(|i| {
                level += f64::from((i.wrapping_mul(2_654_435_761).wrapping_add(id) >> 16) % 21) / 10.0 - 1.0;
                (level * 100.0).round() / 100.0
            })
            .collect();
        builder.samples(SeriesId(id), &times, &values).unwrap();
    }
    let page = builder.finish();
    let directory = Directory::read(page.as_slice(), 0, page.len() as u64).unwrap();
    let spares: u64 = directory.chunks.iter().map(|c| c.spare).chain(directory.times.iter().map(|t| t.spare + t.len)).sum();
    let listed = u64::from(u32::from_le_bytes(std::array::from_fn(|i| page[page.len() - 4 + i])));
    let samples = 20.0 * 8_640.0;
    let (all, twice) = (page.len() as f64 / samples, (spares + listed) as f64 / samples);
    assert!(twice < 0.05, "{twice} of {all} bytes a sample");
}

#[test]
fn damage_without_a_spare_is_detected_and_a_truncated_page_is_refused() {
    let mut builder = PageBuilder::new(Effort::Quick);
    builder.samples(SeriesId(3), &[1, 5, 7], &[0.5, 0.25, 9.0]).unwrap();
    let page = builder.finish();
    for at in 0..page.len() {
        let mut damaged = page.clone();
        damaged[at] ^= 4;
        let whole = read_all(&page).unwrap();
        // The second copy of the directory is not read while the first is intact.
        assert!(read_all(&damaged).is_ok_and(|read| read == whole) || left(&damaged).1.lost == [(1, 7)], "byte {at}");
        assert!(read_all(&page[..at]).is_err(), "cut at {at}");
    }
    assert_eq!(read_all(&page).unwrap().len(), 1);
}
