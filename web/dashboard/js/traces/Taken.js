/**
 * What takes the time of a trace: by service, or by what is done.
 *
 * @import { View } from './view.js'
 * @import { Taken as Row } from './work.js'
 */
import { Mark } from '../components/Mark.js'
import { Swatch } from '../components/Swatch.js'
import { Table } from '../components/Table.js'
import { grouped, percent } from '../format.js'
import { html, useMemo } from '../lib.js'
import { param } from '../stores/place.js'
import { length, nameOf } from './words.js'
import { takenBy } from './work.js'

/** @param {{ view: View }} props */
export function Taken({ view }) {
  const by = param('by', 'name')
  const byName = by.value === 'name'
  const rows = useMemo(() => takenBy(view.tree, view.self, view.path, byName), [view, byName])
  const root = view.tree.nodes[view.root]
  const whole = root ? root.to - root.from : 0
  return html`
    <header class="panel-head">
      <h2>What takes the time</h2>
      <span class="panel-aside"><span class="segments" role="group" aria-label="Added up by">
        ${[['service', 'by service'], ['name', 'by name']].map(([name, words]) => html`<button type="button" class="button" key=${name} aria-pressed=${by.value === name} onClick=${() => { by.value = name }}>${words}</button>`)}
      </span></span>
    </header>
    <${Table} name="taken" label="What takes the time" rows=${rows} keyOf=${(/** @type {Row} */ r) => r.key} initial="-self" thing="name" shown=${10} columns=${columnsOf(view, byName, whole)} />
    <p class="quiet">Self time: a span runs and none of its children does. Critical path: what the whole waited for, ${length(whole)} in all.</p>`
}

/** @param {View} view @param {boolean} byName @param {number} whole @returns {import('../components/Table.js').Column[]} */
function columnsOf(view, byName, whole) {
  return [
    {
      key: 'name', title: byName ? 'Span' : 'Service', value: (r) => `${byName ? r.name : ''} ${r.service}`,
      cell: (r) => html`<span class="taken-name" title=${`${r.service} ${r.name}`}><${Swatch} colour=${view.colours.get(r.service) ?? '--data'} /><bdi>${byName ? nameOf(r.name) : r.service}</bdi>${r.errors > 0 && html` <${Mark} kind="error" word=${`${r.errors} with errors`} />`}</span>`,
    },
    { key: 'spans', title: 'Spans', num: true, value: (r) => r.spans, cell: (r) => grouped(r.spans) },
    { key: 'self', title: 'Self time', num: true, help: 'Time in which its spans ran and none of their children did', value: (r) => r.self, cell: (r) => length(r.self) },
    { key: 'path', title: 'Critical', num: true, help: 'Its part of the critical path', value: (r) => r.path, cell: (r) => html`<span title=${length(r.path)}>${whole > 0 ? percent(r.path / whole) : '–'}</span>` },
  ]
}
