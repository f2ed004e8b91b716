/**
 * The noise report, asked while a page that shows it is on screen.
 *
 * @import { AlertNoise } from '../types.js'
 */
import { useAnswer } from '../hooks.js'
import { computed } from '../lib.js'
import { rulesAsked } from '../stores/alerts.js'
import { now } from '../stores/clock.js'
import { epoch } from '../stores/connection.js'

/** Asked anew so often, and when a rule was changed: it reads a week of samples. */
const EVERY_S = 600
const turn = computed(() => `${epoch.value} ${Math.floor(now.value / EVERY_S)} ${rulesAsked.value}`)

export function useNoise() {
  const { data, ...rest } = useAnswer('/api/v1/alerts/noise', {}, turn.value)
  return { noise: /** @type {AlertNoise|null} */ (data), ...rest }
}
