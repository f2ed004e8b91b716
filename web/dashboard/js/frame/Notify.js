/**
 * The switch for desktop notifications. Not there where the browser has none.
 */
import { html } from '../lib.js'
import { notify, possible, switchNotify } from '../stores/notify.js'

const WORDS = {
  on: 'Desktop notifications of alerts and of agents that wait are on',
  off: 'Desktop notifications of alerts and of agents that wait are off',
  refused: 'The browser refuses desktop notifications of this page; its settings of the site change that',
}

export function Notify() {
  const state = notify.value
  return possible && html`
    <button type="button" class="icon notify notify-${state}" aria-pressed=${state === 'on'} aria-disabled=${state === 'refused'} title=${WORDS[state]}
      aria-label="Desktop notifications" onClick=${() => { if (state !== 'refused') switchNotify() }}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path fill-rule="evenodd" d=${state === 'on'
          ? 'M8 1.5a4 4 0 0 0-4 4v2.8L2.8 11v1h10.4v-1L12 8.3V5.5a4 4 0 0 0-4-4zM6.4 13a1.6 1.6 0 0 0 3.2 0z'
          : 'M8 1.5a4 4 0 0 0-4 4v2.8L2.8 11v1h10.4v-1L12 8.3V5.5a4 4 0 0 0-4-4zm0 1.3a2.7 2.7 0 0 1 2.7 2.7v3.1l.9 2.1H4.4l.9-2.1V5.5A2.7 2.7 0 0 1 8 2.8zM6.4 13a1.6 1.6 0 0 0 3.2 0z'} />
        ${state === 'refused' && html`<path d="M2.2 1.3l12.5 12.5-.9.9L1.3 2.2z" />`}
      </svg>
    </button>`
}
