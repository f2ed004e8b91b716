/**
 * The sign on buttons that take something away.
 */
import { html } from '../lib.js'

export const Cross = () => html`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 3l4 4l4-4l1 1l-4 4l4 4l-1 1l-4-4l-4 4l-1-1l4-4l-4-4z" /></svg>`
