/**
 * What a unit or container is called.
 *
 * Pure.
 */

/** @param {Record<string, string>} metric @returns {{ name: string, kind: string, detail: string }} */
export function groupName(metric) {
  const { unit, container, id = '', runtime = '', user = '', pod = '', namespace = '' } = metric
  const name = container ?? unit ?? '(no name)'
  const kind = container === undefined ? (unit?.endsWith('.scope') ? 'scope' : 'unit') : runtime || 'container'
  const detail = [name, pod && `pod ${namespace ? `${namespace}/` : ''}${pod}`, user && `user ${user}`, id && `id ${id}`].filter(Boolean).join(', ')
  return { name: user && container === undefined ? `${name} (${user})` : name, kind, detail }
}
