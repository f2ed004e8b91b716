// Runs before the first paint and before the page's script has come: a plain script, since modules run too late for that.
// Sets the remembered theme, and on the dashboard opens the live stream, so that its first frames are there when the page is drawn.
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
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`)
    /** What `stores/connection.js` goes on with: a topic's place in the list is the number of its subscription. */
    const early = { socket, topics: ['', 'status', 'alerts', 'recommendations', 'events'], heard: /** @type {string[]} */ ([]) }
    socket.onopen = () => early.topics.forEach((topic, id) => { if (topic) socket.send(JSON.stringify({ op: 'subscribe', id, topic })) })
    socket.onmessage = ({ data }) => early.heard.push(data)
    Object.assign(window, { taskpulseEarly: early })
  }
}
