"""Log records of the OpenTelemetry SDK, exported over OTLP/HTTP. Where to, and how, is in OTEL_* variables."""

import logging

from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider

provider = LoggerProvider()
set_logger_provider(provider)
provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
log = logging.getLogger("shop.cart")
log.setLevel(logging.DEBUG)
log.addHandler(LoggingHandler(logger_provider=provider))
tracer = TracerProvider().get_tracer("test")

log.debug("looks at %s", "the cart")
log.info("sold", extra={"order.id": 7, "paid": True})
with tracer.start_as_current_span("checkout") as span:
    log.error("no stock \u00e9\u4e16\x1b[31m")
    print(f"{span.get_span_context().trace_id:032x}")
try:
    raise ValueError("half")
except ValueError:
    log.exception("it failed")
for number in range(2000):
    log.warning("line %d", number)
provider.force_flush()
provider.shutdown()
