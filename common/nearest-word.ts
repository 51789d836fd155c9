/**
 * The candidate that was probably meant by `word`, or undefined if none is close: at most a third
 * of the letters are wrong, missing or extra.
 */
export function nearestWord(word: string, candidates: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let nearestEdits = Math.floor(word.length / 3) + 1
  for (const candidate of candidates) {
    const edits = editsBetween(word.toLowerCase(), candidate.toLowerCase())
    if (edits < nearestEdits) {
      nearest = candidate
      nearestEdits = edits
    }
  }
  return nearest
}

/** Levenshtein distance, one row of the table at a time. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const letter of from) {
    const above = row
    row = [(above[0] ?? 0) + 1]
    for (let column = 1; column <= to.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1)
      const inserted = (row[column - 1] ?? 0) + 1
      const removed = (above[column] ?? 0) + 1
      row.push(Math.min(replaced, inserted, removed))
    }
  }
  return row[to.length] ?? 0
}
