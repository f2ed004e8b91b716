/**
 * From a moment of a chart to what was said then: a few minutes around it, of the services, machines and containers that the chart shows.
 */
import { logsAround } from '../stores/place.js'
import { labels, values } from './knowledge.js'
import { selectorOf, wantedOf } from './same.js'

/** Where the lines of a moment are. Only labels and values that streams have are asked for. @param {number} time Unix seconds @param {Array<Record<string, string|undefined>>} metrics of the lines of the chart */
export async function logsAt(time, metrics) {
  // Where the service does not say which streams there are, all lines are shown.
  const wanted = wantedOf(metrics, await labels().catch(() => []))
  const found = await Promise.all(wanted.map(async ({ name, values: of }) => {
    const known = new Set(await values(name).catch(() => []))
    return { name, values: of.filter((value) => known.has(value)) }
  }))
  return logsAround(selectorOf(found), time)
}
