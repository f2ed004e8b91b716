/**
 * Whether somebody may be looking. A page that nobody looks at rests: its clock stands, what it was told each few seconds is left out.
 */
import { signal } from '../lib.js'

/** Who only looks at another tab for a moment finds the page as it was. */
const GRACE_MS = 5000

/** Whether the page is in view. */
export const visible = () => document.visibilityState === 'visible'
/** False once the page has been hidden for a while. */
export const awake = signal(visible())

/** @type {ReturnType<typeof setTimeout>|undefined} */
let falling
document.addEventListener('visibilitychange', () => {
  clearTimeout(falling)
  if (visible()) awake.value = true
  else falling = setTimeout(() => { awake.value = false }, GRACE_MS)
})
