/**
 * The pages: one line each makes its route, its place in the navigation, its title, its key and its entry in the palette.
 *
 * To add a page, write its component and add its line. All but the first are loaded when they are first opened, or when nothing else is to be done.
 */
import { replaceOld } from './offline.js'
import { Now } from './pages/Now.js'

/**
 * @typedef {{ name: string, title: string, key: string, question: string, nav: boolean, view: any, load?: () => Promise<any>, short?: string }} Page
 *   `name`: its part of the address; `short`: what the navigation calls it, where the title has no room there; `key`: opens it after `g`; `question`: what it answers; `nav`: stands in the navigation
 */

/** @param {string} name @param {string} title @param {string} key @param {string} question @param {any} view @returns {Page} */
const page = (name, title, key, question, view) => ({ name, title, key, question, nav: true, view })
/** @param {string} name @param {string} title @param {string} key @param {string} question @param {() => Promise<any>} load @returns {Page} */
const later = (name, title, key, question, load) => ({
  name, title, key, question, nav: true, view: null,
  // Until a page that is loaded anew is there, this one goes on waiting.
  load: () => load().catch(async (error) => { if (await replaceOld()) await new Promise(() => {}); else throw error }),
})

/** @type {Page[]} */
export const PAGES = [
  page('now', 'Now', 'n', 'Is it fine, what needs me, what happened?', Now),
  later('tasks', 'Tasks', 't', 'How far is the work, and what holds it up?', () => import('./pages/Tasks.js').then((m) => m.Tasks)),
  later('agents', 'Agents', 'w', 'Who works on what, who waits, and what did it cost?', () => import('./pages/Agents.js').then((m) => m.Agents)),
  later('ci', 'CI', 'c', 'Do the workflows succeed, and where do the minutes go?', () => import('./pages/Ci.js').then((m) => m.Ci)),
  later('system', 'System', 's', 'What does the machine do, and who makes it?', () => import('./pages/System.js').then((m) => m.System)),
  later('application', 'Application', 'p', 'Does it answer, and how fast?', () => import('./pages/Application.js').then((m) => m.Application)),
  { ...later('logs', 'Logs & traces', 'l', 'What was said at that moment, and what took how long?', () => import('./pages/Logs.js').then((m) => m.Logs)), short: 'Logs' },
  later('alerts', 'Alerts', 'a', 'What was wrong, since when, and what to do?', () => import('./pages/Alerts.js').then((m) => m.Alerts)),
  later('advice', 'Advice', 'd', 'What should be changed, and did it help?', () => import('./pages/Advice.js').then((m) => m.Advice)),
  later('explore', 'Explore', 'e', 'What do the figures say?', () => import('./pages/Explore.js').then((m) => m.Explore)),
  { ...later('status', 'Status', 'u', 'How is the service itself?', () => import('./pages/Status.js').then((m) => m.Status)), nav: false },
]

/** @param {string} name @returns {Page|undefined} */
export const pageOf = (name) => PAGES.find((p) => p.name === name)
