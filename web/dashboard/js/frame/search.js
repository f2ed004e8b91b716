/**
 * Whether the palette is open, and with which words in it.
 */
import { signal } from '../lib.js'

/** @type {import('../../vendor/signals-core.js').Signal<string|null>} null: closed */
export const palette = signal(null)

/** @param {string} words */
export const openPalette = (words) => { palette.value = words }
export const closePalette = () => { palette.value = null }
