/**
 * Canvases as sharp as the screen.
 */

/**
 * The pen of an empty canvas of this size, in CSS pixels; null where the browser gives none. It is given new memory only where its size is another.
 * Its height on the page is set here, its width is all that its place has, by the style sheet.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height
 */
export function penOf(canvas, width, height) {
  const ratio = devicePixelRatio || 1
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across
    canvas.height = down
    canvas.style.height = `${down / ratio}px`
  }
  const pen = canvas.getContext('2d')
  pen?.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen?.clearRect(0, 0, width, height)
  return pen
}
