/**
 * When something was so, as bars on a line of time.
 *
 * @import { Span } from './outcome.js'
 */
import { html } from '../lib.js'

/** More bars than this would lie on one another. */
const MOST = 300
const WIDTH = 1000
/** The narrowest bar that is seen. */
const NARROW = 2

/** @param {{ spans: Span[], start: number, end: number, mark: string, words: string }} props `words`: what it shows, for who does not see it */
export function Lane({ spans, start, end, mark, words }) {
  const x = (/** @type {number} */ t) => Math.max(0, Math.min(WIDTH, ((t - start) / (end - start)) * WIDTH))
  const seen = spans.filter(({ from, to }) => to >= start && from <= end).slice(0, MOST)
  return html`
    <svg class="rule-lane" viewBox="0 0 ${WIDTH} 12" preserveAspectRatio="none" role="img" aria-label=${words}>
      <rect class="rule-lane-ground" x="0" y="5.5" width=${WIDTH} height="1" />
      ${seen.map(({ from, to }) => html`<rect class=${`lane-${mark}`} x=${Math.min(WIDTH - NARROW, x(from))} y="1" width=${Math.max(NARROW, x(to) - x(from))} height="10" />`)}
    </svg>`
}
