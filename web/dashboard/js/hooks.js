/**
 * What components need of the stores for as long as they are on screen.
 *
 * @import { Buckets } from './stores/buckets.js'
 * @import { Answer, Question } from './stores/queries.js'
 */
import { useEffect, useMemo, useState } from './lib.js'
import { leave, watch } from './stores/buckets.js'
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

/** Live samples of these selectors, without history. @param {string[]} selectors */
export function useSamples(selectors) {
  useEffect(() => want(selectors), [selectors.join('\n')])
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
      set({ busy: false, error: error instanceof Error ? error.message : String(error) })
    }
  }
  return { ...state, run }
}
