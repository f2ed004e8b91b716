/**
 * How busy each core is now.
 */
import { Panel } from '../components/Panel.js'
import { count, format, percent } from '../format.js'
import { useSamples } from '../hooks.js'
import { html } from '../lib.js'
import { byName } from '../order.js'
import { own } from '../own.js'
import { print } from '../selector.js'
import { historyOf } from '../stores/place.js'
import { newest } from '../stores/samples.js'
import { status } from '../stores/status.js'

const CORES = own('system_cpu_core_utilization_ratio')
/** More cores than these are told in one figure. */
const MOST = 256

export function Cores() {
  useSamples([CORES])
  const cores = newest(CORES).sort((a, b) => byName(a.metric.cpu ?? '', b.metric.cpu ?? ''))
  const busy = cores.filter((c) => c.v > 0.8).length
  return html`
    <${Panel} title="Cores" note=${cores.length ? `${count(cores.length, 'core')}, ${busy} above 80\u00a0% busy` : ''} name="cores" face=${cores.length ? 'data' : status.value ? 'empty' : 'loading'}
      empty=${html`<p>Filled by the system collector as soon as it has read this machine twice.</p>`}>
      <ul class="cores">
        ${cores.slice(0, MOST).map((core) => html`
          <li key=${core.metric.cpu}><a href=${historyOf(print(core.metric))} title=${`Core ${core.metric.cpu}: ${percent(core.v)} busy, show its history`}>
            <span class="quiet">${core.metric.cpu}</span><${Share} ratio=${core.v} /><b>${format(core.v, 'ratio')}</b></a></li>`)}
      </ul>
    <//>`
}

/** A bar as long as a share of the whole. @param {{ ratio: number }} props */
export function Share({ ratio }) {
  const part = Math.max(0, Math.min(1, ratio)) * 100
  return html`<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="share-all" width="100" height="8" /><rect class=${`share-part${ratio > 0.9 ? ' share-full' : ''}`} width=${part} height="8" /></svg>`
}
