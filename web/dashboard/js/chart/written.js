/**
 * Writes the figures of one legend onto its canvas, where the page would have them as text.
 *
 * It knows no page, so that it can run beside it.
 *
 * @typedef {{ right: number, top: number, height: number, font: string, ink: string }} Cell  the box of a figure on the canvas, in CSS pixels
 * @typedef {{ width: number, height: number, ratio: number, cells: Cell[] }} Place  `width`, `height`: CSS pixels; `ratio`: pixels of the canvas for each
 * @typedef {{ place: Place|null, texts: string[] }} Figures  `place`: null where it is as before; `texts`: one a cell
 */

/** @param {OffscreenCanvas|HTMLCanvasElement} canvas @returns {(figures: Figures) => void} */
export function writerOf(canvas) {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
  /** @type {Place|null} */
  let held = null
  return ({ place, texts }) => {
    if (place) {
      held = place
      Object.assign(canvas, { width: Math.ceil(place.width * place.ratio), height: Math.ceil(place.height * place.ratio) })
    } else pen.clearRect(0, 0, canvas.width, canvas.height)
    if (!held) return
    const { ratio, cells } = held
    pen.textAlign = 'right'
    pen.textBaseline = 'alphabetic'
    cells.forEach(({ right, top, height, font, ink }, i) => {
      pen.setTransform(ratio, 0, 0, ratio, 0, 0)
      pen.font = font
      pen.fillStyle = ink
      // Where a line of text of this height has it.
      const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = pen.measureText('0')
      pen.fillText(texts[i], right, top + Math.floor((height - Math.round(above) - Math.round(below)) / 2) + Math.round(above))
    })
    pen.setTransform(1, 0, 0, 1, 0, 0)
  }
}
