import '@medunion/ui/styles.scss'
import './styles/app.scss'
import { render } from 'preact'
import { App } from './app.tsx'
import { takeToken } from './logic/fragment.ts'

// Before anything is drawn: the token must not stay in the address.
const token = takeToken(window)
render(<App token={token} />, document.getElementById('app')!)
