/**
 * A board as a graph: boxes for tasks, lines for what needs what, the longest chain of open tasks marked.
 *
 * @import { Task } from '../types.js'
 */
import { html, useMemo } from '../lib.js'
import { statusColour, statusWord } from '../statuses.js'
import { address, place } from '../stores/place.js'
import { layout } from './layout.js'

const BOX_W = 168
const BOX_H = 30
const GAP_X = 44
const GAP_Y = 10
/** More boxes than this are no picture; the list shows them. */
const MOST = 300

/** @param {{ items: Task[] }} props */
export function Graph({ items }) {
  const linked = useMemo(() => withLinks(items), [items])
  const graph = useMemo(() => layout(linked), [linked])
  if (linked.length === 0) return html`<p class="quiet">No task depends on another.</p>`
  if (linked.length > MOST) return html`<p class="quiet">${linked.length} tasks hang together: too many for a picture. The lists below show what each waits for.</p>`
  const width = graph.layers * (BOX_W + GAP_X) - GAP_X + 2
  const height = graph.rows * (BOX_H + GAP_Y) - GAP_Y + 2
  const at = new Map(graph.nodes.map((n) => [n.id, { x: 1 + n.layer * (BOX_W + GAP_X), y: 1 + n.row * (BOX_H + GAP_Y) }]))
  const byId = new Map(linked.map((i) => [i.id, i]))
  return html`
    <div class="graph" tabindex="0" role="region" aria-label="What depends on what">
      <svg width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`}>
        <defs><marker id="arrow" viewBox="0 0 6 6" refX="6" refY="3" markerUnits="userSpaceOnUse" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0l6 3l-6 3z" /></marker></defs>
        ${graph.edges.map((edge) => html`<path key=${`${edge.from} ${edge.to}`} class=${`edge${edge.critical ? ' edge-critical' : ''}${edge.circular ? ' edge-circular' : ''}`} marker-end="url(#arrow)" d=${curve(at.get(edge.from), at.get(edge.to))} />`)}
        ${graph.nodes.map((node) => {
          const item = byId.get(node.id)
          const { x, y } = at.get(node.id) ?? { x: 0, y: 0 }
          return item && html`<${Box} key=${node.id} item=${item} x=${x} y=${y} critical=${node.critical} />`
        })}
      </svg>
    </div>`
}

/** Tasks that need another or are needed. @param {Task[]} items */
function withLinks(items) {
  const needed = new Set(items.flatMap((i) => i.dependencies))
  const ids = new Set(items.map((i) => i.id))
  return items.filter((i) => needed.has(i.id) || i.dependencies.some((d) => ids.has(d)))
}

/** @param {{ x: number, y: number }|undefined} from @param {{ x: number, y: number }|undefined} to */
function curve(from, to) {
  if (!from || !to) return ''
  const [x1, y1, x2, y2] = [from.x + BOX_W, from.y + BOX_H / 2, to.x - 1, to.y + BOX_H / 2]
  const bend = Math.max(16, (x2 - x1) / 2)
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
}

/** @param {{ item: Task, x: number, y: number, critical: boolean }} props */
function Box({ item, x, y, critical }) {
  const chosen = place.value.item === item.id
  const title = `${item.id} ${item.title}`
  return html`
    <a href=${address('tasks', item.id)} aria-label=${`Task ${title}, ${statusWord(item.status)}${critical ? ', on the longest chain' : ''}`}>
      <title>${`${title} · ${statusWord(item.status)}`}</title>
      <rect class=${`box${critical ? ' box-critical' : ''}${chosen ? ' box-chosen' : ''}`} x=${x} y=${y} width=${BOX_W} height=${BOX_H} rx="4" />
      <rect class="box-status" x=${x + 6} y=${y + 8} width="4" height=${BOX_H - 16} rx="2" fill=${`var(${statusColour(item.status)})`} />
      <foreignObject x=${x + 16} y=${y} width=${BOX_W - 20} height=${BOX_H}><div class="box-text"><span class="task-id">${item.id}</span> ${item.title}</div></foreignObject>
    </a>`
}
