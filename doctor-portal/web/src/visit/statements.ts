import type { Statement } from '../app/practice.ts'

/** Statements that differ in nothing that a person could tell, such as those of one consent for each locator. */
export interface Group extends Statement {
  count: number
}

/** Joins equal neighbours. */
export function grouped(statements: readonly Statement[]): Group[] {
  const out: Group[] = []
  for (const s of statements) {
    const last = out.at(-1)
    if (last && same(last, s)) last.count++
    else out.push({ ...s, count: 1 })
  }
  return out
}

function same(a: Statement, b: Statement): boolean {
  const key = (s: Statement) => [s.name, s.signer.role, s.signer.id, s.covers, s.time, s.verified, s.why?.code].join('|')
  return key(a) === key(b)
}
