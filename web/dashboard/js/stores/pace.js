/**
 * The time in whole minutes: for ages and dates, which need not be drawn anew each second.
 */
import { computed } from '../lib.js'
import { now } from './clock.js'

/** Unix seconds of the service's clock, rounded down to the minute; changes once a minute. */
export const minute = computed(() => Math.floor(now.value / 60) * 60)
