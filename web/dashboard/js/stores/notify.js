/**
 * Desktop notifications, where the reader asked for them: one for each alert that fires while the page is not in view, gone when it is over.
 * `agents/follow.js` does the same for agents that wait.
 *
 * Off until it is switched on in this browser, which alone asks for permission.
 *
 * @import { Alert } from '../types.js'
 */
import { effect, signal } from '../lib.js'
import { isOn } from '../statuses.js'
import { presentAlerts } from './alerts.js'
import { address, go } from './place.js'

const KEY = 'taskpulse.notify'

/** Whether this browser can. */
export const possible = typeof Notification === 'function'

/** `refused`: the browser does not let this page; only its own settings change that. @type {import('../../vendor/signals-core.js').Signal<'off'|'on'|'refused'>} */
export const notify = signal(remembered())

function remembered() {
  if (!possible) return 'off'
  if (Notification.permission === 'denied') return 'refused'
  try {
    return localStorage.getItem(KEY) === 'on' && Notification.permission === 'granted' ? 'on' : 'off'
  } catch {
    return 'off'
  }
}

/** Switches them on or off; on a click, since only then a browser may ask. */
export async function switchNotify() {
  if (notify.peek() === 'on') notify.value = 'off'
  else {
    const answer = await Notification.requestPermission()
    notify.value = answer === 'granted' ? 'on' : answer === 'denied' ? 'refused' : 'off'
  }
  try {
    if (notify.peek() === 'on') localStorage.setItem(KEY, 'on')
    else localStorage.removeItem(KEY)
  } catch {
    // The choice then lasts until the page is left.
  }
}

/** Those that fire and were not taken note of, by alert and by when they began. @param {Alert[]} list */
export const firing = (list) => new Map(list.filter((a) => isOn(a) && !a.acked_at).map((a) => [`${a.id} ${a.firing_since}`, a]))

/** Starts; called once. */
export function followNotify() {
  if (!possible) return
  /** Those that were known to fire. @type {Set<string>|null} */
  let known = null
  /** @type {Map<string, Notification>} */
  const shown = new Map()
  effect(() => {
    if (!presentAlerts.value) return
    const now = firing(presentAlerts.value)
    // What fired already when the page was opened is on the page.
    for (const [key, alert] of now) if (known && !known.has(key) && notify.peek() === 'on' && !inView()) shown.set(key, show(alert))
    for (const [key, notification] of shown) {
      if (now.has(key)) continue
      notification.close()
      shown.delete(key)
    }
    known = new Set(now.keys())
  })
}

export const inView = () => document.visibilityState === 'visible' && document.hasFocus()

/** Shows one; a click brings the page to the front. Pages in several tabs show one, since the tag is the same. @param {string} title @param {NotificationOptions} options @param {() => void} open what a click leads to */
export function raise(title, options, open) {
  const notification = new Notification(title, { icon: '/icon-192.png', ...options })
  notification.onclick = () => {
    window.focus()
    open()
    notification.close()
  }
  return notification
}

/** @param {Alert} alert */
const show = (alert) => raise(alert.summary, { tag: `taskpulse ${alert.id}`, body: `${alert.severity} · ${alert.rule}`, requireInteraction: alert.severity === 'critical' }, () => go(address('alerts', alert.id)))
