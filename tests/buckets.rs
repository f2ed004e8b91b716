//! `/api/v1/buckets`: what charts draw, held to what PromQL says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;

use common::remote::{now_ms, series, write};
use common::{Folder, Service, eventually};
use serde_json::{Value, json};

fn service(rows: &[Vec<u8>]) -> (Folder, Service) {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service = folder.start();
    for row in rows {
        assert_eq!(write(&service.client, &service.url("/api/v1/write"), row).unwrap().0, 204);
    }
    (folder, service)
}

fn get(service: &Service, path: &str, params: &[(&str, &str)]) -> (u16, Value) {
    let response = service.client.get(service.url(path)).query(params).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

/// A figure of either answer: a number, or a text for what JSON has no number for.
fn number(value: &Value) -> f64 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.replace("Inf", "inf").parse().unwrap()
}

/// Values by the number of the series and by time, as bits.
type Points = BTreeMap<(String, u64), u64>;

fn drawn(answer: &Value, column: &str) -> Points {
    let mut points = Points::new();
    for series in answer["data"]["result"].as_array().unwrap() {
        let (times, figures) = (series["t"].as_array().unwrap(), series[column].as_array().unwrap());
        assert_eq!(times.len(), figures.len(), "{column}");
        let n = series["metric"]["n"].as_str().unwrap();
        points.extend(times.iter().zip(figures).map(|(t, v)| ((n.to_owned(), number(t).to_bits()), number(v).to_bits())));
    }
    points
}

fn said(answer: &Value) -> Points {
    let mut points = Points::new();
    for series in answer["data"]["result"].as_array().unwrap() {
        let n = series["metric"]["n"].as_str().unwrap();
        let values = series["values"].as_array().unwrap().iter();
        points.extend(values.map(|point| ((n.to_owned(), number(&point[0]).to_bits()), number(&point[1]).to_bits())));
    }
    points
}

/// Three series of a day with gaps, odd values, and one spike of 5 s.
fn day(end: i64) -> Vec<Vec<u8>> {
    let start = end - 86_400_000;
    let value = |n: i64, at: i64| match (n, at) {
        (0, 9_001) => 1e9,
        (1, _) if at % 101 == 0 => f64::NAN,
        (1, _) if at % 977 == 0 => f64::INFINITY,
        (2, _) => at as f64 / 3.0,
        _ => ((at * 7_919) % 1_000) as f64 / 10.0,
    };
    let rows = |n: i64| (0..17_280).filter(|at| at / 720 % 5 != n).map(|at| (start + at * 5_000 + n, value(n, at))).collect::<Vec<_>>();
    (0..3).map(|n| series(&[("__name__", "level"), ("n", &n.to_string())], &rows(n))).collect()
}

#[test]
fn a_chart_and_a_query_agree_on_every_bucket() {
    let end = now_ms() / 1_000 * 1_000 - 10_000;
    let (_folder, service) = service(&day(end));
    let (from, to) = (((end - 86_400_000) / 1_000).to_string(), (end / 1_000).to_string());
    for (step, modifier) in [("72", ""), ("1h", ""), ("61.5", " offset 3m"), ("5m", " @ end()"), ("400m", "")] {
        let range = [("query", &*format!("level{modifier}")), ("start", &from), ("end", &to), ("step", step)];
        let (status, answer) = get(&service, "/api/v1/buckets", &range);
        assert_eq!(
            (status, &answer["data"]["resultType"], &answer["data"]["source"]),
            (200, &json!("buckets"), &json!("samples")),
            "{answer}"
        );
        // The instants of the buckets: whole multiples of the step, from `start` on, until `end` is covered.
        let seconds = answer["data"]["step"].as_f64().unwrap();
        let aligned = |t: &str| (t.parse::<f64>().unwrap() / seconds).ceil() * seconds;
        let (first, last) = (aligned(&from).to_string(), aligned(&to).to_string());
        for (column, function) in [("min", "min"), ("mean", "avg"), ("max", "max"), ("last", "last"), ("count", "count")] {
            let query = format!("{function}_over_time(level[{}ms]{modifier})", (seconds * 1e3) as i64);
            let (status, wanted) =
                get(&service, "/api/v1/query_range", &[("query", &query), ("start", &first), ("end", &last), ("step", step)]);
            assert_eq!(status, 200, "{wanted}");
            let wanted = said(&wanted);
            assert!(wanted.len() > 9 && drawn(&answer, column) == wanted, "{query}");
        }
    }
    // A spike of one sample is seen in the picture of a month.
    let month = ((end - 30 * 86_400_000) / 1_000).to_string();
    let (_, answer) = get(&service, "/api/v1/buckets", &[("query", "level{n=\"0\"}"), ("start", &month), ("end", &to), ("step", "43200")]);
    let highest = drawn(&answer, "max").into_values().map(f64::from_bits).fold(0.0, f64::max);
    assert_eq!(highest, 1e9, "{answer}");
}

#[test]
fn an_expression_is_drawn_as_a_subquery_is_worked_out() {
    let end = now_ms() / 1_000 * 1_000 - 10_000;
    let (_folder, service) = service(&day(end));
    let (from, to) = (((end - 86_400_000) / 1_000).to_string(), (end / 1_000).to_string());
    let ask = |query: &str| get(&service, "/api/v1/buckets", &[("query", query), ("start", &from), ("end", &to), ("step", "72")]).1;
    let answer = ask("level / 2");
    assert_eq!(
        (&answer["data"]["source"], &answer["data"]["inner_step"], &answer["data"]["total"]),
        (&json!("expression"), &json!(8), &json!(3))
    );
    let aligned = |t: &str| (t.parse::<u64>().unwrap().div_ceil(72) * 72).to_string();
    let range = [("query", "max_over_time((level / 2)[72s:8s])"), ("start", &*aligned(&from)), ("end", &*aligned(&to)), ("step", "72")];
    assert_eq!(drawn(&answer, "max"), said(&get(&service, "/api/v1/query_range", &range).1));
    let scalar = ask("42.5");
    let only = &scalar["data"]["result"][0];
    assert_eq!(
        (&only["metric"], &only["min"][0], &only["last"][7], &only["count"][3]),
        (&json!({}), &json!(42.5), &json!(42.5), &json!(9))
    );
    let noted = ask("rate(level[5m])");
    assert!(noted["infos"][0].as_str().unwrap().contains("\"level\""), "{noted}");
}

#[test]
fn more_series_than_asked_for_are_counted_and_not_sent() {
    let at = now_ms() - 60_000;
    let all: Vec<u8> =
        (0..5_000).flat_map(|n| series(&[("__name__", "level"), ("n", &format!("{n:04}"))], &[(at, f64::from(n))])).collect();
    let (_folder, service) = service(&[all]);
    let (from, to) = (((at - 3_600_000) / 1_000).to_string(), (at / 1_000 + 1).to_string());
    for query in ["level", "level * 1"] {
        let ask = |limit: &str| {
            get(&service, "/api/v1/buckets", &[("query", query), ("start", &from), ("end", &to), ("step", "15"), ("limit", limit)]).1
        };
        let few = ask("50");
        let rows = few["data"]["result"].as_array().unwrap();
        assert_eq!((&few["data"]["truncated"], &few["data"]["total"], rows.len()), (&json!(true), &json!(5_000), 50), "{query}");
        assert_eq!(few["warnings"], json!(["results truncated due to limit"]));
        assert_eq!((&rows[0]["metric"]["n"], &rows[49]["metric"]["n"]), (&json!("0000"), &json!("0049")), "{query}");
        let all = ask("0");
        assert_eq!((&all["data"]["truncated"], all["data"]["result"].as_array().unwrap().len()), (&json!(false), 5_000), "{query}");
        assert!(all["warnings"].is_null());
    }
}

#[test]
fn bad_input_is_refused_as_a_range_query_refuses_it() {
    let (_folder, service) = service(&[]);
    for (query, start, end, step, part) in [
        ("", "0", "1", "1", "parameter `query` is missing"),
        ("up", "", "1", "1", "parameter `start` is missing"),
        ("up", "0", "1", "", "parameter `step` is missing"),
        ("up", "0", "1", "0", "must be more than 0"),
        ("up", "0", "1", "-5", "must be more than 0"),
        ("up", "0", "1", "1.5h", "step"),
        ("up", "10", "5", "1", "`end` is before `start`"),
        ("up", "0", "11001", "1", "maximum resolution of 11,000 points"),
        ("up[5m]", "0", "1", "1", "range vector"),
        ("\"text\"", "0", "1", "1", "invalid expression type \"string\""),
        ("sum(", "0", "1", "1", "1:5: parse error: unclosed left parenthesis"),
        ("up{job=~\"(\"}", "0", "1", "1", "missing closing )"),
    ] {
        let range = [("query", query), ("start", start), ("end", end), ("step", step)];
        let [(status, answer), wanted] = ["/api/v1/buckets", "/api/v1/query_range"].map(|path| get(&service, path, &range));
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(part), "{query} {step}: {answer}");
        assert_eq!((status, answer), wanted, "{query}");
    }
    let form = [("query", "vector(1)"), ("start", "0"), ("end", "11000"), ("step", "1")];
    let answer: Value = service.client.post(service.url("/api/v1/buckets")).form(&form).send().unwrap().json().unwrap();
    assert_eq!(answer["data"]["result"][0]["t"].as_array().unwrap().len(), 11_001);
    let (status, answer) = get(&service, "/api/v1/buckets", &[("query", "up"), ("start", "-2e11"), ("end", "-2e11"), ("step", "292y")]);
    assert_eq!((status, &answer["data"]["result"]), (200, &json!([])), "{answer}");
}

#[test]
fn several_questions_are_answered_as_each_is_alone() {
    let at = now_ms() / 15_000 * 15_000 - 60_000;
    let all: Vec<u8> =
        (0..1_000).flat_map(|n| series(&[("__name__", "level"), ("n", &format!("{n:04}"))], &[(at, f64::from(n))])).collect();
    let (_folder, service) = service(&[all]);
    let (from, to) = (((at - 3_600_000) / 1_000).to_string(), (at / 1_000).to_string());
    // One large answer among them, one error at its beginning, and one at the end.
    let asks = [("level{", "1"), ("level", "1"), ("level", "0"), ("sum(level)", ""), ("up", ""), ("1 +", "")]
        .map(|(query, limit)| [("query", query), ("start", &*from), ("end", &*to), ("step", "15"), ("limit", limit)]);
    let alone = asks.map(|ask| get(&service, "/api/v1/buckets", &ask).1);
    let texts = asks.map(|ask| reqwest::Url::parse_with_params("http://localhost", ask).unwrap().query().unwrap().to_owned());
    let together: Vec<(&str, &str)> = texts.iter().map(|text| ("ask", text.as_str())).collect();
    let (status, answer) = get(&service, "/api/v1/buckets/each", &together);
    assert_eq!((status, &answer["status"], &answer["data"]), (200, &json!("success"), &json!(alone)));
    for (asks, part) in [(vec![], "parameter `ask` is missing"), (vec![together[1]; 51], "51 questions at once; 50 are accepted")] {
        let (status, answer) = get(&service, "/api/v1/buckets/each", &asks);
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(part), "{answer}");
    }
}

#[test]
fn a_series_is_forecast_as_far_as_its_past_allows() {
    let quarter = 900_000;
    let end = now_ms() / quarter * quarter;
    // A fortnight of days, and half a day of something young, and something that has ended.
    let hour = |at: i64| (at % 86_400_000) as f64 / 3_600_000.0;
    let points = |from: i64, to: i64| (from..=to).map(|n| end + n * quarter).map(|at| (at, hour(at))).collect::<Vec<_>>();
    let rows = [("whole", points(-14 * 96, 0)), ("young", points(-48, 0)), ("new", points(-2, 0)), ("ended", points(-400, -200))];
    let rows: Vec<Vec<u8>> = rows.iter().map(|(n, points)| series(&[("__name__", "level"), ("n", n)], points)).collect();
    let (_folder, service) = service(&rows);
    let ask = |params: &[(&str, &str)]| get(&service, "/api/v1/forecast", params);
    let (status, answer) = ask(&[("query", "level")]);
    assert_eq!((status, &answer["data"]["level"], &answer["data"]["step"]), (200, &json!(0.8), &json!(900.0)), "{answer}");
    let of = |n: &str| answer["data"]["series"].as_array().unwrap().iter().find(|one| one["metric"]["n"] == n).unwrap().clone();
    let whole = of("whole");
    let column = |name: &str| whole[name].as_array().unwrap().iter().map(number).collect::<Vec<f64>>();
    let (times, low, mean, high) = (column("t"), column("low"), column("mean"), column("high"));
    assert_eq!((times.len(), &whole["missing"]), (96, &Value::Null), "{whole}");
    assert!(times[0] > end as f64 / 1e3 - 1.0 && times.windows(2).all(|pair| pair[1] - pair[0] == 900.0));
    for at in 0..96 {
        assert!(low[at] <= mean[at] && mean[at] <= high[at]);
        assert!((mean[at] - hour((times[at] * 1e3) as i64)).abs() < 1.5, "{at}: {}", mean[at]);
    }
    let young = of("young");
    assert!((1..=24).contains(&young["t"].as_array().unwrap().len()) && young["method"].is_string(), "{young}");
    assert!(young["missing"].as_str().unwrap().starts_with("too little of it is kept"), "{young}");
    for (n, why) in [("new", "3 steps of 15m have samples; a forecast needs 12"), ("ended", "it has had no sample for ")] {
        let one = of(n);
        assert!(one["missing"].as_str().unwrap().starts_with(why) && one["method"] == Value::Null && one["t"] == json!([]), "{one}");
    }
    assert_eq!(ask(&[("query", "level"), ("horizon", "1s")]).1["data"]["horizon"], 60.0, "the shortest");
    // What was asked from now on is kept, once for each series; what would have been said at a past moment is not.
    ask(&[("query", "level{n=\"whole\"} + 0"), ("time", &(end as f64 / 1e3 - 86_400.0).to_string())]);
    ask(&[("query", "level")]);
    let kept = eventually("the forecasts are kept", || {
        let (_, answer) = get(&service, "/api/v1/forecasts", &[]);
        let kept = answer["data"]["series"].as_array().unwrap().clone();
        kept.iter().any(|one| one["horizon"] == 86_400.0).then_some(kept)
    });
    assert!(kept.iter().all(|one| one["query"] == "level" && one["level"] == 0.8), "{kept:?}");
    let of_a_day: Vec<&Value> = kept.iter().filter(|one| one["horizon"] == 86_400.0).collect();
    assert_eq!(of_a_day.len(), 2, "the other two have no forecast: {kept:?}");
    assert!(of_a_day.iter().all(|one| (&one["made"], &one["pending"], &one["judged"]) == (&json!(1), &json!(1), &json!(0))), "{kept:?}");
    for (params, why) in [
        (&[("query", "level"), ("horizon", "-3600")][..], "\"horizon\": it must be more than nothing"),
        (&[("query", "level"), ("level", "1")], "\"level\": it must be within 0.5 and 0.99"),
        (&[("query", "level[5m]")], "a range vector cannot be forecast, only an instant vector or a scalar"),
    ] {
        let (status, answer) = ask(params);
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(why), "{answer}");
    }
}
