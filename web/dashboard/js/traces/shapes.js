/**
 * What the service says of traces, as `/api/v1/traces` and what is below it answer.
 *
 * @typedef {import('../types.js').Span} Span
 * @typedef {import('../types.js').SpanEvent} SpanEvent
 * @typedef {import('../types.js').SpanLink} Link
 * @typedef {import('../types.js').Trace} Trace
 * @typedef {Record<string, string>} Attributes
 * @typedef {{ span_id: string, service: string, name: string, start: string, duration_seconds: number, status: string, attributes: Attributes }} Matched
 * @typedef {{
 *   trace_id: string, service: string, name: string, start: string, duration_seconds: number, spans: number, more_spans?: boolean, errors: number,
 *   services: Array<{ service: string, spans: number, errors: number }>, matched: Matched[], root: boolean
 * }} Summary  `more_spans`: it has more than are read of a trace; `root`: whether the span is there that began it; without it service and name are those of the earliest one
 * @typedef {{
 *   service: string, spans: number, requests: number, errors: number, rate: number|null, error_ratio: number|null,
 *   p50_seconds: number|null, p95_seconds: number|null, p99_seconds: number|null
 * }} ServiceRow
 * @typedef {{ client: string, server: string, requests: number, errors: number, p95_seconds: number|null }} Call
 */

export {}
