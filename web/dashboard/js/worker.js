/**
 * The service worker, served as `/sw.js`: keeps the files of one version of the dashboard, so that it opens where the service does not answer.
 *
 * Only files that are named by their content are kept, and the page without any data (`SHELL`). What the service knows is never kept:
 * requests to its interface do not come by here. Pages come from the service as long as it answers, so a login and a new version are
 * always its own; and since a page names its files by their content, versions are never mixed.
 */

// Both are filled in by `web/build/pages.rs`.
/** @type {string[]} */
const FILES = []
const SHELL = ''

const PREFIX = 'taskpulse '
const CACHE = PREFIX + SHELL
/** What a proxy says for a service that is gone. */
const GONE = [502, 503, 504]

const worker = /** @type {any} */ (self)

worker.addEventListener('install', (/** @type {any} */ event) => event.waitUntil(keep()))
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(begin()))
worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== location.origin) return
  if (request.mode === 'navigate') {
    if (pathname === '/') event.respondWith(page(event))
  } else if (FILES.includes(pathname)) {
    event.respondWith(caches.match(request, { ignoreVary: true }).then((kept) => kept ?? fetch(request)))
  }
})

async function keep() {
  const cache = await caches.open(CACHE)
  await cache.addAll([...FILES, SHELL])
  await worker.skipWaiting()
}

async function begin() {
  const names = await caches.keys()
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)))
  // The page is asked for while this worker is still being started.
  await worker.registration.navigationPreload?.enable()
  await worker.clients.claim()
}

/** @param {any} event @returns {Promise<Response>} */
async function page(event) {
  const shell = () => caches.match(SHELL)
  try {
    /** @type {Response} */
    const answer = await event.preloadResponse ?? await fetch(event.request)
    return GONE.includes(answer.status) ? await shell() ?? answer : answer
  } catch {
    return await shell() ?? Response.error()
  }
}
