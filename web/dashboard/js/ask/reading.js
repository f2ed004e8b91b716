/**
 * The answer of the service to a question, as it is shown. A service of another version may leave fields out.
 *
 * Pure.
 *
 * @import { Answer, AnswerRow } from '../types.js'
 * @import { Unit } from '../format.js'
 */
import { format, since } from '../format.js'

/** The service refuses what is longer than a question, and says so; more of it need not be sent. */
const LONGEST = 2000
/** Rows that find room; the rest is counted. */
const MOST_ROWS = 12
/** Two times that are compared. */
const MOST_CHARTS = 2

/** What is sent of what was typed. @param {string} question */
export const sent = (question) => question.slice(0, LONGEST)

/** @param {Partial<Omit<Answer, 'rows'>> & { rows?: Partial<AnswerRow>[] }} answer @param {number} now */
export function readAnswer(answer, now) {
  const { understood = true, understood_as: as, sentence = '', notes = [], missing, query, charts = [], rows = [], nearest = [], page } = answer
  const said = sentence || missing || 'There is no answer'
  return {
    understood, as: as ?? '', sentence: said, nearest, page: page ?? '', query: query ?? '', charts: charts.slice(0, MOST_CHARTS),
    notes: [...notes, missing && !said.toLowerCase().includes(missing.toLowerCase()) ? `Missing: ${missing}` : ''].filter(Boolean),
    ...tableOf(rows, now),
  }
}

/** The columns that some row fills, and the rows as text. @param {Partial<AnswerRow>[]} rows @param {number} now */
function tableOf(rows, now) {
  const some = rows.slice(0, MOST_ROWS)
  const figure = (/** @type {Partial<AnswerRow>} */ { text, value, unit }) => text || format(value, /** @type {Unit} */ (unit ?? ''))
  /** @type {Array<{ title: string, is: (row: Partial<AnswerRow>) => boolean, cell: (row: Partial<AnswerRow>) => string }>} */
  const all = [
    { title: 'What', is: ({ name }) => !!name, cell: ({ name }) => name ?? '' },
    { title: 'Answer', is: ({ text, value }) => !!text || (value !== null && value !== undefined), cell: figure },
    { title: 'Before', is: ({ compared }) => compared !== null && compared !== undefined, cell: ({ compared, unit }) => format(compared, /** @type {Unit} */ (unit ?? '')) },
    { title: 'When', is: ({ time }) => time !== null && time !== undefined, cell: ({ time }) => (time === null || time === undefined ? '' : since(time, now)) },
  ]
  const columns = all.filter(({ is }) => some.some(is))
  return { columns: columns.map(({ title }) => title), rows: some.map((row) => columns.map(({ cell }) => cell(row))), more: rows.length - some.length }
}
