/**
 * What happened while the reader was away, in few lines, each a link to it.
 *
 * Pure: events of that time in, lines out. What cancelled itself out (a task done and reopened) is told as it ended.
 *
 * @import { Event as TimelineEvent } from './types.js'
 * @import { Mark } from './statuses.js'
 * @typedef {{ key: string, words: string, mark: Mark, page: string, item: string }} News
 */
import { count, quoted, since, span } from './format.js'
import { runMark, statusWord } from './statuses.js'
import { runName, taskName, wordsOf } from './timeline.js'

/** Targets that have a line of their own. */
const MOST_TARGETS = 3

/** `once`, `twice`, `3 times`. @param {number} n */
const times = (n) => (n === 1 ? 'once' : n === 2 ? 'twice' : `${count(n, 'time')}`)

/** @param {TimelineEvent[]} events newest first @param {number} now @returns {News[]} */
export function summary(events, now) {
  const rising = [...events].sort((a, b) => a.time - b.time)
  return [...ofTasks(rising), ...ofRuns(rising), ...ofTargets(rising, now), ...ofAlerts(rising), ...ofAdvice(rising), ...ofService(rising)]
}

/** How a task stands at the end of the time: one word each. @type {Array<[string, string]>} */
const ENDS = [['done', 'done'], ['reopened', 'reopened'], ['in-progress', 'started'], ['review', 'in review'], ['blocked', 'blocked'], ['deferred', 'deferred'], ['cancelled', 'cancelled']]

/** @param {TimelineEvent[]} rising @returns {News[]} */
function ofTasks(rising) {
  /** @type {Map<string, { end: string, event: TimelineEvent }>} */
  const tasks = new Map()
  for (const event of rising) {
    if (event.kind !== 'task_status') continue
    const { project, tag, to, reopened } = /** @type {any} */ (event.data ?? {})
    const key = JSON.stringify([project, tag, event.subject])
    const again = reopened === true || tasks.get(key)?.end === 'reopened'
    tasks.set(key, { end: again && to !== 'done' ? 'reopened' : String(to), event })
  }
  const parts = ENDS.flatMap(([end, word]) => {
    const n = [...tasks.values()].filter((t) => t.end === end).length
    return n > 0 ? [{ n, word }] : []
  })
  /** @type {News[]} */
  const out = []
  const mark = parts.some((p) => p.word === 'done') ? /** @type {Mark} */ ('ok') : 'info'
  const [only] = tasks.values()
  if (tasks.size === 1 && parts.length === 1) out.push({ key: 'tasks', words: `${taskName(only.event.subject, only.event.data?.title)}: ${parts[0].word}`, mark, page: 'tasks', item: only.event.subject })
  else if (parts.length > 0) out.push({ key: 'tasks', words: parts.map(({ n, word }, i) => `${i === 0 ? count(n, 'task') : n} ${word}`).join(', '), mark, page: 'tasks', item: '' })
  else if (tasks.size > 0) out.push({ key: 'tasks', words: `${count(tasks.size, 'task')} moved to ${statusWord(only.end)}`, mark: 'info', page: 'tasks', item: '' })
  const switched = rising.filter((e) => e.kind === 'tasks_switched').length
  if (switched > 0) out.push({ key: 'switched', words: `the board was switched ${times(switched)}, as by a checkout`, mark: 'info', page: 'tasks', item: '' })
  return out
}

/** @param {TimelineEvent[]} rising @returns {News[]} */
function ofRuns(rising) {
  const runs = rising.filter((e) => e.kind === 'run_finished')
  if (runs.length === 0) return []
  const failed = runs.filter((e) => runMark(String(e.data?.conclusion)) === 'error')
  const last = /** @type {any} */ (failed[failed.length - 1]?.data)
  if (!last) return [{ key: 'ci', words: `${count(runs.length, 'CI run')}, none failed`, mark: 'ok', page: 'ci', item: '' }]
  const alike = failed.every((e) => e.data?.workflow === last.workflow && e.data?.branch === last.branch)
  const words = alike
    ? `${quoted(String(last.workflow ?? 'CI'))} failed ${times(failed.length)} on ${quoted(String(last.branch ?? 'a branch'))}, ${failed.length > 1 ? 'last ' : ''}#${last.number}`
    : `${failed.length} of ${count(runs.length, 'CI run')} failed, last ${runName(last)}`
  return [{ key: 'ci', words, mark: 'error', page: 'ci', item: '' }]
}

/** @param {TimelineEvent[]} rising @param {number} now @returns {News[]} */
function ofTargets(rising, now) {
  /** @type {Map<string, { downs: number, seconds: number, since: number|null, up: number|null }>} */
  const targets = new Map()
  for (const { kind, subject, time } of rising) {
    if (kind !== 'probe_down' && kind !== 'probe_up') continue
    const held = targets.get(subject) ?? { downs: 0, seconds: 0, since: null, up: null }
    targets.set(subject, held)
    if (kind === 'probe_down') {
      held.downs += 1
      held.since ??= time
      held.up = null
    } else {
      if (held.since !== null) held.seconds += time - held.since
      held.since = null
      held.up = time
    }
  }
  const lines = [...targets].map(([target, held]) => {
    const name = quoted(target)
    const down = held.since !== null
    const words = down ? `${name} down since ${since(/** @type {number} */ (held.since), now)}${held.downs > 1 ? `, ${held.downs} times in all` : ''}`
      : held.downs === 0 ? `${name} up since ${since(/** @type {number} */ (held.up), now)}`
        : `${name} down ${held.downs > 1 ? `${times(held.downs)}, ` : ''}${span(Math.round(held.seconds))}${held.downs > 1 ? ' in all' : ''}, up since ${since(/** @type {number} */ (held.up), now)}`
    return { key: `probe ${target}`, words, mark: /** @type {Mark} */ (down ? 'error' : 'info'), page: 'application', item: target }
  }).sort((a, b) => Number(b.mark === 'error') - Number(a.mark === 'error'))
  const more = lines.length - MOST_TARGETS
  return more <= 1 ? lines : [...lines.slice(0, MOST_TARGETS), { key: 'probes', words: `and ${more} more targets went down or came back`, mark: 'info', page: 'application', item: '' }]
}

/** @param {TimelineEvent[]} rising @returns {News[]} */
function ofAlerts(rising) {
  /** @type {Map<string, TimelineEvent>} */
  const fired = new Map()
  const open = new Set()
  for (const event of rising) {
    if (event.kind === 'alert_firing') {
      fired.set(event.subject, event)
      open.add(event.subject)
    } else if (event.kind === 'alert_resolved') open.delete(event.subject)
  }
  if (fired.size === 0) return []
  const [only] = fired.values()
  const words = fired.size === 1 ? `${wordsOf(only)}${open.size > 0 ? '' : ', over by now'}` : `${count(fired.size, 'alert')} fired, ${open.size === 0 ? 'all over by now' : open.size === fired.size ? 'all still firing' : `${open.size} still firing`}`
  return [{ key: 'alerts', words, mark: open.size > 0 ? 'warning' : 'info', page: 'alerts', item: fired.size === 1 ? only.subject : '' }]
}

/** @param {TimelineEvent[]} rising @returns {News[]} */
function ofAdvice(rising) {
  const given = [...new Map(rising.filter((e) => e.kind === 'recommendation_open').map((e) => [e.subject, e])).values()]
  if (given.length === 0) return []
  const words = given.length === 1 ? `new advice: ${quoted(given[0].title.replace(/: open$/, ''), 120)}` : `${count(given.length, 'piece')} of new advice`
  return [{ key: 'advice', words, mark: 'info', page: 'advice', item: given.length === 1 ? given[0].subject : '' }]
}

/** Restarts, and for how long nothing was watched, where the service said that it stopped. @param {TimelineEvent[]} rising @returns {News[]} */
function ofService(rising) {
  const own = rising.filter((e) => e.source === 'service' && (e.kind === 'start' || e.kind === 'stop'))
  const starts = own.filter((e) => e.kind === 'start').length
  if (starts === 0) return []
  let missed = 0
  own.forEach((e, i) => { if (e.kind === 'start' && own[i - 1]?.kind === 'stop') missed += e.time - own[i - 1].time })
  return [{ key: 'service', words: `the service started ${times(starts)}${missed >= 60 ? `, nothing was watched for ${span(Math.round(missed / 60) * 60)}` : ''}`, mark: 'info', page: 'status', item: '' }]
}
