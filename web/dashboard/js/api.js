/**
 * Requests to the REST interface: the envelope opened, errors in plain words. Once the login has ended, nothing is asked any more.
 */
import { forbidden, LOGIN_NEEDED } from './refusal.js'
import { loginEnded } from './stores/login.js'

const PATIENCE_MS = 20_000

/** What went wrong, in the words of the service where it gave any. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status 0 when there was no answer */
  constructor(message, status) {
    super(message)
    this.status = status
  }
}

/** What went wrong, in words. @param {unknown} error */
export const errorText = (error) => (error instanceof Error ? error.message : String(error))

/** @param {string} path @param {Record<string, string|number>} [params] @returns {Promise<any>} */
export const get = async (path, params) => (await request('GET', withParams(path, params))).data

/** @param {string} path @param {Record<string, string|number>} [params] @returns {Promise<any>} */
export const post = async (path, params) => (await request('POST', withParams(path, params))).data

/** Gives something as JSON; null where it is answered with nothing. @param {string} method @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] @returns {Promise<any>} */
export const send = async (method, path, body, signal) => (await request(method, path, signal, body))?.data ?? null

/** What is answered without an envelope, as in Alertmanager's interface. @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
export const plain = (method, path, body) => request(method, path, undefined, body)

/** With the warnings and notes beside the data. The signal gives it up. @param {string} path @param {Record<string, string|number>} params @param {AbortSignal} signal @returns {Promise<{ data: any, warnings?: string[], infos?: string[] }>} */
export const ask = (path, params, signal) => request('GET', withParams(path, params), signal)

/** @param {string} path @param {Record<string, string|number>} [params] */
function withParams(path, params) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params ?? {})) query.set(name, String(value))
  return query.size ? `${path}?${query}` : path
}

/** Asks whether there is a login again, as after one in another window. */
export async function askForLogin() {
  const answer = await fetch('/login', { redirect: 'manual', headers: { accept: 'text/html' } }).catch(() => null)
  if (answer?.type === 'opaqueredirect') loginEnded.value = false
}

/** @param {string} method @param {string} url @param {AbortSignal} [signal] @param {unknown} [json] the body @returns {Promise<any>} */
async function request(method, url, signal, json) {
  if (loginEnded.peek()) throw new ApiError(LOGIN_NEEDED, 401)
  /** @type {Response} */
  let response
  try {
    const headers = { accept: 'application/json', ...(json === undefined ? {} : { 'content-type': 'application/json' }) }
    response = await fetch(url, { method, headers, body: json === undefined ? undefined : JSON.stringify(json), signal: signal ?? AbortSignal.timeout(PATIENCE_MS) })
  } catch {
    if (signal?.aborted) throw new ApiError('stopped', 0)
    throw new ApiError('the service does not answer', 0)
  }
  if (response.status === 401) {
    loginEnded.value = true
    throw new ApiError(LOGIN_NEEDED, 401)
  }
  if (response.ok && (response.status === 204 || response.headers.get('content-length') === '0')) return null
  /** @type {any} */
  let body
  try {
    body = await response.json()
  } catch {
    if (signal?.aborted) throw new ApiError('stopped', 0)
    if (response.status === 403) throw new ApiError(forbidden('the answer was 403'), 403)
    throw new ApiError(`answer ${response.status} could not be read`, response.status)
  }
  if (response.status === 403) throw new ApiError(forbidden(body?.error ?? 'the answer was 403'), 403)
  if (!response.ok || body?.status === 'error') throw new ApiError((typeof body === 'string' ? body : body?.error) ?? `answer ${response.status}`, response.status)
  return body
}
