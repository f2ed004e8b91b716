/**
 * How the runs of a repository change over time: their success, their duration, and waiting against running.
 */
import { Chart } from '../chart/Chart.js'
import { html, useMemo } from '../lib.js'
import { range } from '../stores/place.js'
import { specsOf } from './specs.js'

/** @type {Array<[number, string, string]>} period up to, window, its words */
const WINDOWS = [[86_400, '1h', 'an hour'], [7 * 86_400, '6h', 'six hours'], [Infinity, '1d', 'a day']]

/** @param {{ repo: string, workflows: string[] }} props `workflows`: all of the repository, by name */
export function Trends({ repo, workflows }) {
  const [, window, words] = WINDOWS.find(([most]) => range.value.seconds <= most) ?? WINDOWS[WINDOWS.length - 1]
  const specs = useMemo(() => specsOf(repo, workflows, window, words), [repo, window, workflows.join('\n')])
  return html`<div class="trends">${specs.map((spec) => html`<${Chart} key=${spec.id + window} spec=${spec} />`)}</div>`
}
