"""Every instrument of the OpenTelemetry SDK, exported twice over OTLP/HTTP. Where to, and how, is in OTEL_* variables."""

import time

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, ExponentialBucketHistogramAggregation, View

reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=3_600_000)
provider = MeterProvider(
    metric_readers=[reader],
    views=[
        View(instrument_name="request.duration", aggregation=ExplicitBucketHistogramAggregation([0.05, 0.25])),
        View(instrument_name="fine.duration", aggregation=ExponentialBucketHistogramAggregation()),
    ],
)
meter = provider.get_meter("test", "1")

looks = 0


def look(_):
    """An observable counter tells its total, 15 more at each look."""
    global looks
    looks += 15
    yield Observation(looks)


work = meter.create_counter("work.done", unit="1")
open_work = meter.create_up_down_counter("work.open", unit="{item}")
temperature = meter.create_gauge("room.temperature", unit="Cel")
duration = meter.create_histogram("request.duration", unit="s")
fine = meter.create_histogram("fine.duration", unit="ms")
meter.create_observable_counter("looked", callbacks=[look])
meter.create_observable_up_down_counter("looked.up.and.down", callbacks=[lambda _: [Observation(-7)]], unit="By")
meter.create_observable_gauge("looked.gauge", callbacks=[lambda _: [Observation(0.25)]], unit="1")

work.add(1, {"kind": "a"})
open_work.add(5)
temperature.set(19)
duration.record(0.03125)
duration.record(0.125)
fine.record(0)
fine.record(2)
# Each export, and each series' beginning, has a millisecond of its own.
time.sleep(0.02)
provider.force_flush()
time.sleep(0.02)
work.add(5, {"kind": "a"})
work.add(1.5, {"kind": "b"})
open_work.add(-2)
temperature.set(21.5)
duration.record(0.03125)
duration.record(0.125)
fine.record(3)
fine.record(1000)
fine.record(1001)
time.sleep(0.02)
provider.shutdown()
