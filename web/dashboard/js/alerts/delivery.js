/**
 * How deliveries over a channel are doing, in words.
 *
 * Pure.
 *
 * @import { Channel, ChannelTest, DeliveryState } from '../types.js'
 * @import { Mark } from '../statuses.js'
 */
import { count, quoted, sentences, since } from '../format.js'

/** @type {Record<DeliveryState, Mark>} */
const MARKS = { idle: 'ok', waiting: 'info', failing: 'error' }
/** @param {Channel} channel @returns {Mark} */
export const markOfChannel = ({ state }) => MARKS[state] ?? 'none'

/** Longest reason in a row. */
const REASON = 120

/** `last delivered 14:02`; `3 notices wait since 13:50`; `fails since 13:50: status 500; next try 14:05`. @param {Channel} channel @param {number} now Unix seconds */
export function deliveryWords(channel, now) {
  const { state, last_sent: last, oldest, waiting, last_error: error, next_try: next } = channel
  if (state === 'failing') {
    const again = next === null ? '' : `; next try ${since(next, now)}`
    return `${waiting > 0 ? `${count(waiting, 'notice')} cannot be delivered` : 'cannot deliver'}${oldest === null ? '' : ` since ${since(oldest, now)}`}: ${quoted(error ?? 'no reason is known', REASON)}${again}`
  }
  if (state === 'waiting') return `${count(waiting, 'notice')} ${waiting === 1 ? 'waits' : 'wait'}${oldest === null ? '' : ` since ${since(oldest, now)}`}`
  return last === null ? 'nothing to deliver since the start' : `last delivered ${since(last, now)}`
}

/** What was sent since the start. @param {Channel} channel */
export const sentWords = ({ sent, failed, expired }) => [
  `${count(sent, 'notice')} delivered since the start`, failed > 0 && `${count(failed, 'try', 'tries')} failed`, expired > 0 && `${count(expired, 'notice')} given up: they could not be delivered for too long`,
].filter(Boolean).join(', ')

/** @param {ChannelTest} outcome */
export const testWords = ({ delivered, error }) => (delivered ? 'The test was delivered.' : sentences([`The test was not delivered: ${quoted(error ?? 'no reason is known', 300)}`]))
