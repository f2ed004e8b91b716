/**
 * Taking a chart along: as a picture, as figures, as a link or a query.
 *
 * @import { ChartLine } from './model.js'
 * @import { ChartSpec } from './specs.js'
 */
import { FONT_FACE } from '../fonts.js'
import { penOf } from '../canvas.js'
import { colour } from '../colour.js'
import { figuresOf } from './series.js'
import { figure } from './words.js'

/** @param {string} text */
const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
/** @param {number|null} v as the service writes it */
const plain = (v) => (v === null || Number.isNaN(v) ? 'NaN' : v === Infinity ? '+Inf' : v === -Infinity ? '-Inf' : String(v))

/** Buckets as they came: one line each, times as the ends of buckets. @param {ChartLine[]} lines @param {number} start @param {number} end */
export function csvOf(lines, start, end) {
  const rows = ['series,time,unix,min,mean,max,last,count']
  for (const { series, before } of lines) {
    if (before) continue
    const { key, t, v, min, max, last, count } = series
    t.forEach((at, i) => {
      if (at <= start || (i > 0 && t[i - 1] >= end)) return
      rows.push([cell(key), new Date(at * 1000).toISOString(), at, plain(min[i]), plain(v[i]), plain(max[i]), plain(last[i]), count[i]].join(','))
    })
  }
  return `${rows.join('\n')}\n`
}

/** A name for a file: letters, digits, and hyphens between them. @param {string} title @param {string} extension */
export const fileName = (title, extension) => `${title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 80) || 'chart'}.${extension}`

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** Copies a text; also where the page has no right to the clipboard, as over plain HTTP from another machine. @param {string} text */
export async function copy(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text)
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'unseen'
  document.body.append(field)
  field.select()
  const done = document.execCommand('copy')
  field.remove()
  if (!done) throw new Error('the browser does not let the page copy')
  return undefined
}

const MARGIN = 16
const ROW = 18

/** The chart with its title and its legend. @param {HTMLCanvasElement} canvas @param {ChartSpec} spec @param {ChartLine[]} lines @param {number} start @param {number} end @param {string} words @returns {Promise<Blob>} */
export function pngOf(canvas, spec, lines, start, end, words) {
  const scale = devicePixelRatio || 1
  const [width, height] = [canvas.width / scale + 2 * MARGIN, canvas.height / scale]
  const sheet = document.createElement('canvas')
  const all = height + 2 * MARGIN + 24 + lines.length * ROW
  const pen = /** @type {CanvasRenderingContext2D} */ (penOf(sheet, width, all))
  pen.fillStyle = colour('--panel')
  pen.fillRect(0, 0, width, all)
  pen.textBaseline = 'middle'
  pen.fillStyle = colour('--ink')
  pen.font = `600 14px ${FONT_FACE}`
  pen.fillText(spec.title, MARGIN, MARGIN + 6)
  const titleWidth = pen.measureText(spec.title).width
  pen.font = `12px ${FONT_FACE}`
  pen.fillStyle = colour('--ink-3')
  pen.fillText(words, MARGIN + titleWidth + 12, MARGIN + 6)
  pen.drawImage(canvas, MARGIN, MARGIN + 20, canvas.width / scale, height)
  lines.forEach((line, i) => {
    const y = MARGIN + 24 + height + i * ROW + ROW / 2
    const { last, min, mean, max } = figuresOf(line.series, start, end)
    pen.fillStyle = colour(line.colour)
    pen.fillRect(MARGIN, y - 4, 8, 8)
    pen.fillStyle = colour('--ink')
    const text = [last, min, mean, max].map((v) => figure(v, spec.unit))
    const name = `${line.name}${line.before ? ' before' : ''}`
    pen.fillText(`${name}   last ${text[0]}   min ${text[1]}   mean ${text[2]}   max ${text[3]}`, MARGIN + 16, y, width - 2 * MARGIN - 16)
  })
  return new Promise((resolve, reject) => sheet.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture could not be made'))), 'image/png'))
}
