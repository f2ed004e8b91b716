/**
 * Which part of a series changed since a picture of it was drawn: so that only that part is drawn anew.
 *
 * Pure. Several pictures may show one series, each drawn at a time of its own; so changes are counted, and the newest are remembered.
 */

/** So many changes are remembered. A picture that missed more of them is drawn anew as a whole. */
const REMEMBERED = 64

export class Changes {
  /** How many there were. */
  version = 0
  /** From which bucket on each of the newest changed something. @type {number[]} */
  #from = Array(REMEMBERED).fill(-Infinity)

  /** @param {number} from the end of the first bucket that changed; −∞ for all of them */
  note(from) {
    this.version += 1
    this.#from[this.version % REMEMBERED] = from
  }

  /** The first bucket that differs from what there was at a version; ∞ where none does. @param {number} version */
  since(version) {
    if (this.version - version > REMEMBERED) return -Infinity
    let first = Infinity
    for (let v = version + 1; v <= this.version; v += 1) first = Math.min(first, this.#from[v % REMEMBERED])
    return first
  }
}
