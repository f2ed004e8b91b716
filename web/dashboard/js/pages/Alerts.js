/**
 * Alerts: what is wrong by cause, what was noted, what holds notices back, what was wrong before, what is watched for, and over which
 * channels people are notified.
 */
import { Anomalies, useAnomalies } from '../alerts/Anomalies.js'
import { Channels, useChannels } from '../alerts/Channels.js'
import { EditorPlace } from '../alerts/EditorPlace.js'
import { Groups } from '../alerts/Groups.js'
import { followers, pastOf } from '../alerts/grouping.js'
import { followKeys } from '../alerts/keys.js'
import { Maintenance } from '../alerts/Maintenance.js'
import { Noise } from '../alerts/Noise.js'
import { Past } from '../alerts/Past.js'
import { useNoise } from '../alerts/report.js'
import { NewRule, RuleChange, Rules } from '../alerts/Rules.js'
import { Silences } from '../alerts/Silences.js'
import { Mark } from '../components/Mark.js'
import { PageSkeleton } from '../components/PageSkeleton.js'
import { Panel } from '../components/Panel.js'
import { count } from '../format.js'
import { html, useEffect, useState } from '../lib.js'
import { alerts, askForRules, endedAlerts, historyError, historyKnown, retryHistory, retryRules, rules, rulesError } from '../stores/alerts.js'
import { replayed } from '../stores/clock.js'
import { unwatched } from '../stores/past.js'
import { period, range } from '../stores/place.js'
import { followSilences, held, heldError, standing } from '../stores/silences.js'

/** Who waits longer for an answer is shown what is there. */
const PATIENCE_MS = 1000

export function Alerts() {
  useEffect(() => askForRules(), [])
  useEffect(followSilences, [])
  useEffect(followKeys, [])
  const [channels, unusual, noise] = [useChannels(), useAnomalies(), useNoise()]
  const [patient, lose] = useState(true)
  useEffect(() => {
    const timer = setTimeout(() => lose(false), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [])
  // Drawn as a whole, so that nothing moves while it fills: how long its lists are is known with the first answers.
  const answered = (held.value || heldError.value) && (historyKnown.value || historyError.value) && (rules.value || rulesError.value) && channels.state !== 'loading' && unusual.state !== 'loading'
  if (alerts.value === null || (!answered && patient)) return html`<${PageSkeleton} />`
  const { firing, pending, acknowledged } = standing.value
  const { start, end } = period.value
  const past = pastOf(endedAlerts.value, start, end)
  return html`
    <div class="alerts-page">
      <${EditorPlace} />
      <div class="alerts-column">
      <${Panel} title="Firing" name="firing" note=${causeNote(firing)} face=${firing.length ? 'data' : 'empty'} empty=${unwatched.value ? html`<p>${unwatched.value}</p>` : html`<p class="all-quiet"><${Mark} kind="ok" word="ok" /> ${replayed.value === null ? 'No alert fires that nobody has taken note of.' : 'No alert was firing then that nobody had taken note of.'}</p>`}>
        <${Groups} groups=${firing} stand="firing" />
        ${replayed.value !== null && html`<p class="quiet">As it was then. Which alerts were pending is not kept.</p>`}
      <//>
      ${pending.length > 0 && html`<${Panel} title="Pending" name="pending" note=${noteOf(pending.length, 'rule')} face="data"><${Groups} groups=${pending} stand="pending" /><//>`}
      ${acknowledged.length > 0 && html`<${Panel} title="Acknowledged" name="acknowledged" note=${noteOf(acknowledged.length, 'rule')} face="data"><${Groups} groups=${acknowledged} stand="acknowledged" /><//>`}
      <${Silences} />
      </div>
      <div class="alerts-column">
      <${Panel} title="Ended" name="ended" note=${historyKnown.value ? [range.value.words, noteOf(past.length, 'rule')].filter(Boolean).join(' · ') : ''} live=${false} error=${historyError.value} retry=${retryHistory}
        face=${historyKnown.value ? (past.length ? 'data' : 'empty') : historyError.value ? 'error' : 'loading'} empty=${html`<p>No alert ended in this time. A longer period may hold some.</p>`}>
        <${Past} groups=${past} />
      <//>
      <${Anomalies} answer=${unusual} />
      <${Panel} title="Rules" name="rules" note=${rules.value ? [noteOf(rules.value.length, 'rule'), replayed.value !== null && 'as they are set now; earlier ones are not kept'].filter(Boolean).join(' · ') : ''} live=${false} error=${rulesError.value} retry=${retryRules} aside=${rules.value && html`<${NewRule} />`}
        face=${rules.value ? (rules.value.length ? 'data' : 'empty') : rulesError.value ? 'error' : 'loading'}
        empty=${html`<p>Nothing is watched for. A rule is written into Settings.toml:</p><pre class="copy">[alerts.rules.high_cpu_usage]
expr = "system_cpu_utilization_ratio > 0.80"
for = "1m"
severity = "warning"</pre>`}>
        <${RuleChange} />
        <${Rules} list=${rules.value ?? []} />
      <//>
      <${Channels} answer=${channels} />
      <${Maintenance} />
      </div>
      <${Noise} answer=${noise} />
    </div>`
}

/** Rules that fire, and of those with a cause how many follow. @param {import('../alerts/grouping.js').Cause[]} list */
function causeNote(list) {
  const follow = followers(list)
  return follow > 0 ? `${count(list.length, 'cause')}, ${follow} ${follow === 1 ? 'follows' : 'follow'}` : noteOf(list.length, 'rule')
}

/** A count above a list is the number of its rows. @param {number} n @param {string} one @param {string} [many] */
const noteOf = (n, one, many) => (n > 0 ? count(n, one, many) : '')
