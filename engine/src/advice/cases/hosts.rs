//! The cases of memory of other machines: each is judged by its own series.

use super::*;

fn on(host: &str, metric: &str, more: &str, value: impl Fn(i64) -> f64 + 'static) -> Series {
    series(&format!("{metric}{{instance={host:?}{more}}}"), value)
}

fn named(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|finding| finding.id.as_str()).collect()
}

/// From 20 % on, 1 % an hour.
fn leak(minute: i64) -> f64 {
    0.2 + 0.01 * minute as f64 / 60.0
}

#[test]
fn memory_of_another_machine_that_runs_out_is_named_with_its_machine() {
    let all = |value: fn(i64) -> f64| {
        let bytes = move |minute: i64| 6.4e10 * (1.0 - value(minute));
        vec![
            on("db:9100", "node_memory_MemAvailable_bytes", "", bytes),
            on("db:9100", "node_memory_MemTotal_bytes", "", |_| 6.4e10),
            on("web", "system_memory_utilization_ratio", "", value),
            on("idle", "system_memory_utilization_ratio", "", |m| 0.5 + 0.02 * chance(m)),
            series("system_memory_utilization_ratio", |m| 0.5 + 0.02 * chance(m)),
        ]
    };
    let found = found(55 * 60, 1, &all(leak));
    assert_eq!(
        named(&found),
        [
            "memory_filling:system_memory_utilization_ratio{instance=\"web\"}",
            "memory_filling:node_memory_MemAvailable_bytes{instance=\"db:9100\"}"
        ]
    );
    assert!(found[1].title.starts_with("db:9100 will be out of memory in about "), "{}", found[1].title);
    assert!(times_to_full(&found).is_empty(), "other machines forecast for themselves");
    assert_eq!(ids(55 * 60, 1, &all(|minute| 0.6 + 0.02 * chance(minute))), [""; 0]);
}

#[test]
fn a_unit_is_measured_by_the_memory_of_its_own_machine() {
    let machine = |host: &str, gigabytes: f64, left: f64| {
        [
            on(host, "system_memory_limit_bytes", "", move |_| gigabytes * 1e9),
            on(host, "system_memory_usage_bytes", ",state=\"available\"", move |_| left * 1e9),
        ]
    };
    let shop = |host: &str| on(host, "container_memory_uncached_bytes", ",unit=\"shop.service\"", |minute| 1e9 * leak(minute));
    let all =
        |host: &str| machine("small", 1.2, 0.25).into_iter().chain(machine("large", 256.0, 200.0)).chain([shop(host)]).collect::<Vec<_>>();
    let found = found(55 * 60, 1, &all("small"));
    assert_eq!(named(&found), ["memory_filling:container_memory_uncached_bytes{instance=\"small\",unit=\"shop.service\"}"]);
    assert!(found[0].title.starts_with("shop.service on small will be out of memory"), "{}", found[0].title);
    assert_eq!(ids(55 * 60, 1, &all("large")), [""; 0], "200 GB are left there");
}

#[test]
fn short_memory_of_a_machine_with_a_node_exporter_is_named_and_free_memory_of_another_collector_is_not_taken_for_used() {
    let tight = [
        on("db:9100", "node_memory_MemAvailable_bytes", "", |_| 1e9),
        on("db:9100", "node_memory_MemTotal_bytes", "", |_| 6.4e10),
        series("process_memory_usage_bytes{process=\"here\"}", |_| 5e10),
    ];
    let found = found(400, 1, &tight);
    assert_eq!(named(&found), ["memory_tight on db:9100"]);
    assert!(!found[0].action.contains("here"), "{}", found[0].action);
    let counsel = advisors::of(&found[0].id).unwrap().counsel;
    let measured = counsel.measure(&found[0]).unwrap().query;
    assert!(measured.starts_with("1 - node_memory_MemAvailable_bytes{") && measured.contains("db:9100"), "{measured}");
    let free = on("otel", "system_memory_utilization_ratio", ",state=\"free\"", |_| 0.97);
    assert_eq!(ids(400, 1, &[free]), [""; 0]);
}

#[test]
fn kills_of_one_machine_do_not_hide_those_of_another() {
    let kills = |metric: &str, labels: &str| series(&format!("{metric}{{{labels}}}"), |minute| if minute < 300 { 3.0 } else { 4.0 });
    let unit = || kills("container_oom_kills_total", "unit=\"shop.service\"");
    let here = || series("system_oom_kills_total", |minute| if minute < 300 { 3.0 } else { 4.0 });
    let found = ids(
        400,
        1,
        &[
            unit(),
            here(),
            kills("system_oom_kills_total", "instance=\"web\""),
            kills("node_vmstat_oom_kill", "instance=\"db:9100\",job=\"node\""),
            kills("node_vmstat_oom_kill", "instance=\"localhost:9100\",job=\"node\""),
        ],
    );
    assert_eq!(found, ["oom_killed:container_oom_kills_total{unit=\"shop.service\"}", "oom_killed on web", "oom_killed on db:9100"]);
    let quiet = series("node_vmstat_oom_kill{instance=\"db:9100\"}", |_| 9.0);
    assert_eq!(ids(400, 1, &[quiet]), [""; 0]);
}
