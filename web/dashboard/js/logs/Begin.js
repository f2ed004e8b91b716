/**
 * Nothing was sent yet: how lines come here, each way with what is to be copied.
 */
import { Panel } from '../components/Panel.js'
import { html, useState } from '../lib.js'
import { copy } from '../chart/take.js'
import { status } from '../stores/status.js'

/** @param {string} at the address of this service @param {boolean} token @returns {Array<[string, string]>} */
const ways = (at, token) => [
  ['A program with an OpenTelemetry SDK, in its environment', `OTEL_EXPORTER_OTLP_ENDPOINT=${at}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
OTEL_LOGS_EXPORTER=otlp
OTEL_SERVICE_NAME=my-service${token ? '\nOTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer TOKEN"' : ''}`],
  ['Files, with Grafana Alloy', `local.file_match "logs" { path_targets = [{"__path__" = "/var/log/*.log", "job" = "files"}] }
loki.source.file "logs" {
  targets    = local.file_match.logs.targets
  forward_to = [loki.write.taskpulse.receiver]
}
loki.write "taskpulse" {
  endpoint {
    url = "${at}/loki/api/v1/push"${token ? '\n    bearer_token = "TOKEN"' : ''}
  }
}`],
  ['One line, to try it', `curl -H 'content-type: application/json'${token ? " -H 'authorization: Bearer TOKEN'" : ''} ${at}/loki/api/v1/push \\
  -d '{"streams":[{"stream":{"service_name":"try"},"values":[["'$(date +%s%N)'","hello"]]}]}'`],
]

export function Begin() {
  const token = status.value?.login ?? false
  return html`
    <${Panel} title="Lines" name="log-lines" face="empty" live=${false} empty=${html`
      <div class="logs-begin">
        <p class="face-title">No log line was sent here yet</p>
        <p>Programs send their lines over HTTP, and they are kept beside the figures. Any client of OpenTelemetry or of Loki will do: Alloy, Promtail, Vector, Fluent Bit, coding agents. docs/LOGS.md has more of them.</p>
        ${token && html`<p>This service has an access token: put it in the place of TOKEN.</p>`}
        ${ways(location.origin, token).map(([title, text]) => html`<${Way} key=${title} title=${title} text=${text} />`)}
      </div>`} />`
}

/** @param {{ title: string, text: string }} props */
function Way({ title, text }) {
  const [said, say] = useState('')
  return html`
    <div class="logs-way">
      <div class="logs-way-head"><h3>${title}</h3><button type="button" class="button" aria-label=${`Copy: ${title}`} onClick=${() => copy(text).then(() => say('Copied'), (error) => say(error.message))}>Copy</button><span class="quiet" role="status">${said}</span></div>
      <pre class="copy">${text}</pre>
    </div>`
}
