/**
 * What stands where no spans are kept: how to send some.
 */
import { html } from '../lib.js'

/** The environment of a program that sends its spans here. @param {string} origin */
const exporterTo = (origin) => `export OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${origin}`

export function Empty() {
  return html`
    <p>No spans were received in this time. Programs with an OpenTelemetry SDK send theirs with:</p>
    <pre class="copy">${exporterTo(location.origin)}</pre>
    <p>Claude Code sends a trace of each turn besides:</p>
    <pre class="copy">export CLAUDE_CODE_ENABLE_TELEMETRY=1 CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1${'\n'}${exporterTo(location.origin)}</pre>
    <p class="quiet">Where a token is set, <code>OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer TOKEN"</code> sends it along.</p>`
}
