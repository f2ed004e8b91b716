// Runs before the first paint and before the page's script has come: a plain script, since modules run too late for that.
// Sets the remembered theme, and on the dashboard opens the live stream, so that its first frames are there when the page is drawn. The first
// figures of the machine stand in the page's skeleton until then, in the place and the form that they keep.
{
  const root = document.documentElement
  try {
    const theme = localStorage.getItem('theme')
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
  } catch {
    // Without storage the system's preference holds.
  }
  // Other pages have no state to show and open no stream.
  if (root.dataset.state) {
    // What every page subscribes to, and what the cards of the first page show besides: a test holds that nothing else is subscribed at the start.
    const names = ['system_cpu_utilization_ratio', 'taskpulse_health_score']
    if (/^(#\/?(now)?([/?].*)?)?$/.test(location.hash)) {
      names.push(
        'process_cpu_utilization_ratio', 'system_cpu_load_average_1m', 'system_cpu_load_average_5m', 'system_filesystem_usage_bytes{state="free"}', 'system_filesystem_utilization_ratio',
        'system_memory_limit_bytes', 'system_memory_usage_bytes{state="used"}', 'system_memory_utilization_ratio', 'system_uptime_seconds',
      )
    }
    // As `own.js` asks for those of this machine.
    const match = names.map((name) => `${name.replace(/}$/, '') + (name.endsWith('}') ? ',' : '{')}job="",instance="",host="",host_name=""}`)
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`)
    /** What `stores/connection.js` goes on with: a subscription's place in the list is its number, which is above 0. */
    const early = { socket, wants: [null, { topic: 'samples', match }, ...['status', 'alerts', 'recommendations', 'events'].map((topic) => ({ topic }))], heard: /** @type {string[]} */ ([]) }
    socket.onopen = () => early.wants.forEach((want, id) => { if (want) socket.send(JSON.stringify({ op: 'subscribe', id, ...want })) })
    socket.onmessage = ({ data }) => {
      early.heard.push(data)
      if (!data.startsWith('{"id":1,')) return
      show(JSON.parse(data))
      requestAnimationFrame(() => setTimeout(begin))
    }
    /** A series without a sample for so many seconds has ended, as in `stores/samples.js`. */
    const ENDED_AFTER_S = 300
    /** Percent as `format.js` writes it. @param {number} v */
    const digits = (v) => (v >= 10 ? Math.round(v) : Number(v >= 1 ? v.toFixed(1) : v.toPrecision(3)))
    /** @param {{ time: number, data: Array<{ metric: Record<string, string>, values: Array<[number, string]> }> }} frame */
    function show({ time, data }) {
      for (const { metric, values } of data) {
        // With further labels it is another machine's.
        const place = Object.keys(metric).length === 1 && document.querySelector(`[data-first="${metric.__name__}"]`)
        const [at, value] = values[values.length - 1] ?? [0, 'NaN']
        if (!place || time - at > ENDED_AFTER_S || !(Number(value) >= 0)) continue
        place.textContent = `${digits(Number(value) * 100)}\u00a0%`
        place.className = 'figure'
      }
    }
    Object.assign(window, { taskpulseEarly: early })
    // The page's script keeps the processor for long: the skeleton with its first figures is painted before it, if they come soon. A hidden
    // page is not painted.
    let begun = false
    const begin = () => {
      if (begun) return
      begun = true
      import(/** @type {HTMLLinkElement} */ (document.querySelector('link[rel="modulepreload"]')).href)
    }
    const PATIENCE_MS = 1000
    socket.onclose = begin
    if (document.hidden) addEventListener('DOMContentLoaded', begin)
    else requestAnimationFrame(() => setTimeout(begin, PATIENCE_MS))
  }
}
