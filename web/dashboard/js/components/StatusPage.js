/**
 * The service about itself: problems, actors, sources, pipeline, store, addresses.
 *
 * @import { Records as RecordStore, Status } from '../types.js'
 */
import { Profile } from '../alerts/Profile.js'
import { capital, DASH, format, grouped, sentences, since, span } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { NOT_KEPT, past } from '../stores/past.js'
import { historyOf } from '../stores/place.js'
import { status } from '../stores/status.js'
import { ForecastsHeld, Heartbeats } from './Expected.js'
import { Mark } from './Mark.js'
import { PageSkeleton } from './PageSkeleton.js'
import { Panel } from './Panel.js'

export function StatusPage() {
  const s = status.value
  // Drawn as a whole: how long its lists are is known with the first of them.
  if (!s) return html`<${PageSkeleton} />`
  if (past.value) return html`<${Then} s=${s} />`
  return html`
    <div class="status-page">
      <${Panel} title="Service" name="service" face="data" note=${`version ${s.version}`}><${Service} s=${s} /><//>
      <${Panel} title="Sources" name="sources" face="data" kind="wide"><${Sources} s=${s} /><//>
      <${Panel} title="Actors" name="actors" face="data" kind="wide"><${Actors} s=${s} /><//>
      <${Panel} title="Pipeline" name="pipeline" face="data"><${Pipeline} s=${s} /><//>
      <${Panel} title="Store" name="store" face="data"><${Store} s=${s} /><//>
      ${s.logs && html`<${Panel} title="Log lines" name="logs" face="data"><${Records} of=${s.logs} what="lines" streams="streams" /><//>`}
      ${s.traces && html`<${Panel} title="Spans" name="traces" face="data"><${Records} of=${s.traces} what="spans" streams="services" /><//>`}
      <${Panel} title="Windows" name="windows" face="data"><${Windows} s=${s} /><//>
      <${Profile} />
      <${Heartbeats} />
      <${ForecastsHeld} />
    </div>`
}

/** What the service reports of itself, each with the metric that was kept of it. @type {Array<[string, string, string]>} */
const OWN = [
  ['Service', 'service', 'taskpulse_process_resident_memory_bytes'], ['Actors', 'actors', 'taskpulse_actor_up'], ['Pipeline', 'pipeline', 'taskpulse_appended_samples_total'],
  ['Store', 'store', 'taskpulse_store_disk_bytes'], ['Windows', 'windows', 'taskpulse_windows_closed_total'],
]

/** Of a past time: sources were kept as a metric, the rest is reported of the present only. @param {{ s: Status }} props */
const Then = ({ s }) => html`
  <div class="status-page">
    <${Panel} title="Sources" name="sources" face="data" kind="wide">${html`<${Sources} s=${s} />`}<//>
    ${OWN.map(([title, name, metric]) => html`
      <${Panel} key=${name} title=${title} name=${name} face="empty" live=${false} empty=${html`<p>${NOT_KEPT}</p><p><a class="link" href=${historyOf(metric)}>Look at what was measured of it</a></p>`} />`)}
  </div>`

/** @param {{ s: Status }} props */
function Service({ s }) {
  return html`
    <${Facts} facts=${[
      ['state', html`<${Mark} kind=${s.state === 'ok' ? 'ok' : 'warning'} word="" /> ${s.state}`],
      ['running for', span(Math.round(s.uptime_seconds)), `since ${since(s.started_at, now.value)}`],
      ['process', String(s.pid)],
      ['open pages', String(s.sessions)],
      ['addresses', s.addresses.map((a) => html`<code key=${a}>${a}</code> `)],
    ]} />
    ${s.problems.length > 0 && html`<ul class="plain-list">${s.problems.map((p) => html`<li key=${p} class="trouble"><${Mark} kind="warning" word="problem" /><span>${p}</span></li>`)}</ul>`}`
}

/** @param {{ s: Status }} props */
function Sources({ s }) {
  return html`
    <div class="table-wrap" tabindex="0" role="region" aria-label="Sources">
      <table>
        <thead><tr><th>Source</th><th>State</th><th>Why, and what would change it</th><th class="num">Since</th><th class="num">Newest sample</th><th class="num">Samples</th></tr></thead>
        <tbody>${s.sources.map((x) => html`
          <tr key=${x.source} data-source=${x.source}>
            <td>${x.source}</td>
            <td class="state"><${Mark} kind=${x.up ? 'ok' : x.up === false ? 'error' : 'none'} word="" /> ${x.up ? 'up' : x.up === false ? 'failing' : past.value ? 'not known' : 'not present'}</td>
            <td class="words">${sentences([x.reason, capital(x.hint)]) || none('nothing to say')}</td>
            <td class="num">${x.since === null ? none('not known') : since(x.since, now.value)}</td>
            <td class="num">${x.last_sample === null ? none('no sample yet') : since(x.last_sample, now.value)}</td>
            <td class="num">${counted(x.samples)}</td>
          </tr>`)}
        </tbody>
      </table>
    </div>`
}

/** @type {Record<string, import('../statuses.js').Mark>} */
const ACTOR_MARKS = { running: 'ok', restarting: 'warning', stuck: 'error', down: 'critical', stopped: 'none' }

/** @param {{ s: Status }} props */
function Actors({ s }) {
  return html`
    <div class="table-wrap" tabindex="0" role="region" aria-label="Actors">
      <table>
        <thead><tr><th>Actor</th><th>State</th><th class="num">Restarts</th><th class="num">Mailbox</th><th class="num">Handled</th><th class="num" title="The longest that it held its thread at a stretch">Longest hold</th><th>Last panic</th></tr></thead>
        <tbody>${s.actors.map((a) => html`
          <tr key=${a.name} data-actor=${a.name}>
            <td>${a.name}</td>
            <td class="state" title=${a.reason ?? ''}><${Mark} kind=${ACTOR_MARKS[a.state] ?? 'warning'} word="" /> ${a.state}${a.busy_seconds !== null && a.busy_seconds > 1 ? `, busy for ${span(a.busy_seconds)}` : ''}</td>
            <td class="num">${counted(a.restarts)}</td>
            <td class="num">${counted(a.mailbox)}</td>
            <td class="num">${counted(a.handled)}</td>
            <td class="num">${span(a.longest_hold_seconds)}</td>
            <td class="words">${a.last_panic
              ? html`${since(a.last_panic.time, now.value)} during ${a.last_panic.during}: ${a.last_panic.message}`
              : a.reason ?? none('it never panicked')}</td>
          </tr>`)}
        </tbody>
      </table>
    </div>`
}

/** @param {{ s: Status }} props */
function Pipeline({ s: { pipeline: p } }) {
  return html`<${Facts} facts=${[
    ['samples stored', counted(p.appended_samples)],
    ['batches stored', counted(p.appended_batches)],
    ['waiting in the batcher', counted(p.batcher_waiting)],
    ['duplicates', counted(p.duplicate_samples)],
    ['late', counted(p.late_samples)],
    ...reasons('rejected', p.rejected),
    ...reasons('dropped', p.dropped),
  ]} />`
}

/** @param {{ s: Status }} props */
function Store({ s: { store } }) {
  const newest = store.partitions.at(-1)
  const [metric] = store.top_metrics
  const [label] = store.top_labels
  return html`<${Facts} facts=${[
    ['on disk', format(store.disk_bytes, 'bytes'), store.max_bytes > 0 ? `of at most ${format(store.max_bytes, 'bytes')}` : `format ${store.format}`],
    ['series', counted(store.series), `of at most ${counted(store.max_series)}`],
    ['samples in memory', counted(store.head_samples)],
    ...(metric ? /** @type {Array<[string, any, any]>} */ ([['most series', counted(metric.series), metric.name]]) : []),
    ...(label ? /** @type {Array<[string, any, any]>} */ ([['most values', counted(label.values ?? 0), `label ${label.name}`]]) : []),
    ['journal', format(store.journal.bytes, 'bytes'), `${counted(store.journal.records)} records`],
    ['partitions', counted(store.partitions.length), newest && `newest ${newest}`],
    ['kept for', span(store.retention_seconds), `hours for ${span(store.windows_retention_seconds)}`],
    ['folder', html`<code>${store.data_dir}</code>`],
  ]} />`
}

/** A store of log lines or of spans. @param {{ of: RecordStore, what: string, streams: string }} props */
function Records({ of, what, streams }) {
  const [oldest, newest] = [of.days[0], of.days.at(-1)]
  return html`<${Facts} facts=${[
    ['on disk', format(of.disk_bytes, 'bytes'), of.max_bytes > 0 ? `of at most ${format(of.max_bytes, 'bytes')}` : of.text_bytes > 0 && `${format(of.text_bytes, 'bytes')} of text`],
    [what, counted(of.kept), 'in files'],
    [`${what} in memory`, counted(of.head)],
    [streams, counted(of.streams), 'of the newest day'],
    ['days', counted(of.days.length), newest && (newest === oldest ? newest : `${oldest} to ${newest}`)],
    ['kept for', span(of.retention_seconds)],
  ]} />`
}

/** @param {{ s: Status }} props */
function Windows({ s }) {
  if (s.windows.length === 0) return html`<p class="quiet">No window has closed yet.</p>`
  return html`<${Facts} facts=${s.windows.map((w) => [w.window, `${counted(w.closed)} closed`, w.late_samples ? `${counted(w.late_samples)} late samples` : ''])} />`
}

/** @param {{ facts: Array<[string, any, any?]> }} props */
function Facts({ facts }) {
  return html`<dl class="facts">${facts.map(([name, value, more]) => html`<div key=${name}><dt>${name}</dt><dd>${value} ${more && html`<span class="quiet">${more}</span>`}</dd></div>`)}</dl>`
}

/** @param {string} what @param {Record<string, number>} counts @returns {Array<[string, string]>} */
function reasons(what, counts) {
  const entries = Object.entries(counts)
  if (entries.length === 0) return [[what, '0']]
  return entries.map(([reason, n]) => [`${what}: ${reason.replaceAll('_', ' ')}`, counted(n)])
}

/** Counters are shown to the last digit: here it is how much they moved that counts. @param {number|null|undefined} n */
const counted = (n) => (typeof n === 'number' ? grouped(n) : DASH)
/** @param {string} why */
const none = (why) => html`<span class="quiet" title=${why}>–</span>`
