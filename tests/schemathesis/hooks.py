"""What schemathesis cannot learn from the OpenAPI document: languages, messages, and rules between parameters.

Texts of the formats `promql`, `promql-selector` and `promql-duration` are generated here, and so are messages of protobuf and lines
for the import. Requests that are meant to be right have `end` not before `start`, no more steps than are allowed, and no samples
from times that are not kept.
"""

import hashlib
import hmac
import os
import time

import schemathesis
from hypothesis import strategies as st

# `server.token` and `github.webhook_secret` of the service that is tested.
TOKEN = os.environ.get("TASKPULSE_TOKEN", "")
LAST_TIME = 253_402_300_000
# Times of log lines are nanoseconds, of 64 bits.
LAST_NANOSECONDS = 9_000_000_000
SELECTOR = '{job="x"}'
COUNTS = 'count_over_time({job="x"}[5m])'
# Where a query is one over lines, without counts.
SELECTOR_PATHS = ("/api/v1/logs", "/api/v1/logs/volume", "/api/v1/logs/export", "/loki/api/v1/series")

NAMES = st.sampled_from(["up", "system_cpu_utilization_ratio", "taskpulse_appended_samples_total", "taskmaster_tasks", "none:at_all"])
LABELS = st.sampled_from(["", "{}", '{job="web"}', '{tag!="a\\"b"}', '{cpu=~"[0-9]+"}', '{source!~"a|b", part=""}'])
SELECTORS = st.builds("{}{}".format, NAMES, LABELS)
DURATIONS = st.sampled_from(["500ms", "1s", "30s", "5m", "1h30m", "7d"])
RANGES = st.builds("{}({}[{}])".format, st.sampled_from(["rate", "max_over_time"]), SELECTORS, DURATIONS)


def combined(expressions):
    calls = st.builds("{}({})".format, st.sampled_from(["abs", "sum", "count", "-", "sort", "sum by (job)"]), expressions)
    pairs = st.builds("({}) {} ({})".format, expressions, st.sampled_from(["and", "unless", "or"]), expressions)
    return calls | pairs


schemathesis.openapi.format("promql", st.recursive(SELECTORS | RANGES | st.just("vector(1)"), combined, max_leaves=4))
schemathesis.openapi.format("promql-selector", SELECTORS)
schemathesis.openapi.format("promql-duration", DURATIONS)

LINES_QUERIES = st.sampled_from([SELECTOR, '{job=~".+"} |= "a" | json', '{job="x"} | logfmt | level="error"'])
COUNTS_QUERIES = st.sampled_from([COUNTS, 'sum by (job) (rate({job="x"} |= "a" [1m]))'])
schemathesis.openapi.format("logql", LINES_QUERIES | COUNTS_QUERIES)
TRACE_QUERIES = st.sampled_from(["{}", "{ status = error }", '{ resource.service.name = "web" } >> { .a > 1 } | count() > 2'])
schemathesis.openapi.format("traceql", TRACE_QUERIES)
schemathesis.openapi.format("traceql-filter", st.sampled_from(["{}", '{ resource.service.name = "web" && duration > 1ms }']))
schemathesis.openapi.format("traceql-field", st.sampled_from(["resource.service.name", ".a", "name", "status", "rootName"]))
schemathesis.openapi.format("logfmt", st.sampled_from(["service.name=web", 'a="b c" error=true']))
# Tempo's paths, whose times are those of lines.
TEMPO_PATHS = ("/api/v1/traces", "/api/search", "/api/v2/search", "/api/traces/", "/api/v2/traces/")


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, payload):
    """A field of protobuf that has a length."""
    return bytes([number << 3 | 2]) + varint(len(payload)) + payload


def snappy(payload):
    """The block format, with nothing compressed."""
    pieces = [payload[at : at + 60] for at in range(0, len(payload), 60)]
    return varint(len(payload)) + b"".join(bytes([len(piece) - 1 << 2]) + piece for piece in pieces)


# A series without samples, a metric without points, a record of nothing, a scope without spans, and a stream without lines.
PROTOBUF = {
    "/api/v1/write": snappy(field(1, field(1, field(1, b"__name__") + field(2, b"up")))),
    "/v1/metrics": field(1, field(2, field(2, field(1, b"up")))),
    "/v1/logs": field(1, field(2, field(2, b""))),
    "/v1/traces": field(1, field(2, b"")),
    "/loki/api/v1/push": snappy(field(1, field(1, b'{job="x"}'))),
}
schemathesis.openapi.media_type("application/x-protobuf", st.sampled_from(list(PROTOBUF.values())))

LINES = {
    "jsonl": '{"metric":{"__name__":"brought_in"},"values":[],"timestamps":[]}',
    "csv": "series,time,value",
    "openmetrics": "# TYPE brought_in gauge\n# EOF",
    "prometheus": "# TYPE brought_in gauge",
}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes a request that is meant to be right so, and messages that are meant to be wrong, where the document alone cannot."""
    path = case.operation.path
    wrong = case.meta is not None and case.meta.generation.mode.is_negative
    if case.media_type == "application/x-protobuf":
        # Not `case.body`: what is set there is held against the schema, which knows no bytes.
        kwargs["data"] = b"\xff\xff" if wrong else PROTOBUF[path]
    if wrong or case.meta is None:
        return
    if path == "/login" and case.method == "POST":
        case.body = {"token": TOKEN}
    elif path == "/hooks/github":
        case.body = {}
        case.headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(TOKEN.encode(), b"{}", hashlib.sha256).hexdigest()
    elif path == "/mcp":
        # Headers must say what the body says.
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
        case.body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "status", "_meta": meta}}
        case.headers.update({"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "status"})
    elif path == "/api/v1/import":
        case.body = LINES[case.query["format"]]
    elif path == "/api/v1/logs/import":
        case.body = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}\n'
    elif path == "/api/v1/traces/import":
        case.body = '{"resourceSpans":[]}\n'
    elif path == "/api/v2/silences" and case.method == "POST":
        matcher = {"name": "alertname", "value": "none", "isRegex": False, "isEqual": True}
        case.body.update(id="", matchers=[matcher], startsAt="2026-01-01T00:00:00Z", endsAt="2126-01-01T00:00:00Z")
    elif path == "/api/v1/experiments" and case.method == "POST":
        # A scalar is always there; a selector may give no series, or several.
        case.body.update(expr="vector(1)", control=None, at=1_764_000_000)
    elif path == "/api/v1/maintenance/{name}" and case.method == "POST":
        case.body = {"times": ["sun 02:00-04:00"]}
    elif path in ("/api/v1/rules/preview", "/api/v1/rules/{name}") and case.method in ("POST", "PUT"):
        case.body = {"expr": "up == 0", "for": "1m", "severity": "info"}
    elif path == "/api/v1/ingest":
        for sample in case.body["samples"]:
            sample["time"] = None
            sample["labels"] = {}
    elif path == "/loki/api/v1/push" and case.media_type == "application/json":
        # Times are within the retention, and labels have names that Loki allows.
        case.body = {"streams": [{"stream": {"job": "x"}, "values": [[str(time.time_ns()), "a line", {"user": "7"}]]}]}
    elif path == "/api/v1/logs/query":
        case.query["query"] = COUNTS
    elif path in SELECTOR_PATHS or path.startswith(("/loki/api/v1/label", "/loki/api/v1/index/")):
        for parameters in (case.query, case.body):
            if isinstance(parameters, dict) and "query" in parameters:
                parameters["query"] = SELECTOR
            if isinstance(parameters, dict) and "match[]" in parameters:
                parameters["match[]"] = [SELECTOR]
    if path == "/api/v1/rules" and "group_next_token" in (case.query or {}):
        del case.query["group_next_token"]
    elif path == "/api/v2/search/tag/{tag}/values":
        case.path_parameters["tag"] = "resource.service.name"
    elif path == "/api/search" and case.query:
        # A search is by a query, or by tags with durations that go together.
        unused = ("tags", "minDuration", "maxDuration") if "q" in case.query else ("minDuration",)
        for name in unused:
            case.query.pop(name, None)
    if path.startswith("/api/v2/") and case.query:
        case.query.update({name: value for name, value in (("filter", ['alertname="none"']), ("receiver", "o.*")) if name in case.query})
    of_lines = path.startswith(("/api/v1/logs", "/loki/", *TEMPO_PATHS))
    for parameters in (case.query, case.body):
        if isinstance(parameters, dict) and {"start", "end"} & parameters.keys():
            put_in_order(parameters, LAST_NANOSECONDS if of_lines else LAST_TIME)
        if isinstance(parameters, dict) and of_lines:
            about_lines(parameters)


def about_lines(parameters):
    """A range that follows from others has no more steps than are allowed, and lines with others around them are few."""
    wanted = {"time": 1_764_000_000, "since": 60}
    parameters.update({name: value for name, value in wanted.items() if name in parameters})
    if "step" in parameters:
        parameters["step"] = max(number(parameters["step"], 15), 1)
    if "context" in parameters and "limit" in parameters:
        parameters["limit"] = max(1, min(int(number(parameters["limit"], 1)), 100))


def put_in_order(parameters, last):
    start = max(-last, min(number(parameters.get("start"), 0), last))
    parameters.update(start=start, end=start + 60)
    if "step" in parameters:
        parameters["step"] = max(number(parameters["step"], 15), 1)


def number(value, otherwise):
    try:
        return float(value)
    except (TypeError, ValueError):
        return otherwise
