use proptest::prelude::*;

use std::collections::BTreeSet;

use super::cardinality::top;
use super::*;
use crate::model::{NAME_LABEL, Selector};

#[test]
fn matchers_find_the_series_that_their_selector_accepts() {
    let mut index = SeriesIndex::default();
    for (name, pairs) in
        [("up", vec![("job", "a")]), ("up", vec![("job", "b"), ("zone", "x")]), ("down", vec![("job", "a")]), ("up", vec![])]
    {
        index.add(Labels::metric(name, &pairs));
    }
    for query in [
        "up",
        r#"up{job="a"}"#,
        r#"up{job!="a"}"#,
        r#"up{job=~"a|b"}"#,
        r#"up{job=~".*"}"#,
        r#"up{job!~"a.*"}"#,
        r#"up{zone=""}"#,
        r#"up{zone!=""}"#,
        r#"up{none="x"}"#,
        r#"up{none!="x"}"#,
        r#"{__name__=~"up|down",job="a"}"#,
    ] {
        let selector = Selector::parse(query).unwrap();
        let expected: Vec<u32> = (0..4).filter(|&id| selector.accepts(&index.labels(SeriesId(id)).unwrap())).collect();
        assert_eq!(index.select(&selector.matchers).iter().collect::<Vec<_>>(), expected, "{query}");
    }
    assert_eq!(index.label_names(&index.select(&[])), ["__name__", "job", "zone"]);
    assert_eq!(index.label_values("job", &index.select(&Selector::parse("up").unwrap().matchers)), ["a", "b"]);
}

#[test]
fn gaps_between_ids_are_no_series_and_can_be_filled() {
    let mut index = SeriesIndex::default();
    let labels = |n: u32| Labels::metric("m", &[("job", "a"), ("n", &n.to_string())]);
    index.add(labels(0));
    index.insert(SeriesId(3), labels(3));
    index.reserve(SeriesId(6));
    assert_eq!((index.len(), index.next_id()), (2, SeriesId(6)));
    assert_eq!((index.labels(SeriesId(1)), index.id(&Labels::none())), (None, None));
    index.insert(SeriesId(1), labels(1));
    assert_eq!(index.add(labels(6)), SeriesId(6));
    for n in [0, 1, 3, 6] {
        let pairs = labels(n);
        assert_eq!(index.find_pairs(None, &pairs.pairs().collect::<Vec<_>>()).map(|found| found.id), Some(SeriesId(n)));
    }
    assert_eq!(index.select(&Selector::parse(r#"m{job="a"}"#).unwrap().matchers).iter().collect::<Vec<_>>(), [0, 1, 3, 6]);
    assert_eq!(index.since(SeriesId(2)).iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [3, 6]);
}

#[test]
fn series_are_found_in_any_order_with_or_without_a_hint() {
    let mut index = SeriesIndex::default();
    let labels: Vec<Labels> = (0..500).map(|n| Labels::metric("m", &[("n", &n.to_string())])).collect();
    labels.iter().for_each(|l| {
        index.add(l.clone());
    });
    for step in [1, 7, 499] {
        let mut before = None;
        for at in (0..1_000).map(|i| i * step % 500) {
            let pairs: Vec<_> = labels[at].pairs().collect();
            assert_eq!(index.find_pairs(before, &pairs), index.find(before, &labels[at]));
            before = index.find_pairs(before, &pairs);
            assert_eq!(before.map(|found| found.id), Some(SeriesId(at as u32)));
            assert_eq!(index.id(&labels[at]), Some(SeriesId(at as u32)));
        }
    }
    let unknown = Labels::metric("m", &[("n", "500")]);
    assert_eq!(index.find(None, &unknown), None);
    assert_eq!(index.top_metrics(), [Share { name: "m".into(), series: 500, values: None }]);
    assert_eq!(index.top_labels(), [Share { name: "n".into(), series: 500, values: Some(500) }]);
}

/// What happens to an index.
#[derive(Debug, Clone)]
enum Step {
    /// Series come, new or known.
    Come(Vec<(u8, u8, u16)>),
    /// Live series become dormant: every so many-th.
    Rest(usize),
    /// Dormant series are removed: every so many-th.
    Remove(usize),
    /// Segments are merged; some series come meanwhile.
    Merge(Vec<(u8, u8, u16)>),
}

fn step() -> impl Strategy<Value = Step> {
    let series = || prop::collection::vec((0u8..4, 0u8..6, 0u16..400), 1..60);
    prop_oneof![
        3 => series().prop_map(Step::Come),
        2 => (1usize..4).prop_map(Step::Rest),
        1 => (1usize..5).prop_map(Step::Remove),
        1 => series().prop_map(Step::Merge),
    ]
}

fn labels((name, zone, n): (u8, u8, u16)) -> Labels {
    let zone = ["", "a", "ab", "b", "é", "zone-with-a-long-name"][usize::from(zone)];
    // A name that sorts before `__name__`.
    let host = if name == 3 { format!("host-{n:04}") } else { String::new() };
    Labels::metric(["up", "proc", "x", "process_cpu"][usize::from(name)], &[("zone", zone), ("Host", &host), ("n", &n.to_string())])
}

const QUERIES: [&str; 16] = [
    "up",
    r#"proc{zone="ab"}"#,
    r#"proc{zone!="ab"}"#,
    r#"{zone=~"a.*"}"#,
    r#"{zone=~".*b"}"#,
    r#"{zone!~"a.*", __name__!="x", n=~".+"}"#,
    r#"up{zone=""}"#,
    r#"up{zone!=""}"#,
    r#"{n="17"}"#,
    r#"up{n=~"1.?"}"#,
    r#"{n=~"1.?|3..", zone="é"}"#,
    r#"{Host!="", __name__=~".+"}"#,
    r#"process_cpu{Host="host-0017"}"#,
    r#"{__name__=~"process_cpu|up", Host=~"|host-00.*"}"#,
    r#"up{none="x"}"#,
    r#"up{none!="x"}"#,
];

fn check(index: &SeriesIndex, naive: &BTreeMap<u32, Labels>) {
    assert_eq!(index.len(), naive.len());
    for (&id, labels) in naive {
        assert_eq!((index.id(labels), index.labels(SeriesId(id)).as_ref()), (Some(SeriesId(id)), Some(labels)));
        assert!(index.contains(SeriesId(id)));
        let live = index.find(None, labels).map(|found| found.id);
        assert_eq!(live, (!index.is_dormant(SeriesId(id))).then_some(SeriesId(id)));
    }
    let select = |accepts: &dyn Fn(&Labels) -> bool| -> Vec<u32> { naive.iter().filter(|(_, l)| accepts(l)).map(|(id, _)| *id).collect() };
    assert_eq!(index.all().iter().collect::<Vec<_>>(), select(&|_| true));
    for query in QUERIES {
        let selector = Selector::parse(query).unwrap();
        let expected = select(&|l| selector.accepts(l));
        let found = index.select(&selector.matchers);
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
        let of = |name: &str| expected.iter().filter_map(|id| naive[id].get(name).map(str::to_owned)).collect::<BTreeSet<String>>();
        let names: BTreeSet<String> = expected.iter().flat_map(|id| naive[id].iter().map(|(name, _)| name.to_owned())).collect();
        assert_eq!(index.label_names(&found), names.iter().cloned().collect::<Vec<_>>(), "{query}");
        for name in ["__name__", "zone", "n", "Host", "none"] {
            assert_eq!(index.label_values(name, &found), of(name).into_iter().collect::<Vec<_>>(), "{query} {name}");
        }
    }
    let mut metrics: BTreeMap<&str, u64> = BTreeMap::new();
    let mut values: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for labels in naive.values() {
        *metrics.entry(labels.name()).or_default() += 1;
        for (name, value) in labels.iter().filter(|(name, _)| *name != NAME_LABEL) {
            let share = values.entry(name).or_default();
            share.0 += 1;
            share.1.insert(value);
        }
    }
    let shares = metrics.into_iter().map(|(name, series)| Share { name: name.to_owned(), series, values: None });
    assert_eq!(index.top_metrics(), top(shares, |share| share.series));
    let shares = values.into_iter().map(|(name, (series, v))| Share { name: name.to_owned(), series, values: Some(v.len()) });
    assert_eq!(index.top_labels(), top(shares, |share| share.values.unwrap_or(0) as u64));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 48 }))]
    #[test]
    fn live_dormant_revived_and_removed_series_answer_as_a_plain_list_does(steps in prop::collection::vec(step(), 1..14)) {
        let mut index = SeriesIndex::default();
        let mut naive: BTreeMap<u32, Labels> = BTreeMap::new();
        let come = |index: &mut SeriesIndex, naive: &mut BTreeMap<u32, Labels>, series: Vec<(u8, u8, u16)>| {
            for labels in series.into_iter().map(labels) {
                let known = naive.iter().find(|(_, l)| **l == labels).map(|(id, _)| SeriesId(*id));
                assert_eq!(index.wake(&labels), known);
                if known.is_none() {
                    let next = index.next_id();
                    let id = index.add(labels.clone());
                    assert_eq!(id, next);
                    assert!(naive.insert(id.0, labels).is_none(), "an id was given twice");
                }
            }
        };
        for step in steps {
            match step {
                Step::Come(series) => come(&mut index, &mut naive, series),
                Step::Rest(every) => {
                    let ids: Vec<SeriesId> = index.live_ids().step_by(every).collect();
                    let segment = index.pack(&ids).build();
                    index.rest(segment);
                }
                Step::Remove(every) => {
                    let ids: Vec<SeriesId> =
                        naive.keys().map(|id| SeriesId(*id)).filter(|id| index.is_dormant(*id)).step_by(every).collect();
                    index.remove(&ids);
                    ids.iter().for_each(|id| assert!(naive.remove(&id.0).is_some()));
                }
                Step::Merge(meanwhile) => {
                    if let Some(merge) = index.plan_merge() {
                        let merged = merge.run();
                        come(&mut index, &mut naive, meanwhile);
                        index.finish_merge(&merge, merged);
                    }
                }
            }
            check(&index, &naive);
        }
        // As it is loaded from the catalog.
        let mut loader = IndexLoader::default();
        for (id, labels) in &naive {
            assert!(loader.add(SeriesId(*id), labels.clone(), id % 3 > 0));
        }
        let loaded = loader.finish(index.next_id());
        assert_eq!(loaded.next_id(), index.next_id());
        check(&loaded, &naive);
    }
}
