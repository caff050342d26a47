import '@medunion/ui/styles.scss'
import './styles/app.scss'
import { render } from 'preact'
import { App } from './app/App.tsx'

render(<App />, document.getElementById('app')!)
