/**
 * One number with its unit, leading to its history. No number: a dash that says why.
 *
 * @import { Unit } from '../format.js'
 */
import { DASH, format } from '../format.js'
import { html } from '../lib.js'
import { NOT_KEPT, past } from '../stores/past.js'
import { historyOf } from '../stores/place.js'

/**
 * @param {{ value: number|null|undefined, unit: Unit, series?: string, label: string, why?: string, big?: boolean }} props
 *   `series`: selector of its history; `why`: what to say when there is no number
 */
export function Figure({ value, unit, series, label, why: whyNow = 'No sample in the last 5 minutes.', big = false }) {
  const why = past.value ? NOT_KEPT : whyNow
  const text = format(value, unit)
  const missing = text === DASH
  const look = `figure${big ? ' figure-big' : ''}${missing ? ' figure-none' : ''}`
  const title = missing ? why : series ? `${label}: show its history` : label
  const spoken = `${label}: ${missing ? `no number. ${why}` : text}`
  if (!series) return html`<span class=${look} title=${title} aria-label=${spoken}>${text}</span>`
  return html`<a class=${look} href=${historyOf(series)} title=${title} aria-label=${spoken}>${text}</a>`
}
