/**
 * Serves the dashboard's sources as they are, and hands everything else to a running service: for whoever edits the page.
 *
 *     node tests/browser/serve_sources.mjs --service http://127.0.0.1:9464 --port 8000 [--bundle FOLDER]
 *
 * `--bundle` serves what `web/build.rs` made of them instead, from its output folder: the page as the binary has it, without building the binary.
 */
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import { connect } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const SOURCES = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../web/dashboard')
/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.webmanifest': 'application/manifest+json',
}

const { values } = parseArgs({ options: { service: { type: 'string' }, port: { type: 'string', default: '8000' }, bundle: { type: 'string' } } })
if (!values.service) {
  console.error('name the service that runs: --service http://127.0.0.1:9464')
  process.exit(2)
}
const service = new URL(values.service)
/** A connection for each request: one that is used again may just have been closed. */
const agent = new Agent()

/** The source file of an address, if there is one. @param {string} address */
function source(address) {
  const file = path.join(SOURCES, address === '/' ? 'index.html' : decodeURIComponent(address))
  return file.startsWith(SOURCES + path.sep) && statSync(file, { throwIfNoEntry: false })?.isFile() ? file : undefined
}

/** The bundled file of an address, compressed. The list is read each time, since a new bundle has other names. @param {string} address */
function bundled(address) {
  if (!values.bundle) return undefined
  const list = readFileSync(path.join(values.bundle, 'assets.rs'), 'utf8')
  const entry = list.split('\n').find((line) => line.includes(`path: "${address === '/' ? 'index.html' : address.slice(1)}"`))
  const number = entry && /\/(\d+)\.br"/.exec(entry)?.[1]
  return number && { file: path.join(values.bundle, `${number}.br`), kept: entry.includes('named_by_hash: true') }
}

const server = createServer((req, res) => {
  const { pathname } = new URL(req.url ?? '/', service)
  const made = bundled(pathname)
  if (made) {
    const type = TYPES[path.extname(pathname) || '.html'] ?? 'text/plain'
    res.writeHead(200, { 'content-type': type, 'content-encoding': 'br', 'cache-control': made.kept ? 'public, max-age=31536000, immutable' : 'no-cache' })
    createReadStream(made.file).pipe(res)
    return
  }
  const file = values.bundle ? undefined : source(pathname)
  if (file) {
    res.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'text/plain', 'cache-control': 'no-store' })
    createReadStream(file).pipe(res)
    return
  }
  const { origin, ...headers } = req.headers
  const onward = request(new URL(req.url ?? '/', service), { method: req.method, agent, headers: { ...headers, host: service.host } }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(res)
  })
  onward.on('error', (error) => res.writeHead(502).end(error.message))
  req.pipe(onward)
})

server.on('upgrade', (req, socket) => {
  const onward = connect(Number(service.port || 80), service.hostname, () => {
    const headers = { ...req.headers, host: service.host, origin: service.origin }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    onward.write(`GET ${req.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    socket.pipe(onward).pipe(socket)
  })
  onward.on('error', () => socket.destroy())
  socket.on('error', () => onward.destroy())
})

server.listen(Number(values.port), '127.0.0.1', () => console.log(`http://127.0.0.1:${values.port}`))
