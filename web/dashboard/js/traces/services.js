/**
 * The service map: which service calls which, where each stands.
 *
 * Pure. The places follow from the names alone: figures that change move nothing. Who calls stands at the left of whom it calls; calls that go
 * round in a circle are drawn as well.
 *
 * @import { Calls, ServiceFigures } from '../types.js'
 */
import { curve, layout } from '../graph/layout.js'

export const BOX_W = 176
export const BOX_H = 60
const GAP_X = 96
const GAP_Y = 20
const EDGE_PX = 2
/** How far below the others a call stands that goes back. */
const BACK_PX = 16
const LEAST_BEND_PX = 32
/** More services than this are no picture. */
export const MOST = 60

/**
 * @typedef {{ service: string, x: number, y: number }} Place
 * @typedef {{ client: string, server: string, path: string, x: number, y: number, circular: boolean }} Line  `x`, `y`: its middle
 * @typedef {{ places: Place[], lines: Line[], width: number, height: number }} Picture
 */

/** All services, in the order of their names: also those that only calls name. @param {ServiceFigures[]} services @param {Calls[]} calls */
export function namesOf(services, calls) {
  return [...new Set([...services.map(({ service }) => service), ...calls.flatMap(({ client, server }) => [client, server])])].sort()
}

/** @param {string[]} names sorted @param {Array<{ client: string, server: string }>} calls @returns {Picture} */
export function pictureOf(names, calls) {
  const callers = new Map(names.map((name) => [name, /** @type {string[]} */ ([])]))
  for (const { client, server } of [...calls].sort((a, b) => (a.client < b.client ? -1 : a.client > b.client ? 1 : 0))) if (client !== server) callers.get(server)?.push(client)
  const { nodes, edges, layers, rows } = layout(names.map((id) => ({ id, dependencies: callers.get(id) ?? [], status: '' })))
  const height = rows * (BOX_H + GAP_Y) - GAP_Y + 2 * EDGE_PX
  const inLayer = new Map()
  for (const { layer } of nodes) inLayer.set(layer, (inLayer.get(layer) ?? 0) + 1)
  const places = nodes.map(({ id, layer, row }) => {
    const own = inLayer.get(layer) * (BOX_H + GAP_Y) - GAP_Y
    return { service: id, x: EDGE_PX + layer * (BOX_W + GAP_X), y: (height - own) / 2 + row * (BOX_H + GAP_Y) }
  })
  const at = new Map(places.map((place) => [place.service, place]))
  const lines = edges.map(({ from, to, circular }) => lineOf(/** @type {Place} */ (at.get(from)), /** @type {Place} */ (at.get(to)), circular))
  return { places, lines, width: Math.max(BOX_W, layers * (BOX_W + GAP_X) - GAP_X) + 2 * EDGE_PX, height: Math.max(BOX_H + 2 * EDGE_PX, height) }
}

/** @param {Place} from @param {Place} to @param {boolean} circular @returns {Line} */
function lineOf(from, to, circular) {
  // Whom one that goes back calls stands further to the left; it runs beside the line that leads here, not on it.
  const [x1, x2, lower, way] = circular ? [from.x, to.x + BOX_W + 1, BACK_PX, -1] : [from.x + BOX_W, to.x - 1, 0, 1]
  const [y1, y2] = [from.y + BOX_H / 2 + lower, to.y + BOX_H / 2 + lower]
  return { client: from.service, server: to.service, path: curve(x1, y1, x2, y2, way * Math.max(LEAST_BEND_PX, Math.abs(x2 - x1) / 2)), x: (x1 + x2) / 2, y: (y1 + y2) / 2, circular }
}

/** How wide the line of a call is: wider for more requests, by powers of ten. @param {number} requests */
export const widthOf = (requests) => Math.min(5, 1 + Math.log10(Math.max(1, requests)))
