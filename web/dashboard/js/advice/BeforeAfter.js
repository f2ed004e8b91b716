/**
 * What a change did, as a picture: half days before it and after it beside each other, with both means and the interval.
 *
 * @import { Experiment } from '../types.js'
 */
import { count } from '../format.js'
import { useWidth } from '../hooks.js'
import { html } from '../lib.js'
import { pictureOf } from './before_after.js'
import { figures } from './helped.js'

const HEIGHT = 88

/** @param {{ experiment: Pick<Experiment, 'pairs'|'before'|'after'|'ratio'|'difference'|'unit_of'|'control'> }} props */
export function BeforeAfter({ experiment }) {
  const [box, width] = useWidth()
  const picture = pictureOf(experiment, width, HEIGHT)
  const { before, after, interval } = figures(experiment)
  const words = `${count(experiment.pairs.length, 'half day')} after the change beside the same ones before it: ${before} before, ${after} after, ${interval} with 95 % confidence`
  return html`
    <figure class="helped" ref=${box}>
      ${width > 0 && html`
        <svg width=${width} height=${HEIGHT} role="img" aria-label=${words}>
          <path class="helped-before" d=${picture.before} /><path class="helped-after" d=${picture.after} />
          <path class="helped-interval" d=${picture.interval} /><path class="helped-carried" d=${picture.carried} />
          <path class="helped-mean" d=${picture.meanBefore} /><path class="helped-mean" d=${picture.meanAfter} /><path class="helped-change" d=${picture.change} />
        </svg>`}
      <div class="helped-words"><span>before <b class="num">${before}</b></span><span>after <b class="num">${after}</b> <span class="num">${interval}</span></span></div>
      <figcaption class="quiet">A bar is half a day, each after the change beside the same one before it. Lines are means; shaded is where the mean after it lies in 95 of 100 cases. From zero.</figcaption>
    </figure>`
}
