/**
 * All vendored libraries are imported from here.
 *
 * So a library is updated or replaced in one place. Importing
 * `signals.js` makes components re-render when a signal they read changes.
 */
import htm from '../vendor/htm.js'
import { h } from '../vendor/preact.js'
import '../vendor/signals.js'

export const html = htm.bind(h)
export { render } from '../vendor/preact.js'
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from '../vendor/hooks.js'
export { batch, computed, effect, signal, untracked } from '../vendor/signals-core.js'
