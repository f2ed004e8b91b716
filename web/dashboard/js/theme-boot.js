// Sets the remembered theme before the first paint. A plain script, not a module: modules run too late for that.
try {
  const theme = localStorage.getItem('theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Without storage the system's preference holds.
}
