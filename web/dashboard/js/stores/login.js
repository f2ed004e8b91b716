/**
 * Whether the login of this page has ended: then nothing is answered any more, and only a new login helps.
 */
import { computed, signal } from '../lib.js'
import { place } from './place.js'

/** Set by whoever was refused for want of a login. */
export const loginEnded = signal(false)

/** The login that leads back to what is in view. */
export const loginAddress = computed(() => {
  place.value // read, so that the address follows the reader
  const here = location.pathname + location.search
  return (here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`) + location.hash
})
