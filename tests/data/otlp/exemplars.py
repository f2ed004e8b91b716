"""Measures within spans, so that the SDK adds exemplars, and prints the ids of their traces."""

from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider

provider = MeterProvider(metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=3_600_000)])
metrics.set_meter_provider(provider)
meter = metrics.get_meter("exemplars")
duration = meter.create_histogram("answer.duration", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1])
asked = meter.create_counter("asked")
tracer = TracerProvider().get_tracer("exemplars")
for seconds in (0.05, 0.5, 5):
    with tracer.start_as_current_span("answer") as span:
        duration.record(seconds)
        asked.add(1)
        context = span.get_span_context()
        print(seconds, format(context.trace_id, "032x"), format(context.span_id, "016x"))
provider.shutdown()
