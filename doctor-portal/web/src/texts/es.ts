import { app } from './es/app.ts'
import { diagnosis } from './es/diagnosis.ts'
import { home } from './es/home.ts'
import { reasons } from './es/reasons.ts'
import { setup } from './es/setup.ts'
import { visit } from './es/visit.ts'

/** Every text of the page in Spanish; its areas have the same keys. */
export const es = { ...app, ...setup, ...home, ...visit, ...diagnosis, ...reasons }
