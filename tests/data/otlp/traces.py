"""Spans of the OpenTelemetry SDK, exported over OTLP/HTTP. Where to, and how, is in OTEL_* variables."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=4096))
tracer = provider.get_tracer("shop.cart", "1.2")

with tracer.start_as_current_span("before") as before:
    pass
with tracer.start_as_current_span("GET /cart", kind=SpanKind.SERVER, links=[Link(before.get_span_context(), {"why": "retry"})]) as root:
    root.set_attribute("http.route", "/cart")
    root.set_attribute("paid", True)
    root.set_attribute("sizes", [1, 2])
    for number in range(1000):
        with tracer.start_as_current_span(f"SELECT {number}", kind=SpanKind.CLIENT) as child:
            child.set_attribute("row", number)
    try:
        with tracer.start_as_current_span("pay \u00e9\u4e16\x1b[31m"):
            raise ValueError("no money")
    except ValueError:
        root.set_status(Status(StatusCode.ERROR, "half"))
print(f"{root.get_span_context().trace_id:032x} {before.get_span_context().trace_id:032x}")
provider.force_flush()
provider.shutdown()
