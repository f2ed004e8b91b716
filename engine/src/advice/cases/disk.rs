//! The cases of file systems: of bytes and inodes, of this machine and others, and of who writes to them.

use super::*;

/// Two days of growth by a tenth a day from 0.5 on, and then by a quarter of the whole in the last six hours.
fn rising(minute: i64) -> f64 {
    let burst = (minute - (2 * DAY - 360)).max(0) as f64 / 360.0;
    0.5 + minute as f64 / DAY as f64 * 0.1 + 0.25 * burst + chance(minute) / 1e4
}

fn of_disks(all: &[Series]) -> Vec<Finding> {
    found(2 * DAY, 5, all)
        .into_iter()
        .filter(|one| ["disk_filling", "inodes_filling"].iter().any(|name| one.id.starts_with(name)))
        .collect()
}

fn named(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|finding| finding.id.as_str()).collect()
}

/// What the node_exporter says of a file system of 400 GB, or of as many million inodes.
fn node(metric: &str, labels: &str, value: impl Fn(i64) -> f64 + 'static) -> Series {
    series(&format!("node_filesystem_{metric}{{{labels}}}"), value)
}

#[test]
fn inodes_that_will_be_used_up_are_named_with_date_and_mount_and_a_steady_share_is_not() {
    let inodes = |value: fn(i64) -> f64| series("system_filesystem_inodes_utilization_ratio{mountpoint=\"/var\"}", value);
    let found = of_disks(&[inodes(rising)]);
    assert_eq!(named(&found), ["inodes_filling:/var"]);
    assert_eq!(found[0].severity, Severity::Error, "within a day: {}", found[0].title);
    assert!(found[0].title.starts_with("/var will have no inodes left in about "), "{}", found[0].title);
    assert!(
        found[0].why.contains("of the inodes of /var are in use") && found[0].why.contains(" UTC), with 95 % confidence"),
        "{}",
        found[0].why
    );
    let times: Vec<String> = times_to_full(&found).into_iter().map(|(series, _)| series.to_string()).collect();
    assert_eq!(times, ["system_filesystem_inodes_time_to_full_seconds{mountpoint=\"/var\"}"]);
    assert!(capacity(&[], &found, &[], MONDAY).is_empty(), "capacity is of bytes");
    let full = of_disks(&[inodes(|minute| rising(minute).min(0.8) + if minute > 2 * DAY - 90 { 0.2 } else { 0.0 })]);
    assert_eq!((full[0].title.as_str(), full[0].severity), ("/var has no inodes left", Severity::Error));
    assert_eq!(named(&of_disks(&[inodes(|minute| 0.9 + chance(minute) / 1e4)])), [""; 0]);
}

#[test]
fn file_systems_that_a_node_exporter_sees_have_advice_each_once() {
    let on = |labels: &str| {
        let left = |minute: i64| 4e11 * (1.0 - rising(minute)).max(0.0);
        [
            node("avail_bytes", labels, left),
            node("size_bytes", labels, |_| 4e11),
            node("files_free", labels, left),
            node("files", labels, |_| 4e11),
        ]
    };
    let of = |instance: &str, mount: &str, device: &str, fstype: &str| {
        on(&format!("instance={instance:?},job=\"node\",mountpoint={mount:?},device={device:?},fstype={fstype:?}"))
    };
    let mut all: Vec<Series> = of("db:9100", "/srv", "/dev/sda1", "ext4").into();
    all.extend(of("db:9100", "/srv/bind", "/dev/sda1", "ext4"));
    all.extend(of("db:9100", "/run", "tmpfs", "tmpfs"));
    all.extend(of("db:9100", "/n", "nas:/n", "nfs4"));
    all.extend(of("db:9100", "/old", "/dev/sdb1", "ext4"));
    all.push(node("readonly", "instance=\"db:9100\",job=\"node\",mountpoint=\"/old\",device=\"/dev/sdb1\",fstype=\"ext4\"", |_| 1.0));
    // Each machine is judged by its own series.
    all.extend(of("web:9100", "/srv", "/dev/sda1", "ext4"));
    // This machine, which measures itself.
    all.extend(of("localhost:9100", "/", "/dev/sda1", "ext4"));
    all.push(series("system_filesystem_utilization_ratio{mountpoint=\"/\"}", |_| 0.2));
    all.push(series("system_filesystem_inodes_utilization_ratio{mountpoint=\"/\"}", |_| 0.2));
    let found = of_disks(&all);
    assert_eq!(
        named(&found),
        [
            "disk_filling:/srv on db:9100",
            "disk_filling:/srv on web:9100",
            "inodes_filling:/srv on db:9100",
            "inodes_filling:/srv on web:9100"
        ]
    );
    assert!(found[0].query.starts_with("1 - node_filesystem_avail_bytes{"), "{}", found[0].query);
    assert!(times_to_full(&found).is_empty(), "other machines forecast for themselves");
}

#[test]
fn who_fills_a_disk_is_named_where_their_writes_explain_it() {
    let size = 4e11;
    let disk = move |labels: &str| -> Vec<Series> {
        let with = |more: &str| format!("{{mountpoint=\"/srv\"{labels}{more}}}");
        vec![
            series(&format!("system_filesystem_utilization_ratio{}", with("")), rising),
            series(&format!("system_filesystem_usage_bytes{}", with(",state=\"used\"")), move |m| size * rising(m)),
            series(&format!("system_filesystem_usage_bytes{}", with(",state=\"free\"")), move |m| size * (1.0 - rising(m))),
        ]
    };
    let writes = |process: &str, labels: &str, a_day: f64| {
        series(&format!("process_disk_io_bytes_per_second{{process={process:?},direction=\"write\"{labels}}}"), move |minute| {
            if minute > DAY { a_day * size / 86_400.0 } else { 0.0 }
        })
    };
    let why = |all: Vec<Series>| of_disks(&all).remove(0).why;
    // A third of the whole in the last day.
    let known = why([disk(""), vec![writes("restic", "", 0.33), writes("sshd", "", 0.01), writes("pg", ",instance=\"db\"", 3.0)]]
        .into_iter()
        .flatten()
        .collect());
    assert!(known.contains("Of the processes seen, most was written in that time by restic (1") && !known.contains("pg"), "{known}");
    assert!(known.contains("to which file system is not known") && !known.contains("sshd"), "{known}");
    let little = why([disk(""), vec![writes("restic", "", 0.01)]].into_iter().flatten().collect());
    assert!(little.contains("Who writes to it is not known: since ") && !little.contains("restic"), "{little}");
    let nobody = why([disk(""), vec![writes("pg", ",instance=\"db\"", 3.0)]].into_iter().flatten().collect());
    assert!(nobody.contains("Who writes to it is not known: there are no figures of processes that write since"), "{nobody}");
    let other = why([disk(",instance=\"db\""), vec![writes("restic", "", 3.0), writes("pg", ",instance=\"db\"", 0.33)]]
        .into_iter()
        .flatten()
        .collect());
    assert!(other.contains("Of the processes seen on db, most was written in that time by pg (") && !other.contains("restic"), "{other}");
    let full = why(vec![series("system_filesystem_utilization_ratio{mountpoint=\"/srv\"}", |_| 1.0)]);
    assert!(full.ends_with("It did not grow within the last day, so nobody who writes to it can be named."), "{full}");
}

#[test]
fn a_date_of_another_machine_that_stands_is_given_for_as_long_as_one_of_this_machine() {
    let rates: Vec<f64> = (2..24).map(|step| f64::from(step) * 0.004).collect();
    let dated = |stands: bool| -> Vec<usize> {
        let disk = |(number, rate): (usize, &f64)| {
            let rate = *rate;
            // So much a day, more in some quarters of a day.
            let grown = move |minute: i64| minute as f64 / DAY as f64 - 2.0 + 0.4 * chance(minute / 360 + 17 * number as i64);
            let level = move |minute: i64| 0.7 + rate * grown(minute);
            series(&format!("system_filesystem_utilization_ratio{{mountpoint=\"/\",host=\"h{number:02}\"}}"), level)
        };
        let all: Vec<Series> = rates.iter().enumerate().map(disk).collect();
        let id = |number: usize| format!("disk_filling:/ on h{number:02}");
        let given = (0..rates.len()).filter(|_| stands).map(id).collect();
        let (_dir, store, now) = kept(2 * DAY, 5, &all, |_| {});
        let found = assess_again(&store, &Money::default(), &mut Runs::default(), &given, Horizon::Day, now).unwrap().findings;
        (0..rates.len()).filter(|number| found.iter().any(|one| one.id == id(*number))).collect()
    };
    let (new, standing) = (dated(false), dated(true));
    assert!(new.iter().all(|number| standing.contains(number)), "{new:?} {standing:?}");
    assert!(standing.len() > new.len() && standing.len() < rates.len(), "{new:?} {standing:?}");
}
