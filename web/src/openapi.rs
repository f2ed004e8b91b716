//! The interface as OpenAPI 3.1, at `/api/v1/openapi.json`. `docs/API.md` has the shapes of the answers in words.
//!
//! One table: a path that is not in it is not documented, and the test calls every one that is.

use actix_web::HttpResponse;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Required, ResponseBuilder, ResponsesBuilder};

/// Where a parameter is and how often.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Path,
    /// May be left out.
    Query,
    /// Must be there.
    Needed,
    /// May come several times.
    Several,
}

use HttpMethod::{Get, Post};
use Place::{Needed, Path, Query, Several};

type Parameter = (&'static str, Place, &'static str);
/// Methods, path, what it does, parameters, type of the body.
type Entry = (&'static [HttpMethod], &'static str, &'static str, &'static [Parameter], Option<&'static str>);

const TIME: &str = "Unix seconds or RFC 3339";
const START: Parameter = ("start", Query, TIME);
const END: Parameter = ("end", Query, TIME);
const MATCH: Parameter = ("match[]", Several, "a selector");
const QUERY: Parameter = ("query", Needed, "PromQL");
const TIMEOUT: Parameter = ("timeout", Query, "seconds, or a length of time; at most 30 s");
const LIMIT: Parameter = ("limit", Query, "items of the answer at the most; 0 for all");
const LOOKBACK: Parameter = ("lookback_delta", Query, "how old a sample may be to count at an instant");
const BOTH: &[HttpMethod] = &[Get, Post];

const PATHS: &[Entry] = &[
    (&[Get], "/api/v1/openapi.json", "This document", &[], None),
    (&[Get], "/metrics", "The service's own metrics: Prometheus' text 0.0.4, or OpenMetrics where that is accepted", &[], None),
    (&[Get], "/healthz", "Whether it is well; 503 names the failing parts", &[], None),
    (&[Get], "/readyz", "Whether it is ready; 503 while it starts, stops or fails", &[], None),
    (&[Get], "/-/healthy", "As /healthz, in Prometheus' words", &[], None),
    (&[Get], "/-/ready", "As /readyz, in Prometheus' words", &[], None),
    (&[Get], "/api/v1/status", "Actors, sources, pipeline, store, problems", &[], None),
    (&[Get], "/api/v1/status/buildinfo", "Version, as Prometheus answers it", &[], None),
    (&[Get], "/api/v1/status/runtimeinfo", "Since when it runs and how long it keeps, as Prometheus answers it", &[], None),
    (
        &[Get],
        "/api/v1/status/tsdb",
        "The metrics with the most series, the labels with the most values",
        &[("limit", Query, "of each; 1 to 10,000")],
        None,
    ),
    (BOTH, "/api/v1/query", "PromQL at an instant", &[QUERY, ("time", Query, TIME), TIMEOUT, LIMIT, LOOKBACK], None),
    (
        BOTH,
        "/api/v1/query_range",
        "PromQL over a range",
        &[
            QUERY,
            ("start", Needed, TIME),
            ("end", Needed, TIME),
            ("step", Needed, "seconds, or a length of time"),
            TIMEOUT,
            LIMIT,
            LOOKBACK,
        ],
        None,
    ),
    (BOTH, "/api/v1/query_exemplars", "Exemplars: none are kept", &[QUERY, START, END], None),
    (BOTH, "/api/v1/format_query", "A query well laid out", &[QUERY], None),
    (BOTH, "/api/v1/parse_query", "A query as a tree", &[QUERY], None),
    (
        BOTH,
        "/api/v1/series",
        "Label sets of the series that are meant",
        &[("match[]", Needed, "a selector; repeatable"), START, END, LIMIT],
        None,
    ),
    (BOTH, "/api/v1/labels", "Label names", &[MATCH, START, END, LIMIT], None),
    (&[Get], "/api/v1/label/{name}/values", "Values of a label", &[("name", Path, "the label"), MATCH, START, END, LIMIT], None),
    (
        &[Get],
        "/api/v1/metadata",
        "Type, help and unit of metrics",
        &[("metric", Query, "one of them"), ("limit", Query, "metrics at the most"), ("limit_per_metric", Query, "each has one entry")],
        None,
    ),
    (
        &[Get],
        "/api/v1/targets/metadata",
        "The same of scraped programs alone",
        &[("match_target", Query, "a selector"), ("metric", Query, "one of them"), LIMIT],
        None,
    ),
    (&[Get], "/api/v1/alertmanagers", "Where alerts are sent as Prometheus sends them: nowhere", &[], None),
    (
        &[Get],
        "/api/v1/windows",
        "Closed windows",
        &[("match[]", Needed, "a selector; repeatable"), ("window", Needed, "1m 5m 15m 1h 6h 24h"), START, END],
        None,
    ),
    (
        &[Get],
        "/api/v1/export",
        "History as it is kept, streamed",
        &[("match[]", Needed, "a selector, with or without a comparison; repeatable"), START, END, ("format", Query, "jsonl or csv")],
        None,
    ),
    (
        &[Post],
        "/api/v1/import",
        "History brought in",
        &[("format", Needed, "jsonl, csv, openmetrics or prometheus"), ("lines_before", Query, "added to the numbers of lines in errors")],
        Some("text/plain"),
    ),
    (
        &[Get],
        "/api/v1/rules",
        "Alert rules, as Prometheus answers them",
        &[
            ("type", Query, "alert or record"),
            ("rule_name[]", Several, "a rule"),
            ("rule_group[]", Several, "its group"),
            ("file[]", Several, "its file"),
            MATCH,
            ("exclude_alerts", Query, "true leaves the alerts out"),
            LIMIT,
        ],
        None,
    ),
    (&[Get], "/api/v1/alerts", "Alerts, as Prometheus answers them", &[], None),
    (&[Get], "/api/v1/alerts/history", "Alerts that ended, newest first", &[START, END], None),
    (&[Post], "/api/v1/alerts/{id}/ack", "Acknowledges an alert", &[("id", Path, "the alert")], None),
    (&[Get], "/api/v1/recommendations", "Recommendations with their evidence", &[], None),
    (
        &[Post],
        "/api/v1/recommendations/{id}/{decision}",
        "Decides on a recommendation",
        &[("id", Path, "the recommendation"), ("decision", Path, "accept, dismiss or applied")],
        None,
    ),
    (&[Get], "/api/v1/events", "Points on the time line, newest first", &[START, END, ("source", Query, "where they come from")], None),
    (&[Get], "/api/v1/tasks", "The task boards", &[], None),
    (&[Get], "/api/v1/ci/runs", "CI: the figures of each workflow, and the newest runs", &[], None),
    (&[Post], "/hooks/github", "Webhook deliveries, signed (X-Hub-Signature-256)", &[], Some("application/json")),
    (&[Post], "/api/v1/write", "Prometheus remote write 1.0 (snappy)", &[], Some("application/x-protobuf")),
    (&[Post], "/api/v1/ingest", "Samples as JSON", &[], Some("application/json")),
    (&[Post], "/v1/metrics", "OpenTelemetry metrics (OTLP/HTTP), protobuf or JSON", &[], Some("application/json")),
    (&[Post], "/api/v1/admin/snapshot", "A copy of everything in a folder of its own", &[], None),
];

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

fn document() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for (methods, path, summary, parameters, body) in PATHS {
        for method in *methods {
            let mut operation = OperationBuilder::new().summary(Some(*summary));
            for (name, place, about) in *parameters {
                let schema: RefOr<Schema> = match place {
                    Several => Schema::Array(ArrayBuilder::new().items(text()).build()).into(),
                    _ => Schema::Object(text()).into(),
                };
                let parameter = ParameterBuilder::new()
                    .name(*name)
                    .parameter_in(if *place == Path { ParameterIn::Path } else { ParameterIn::Query })
                    .required(if matches!(place, Path | Needed) { Required::True } else { Required::False })
                    .description(Some(*about))
                    .schema(Some(schema));
                operation = operation.parameter(parameter);
            }
            if let Some(kind) = body {
                let content = ContentBuilder::new().schema(Some(Schema::Object(text()))).build();
                operation =
                    operation.request_body(Some(RequestBodyBuilder::new().content(*kind, content).required(Some(Required::True)).build()));
            }
            let responses = ResponsesBuilder::new()
                .response("200", ResponseBuilder::new().description("`{\"status\":\"success\",\"data\":…}`, or what the summary says"))
                .response(
                    "400",
                    ResponseBuilder::new().description(
                        "`{\"status\":\"error\",\"errorType\":…,\"error\":…}`: what was wrong, where, and what would be right",
                    ),
                );
            paths = paths.path(*path, PathItem::new(method.clone(), operation.responses(responses.build())));
        }
    }
    let info = InfoBuilder::new().title("Taskpulse").version(env!("CARGO_PKG_VERSION"));
    OpenApiBuilder::new()
        .info(info.description(Some("Answers and errors are described in docs/API.md.")).build())
        .paths(paths.build())
        .build()
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(document())
}
