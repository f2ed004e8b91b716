/**
 * Starts the dashboard: stores listen, the stream opens, the page is drawn.
 */
import { Frame } from './frame/Frame.js'
import { html, render } from './lib.js'
import { followAdvice } from './stores/advice.js'
import { followAgents } from './stores/agents.js'
import { followAlerts } from './stores/alerts.js'
import { followBoards } from './stores/boards.js'
import { followCi } from './stores/ci.js'
import { connect } from './stores/connection.js'
import { followEvents } from './stores/events.js'
import { followStatus } from './stores/status.js'
import { followNotify } from './stores/notify.js'
import { followCauses } from './stores/silences.js'
import { followSpent } from './stores/spent.js'
import { followVisits } from './stores/visits.js'
import { keepForOffline } from './offline.js'

followStatus()
followAlerts()
followCauses()
followAdvice()
followEvents()
followBoards()
followCi()
followVisits()
followNotify()
followSpent()
followAgents()
connect()

const root = /** @type {HTMLElement} */ (document.getElementById('app'))
root.replaceChildren()
render(/** @type {any} */ (html`<${Frame} />`), root)

// After everything that the reader waits for.
setTimeout(keepForOffline, 3000)
