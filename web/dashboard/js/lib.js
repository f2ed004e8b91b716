/**
 * All vendored libraries are imported from here.
 *
 * So a library is updated or replaced in one place. Importing
 * `signals.js` makes components re-render when a signal they read changes.
 */
import htm from '../vendor/htm.js'
import { h } from '../vendor/preact.js'
import '../vendor/signals.js'

/** An empty text is no child: preact would write it into the page anew at each rendering, and the browser would paint a frame for it. @param {any} type @param {any} props @param {any[]} children */
const element = (type, props, ...children) => h(type, props, ...children.map((child) => (child === '' ? null : child)))

export const html = htm.bind(element)
export { render } from '../vendor/preact.js'
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from '../vendor/hooks.js'
export { batch, computed, effect, signal, untracked } from '../vendor/signals-core.js'
