/**
 * Leads on who is logged in already: a link from another site comes without the cookie, so the service asked for a login.
 */

/** Where the login leads, as the service judges it. */
function destination() {
  const next = new URLSearchParams(location.search).get('next') ?? '/'
  return (/^\/(?![/\\])[!-[\]-~]*$/.test(next) ? next : '/') + location.hash
}

fetch(location.href, { redirect: 'manual', headers: { accept: 'text/html' } })
  .then((answer) => { if (answer.type === 'opaqueredirect') location.replace(destination()) })
  // Without an answer the form stays, and says what is wrong when it is sent.
  .catch(() => undefined)

export {}
