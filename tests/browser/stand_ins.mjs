/**
 * What a machine at rest cannot show in a short time: a board of hundreds of tasks with thousands of runs, and an hour that passes in a minute.
 *
 * Answers and frames are the service's own, with more of the same in them.
 */
const at = (/** @type {URL|string} */ url) => new URL(url).pathname

/** Adds tasks that were worked on, and CI runs, over the last week. @param {import('playwright-core').Page} page @param {number} tasks @param {number} runs */
export async function manyRuns(page, tasks, runs) {
  const now = Date.now() / 1000
  const ago = (/** @type {number} */ i, /** @type {number} */ all) => now - 604_800 * ((all - i) / all)
  await page.route((url) => at(url) === '/api/v1/tasks', async (route) => {
    const body = await (await route.fetch()).json()
    const board = body.data.boards.find((/** @type {any} */ b) => b.current) ?? body.data.boards[0]
    const [one] = board.items
    board.items = Array.from({ length: tasks }, (_, i) => ({ ...one, id: String(i + 1), title: `Task number ${i + 1}`, status: i % 50 === 0 ? 'in-progress' : 'done', in_progress_since: i % 50 === 0 ? ago(i, tasks) : null }))
    await route.fulfill({ json: body })
  })
  await page.route((url) => at(url) === '/api/v1/events', async (route) => {
    const body = await (await route.fetch()).json()
    const boards = (await (await route.fetch({ url: new URL('/api/v1/tasks', route.request().url()).href })).json()).data.boards
    const { project, tag } = boards.find((/** @type {any} */ b) => b.current) ?? boards[0]
    const move = (/** @type {number} */ i, /** @type {string} */ from, /** @type {string} */ to, /** @type {number} */ time) => ({
      id: `move ${i} ${to}`, time, source: 'taskmaster', kind: 'task_status', severity: 'info', subject: String(i + 1), title: `${from} → ${to}`, data: { project, tag, from, to, title: `Task number ${i + 1}` },
    })
    const moves = Array.from({ length: tasks }, (_, i) => [move(i, 'pending', 'in-progress', ago(i, tasks)), move(i, 'in-progress', 'done', ago(i, tasks) + 2400)]).flat()
    await route.fulfill({ json: { ...body, data: [...body.data, ...moves].sort((a, b) => b.time - a.time).slice(0, 1000) } })
  })
  await page.route((url) => at(url) === '/api/v1/ci/runs', async (route) => {
    const body = await (await route.fetch()).json()
    const made = Array.from({ length: runs }, (_, i) => ({
      id: i, number: i, attempt: 1, workflow: 'CI', workflow_id: 1, branch: 'main', event: 'push', status: 'completed', conclusion: i % 9 === 0 ? 'failure' : 'success', title: `Change ${i}`,
      url: null, started: ago(i, runs), ended: ago(i, runs) + 400, execution_seconds: 400, queue_seconds: 5, jobs: [],
    })).reverse()
    const repository = { repo: 'octo/app', whole: true, runs_known: runs, jobs_wanted: 0, active: 0, queued: 0, workflows: [], runs: made }
    await route.fulfill({ json: { ...body, data: { ...body.data, repositories: [repository] } } })
  })
}

/**
 * Passes the frames of a topic through a function; none is sent where it gives null.
 * @param {import('playwright-core').Page} page @param {string} topic @param {(text: string, frame: any) => string | null} pass
 */
export const onTopic = (page, topic, pass) => page.routeWebSocket(/\/ws$/, (socket) => {
  const server = socket.connectToServer()
  let id = -1
  socket.onMessage((text) => {
    const frame = JSON.parse(String(text))
    if (frame.op === 'subscribe' && frame.topic === topic) id = frame.id
    server.send(text)
  })
  server.onMessage((text) => {
    const frame = JSON.parse(String(text))
    const passed = frame.id === id ? pass(String(text), frame) : text
    if (passed !== null) socket.send(passed)
  })
})

/**
 * A page whose hours pass as fast as it can draw: its clock stands, and moves with each frame of samples that is made here, five seconds at a time.
 * @param {import('playwright-core').Page} page
 */
export async function passHour(page) {
  await page.clock.install()
  /** @type {import('playwright-core').WebSocketRoute|undefined} */
  let socket
  /** The newest sample of each subscription of samples. @type {Map<number, { seq: number, data: any[] }>} */
  const held = new Map()
  let time = Date.now() / 1000
  await page.routeWebSocket(/\/ws$/, (opened) => {
    socket = opened
    const server = opened.connectToServer()
    opened.onMessage((text) => server.send(text))
    server.onMessage((text) => {
      const frame = JSON.parse(String(text))
      const samples = Array.isArray(frame.data) && frame.data[0]?.values
      if (samples && frame.type === 'snapshot') held.set(frame.id, { seq: frame.seq, data: frame.data })
      // From the first made frame on, those of the service are of another time.
      if (frame.type !== 'update' || !passing) opened.send(text)
    })
  })
  let passing = false
  return {
    /** @param {number} seconds */
    pass: async (seconds) => {
      passing = true
      for (let gone = 0; gone < seconds; gone += 5) {
        time += 5
        await page.clock.runFor(5000)
        for (const [id, one] of held) {
          one.seq += 1
          const data = one.data.map(({ metric, values }) => ({ metric, values: [[time, String(Number(values[0][1]) * (0.9 + 0.2 * Math.random()))]] }))
          socket?.send(JSON.stringify({ id, type: 'update', seq: one.seq, time, data }))
        }
      }
      await page.clock.runFor(1000)
    },
  }
}
