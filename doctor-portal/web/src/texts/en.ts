import { app } from './en/app.ts'
import { diagnosis } from './en/diagnosis.ts'
import { home } from './en/home.ts'
import { reasons } from './en/reasons.ts'
import { setup } from './en/setup.ts'
import { visit } from './en/visit.ts'

/** Every text of the page in English, by area. The record view has its own. */
export const en = { ...app, ...setup, ...home, ...visit, ...diagnosis, ...reasons } as const
