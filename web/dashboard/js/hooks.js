/**
 * What components need of the stores for as long as they are on screen.
 *
 * @import { Buckets } from './stores/buckets.js'
 * @import { Answer, Question } from './stores/queries.js'
 */
import { errorText, get } from './api.js'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from './lib.js'
import { leave, watch } from './stores/buckets.js'
import { serverTime } from './stores/clock.js'
import { ask, leave as leaveQuery } from './stores/queries.js'
import { want } from './stores/samples.js'

/** What has few pixels, or is drawn in a strip, needs no more buckets than this. */
const FEW_PX = 360

/** The course of these selectors over the period in view; the component renders again when it changes. @param {string[]} selectors @returns {Buckets[]} */
export function useFeeds(selectors) {
  const key = selectors.join('\n')
  const questions = useMemo(() => selectors.map((query) => ({ query, pixels: FEW_PX })), [key])
  const feeds = useMemo(() => questions.map(watch), [key])
  useEffect(() => () => questions.forEach(leave), [key])
  for (const feed of feeds) feed.version.value // read, to run again at new samples
  return feeds
}

/** What an expression says; the component renders again when that changes. @param {Question} question @returns {Answer & { retry: () => void }} */
export function useQuery(question) {
  const key = JSON.stringify(question)
  const held = useMemo(() => ask(question), [key])
  useEffect(() => () => leaveQuery(question), [key])
  return { ...held.answer.value, retry: held.retry }
}

/**
 * How many parts of a page are there: those that are in sight at once, then one part after another, each in a task of its own, so that the page
 * is never busy for long. @param {number} first @param {number} all
 */
export function useInTurns(first, all) {
  const [there, set] = useState(Math.min(first, all))
  useEffect(() => {
    if (there >= all) return undefined
    const next = setTimeout(() => set(there + 1))
    return () => clearTimeout(next)
  }, [there, all])
  return there
}

/** Live samples of these selectors, without history. @param {string[]} selectors */
export function useSamples(selectors) {
  useEffect(() => want(selectors), [selectors.join('\n')])
}

/** What it is, which changes no more often than so. @template T @param {T} value @param {number} ms @returns {T} */
export function usePaced(value, ms) {
  const [held, hold] = useState(() => value)
  const at = useRef(0)
  useEffect(() => {
    const take = () => {
      at.current = performance.now()
      hold(() => value)
    }
    const left = at.current + ms - performance.now()
    if (left <= 0) return take()
    const later = setTimeout(take, left)
    return () => clearTimeout(later)
  }, [value])
  return held
}

/** A button's work: whether it is under way and what went wrong. Once at a time; the button is not disabled meanwhile, which would take its focus. */
export function useAction() {
  const [state, set] = useState({ busy: false, error: '' })
  /** @param {() => Promise<unknown>} work */
  const run = async (work) => {
    if (state.busy) return
    set({ busy: true, error: '' })
    try {
      await work()
      set({ busy: false, error: '' })
    } catch (error) {
      set({ busy: false, error: errorText(error) })
    }
  }
  return { ...state, run }
}

/** What an address answers, asked when the component appears and whenever `again` changes. @param {string} path @param {Record<string, string|number>} params @param {unknown} [again] */
export function useAnswer(path, params, again) {
  const [turn, setTurn] = useState(0)
  const [held, hold] = useState(/** @type {{ data: any, error: string, key: string, failedAt: number }} */ ({ data: null, error: '', key: '', failedAt: 0 }))
  const key = path + JSON.stringify(params)
  useEffect(() => {
    let wanted = true
    get(path, params).then(
      (data) => { if (wanted) hold({ data, error: '', key, failedAt: 0 }) },
      // What was known stays in view.
      (error) => { if (wanted) hold((before) => (before.key === key && before.data !== null ? before : { data: null, error: error.message, key, failedAt: serverTime() })) },
    )
    return () => { wanted = false }
  }, [key, turn, again])
  /** @type {'ready'|'error'|'loading'} */
  const state = held.key === key || held.data !== null ? (held.data !== null ? 'ready' : 'error') : 'loading'
  return { data: held.data, error: held.error, failedAt: held.failedAt, state, retry: () => setTurn(turn + 1) }
}

/** How wide an element is: its ref, and the width in pixels, 0 before it is on screen. @returns {[{ current: any }, number]} */
export function useWidth() {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const [width, setWidth] = useState(0)
  useLayoutEffect(() => {
    const into = box.current
    if (!into) return undefined
    const resize = new ResizeObserver(() => setWidth(into.clientWidth))
    resize.observe(into)
    setWidth(into.clientWidth)
    return () => resize.disconnect()
  }, [])
  return [box, width]
}
