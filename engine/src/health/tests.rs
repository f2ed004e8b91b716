//! Situations, and what a reader would call them.

use proptest::prelude::*;

use super::*;

/// What a reader would call a situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Called {
    /// 90 and more.
    Fine,
    /// 70 to 90: it can wait.
    Look,
    /// 40 to 70.
    Bad,
    /// Below 40.
    Act,
    /// No score.
    Nothing,
}

fn called(inputs: &Inputs) -> Called {
    match assess(inputs).score {
        None => Called::Nothing,
        Some(90.0..) => Called::Fine,
        Some(70.0..) => Called::Look,
        Some(40.0..) => Called::Bad,
        Some(_) => Called::Act,
    }
}

fn disk(mount: &str, used: f64, free_bytes: f64) -> Disk {
    Disk { mount: mount.to_owned(), used, free_bytes: Some(free_bytes), full_in: None }
}

fn root() -> Disk {
    disk("/", 0.5, 2e11)
}

fn quiet() -> Inputs {
    Inputs { cpu: Some(0.15), memory: Some(0.5), disks: vec![root()], sources: (4, vec![]), targets: (2, vec![]), ..Inputs::default() }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("n{n}")).collect()
}

#[test]
fn the_score_is_what_a_reader_would_call_each_of_these_situations() {
    use Called::{Act, Bad, Fine, Look, Nothing};
    use Severity::{Critical, Error, Info, Warning};
    let with_disk = |disk: Disk| Inputs { disks: vec![disk, root()], ..quiet() };
    let firing = |firing: &[Severity]| Inputs { firing: firing.to_vec(), ..quiet() };
    let dead = Inputs { cpu: None, memory: None, disks: vec![], sources: (3, vec!["system".to_owned()]), ..quiet() };
    let filling = |seconds| with_disk(Disk { full_in: Some(seconds), ..disk("/data", 0.8, 1e11) });
    for (situation, inputs, expected) in [
        ("all is quiet", quiet(), Fine),
        ("4 TB at 91 %, 360 GB free, for months", with_disk(disk("/data", 0.91, 3.6e11)), Fine),
        ("4 TB at 99 %, 40 GB free", with_disk(disk("/data", 0.99, 4e10)), Fine),
        ("/boot of 1 GB at 95 %, for months", with_disk(disk("/boot", 0.95, 5e7)), Fine),
        ("a minute of compiling in ten quiet ones", Inputs { cpu: Some(0.25), ..quiet() }, Fine),
        ("ten minutes of compiling at 100 %", Inputs { cpu: Some(1.0), ..quiet() }, Look),
        ("compiling, on a workstation", Inputs { cpu: Some(1.0), firing: vec![Info, Info], ..quiet() }, Look),
        ("a disk that is full", with_disk(disk("/data", 1.0, 0.0)), Act),
        ("a disk that is full in half an hour", filling(1_800.0), Act),
        ("a disk that is full tonight", filling(12.0 * HOUR), Act),
        ("a disk that is full in five days", filling(5.0 * DAY), Look),
        ("a disk that is full in two months", filling(60.0 * DAY), Fine),
        ("memory at 88 % by design", Inputs { memory: Some(0.88), ..quiet() }, Fine),
        ("memory at 88 % and its warning", Inputs { memory: Some(0.88), firing: vec![Warning], ..quiet() }, Look),
        ("processes wait for memory a third of the time", Inputs { memory: Some(0.97), memory_pressure: Some(0.33), ..quiet() }, Bad),
        ("a process ended for want of memory", Inputs { oom_kills: 1.0, ..quiet() }, Act),
        ("one of 20 sites down", Inputs { targets: (19, names(1)), ..quiet() }, Bad),
        ("the only site down", Inputs { targets: (0, names(1)), ..quiet() }, Act),
        ("one of four sources failing", Inputs { sources: (3, names(1)), ..quiet() }, Bad),
        ("all sources failing", Inputs { sources: (0, names(4)), ..quiet() }, Act),
        ("a dead collector of the machine", dead.clone(), Bad),
        ("CI is red: a warning", firing(&[Warning]), Look),
        ("ten workflows red and a board failing", firing(&[[Warning; 10].to_vec(), vec![Error]].concat()), Bad),
        ("an error", firing(&[Error]), Bad),
        ("a critical alert", firing(&[Critical]), Act),
        ("only notices of no weight", firing(&[Info]), Fine),
        ("nothing is measured", Inputs::default(), Nothing),
        ("only a probe is measured, and it is up", Inputs { targets: (1, vec![]), ..Inputs::default() }, Fine),
    ] {
        assert_eq!(called(&inputs), expected, "{situation}: {:?}", assess(&inputs));
    }
    let missing: Vec<&str> = assess(&dead).missing.iter().map(|part| part.part).collect();
    assert_eq!(missing, ["cpu", "memory", "disk"]);
}

#[test]
fn the_alerts_of_a_busy_cpu_and_of_the_score_itself_do_not_count() {
    let cpu = "system_cpu_utilization_ratio";
    for (rule, metric, expected) in [
        ("critical_cpu_usage", cpu, false),
        ("high_cpu_usage", cpu, false),
        ("cpu_shortage", cpu, true),
        ("my_own", cpu, true),
        ("degraded_performance", "taskpulse_health_score", false),
        ("probe_down", "probe_success", true),
    ] {
        assert_eq!(counts(rule, metric), expected, "{rule}");
    }
}

#[test]
fn the_score_follows_from_its_parts() {
    let inputs = Inputs { cpu: Some(0.9), firing: vec![Severity::Warning], targets: (1, names(1)), ..quiet() };
    let health = assess(&inputs);
    let shown: Vec<(&str, f64, f64)> = health.parts.iter().map(|part| (part.part, part.score, part.weight)).collect();
    let expected = [
        ("cpu", 87.5, 0.1),
        ("memory", 100.0, 0.1),
        ("disk", 100.0, 0.1),
        ("alerts", 80.0, 0.1),
        ("sources", 100.0, 0.1),
        ("probes", 40.0, 1.0),
    ];
    assert_eq!(shown, expected);
    // 100 - 60 - 0.1 * (12.5 + 20)
    assert_eq!(health.score, Some(36.8));
    assert_eq!(health.parts[5].why, "down: n0");
}

proptest! {
    #[test]
    fn more_trouble_never_raises_the_score(
        cpu in 0.0..=1.0f64, memory in 0.0..=1.0f64, used in 0.0..=1.0f64, free in 0.0..1e12f64, hours in 0.0..1_000.0f64, up in 0usize..30, down in 0usize..30,
    ) {
        let filling = Disk { full_in: Some(hours * HOUR), ..disk("/", used, free) };
        let before = Inputs { cpu: Some(cpu), memory: Some(memory), disks: vec![filling], targets: (up + 1, names(down)), ..quiet() };
        let score = |inputs: &Inputs| assess(inputs).score.unwrap();
        prop_assert!((0.0..=100.0).contains(&score(&before)));
        for after in [
            Inputs { cpu: Some((cpu + 0.1).min(1.0)), ..before.clone() },
            Inputs { memory: Some((memory + 0.1).min(1.0)), ..before.clone() },
            Inputs { memory_pressure: Some(0.4), ..before.clone() },
            Inputs { oom_kills: 1.0, ..before.clone() },
            Inputs { firing: vec![Severity::Warning], ..before.clone() },
            Inputs { targets: (up, names(down + 1)), ..before.clone() },
            Inputs { disks: vec![disk("/", used, free), Disk { full_in: Some(0.0), ..disk("/", 1.0, 0.0) }], ..before.clone() },
        ] {
            prop_assert!(score(&after) <= score(&before) + 0.11, "{after:?} {before:?}");
        }
    }
}
