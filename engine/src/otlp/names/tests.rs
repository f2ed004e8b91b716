use proptest::prelude::*;

use super::*;

#[test]
fn metrics_are_named_by_the_rules() {
    use InstrumentKind::{Counter, Gauge, Other};
    for (name, unit, kind, expected) in [
        ("claude_code.token.usage", "tokens", Counter, "claude_code_token_usage_tokens_total"),
        ("claude_code.cost.usage", "USD", Counter, "claude_code_cost_usage_USD_total"),
        ("claude_code.active_time.total", "s", Counter, "claude_code_active_time_seconds_total"),
        ("claude_code.session.count", "", Counter, "claude_code_session_count_total"),
        ("http.server.request.duration", "s", Other, "http_server_request_duration_seconds"),
        ("system.filesystem.usage", "By", Other, "system_filesystem_usage_bytes"),
        ("system.network.io", "By", Counter, "system_network_io_bytes_total"),
        ("system.network.dropped", "{packets}", Counter, "system_network_dropped_total"),
        ("system.network.dropped", "packets", Counter, "system_network_dropped_packets_total"),
        ("system.memory.utilization", "1", Gauge, "system_memory_utilization_ratio"),
        ("things", "1", Counter, "things_total"),
        ("things", "1", Other, "things"),
        ("ratio.of.x", "1", Gauge, "of_x_ratio"),
        ("astro.light.speed", "m/s", Gauge, "astro_light_speed_meters_per_second"),
        ("requests", "{request}/s", Gauge, "requests_per_second"),
        ("requests.per.second", "1/s", Gauge, "requests_per_second"),
        ("disk.speed", "MiBy/min", Gauge, "disk_speed_mebibytes_per_min"),
        ("latency_milliseconds", "ms", Other, "latency_milliseconds"),
        ("latency", "ms", Other, "latency_milliseconds"),
        ("cpu", "%", Gauge, "cpu_percent"),
        ("room", "By{free}", Gauge, "room_bytes"),
        ("(lambda).function.executions(#)", "", Other, "lambda_function_executions"),
        ("__a__b__", "", Other, "a_b"),
        ("2xx.count", "", Counter, "_2xx_count_total"),
        ("größe", "", Gauge, "gr_e"),
        ("total", "", Counter, "total"),
        ("a:b", "", Gauge, "a:b"),
        ("…", "s", Gauge, ""),
        ("", "s", Gauge, ""),
        ("odd", "°!/!", Gauge, "odd"),
        ("torque", "N.m", Gauge, "torque_N_m"),
    ] {
        assert_eq!(metric_name(name, unit, kind), expected, "{name} {unit} {kind:?}");
    }
}

#[test]
fn units_are_spelt_out() {
    for (unit, expected) in [
        ("", ""),
        ("1", ""),
        ("s", "seconds"),
        ("By", "bytes"),
        ("By/s", "bytes_per_second"),
        ("{a}/h", "per_hour"),
        ("1/d", "per_day"),
        ("{x", ""),
        ("tokens", "tokens"),
    ] {
        assert_eq!(unit_name(unit), expected, "{unit}");
    }
}

#[test]
fn labels_are_named_by_the_rules() {
    for (key, expected) in [
        ("http.request.method", "http_request_method"),
        ("a..b--c", "a_b_c"),
        ("__name__", "_name_"),
        ("1st", "key_1st"),
        ("_private", "_private"),
        ("ключ", "_"),
        ("", ""),
    ] {
        assert_eq!(label_name(key), expected, "{key}");
    }
}

proptest! {
    #[test]
    fn every_name_is_one_or_empty(name in ".{0,40}", unit in ".{0,12}") {
        for kind in [InstrumentKind::Counter, InstrumentKind::Gauge, InstrumentKind::Other] {
            let made = metric_name(&name, &unit, kind);
            prop_assert!(made.chars().all(|c| is_letter(c) || c == '_') && !made.starts_with(|c: char| c.is_ascii_digit()), "{made}");
        }
        let label = label_name(&name);
        prop_assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !label.contains("__"), "{label}");
    }
}
