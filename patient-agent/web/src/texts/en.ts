import { codes } from './en/codes.ts'
import { problems } from './en/problems.ts'
import { screens } from './en/screens.ts'
import { start } from './en/start.ts'
import { visit } from './en/visit.ts'

/** Every word that the page says, in English. It defines the keys; es.ts must have each of them. */
export const en = { ...start, ...screens, ...visit, ...codes, ...problems } as const
