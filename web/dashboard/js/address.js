/**
 * What the address bar holds: the page, what of it is in view, and the time.
 *
 * `#/tasks/7?range=6h&board=master`. Pure: reading and writing text; the store `stores/place.js` holds the address in force.
 *
 * @typedef {{ page: string, item: string, params: Record<string, string> }} Address
 *   `item`: what of the page is in view, empty for all of it; `params`: time, and what pages keep for themselves
 */

/** @param {string} hash @returns {Address} */
export function parse(hash) {
  const [path = '', query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s)
  const [, page = '', ...rest] = path.split('/')
  return { page: page || 'now', item: decode(rest.join('/')), params: Object.fromEntries(new URLSearchParams(query)) }
}

/** @param {Address} address */
export function print({ page, item, params }) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '')).toString()
  return `#/${page}${item ? `/${encodeURIComponent(item)}` : ''}${query ? `?${query}` : ''}`
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
