/**
 * Budgets of the settings: what is left of each, how it burns down over its period, and when it will be used up.
 *
 * @import { Budget } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { capital, clockTime, count, DASH, day, money, percent, sentences, since } from '../format.js'
import { useAnswer, useQuery, useWidth } from '../hooks.js'
import { html, useState } from '../lib.js'
import { own } from '../own.js'
import { minute } from '../stores/pace.js'
import { NOT_KEPT, past } from '../stores/past.js'
import { address, historyOf } from '../stores/place.js'
import { ticks } from '../tasks/progress.js'
import { offsetAt } from '../zone.js'
import { taskOf } from './amounts.js'
import { forWords, isOfEach, leftAtEnd, leftPath, sheetOf, standing } from './burn.js'
import { taskLink } from './figures.js'

const SIZE = { height: 152, left: 56, right: 12, above: 8, below: 24 }
const DAY_S = 86_400
/** Labels of the axis need so much room. */
const LABEL_PX = 14
const POINTS = 240
/** The question stays the same for so long, so that the picture is not drawn from nothing each minute. */
const GRID_S = 600
/** Budgets are added up each minute at the most; without one for so long, nobody knows. */
const LOOKBACK_S = 900
const SNIPPET = '[costs.budgets.agents]\namount = 20\ncurrency = "USD"\nper = "day"\nof = ["agents"]'

export function Budgets() {
  const { data, error, state, retry } = useAnswer('/api/v1/budgets', {}, minute.value)
  /** @type {Budget[]} */
  const budgets = past.value ? [] : data ?? []
  if (budgets.length === 0) {
    return html`
      <${Panel} title="Budgets" name="budgets" live=${false} face=${state === 'ready' ? 'empty' : state} error=${error} retry=${retry}
        empty=${past.value ? html`<p>${NOT_KEPT}</p>` : html`<p class="face-title">No budget is set</p><p>Name one in Settings.toml:</p><pre class="copy">${SNIPPET}</pre><p class="quiet">What is left of it, when it will be used up, and its burn-down will stand here. docs/OPERATIONS.md, Prices and budgets, has more.</p>`} />`
  }
  return html`<div class="agent-budgets">${budgets.map((budget) => html`<${One} key=${`${budget.name} ${budget.currency}`} budget=${budget} />`)}</div>`
}

/** @param {{ budget: Budget }} props */
function One({ budget }) {
  const { name, currency, limit, used, crossed_at: crossed, exhaustion, missing, start, end, subject } = budget
  const selector = `taskpulse_budget_used{budget=${JSON.stringify(name)}}`
  const near = crossed === null && Boolean(exhaustion?.value)
  const each = isOfEach(budget)
  return html`
    <${Panel} title=${html`<a href=${historyOf(selector)}><bdi>${name}</bdi></a>`} name=${`budget ${name}`} note=${forWords(budget)} live=${false} face="data"
      aside=${start !== null && end !== null && html`<span class="quiet">until ${since(end, minute.value)}</span>`}>
      ${each && subject && html`<p class="agent-budget-subject">${partLink(subject, budget.per)} <span class="quiet">used most</span></p>`}
      <p class="agent-budget-figure">
        <b class="figure-big">${used === null ? html`<span title="Nothing is known of what was spent.">${DASH}</span>` : money(used, currency)}</b> <span>of ${money(limit, currency)}</span>
        ${used !== null && limit > 0 && html`<span class="quiet">${percent(used / limit)}</span>`}
      </p>
      ${each && used !== null && limit > 0 && html`<${Bar} ratio=${used / limit} />`}
      <p class="agent-budget-words">${(crossed !== null || near) && html`<${Mark} kind=${crossed !== null ? 'error' : 'warning'} word=${crossed !== null ? 'used up' : 'will not last'} /> `}${each && used === null ? `No ${budget.per} cost anything yet that is known.` : standing(budget, minute.value)}</p>
      ${missing && html`<p class="quiet">${sentences([capital(missing)])}</p>`}
      ${each && html`<${Over} budget=${budget} />`}
      ${!each && start !== null && end !== null && html`<${BurnDown} budget=${/** @type {any} */ (budget)} selector=${selector} />`}
    <//>`
}

/** A task, tag or project, leading to what it cost. @param {string} part @param {string} per */
const partLink = (part, per) => (per === 'task' ? html`${taskLink(taskOf(part), part)} <span class="agent-budget-of">${[taskOf(part).project, taskOf(part).tag].filter(Boolean).join(' · ')}</span>` : html`<a class="link" href=${address('agents', '', { tab: 'costs', by: per === 'tag' ? 'tag' : 'task' })}><bdi>${part}</bdi></a>`)

/** @param {{ ratio: number }} props */
const Bar = ({ ratio }) => html`<svg class="share agent-budget-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="share-all" width="100" height="8" /><rect class=${`share-part${ratio >= 1 ? ' share-over' : ''}`} width=${Math.min(100, ratio * 100)} height="8" /></svg>`

/** Those that used it up before the reader asks for more. */
const SHOWN = 8

/** All that used it up. @param {{ budget: Budget }} props */
function Over({ budget: { over, per, currency } }) {
  const [all, show] = useState(false)
  if (over.length === 0) return null
  return html`
    <h3>${count(over.length, per)} used it up</h3>
    <ul class="sheet-list" aria-label="What used it up">
      ${over.slice(0, all ? over.length : SHOWN).map((part) => html`<li key=${part.name}>${partLink(part.name, per)}<b>${money(part.used, currency)}</b><span class="quiet">at ${since(part.crossed_at, minute.value)}</span></li>`)}
    </ul>
    ${over.length > SHOWN && !all && html`<p class="more"><button type="button" class="button" onClick=${() => show(true)}>Show ${count(over.length - SHOWN, `more ${per}`)}</button></p>`}`
}

/** When it will be used up, from when to when, as far as its period goes. @param {Budget & { end: number }} budget */
function crossingOf({ exhaustion, end, crossed_at: crossed }) {
  if (crossed !== null || !exhaustion?.value) return null
  const [low, high] = [exhaustion.low ?? exhaustion.value, exhaustion.high ?? end]
  const at = (/** @type {number} */ t) => since(t, minute.value)
  return { low, high: Math.min(high, end), words: exhaustion.high ? `used up between ${at(low)} and ${at(high)}` : `used up from ${at(low)} on, if it is` }
}

/** @param {{ budget: Budget & { start: number, end: number }, selector: string }} props */
function BurnDown({ budget, selector }) {
  const { start, end, limit, currency, used } = budget
  const now = Math.min(end, minute.value)
  const seconds = Math.max(GRID_S, Math.ceil((now - start) / GRID_S) * GRID_S)
  const step = Math.max(60, Math.ceil(seconds / POINTS / 60) * 60)
  const { lines: [line], state } = useQuery({ query: own(selector), seconds, step })
  const [box, width] = useWidth()
  const last = leftAtEnd(budget)
  const left = used === null ? null : limit - used
  const sheet = sheetOf({ ...SIZE, width }, budget, [left ?? 0, last?.low ?? 0])
  const bottom = SIZE.height - SIZE.below
  const times = ticks(start, end, Math.max(2, Math.floor(width / 72)), offsetAt(start))
  const words = `What is left of ${money(limit, currency)}${left === null ? '' : `: ${money(left, currency)}`}${last ? `; at the end of the period between ${money(last.low, currency)} and ${money(last.high, currency)} is expected` : ''}`
  const [x, y] = left === null ? [0, 0] : [sheet.x(now), sheet.y(left)]
  const zero = Math.min(bottom, sheet.y(0))
  const crossing = crossingOf(budget)
  const lines = [limit, limit / 2, 0, ...(bottom - zero >= LABEL_PX ? [sheet.bottom] : [])]
  return html`
    <div class="burndown" ref=${box}>
      ${width > 0 && html`
        <svg width=${width} height=${SIZE.height} viewBox=${`0 0 ${width} ${SIZE.height}`} role="img" aria-label=${words}>
          ${lines.map((v) => html`<g key=${v}><path class="grid" d=${`M${SIZE.left} ${sheet.y(v)}H${width - SIZE.right}`} /><text x=${SIZE.left - 6} y=${sheet.y(v) + 4} text-anchor="end">${money(v, currency)}</text></g>`)}
          ${times.map((t) => html`<text key=${t} x=${sheet.x(t)} y=${SIZE.height - 6} text-anchor="middle">${sheet.x(t) > SIZE.left + 16 && sheet.x(t) < width - 24 ? (end - start > 2 * DAY_S ? day(t) : clockTime(t)) : ''}</text>`)}
          <path class="burndown-even" d=${`M${sheet.x(start)} ${sheet.y(limit)}L${sheet.x(end)} ${zero}`}><title>An even pace, used up at the end</title></path>
          ${left !== null && last && html`<path class="burndown-band" d=${`M${x} ${y}L${sheet.x(end)} ${sheet.y(last.high)}V${sheet.y(last.low)}Z`} />`}
          ${left !== null && last?.value != null && html`<path class="burndown-likely" d=${`M${x} ${y}L${sheet.x(end)} ${sheet.y(last.value)}`} />`}
          <path class="burndown-left" d=${leftPath(sheet, line, budget, Math.max(step * 1.6, LOOKBACK_S))} />
          ${crossing && html`<g><path class="burndown-crossing" d=${`M${sheet.x(crossing.low)} ${zero}H${sheet.x(crossing.high)}`} /><title>${crossing.words}</title></g>`}
          <path class="burnup-now" d=${`M${sheet.x(now)} ${SIZE.above}V${bottom}`} />
          ${left !== null && html`<circle class="burndown-mark" cx=${x} cy=${y} r="4"><title>now</title></circle>`}
        </svg>`}
      <ul class="burnup-legend">
        <li><i class="key key-left"></i>left${left === null ? '' : html` <b>${money(left, currency)}</b>`}</li>
        <li><i class="key key-even"></i>an even pace</li>
        ${crossing && html`<li><i class="key key-crossing"></i>${crossing.words}</li>`}
        ${last ? html`<li><i class="key key-left-band"></i>at the end between <b>${money(last.low, currency)}</b> and <b>${money(last.high, currency)}</b></li>` : html`<li class="quiet">no forecast yet</li>`}
        ${state === 'ready' && !line && html`<li class="quiet">its course is not known yet</li>`}
      </ul>
    </div>`
}
