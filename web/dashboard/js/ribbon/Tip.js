/**
 * What the mark is that the reader points at.
 *
 * @import { Lane } from './lanes.js'
 */
import { span } from '../format.js'
import { html, useLayoutEffect, useRef } from '../lib.js'
import { cursor } from '../stores/cursor.js'
import { minute } from '../stores/pace.js'
import { timesOf } from './Labels.js'
import { marked } from './model.js'
import { LANE_H } from './paint.js'
import { xOf } from './scale.js'

/** @param {{ lanes: Lane[], sceneOf: () => import('./scale.js').Scale }} props */
export function Tip({ lanes, sceneOf }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const mark = marked.value
  useLayoutEffect(() => {
    if (!box.current || !mark) return
    const scale = sceneOf()
    const x = xOf(scale, cursor.peek() ?? mark.bar.start) + 12
    box.current.style.left = `${Math.max(0, Math.min(x, scale.right - box.current.offsetWidth))}px`
    box.current.style.top = `${(mark.lane + 1) * LANE_H + 4}px`
  })
  if (!mark) return html`<div class="unseen" role="status"></div>`
  const usual = lanes[mark.lane]?.usual
  return html`
    <div class="tip ribbon-tip" ref=${box} role="status">
      <b><bdi>${mark.bar.title}</bdi></b>
      <bdi>${mark.bar.words}</bdi>
      <span class="quiet">${timesOf(mark.bar, minute.value)}${usual ? ` · usual ${span(Math.round(usual))}` : ''}</span>
    </div>`
}
