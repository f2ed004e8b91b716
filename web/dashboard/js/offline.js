/**
 * Keeps this version of the dashboard in the browser, so that it opens where the service does not answer; and makes way for a new one.
 *
 * Without a build there is no worker, and over plain HTTP on another machine browsers have none: then all comes from the service.
 */

/** Which version was loaded in the place of one whose files were gone: once only. */
const KEY = 'taskpulse.reloaded'

/** What the page was made of, by the name of its script, which changes with its content. @param {ParentNode} page */
const versionOf = (page) => page.querySelector('link[rel="modulepreload"]')?.getAttribute('href') ?? ''

/** Called once, when nothing else is to be done. */
export function keepForOffline() {
  if ('serviceWorker' in navigator && versionOf(document).startsWith('/assets/')) navigator.serviceWorker.register('/sw.js').catch(() => undefined)
}

/**
 * A part of the page could not be loaded. Where the service has a newer version by now, the files of this one are gone: the page is
 * loaded anew, at the same place. Otherwise the service does not answer, and the reader may try again.
 * @returns {Promise<boolean>} whether the page is loaded anew
 */
export async function replaceOld() {
  try {
    const answer = await fetch('/', { headers: { accept: 'text/html' }, redirect: 'manual', cache: 'no-cache' })
    if (!answer.ok) return false
    const version = versionOf(new DOMParser().parseFromString(await answer.text(), 'text/html'))
    if (!version || version === versionOf(document) || sessionStorage.getItem(KEY) === version) return false
    sessionStorage.setItem(KEY, version)
  } catch {
    return false
  }
  location.reload()
  return true
}
