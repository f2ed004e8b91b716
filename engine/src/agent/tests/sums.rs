//! Rows of costs add up to the same total, whatever they are asked by, and to what sessions say.

use proptest::prelude::*;

use super::super::costs::Row;
use super::*;

const HOUR: i64 = 3_600_000;
const START: i64 = NOW - 60 * HOUR;

/// What all rows come to: requests, money, tokens, then all of the effort.
fn total(rows: &Rows) -> Row {
    let mut total = Row::default();
    for row in rows.values() {
        total.figures.add_all(&row.figures);
        total.effort.add_all(&row.effort);
    }
    total
}

fn known(row: &Row) -> Vec<Option<u64>> {
    let (figures, effort) = (&row.figures, &row.effort);
    let sums = [
        figures.micros,
        figures.input,
        figures.output,
        effort.active_ms,
        effort.waiting_ms,
        effort.wall_ms,
        effort.cpu_ms,
        effort.retries,
        effort.errors,
        effort.lines_added,
        effort.lines_removed,
    ];
    sums.into_iter().map(Sum::known).collect()
}

/// Something that a client says: which session, when, which kind, an amount, which prompt, which task.
type Said = (u8, i64, u8, u64, u8, u8);

fn said() -> impl Strategy<Value = Said> {
    (0..4_u8, 0..50 * HOUR, 0..8_u8, 0..90_000_u64, 0..5_u8, 0..4_u8)
}

fn apply(book: &mut Book, kept: &Kept, all: &[Said]) {
    for (n, (which, after, kind, amount, prompt, task)) in all.iter().enumerate() {
        let key = SessionKey { agent: "claude-code".to_owned(), id: format!("s{which}"), host: String::new() };
        let at = START + after;
        let way = if *kind == 6 { Way::Hook } else { Way::Line };
        let task = (*task == 0).then(|| TaskRef { id: "9".to_owned(), ..TaskRef::default() });
        let about = About { folder: (*which < 3).then(|| "/w".to_owned()), ..About::default() };
        let item = Item { at, ways: way.bit(), task, prompt: (*prompt > 0).then(|| format!("p{prompt}")), ..Item::default() };
        let model = Some(format!("m{}", amount % 2));
        let tokens = Tokens { input: Some(*amount), output: Some(1), ..Tokens::default() };
        let counted = |item: Item| Fact::Counted(n as u64, Box::new(item));
        let point = |name: &str| Item { kind: Kind::Delta, name: name.to_owned(), millis: Some(*amount), ..item.clone() };
        let fact = match kind {
            0 | 1 => {
                counted(Item { kind: Kind::Request, model, micros: Some(*amount), tokens, millis: Some(*amount), retries: Some(1), ..item })
            }
            2 => counted(Item { kind: Kind::Error, model, retries: Some(0), ..item }),
            3 => counted(Item { kind: Kind::Tool, outcome: Some(Outcome::Ok), millis: Some(*amount), ..item }),
            4 => counted(point(["active", "lines added", "lines removed"][(amount % 3) as usize])),
            5 => counted(Item { kind: Kind::Cpu, millis: Some(*amount), ..item }),
            6 if amount % 2 == 0 => Fact::Waits(Wait::Answer),
            6 => Fact::Works,
            _ => counted(Item { kind: Kind::Commit, name: format!("c{n}"), ..item }),
        };
        // Hooks come in their order, and at once.
        book.apply(vec![Signal { session: key, at, way, about, fact }], kept, at);
        kept.keep(book);
    }
}

fn work() -> Vec<Work> {
    let task = |id: &str| TaskRef { project: "app".to_owned(), tag: "master".to_owned(), id: id.to_owned() };
    let of = |id: &str, from: i64, to: i64, start_seen: bool| Work {
        folder: "/w".to_owned(),
        task: task(id),
        from: START + from * HOUR,
        to: START + to * HOUR,
        usual: None,
        start_seen,
    };
    vec![of("1", 2, 20, false), of("2", 11, 30, true), of("9", 29, 90, true), of("1", 40, 45, true)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_total_is_the_same_whatever_costs_are_asked_by(all in prop::collection::vec(said(), 1..60), pick in prop::collection::vec(0..10_usize, 1..4), cut in 0..50_i64) {
        let mut sorted = all;
        sorted.sort_by_key(|said| said.1);
        let (mut book, kept) = (Book::default(), Kept::default());
        apply(&mut book, &kept, &sorted);
        let (pages, work) = (kept.pages(), work());
        let rows_in = |by: &[By], range: (i64, i64)| costs(by, range, Sources { pages: &pages, book: &book, work: &work, now: NOW });
        let whole = total(&rows_in(&[By::Session], (0, i64::MAX)));
        let by: Vec<By> = pick.iter().map(|n| By::ALL[*n]).collect();
        let rows = rows_in(&by, (0, i64::MAX));
        prop_assert_eq!(known(&total(&rows)), known(&whole), "by {:?}", by);
        prop_assert_eq!(total(&rows).figures.requests, whole.figures.requests);
        prop_assert!(rows.is_empty() || rows.contains_key(&vec![None; by.len()]), "the rest is always a row");
        // What sessions say.
        let of = |figure: fn(&Session) -> Option<u64>| book.sessions().filter_map(figure).reduce(|a, b| a + b);
        prop_assert_eq!(whole.figures.micros.known(), of(Session::micros));
        prop_assert_eq!(whole.figures.requests, book.sessions().map(Session::requests).sum::<u64>());
        prop_assert_eq!(whole.effort.active_ms.known(), of(|session| session.active_ms.known()));
        prop_assert_eq!(whole.effort.waiting_ms.known().unwrap_or(0), of(|session| session.waited_ms(NOW)).unwrap_or(0));
        prop_assert_eq!(whole.effort.cpu_ms.known(), of(|session| session.cpu_ms.known()));
        prop_assert_eq!(whole.effort.retries.known(), of(|session| session.retries.known()));
        prop_assert_eq!(whole.effort.errors.known().unwrap_or(0), book.sessions().map(|session| session.errors).sum::<u64>());
        prop_assert_eq!(whole.effort.lines_added.known(), of(|session| session.lines_added.known()));
        // Two halves of the time are the whole of it.
        let middle = START + cut * HOUR + 1_234;
        let mut halves = total(&rows_in(&by, (0, middle)));
        let second = total(&rows_in(&by, (middle, i64::MAX)));
        halves.figures.add_all(&second.figures);
        halves.effort.add_all(&second.effort);
        prop_assert_eq!(known(&halves), known(&whole), "cut at {}", cut);
        // Budgets count the same money.
        let spent: u64 = spending((0, i64::MAX), Sources { pages: &pages, book: &book, work: &work, now: NOW }).iter().map(|one| one.1).sum();
        prop_assert_eq!(spent, whole.figures.micros.known().unwrap_or(0));
    }
}

#[test]
fn what_a_recorded_run_took_is_what_its_client_says() {
    let (book, kept) = applied(&recording("claude-code/headless"));
    for by in [&[By::Task][..], &[By::Model], &[By::Session, By::Day]] {
        let effort = total(&rows_of(by, &kept, &book, &[])).effort;
        assert_eq!(
            (effort.active_ms.known(), effort.errors.known(), effort.retries.known()),
            (Some(3_060), Some(0), Some(1)),
            "a request took two attempts, by {by:?}"
        );
        assert_eq!((effort.cpu_ms.known(), effort.lines_added.known()), (None, None), "nobody said it");
        let wall = effort.wall_ms.known().unwrap();
        assert!((2_000..20_000).contains(&wall), "{wall} ms for a turn of a few seconds");
    }
    // Time and active time belong to no model; errors do.
    let rows = rows_of(&[By::Model], &kept, &book, &[]);
    let named = &rows[&vec![Some("claude-opus-5-5".to_owned())]].effort;
    assert_eq!((named.wall_ms.known(), named.active_ms.known(), named.errors.known()), (None, None, Some(0)));
}

#[test]
fn a_task_that_was_in_progress_before_it_was_seen_says_since_when_it_counts() {
    let (mut book, kept) = (Book::default(), Kept::default());
    apply(&mut book, &kept, &[(0, 3 * HOUR, 0, 500, 1, 1), (0, 25 * HOUR, 0, 700, 1, 1), (0, 50 * HOUR, 0, 11, 1, 0)]);
    let rows = rows_of(&[By::Task], &kept, &book, &work());
    let of = |task: Option<&str>| {
        let row = &rows[&vec![task.map(str::to_owned)]];
        (row.figures.micros.known(), row.counted.map(|(from, start_seen)| (from - START, start_seen)))
    };
    assert_eq!(of(Some("app/master/1")), (Some(500), Some((2 * HOUR, false))));
    assert_eq!(of(Some("app/master/2")), (Some(700), Some((11 * HOUR, true))));
    assert_eq!(of(Some("app/master/9")), (Some(11), None), "the agent named it: it counts whenever it was");
    assert_eq!(of(None), (Some(0), None));
}
