/**
 * A board as a graph: boxes for tasks, lines for what needs what, the longest chain of open tasks marked.
 *
 * @import { Task } from '../types.js'
 * @import { Choice } from './choose.js'
 */
import { Panel } from '../components/Panel.js'
import { count } from '../format.js'
import { html, useLayoutEffect, useMemo, useRef } from '../lib.js'
import { statusColour, statusWord } from '../statuses.js'
import { address, param, place } from '../stores/place.js'
import { NO_TITLE } from '../timeline.js'
import { around, chainOf, linked, MOST, openOnes, usualChoice } from './choose.js'
import { curve, layout } from './layout.js'

const BOX_W = 168
const BOX_H = 30
const GAP_X = 44
const GAP_Y = 10

/** @param {{ items: Task[], chain: number|null }} props `chain`: open tasks on the longest chain, by the service's count */
export function Graph({ items, chain }) {
  const held = param('graph')
  const chosen = items.some((i) => i.id === place.value.item) ? place.value.item : ''
  const all = useMemo(() => linked(items), [items])
  const open = useMemo(() => openOnes(items), [items])
  const usual = usualChoice(all.length, open.length, chosen !== '')
  const choice = /** @type {Choice} */ (held.value || usual)
  const shown = useMemo(() => {
    if (choice === 'around' && chosen) return around(items, chosen)
    return choice === 'chain' ? chainOf(items) : choice === 'open' ? open : all
  }, [items, choice, choice === 'around' ? chosen : ''])
  const note = [`${shown.length === all.length ? '' : `${shown.length} of `}${count(all.length, 'task')}`, chain ? `the longest chain has ${count(chain, 'open task')}` : chain === null ? 'dependencies go in a circle' : ''].filter(Boolean).join(' · ')
  /** @type {Array<[Choice, string]>} */
  const choices = [['all', 'all'], ['open', 'open tasks'], ['chain', 'longest chain'], ['around', chosen ? `around task ${chosen}` : 'around a task']]
  return html`
    <${Panel} title="What depends on what" note=${all.length ? note : ''} name="graph" kind="graph-panel" face=${all.length ? 'data' : 'empty'}
      empty=${html`<p>No task depends on another. Say so on the board:</p><pre class="copy">task-master add-dependency --id=2 --depends-on=1</pre>`}
      aside=${all.length > 0 && html`
        <select class="chooser" aria-label="Which tasks" value=${choice} onChange=${(/** @type {any} */ e) => { held.value = e.target.value === usual ? '' : e.target.value }}>
          ${choices.map(([name, words]) => html`<option key=${name} value=${name} disabled=${name === 'around' && !chosen}>${words}</option>`)}
        </select>`}>
      ${shown.length > MOST
        ? html`<p class="quiet">${count(shown.length, 'task')} hang together: too many for a picture. Choose the longest chain, or open a task to see what is around it.</p>`
        : shown.length === 0
          ? html`<p class="quiet">${choice === 'chain' || choice === 'open' ? 'No open task depends on another open one.' : 'Open a task to see what is around it.'}</p>`
          : html`<${Picture} items=${shown} chosen=${chosen} />`}
    <//>`
}

/** @param {{ items: Task[], chosen: string }} props */
function Picture({ items, chosen }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const graph = useMemo(() => layout(items), [items])
  const width = graph.layers * (BOX_W + GAP_X) - GAP_X + 2
  const height = graph.rows * (BOX_H + GAP_Y) - GAP_Y + 2
  const at = new Map(graph.nodes.map((n) => [n.id, { x: 1 + n.layer * (BOX_W + GAP_X), y: 1 + n.row * (BOX_H + GAP_Y) }]))
  const byId = new Map(items.map((i) => [i.id, i]))
  // Where work goes on is what a reader looks for: the chosen task, else the beginning of the longest chain.
  const aim = at.get(chosen || graph.nodes.find((n) => n.critical)?.id || '')
  useLayoutEffect(() => {
    if (!box.current || !aim) return
    box.current.scrollLeft = aim.x - box.current.clientWidth / 3
    box.current.scrollTop = aim.y - box.current.clientHeight / 2
  }, [chosen, graph])
  return html`
    <div class="graph" ref=${box} tabindex="0" role="region" aria-label="What depends on what">
      <svg width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`}>
        <defs><marker id="arrow" viewBox="0 0 6 6" refX="6" refY="3" markerUnits="userSpaceOnUse" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0l6 3l-6 3z" /></marker></defs>
        ${graph.edges.map((edge) => html`<path key=${`${edge.from} ${edge.to}`} class=${`edge${edge.critical ? ' edge-critical' : ''}${edge.circular ? ' edge-circular' : ''}${chosen && (edge.from === chosen || edge.to === chosen) ? ' edge-chosen' : ''}`} marker-end="url(#arrow)" d=${lineOf(at.get(edge.from), at.get(edge.to))} />`)}
        ${graph.nodes.map((node) => {
          const item = byId.get(node.id)
          const { x, y } = at.get(node.id) ?? { x: 0, y: 0 }
          return item && html`<${Box} key=${node.id} item=${item} x=${x} y=${y} critical=${node.critical} />`
        })}
      </svg>
    </div>`
}

/** @param {{ x: number, y: number }|undefined} from @param {{ x: number, y: number }|undefined} to */
function lineOf(from, to) {
  if (!from || !to) return ''
  const [x1, x2] = [from.x + BOX_W, to.x - 1]
  return curve(x1, from.y + BOX_H / 2, x2, to.y + BOX_H / 2, Math.max(16, (x2 - x1) / 2))
}

/** @param {{ item: Task, x: number, y: number, critical: boolean }} props */
function Box({ item, x, y, critical }) {
  const chosen = place.value.item === item.id
  const over = item.status === 'done' || item.status === 'cancelled'
  const { q = '', graph = '' } = place.value.params
  const name = item.title || NO_TITLE
  const title = `${item.id} ${name.length > 200 ? `${name.slice(0, 199)}…` : name}`
  return html`
    <a href=${address('tasks', item.id, { q, graph })} tabindex="-1" class=${over ? 'box-over' : ''} aria-label=${`Task ${title}, ${statusWord(item.status)}${critical ? ', on the longest chain' : ''}`}>
      <title>${`${title} · ${statusWord(item.status)}`}</title>
      <rect class=${`box${critical ? ' box-critical' : ''}${chosen ? ' box-chosen' : ''}`} x=${x} y=${y} width=${BOX_W} height=${BOX_H} rx="4" />
      <rect class="box-status" x=${x + 6} y=${y + 8} width="4" height=${BOX_H - 16} rx="2" fill=${`var(${statusColour(item.status)})`} />
      <foreignObject x=${x + 16} y=${y} width=${BOX_W - 20} height=${BOX_H}><div class="box-text"><span class="task-id">${item.id}</span> <bdi>${name}</bdi></div></foreignObject>
    </a>`
}
