/**
 * The profile of alerts: what the other one would have done over the last week, and how it is set.
 *
 * @import { ProfileOffer } from '../types.js'
 */
import { Panel } from '../components/Panel.js'
import { since } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { address } from '../stores/place.js'
import { noiseWords, offerWords } from './halving.js'
import { useNoise } from './report.js'

/** The panel of the page Status. */
export function Profile() {
  const { noise, error, failedAt, state, retry } = useNoise()
  return html`
    <${Panel} title="Alerts of the last week" name="profile" kind="wide" live=${false} face=${state === 'ready' ? 'data' : state} error=${error} failedAt=${failedAt > 0 ? since(failedAt, now.peek()) : undefined} retry=${retry}>
      ${noise && html`
        <p>${noiseWords(noise)} <a class="link" href=${address('alerts')}>Look at each rule</a></p>
        ${noise.profile ? html`<${Offer} offer=${noise.profile} />` : html`<p class="quiet">Another profile is offered here when a week of history shows that it would have halved the notices.</p>`}`}
    <//>`
}

/** @param {{ offer: ProfileOffer }} props */
export const Offer = ({ offer }) => html`
  <p>${offerWords(offer)}</p>
  <pre class="copy">[alerts]
profile = "${offer.profile}"</pre>
  <p class="quiet">In Settings.toml, in force from the next start. A busy CPU is no news then unless something suffers from it; rules that you changed stay as you wrote them.</p>`
