// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { useState } from 'preact/hooks'
import * as U from '../src/index.ts'
import { dateOfParts } from '../src/components/DateInput.tsx'
import { sortRows } from '../src/components/Table.tsx'
import { does, press, show, type, violations } from './dom.tsx'

beforeEach(() => U.setLanguage('en'))

const find = <E extends HTMLElement>(root: ParentNode, selector: string) => {
  const found = root.querySelector<E>(selector)
  if (!found) throw new Error(`no ${selector}`)
  return found
}
const nothing = () => {}

describe('axe finds nothing in', () => {
  const options = [{ value: 'a', label: 'Laboratory', hint: 'blood' }, { value: 'b', label: 'Images', disabled: true }]
  const rows = [{ id: 1, name: 'Glucose', value: 5 }, { id: 2, name: 'Sodium', value: 140 }]
  const signal = U.readSignals({ resourceType: 'Observation', code: { text: 'Pulse' }, valueSampledData: { origin: { value: 0, unit: 'mV' }, period: 4, dimensions: 1, data: '1 2 3' } }).observations[0]!

  test.each(Object.entries({
    buttons: <U.Buttons><U.Button kind="primary">Open</U.Button><U.Button busy>Send</U.Button><U.Button icon="cross" aria-label="Close" /><U.Button href="#/x">Go</U.Button></U.Buttons>,
    fields: (
      <form>
        <U.ErrorSummary errors={[{ id: 'n', text: 'Enter a name' }]} />
        <U.TextInput id="n" label="Name" hint="As in your passport" error="Enter a name" value="" onInput={nothing} />
        <U.PassphraseInput label="Passphrase" value="" onInput={nothing} />
        <U.TextArea label="Note" optional value="" onInput={nothing} />
        <U.Select label="Department" options={[{ value: 'x', label: 'Cardiology' }]} value="x" onChange={nothing} />
        <U.Checkboxes label="Share" hint="What" error="Choose one" options={options} value={['a']} onChange={nothing} />
        <U.Radios label="Until" error="Choose one" options={options} value="a" onChange={nothing} />
        <U.Checkbox label="Yes" checked onChange={nothing} />
        <U.DateInput label="Born" error="Enter a date" value="" onInput={nothing} autocomplete="birth" />
        <U.FileInput label="Files" multiple files={[new File(['x'], 'a.csv')]} onFiles={nothing} />
      </form>
    ),
    content: (
      <U.Card title="Card" aside={<U.Tag tone="ok" icon>verified</U.Tag>} footer="Foot">
        <U.Callout tone="bad" title="Refused" level={3} urgent>Ask again</U.Callout>
        <U.SummaryList rows={[{ key: 'Name', value: 'Ana', action: <a href="#/">Change</a> }, false]} />
        <U.Details summary="More">Less</U.Details>
        <U.Steps label="Steps" steps={[{ label: 'Ask', state: 'done' }, { label: 'Get', state: 'current', detail: '3 of 9' }, { label: 'Check', state: 'failed' }]} />
        <U.Progress label="Mercy" value={3} max={9} />
        <U.Skeleton />
        <U.Empty icon="people" title="Nobody" />
        <U.QRCard title="Dr Okafor" text="https://example.org/#x" label="QR code">Scan it</U.QRCard>
        <U.TimeLeft until={Date.now() + 1e6} ended="over" />
      </U.Card>
    ),
    tabs: <U.Tabs label="Record" tabs={[{ key: 'a', label: 'A', count: 3 }, { key: 'b', label: 'B' }]} selected="a" onSelect={nothing}>Content</U.Tabs>,
    tables: <U.Table caption="Results" rows={rows} rowKey={(r) => r.id} columns={[{ key: 'n', head: 'Test', cell: (r) => r.name, sort: (r) => r.name, rowHead: true }, { key: 'v', head: 'Value', numeric: true, cell: (r) => r.value }]} />,
    'long lists': <U.VirtualList label="All" height={200} items={Array.from({ length: 500 }, (_, i) => i)} itemKey={(i) => i} render={(i) => <a href="#/">{i}</a>} />,
    plots: <><U.SignalPlot signal={signal} /><U.EcgStrip label="ECG" leads={[signal]} /><U.LinePlot label="Glucose" unit="mmol/L" series={[{ name: 'Glucose', points: [{ time: 0, value: 5 }] }]} /></>,
    page: <U.PageShell wide bar={<U.TopBar about="Dr O"><U.LanguageSwitch /><U.ThemeSwitch /></U.TopBar>} side={<a href="#/">Ana</a>} sideLabel="Waiting room" banner="Ana" footer="Foot"><h1>Page</h1></U.PageShell>,
  }))('%s', async (_, node) => {
    expect(await violations(await show(node))).toEqual([])
  })
})

test('a busy button says so, keeps the focus and does nothing', async () => {
  const click = vi.fn()
  const root = await show(<U.Button busy onClick={click}>Send</U.Button>)
  const button = find<HTMLButtonElement>(root, 'button')
  button.focus()
  await does(() => button.click())
  expect(click).not.toHaveBeenCalled()
  expect(button.getAttribute('aria-disabled')).toBe('true')
  expect(button.textContent).toBe('SendPlease wait')
  expect(document.activeElement).toBe(button)
})

test('a field is described by its hint and error, and the summary leads to it', async () => {
  const root = await show(<><U.ErrorSummary errors={[{ id: 'n', text: 'Enter a name' }]} /><U.TextInput id="n" label="Name" hint="Hint" error="Enter a name" value="" onInput={nothing} /></>)
  const input = find<HTMLInputElement>(root, 'input')
  const says = input.getAttribute('aria-describedby')!.split(' ').map((id) => document.getElementById(id)!.textContent)
  expect(says).toEqual(['Hint', 'Error: Enter a name'])
  expect(document.activeElement?.className).toBe('mu-errors')
  input.scrollIntoView = nothing
  await does(() => find<HTMLAnchorElement>(root, '.mu-errors a').click())
  expect(document.activeElement).toBe(input)
})

test('checkboxes give the chosen values in the order of the options', async () => {
  const change = vi.fn()
  const root = await show(<U.Checkboxes label="Share" options={['a', 'b', 'c'].map((v) => ({ value: v, label: v }))} value={['c']} onChange={change} />)
  await does(() => root.querySelectorAll<HTMLInputElement>('input')[0]!.click())
  expect(change).toHaveBeenCalledWith(['a', 'c'])
})

test('tabs move by keys, and only the selected one is in the order of Tab', async () => {
  function Both() {
    const [at, set] = useState('a')
    return <U.Tabs label="T" tabs={['a', 'b', 'c'].map((k) => ({ key: k, label: k }))} selected={at} onSelect={set}>Content {at}</U.Tabs>
  }
  const root = await show(<Both />)
  const list = find(root, '[role=tablist]')
  await press(list, 'ArrowLeft')
  expect(find(root, '[role=tabpanel]').textContent).toBe('Content c')
  expect(document.activeElement?.textContent).toBe('c')
  await press(list, 'Home')
  expect([...root.querySelectorAll<HTMLElement>('[role=tab]')].map((t) => t.tabIndex)).toEqual([0, -1, -1])
})

describe('dates', () => {
  test.each([
    [{ day: '4', month: '3', year: '1972' }, '1972-03-04'],
    [{ day: '29', month: '2', year: '2024' }, '2024-02-29'],
    [{ day: '29', month: '2', year: '2023' }, undefined],
    [{ day: '31', month: '13', year: '2023' }, undefined],
    [{ day: '1', month: '1', year: '72' }, undefined],
    [{ day: '', month: '', year: '' }, ''],
    [{ day: '4', month: '', year: '' }, undefined],
  ])('%o is %s', (parts, date) => expect(dateOfParts(parts)).toBe(date))

  test('what is typed stays while it is no date yet', async () => {
    const input = vi.fn()
    function Born() {
      const [v, set] = useState('')
      return <U.DateInput label="Born" value={v} onInput={(x) => (input(x), set(x ?? ''))} />
    }
    const root = await show(<Born />)
    const [day, month, year] = [...root.querySelectorAll('input')] as [HTMLInputElement, HTMLInputElement, HTMLInputElement]
    await type(day, '4')
    await type(month, '3')
    await type(year, '1972')
    expect([day.value, month.value, year.value]).toEqual(['4', '3', '1972'])
    expect(input.mock.calls.map(([x]) => x)).toEqual([undefined, undefined, '1972-03-04'])
  })
})

describe('long lists', () => {
  const items = Array.from({ length: 5000 }, (_, i) => i)

  test('render what is in view, with each item’s place in the whole', async () => {
    const root = await show(<U.VirtualList label="All" items={items} rowHeight={40} itemKey={(i) => i} render={(i) => `item ${i}`} />)
    const shown = root.querySelectorAll('li')
    expect(shown.length).toBeLessThan(60)
    expect(shown[0]!.getAttribute('aria-posinset')).toBe('1')
    expect(shown[0]!.getAttribute('aria-setsize')).toBe('5000')
    expect(find(root, 'ul').style.paddingBottom).toBe(`${(5000 - shown.length) * 40}px`)
  })

  test('follow the scrolling', async () => {
    const root = await show(<U.VirtualList label="All" items={items} rowHeight={40} itemKey={(i) => i} render={(i) => `item ${i}`} />)
    find(root, 'ul').getBoundingClientRect = () => ({ top: -40_000 }) as DOMRect
    await does(async () => {
      document.dispatchEvent(new Event('scroll'))
      await new Promise((r) => requestAnimationFrame(r))
    })
    const first = Number(root.querySelector('li')!.getAttribute('aria-posinset'))
    expect(first).toBe(1000 - 6 + 1)
    expect(root.querySelectorAll('li').length).toBeLessThan(60)
  })

  test('keep the row that has the focus', async () => {
    const root = await show(<U.VirtualList label="All" items={items} rowHeight={40} itemKey={(i) => i} render={(i) => <a href="#/">item {i}</a>} />)
    const link = root.querySelectorAll('a')[2]!
    await does(() => link.focus())
    find(root, 'ul').getBoundingClientRect = () => ({ top: -40_000 }) as DOMRect
    await does(async () => {
      document.dispatchEvent(new Event('scroll'))
      await new Promise((r) => requestAnimationFrame(r))
    })
    expect(document.activeElement).toBe(link)
    expect(find(root, '.mu-virtual__kept').getAttribute('aria-posinset')).toBe('3')
    await does(() => link.blur())
    expect(root.querySelector('.mu-virtual__kept')).toBeNull()
  })

  test('tables of thousands of rows do the same', async () => {
    const root = await show(<U.Table caption="All" rows={items} rowKey={(i) => i} columns={[{ key: 'n', head: 'N', cell: (i) => i }]} />)
    expect(root.querySelectorAll('tbody tr').length).toBeLessThan(80)
    expect(find(root, 'table').getAttribute('aria-rowcount')).toBe('5001')
  })

  test('a list that became shorter shows its end', async () => {
    const list = (n: number) => <U.VirtualList label="All" items={items.slice(0, n)} rowHeight={40} itemKey={(i) => i} render={(i) => `item ${i}`} />
    await show(list(5000))
    const root = await show(list(2))
    expect(root.querySelectorAll('li').length).toBe(2)
  })
})

test('tables sort by a column, both ways, and say so', async () => {
  const rows = [{ n: 'b10' }, { n: 'b9' }, { n: undefined }, { n: 'A' }]
  const root = await show(<U.Table caption="T" rows={rows} rowKey={(_, i) => i} columns={[{ key: 'n', head: 'Name', cell: (r) => r.n ?? 'none', sort: (r) => r.n }]} />)
  const names = () => [...root.querySelectorAll('tbody td')].map((c) => c.textContent)
  await does(() => find(root, 'button').click())
  expect(names()).toEqual(['A', 'b9', 'b10', 'none'])
  expect(find(root, 'th').getAttribute('aria-sort')).toBe('ascending')
  await does(() => find(root, 'button').click())
  expect(names()).toEqual(['b10', 'b9', 'A', 'none'])
  expect(find(root, 'th').getAttribute('aria-sort')).toBe('descending')
  expect(sortRows(rows, undefined)).toBe(rows)
})

test('the language changes everything below its hook', async () => {
  function App() {
    U.useLanguage()
    return <U.PassphraseInput label="P" value="" onInput={nothing} />
  }
  const root = await show(<App />)
  expect(find(root, 'button').textContent).toBe('Show')
  await does(() => U.setLanguage('es'))
  expect(find(root, 'button').textContent).toBe('Mostrar')
  expect(document.documentElement.lang).toBe('es')
  expect(localStorage.getItem('medunion.language')).toBe('es')
})

test('the appearance is marked on the document and remembered', () => {
  U.setTheme('dark')
  expect(document.documentElement.dataset['theme']).toBe('dark')
  expect(localStorage.getItem('medunion.theme')).toBe('dark')
  U.setTheme('system')
  expect(document.documentElement.dataset['theme']).toBeUndefined()
})

test('announcements that come together are said together, the urgent at once', async () => {
  vi.useFakeTimers()
  document.body.replaceChildren()
  U.announce('One')
  U.announce('Two')
  U.announce('Stop', { urgent: true })
  expect(document.querySelector('[role=alert]')!.textContent).toBe('Stop')
  vi.advanceTimersByTime(200)
  expect(document.querySelector('[role=status]')!.textContent).toBe('One. Two')
  vi.useRealTimers()
})

test('the time left counts down, warns once and ends once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const ended = vi.fn()
  const root = await show(<U.TimeLeft until={Date.now() + 6 * 60_000 + 500} words={(l) => `${l} left`} ended="over" onEnd={ended} />)
  expect(root.textContent).toBe('6 mins left')
  await does(() => void vi.advanceTimersByTime(90_000))
  expect(root.textContent).toBe('4 mins left')
  expect(find(root, '.mu-tag').className).toContain('mu-tone-warn')
  for (let i = 0; i < 280; i++) await does(() => void vi.advanceTimersByTime(1000))
  expect(root.textContent).toBe('over')
  expect(ended).toHaveBeenCalledTimes(1)
  vi.useRealTimers()
})

test('plots say what they show', async () => {
  const root = await show(<U.LinePlot label="Glucose" unit="mmol/L" band={{ low: 4, high: 6 }} series={[{ name: 'Glucose', points: [{ time: Date.UTC(2026, 0, 1, 12), value: 7 }] }]} />)
  const area = find(root, '.mu-plot__area')
  const says = area.getAttribute('aria-describedby')!.split(' ').map((id) => document.getElementById(id)!.textContent).join(' ')
  expect(area.tabIndex).toBe(0)
  expect(says).toContain('last 7 mmol/L on 1 Jan 2026, 1 outside of the reference range')
})

test('nothing writes a style attribute into markup: the policy would refuse it', async () => {
  const root = await show(<U.QRCode text="x" label="x" />)
  expect(root.innerHTML).not.toContain('style=')
})
