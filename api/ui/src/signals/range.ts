/** A part of an axis, from less than to. */
export interface Range {
  from: number
  to: number
}

/** Moves a range by so much, staying inside the whole. */
export function moved(r: Range, by: number, whole: Range): Range {
  const span = r.to - r.from
  const from = Math.min(Math.max(r.from + by, whole.from), Math.max(whole.from, whole.to - span))
  return { from, to: from + span }
}

/**
 * Makes a range shorter (factor below 1) or longer around a point that stays
 * where it is, not shorter than least, not longer than the whole.
 */
export function zoomed(r: Range, factor: number, around: number, whole: Range, least: number): Range {
  const limit = whole.to - whole.from
  const span = Math.min(limit, Math.max(Math.min(least, limit), (r.to - r.from) * factor))
  const share = (around - r.from) / (r.to - r.from)
  const from = around - share * span
  return moved({ from, to: from + span }, 0, whole)
}
