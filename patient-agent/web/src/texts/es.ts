import type { Text } from '@medunion/ui'
import type { en } from './en.ts'
import { codes } from './es/codes.ts'
import { problems } from './es/problems.ts'
import { screens } from './es/screens.ts'
import { start } from './es/start.ts'
import { visit } from './es/visit.ts'

/** The same in Spanish; the compiler asks for every key. */
export const es: { [K in keyof typeof en]: Text } = { ...start, ...screens, ...visit, ...codes, ...problems }
