/**
 * The real binary as the browser test runs it: in a project folder of its own, on a free port, with a data
 * folder that outlives a kill.
 */
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
export const BINARY = path.resolve(process.env.TASKPULSE_BIN ?? path.join(REPOSITORY, 'target/debug/taskpulse'))
const BOARD = process.env.TASKPULSE_BOARD ?? path.join(REPOSITORY, 'tests/data/taskmaster/19')
const START_MS = 30_000
/** Set, the dashboard comes from its sources as they are, or from a folder of bundled files: the binary need not be built anew after a change of them. */
const SOURCES = process.env.TASKPULSE_SOURCES ?? ''

/** Asks again until there is an answer; never longer than the deadline. @template T @param {string} what @param {() => Promise<T|undefined|false|null>} ask @param {number} [ms] @returns {Promise<T>} */
export async function until(what, ask, ms = START_MS) {
  const deadline = Date.now() + ms
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer) return answer
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export class Service {
  /** @type {import('node:child_process').ChildProcess|undefined} */
  #process
  #said = ''
  /** @type {import('node:child_process').ChildProcess|undefined} */
  #sources
  /** What the settings have as `server.token`; empty for none. */
  token = ''

  /** @param {string} folder @param {number} port */
  constructor(folder, port) {
    this.project = path.join(folder, 'project')
    this.folder = folder
    this.port = port
    this.url = `http://127.0.0.1:${port}`
  }

  /** A project with a recorded board; nothing runs yet. @param {string} [settings] */
  static async prepare(settings = '') {
    const folder = await mkdtemp(path.join(tmpdir(), 'taskpulse-browser-'))
    const service = new Service(folder, await freePort())
    if (SOURCES) await service.#serveSources()
    await cp(BOARD, path.join(service.project, '.taskmaster'), { recursive: true })
    await writeFile(path.join(service.project, 'Settings.toml'), settings)
    return service
  }

  async #serveSources() {
    const port = await freePort()
    const script = fileURLToPath(new URL('serve_sources.mjs', import.meta.url))
    const bundle = path.isAbsolute(SOURCES) ? ['--bundle', SOURCES] : []
    this.#sources = spawn(process.execPath, [script, '--service', this.url, '--port', String(port), ...bundle], { stdio: 'ignore' })
    this.url = `http://127.0.0.1:${port}`
    await until('the sources are served', () => fetch(`${this.url}/tokens.css`))
  }

  /** Its settings, for the next start. @param {string} text */
  settings(text) {
    return writeFile(path.join(this.project, 'Settings.toml'), text)
  }

  /** Starts it and waits until it has kept a first sample. */
  async start() {
    this.#said = ''
    const child = spawn(BINARY, ['--port', String(this.port), '--data-dir', path.join(this.folder, 'data'), '--no-browser'], {
      cwd: this.project, stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    child.stdout.on('data', (text) => { this.#said += text })
    child.stderr.on('data', (text) => { this.#said += text })
    child.on('error', (error) => { this.#said += `${BINARY}: ${error.message}` })
    try {
      await until('the service is ready', async () => (await fetch(`${this.url}/readyz`)).ok)
      await until('a first sample is kept', async () => (await this.get('/api/v1/query?query=system_cpu_utilization_ratio')).result.length > 0)
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.#said}`)
    }
  }

  /** The data of an answer. @param {string} path @returns {Promise<any>} */
  async get(path) {
    const answer = await fetch(`${this.url}${path}`, { headers: this.token ? { authorization: `Bearer ${this.token}` } : {} })
    return (await answer.json()).data
  }

  /** Changes a file of the project, in one step as programs do. @param {string} file @param {string} text */
  async write(file, text) {
    const at = path.join(this.project, file)
    await writeFile(`${at}.new`, text)
    await rename(`${at}.new`, at)
  }

  /** @param {string} file */
  read(file) {
    return readFile(path.join(this.project, file), 'utf8')
  }

  /** Ends it as a power cut would. */
  async kill() {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  async remove() {
    await this.kill()
    this.#sources?.kill()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** Tasks by status of each tag, counted from the board's file. @returns {Promise<Record<string, Record<string, number>>>} */
  async countsOfFiles() {
    const file = JSON.parse(await readFile(path.join(this.project, '.taskmaster/tasks/tasks.json'), 'utf8'))
    /** @type {Record<string, Record<string, number>>} */
    const counts = {}
    for (const [tag, { tasks }] of Object.entries(file)) {
      counts[tag] = {}
      for (const { status } of tasks) counts[tag][status] = (counts[tag][status] ?? 0) + 1
    }
    return counts
  }
}

/** The stand-in for GitHub of the other tests. */
export class Github {
  /** @type {import('node:child_process').ChildProcess|undefined} */
  #process

  /** Settings that watch it. */
  async start() {
    const port = await freePort()
    this.#process = spawn('python3', [path.join(REPOSITORY, 'tests/data/github/fake_github.py'), '--port', String(port), '--speed', '0', '--runs', '60', '--token', 't0ken'], { stdio: 'ignore' })
    await until('the stand-in for GitHub answers', async () => (await fetch(`http://127.0.0.1:${port}/_control`)).ok)
    return `[github]\nrepositories = ["octo/app"]\napi_url = "http://127.0.0.1:${port}"\ntoken = "t0ken"\ninterval = "1s"\n`
  }

  stop() {
    this.#process?.kill('SIGKILL')
  }
}

/** Shipped rules that would fire when the machine is busy with tests, or a minute after the start of a service whose targets are down: a page would change while it is looked at. */
const QUIET_RULES = [
  'high_cpu_usage', 'critical_cpu_usage', 'high_memory_usage', 'memory_pressure', 'memory_filling', 'swapping', 'oom_kill', 'degraded_performance', 'disk_full', 'disk_filling', 'inodes_full', 'inodes_filling',
  'probe_down', 'scrape_target_down', 'source_failing', 'github_failure_rate',
]

/** A project in which each page has something to show: boards, CI, a target that is up and one that is down, metrics of other programs, log lines. */
export async function everything() {
  const github = new Github()
  const watching = await github.start()
  const service = await Service.prepare()
  const probe = (/** @type {string} */ name, /** @type {string} */ keys) => `[probes.check.${name}]\n${keys}\ninterval = "1s"\ntimeout = "1s"\n`
  await service.settings(watching
    + probe('checkout', `url = "${service.url}/healthz"`) + probe('search', 'tcp = "127.0.0.1:1"')
    + QUIET_RULES.map((name) => `[alerts.rules.${name}]\nenabled = false\n`).join('')
    + `[scrape.targets.self]\nurl = "${service.url}/metrics"\ninterval = "1s"\n[scrape.targets.node]\nurl = "http://127.0.0.1:1/metrics"\ninterval = "1s"\n`)
  await service.start()
  await until('all runs', async () => (await service.get('/api/v1/ci/runs')).repositories[0]?.whole)
  const values = Array.from({ length: 120 }, (_, i) => [`${Date.now() - 1000 * (i + 1)}000000`, `level=${['info', 'warn', 'error', 'debug'][i % 4]} msg="order ${i} placed" took=${i}ms`])
  await fetch(`${service.url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ streams: [{ stream: { service_name: 'checkout', host_name: 'a' }, values }] }) })
  const remove = async () => {
    await service.remove()
    github.stop()
  }
  return { service, remove }
}

/** Ports of a test program: below those that the kernel gives to connections, and ten of its own, since files are tested side by side. */
const PORTS = { first: 10_000, each: 10, programs: 2_200 }
let asked = 0

/** A port on which nothing listens. A port that the kernel names may be given to another program until it is used. @returns {Promise<number>} */
export async function freePort() {
  for (let tries = 0; tries < PORTS.each; tries += 1) {
    const port = PORTS.first + (process.pid % PORTS.programs) * PORTS.each + (asked % PORTS.each)
    asked += 1
    if (await isFree(port)) return port
  }
  throw new Error(`none of the ${PORTS.each} ports of this program is free`)
}

/** @param {number} port @returns {Promise<boolean>} */
const isFree = (port) => new Promise((resolve) => {
  const probe = createServer()
  probe.on('error', () => resolve(false))
  probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
})
