import type { ComponentChildren } from 'preact'
import { useMemo, useRef, useState } from 'preact/hooks'
import { language } from '../language.ts'
import { useWindow } from '../window.ts'
import { Icon } from './Icon.tsx'

export interface Column<T> {
  key: string
  head: ComponentChildren
  cell: (row: T, index: number) => ComponentChildren
  /** By what the reader may sort; undefined stands at the end. */
  sort?: (row: T) => string | number | undefined
  /** Aligned at the right with figures of one width. */
  numeric?: boolean
  /** The row's name: a header cell. */
  rowHead?: boolean
  /** Hidden where there is little room. */
  optional?: boolean
  nowrap?: boolean
}

export interface TableProps<T> {
  /** Says what the table holds. */
  caption: string
  captionHidden?: boolean
  columns: Column<T>[]
  rows: readonly T[]
  rowKey: (row: T, index: number) => string | number
  /** Sorted so at first. */
  sorted?: { by: string; descending?: boolean }
  dense?: boolean
  /** Scrolls in itself below a head that stays, at most so many pixels high. */
  height?: number
  /** Above this many rows only those in view are rendered; 200 if not said. */
  virtualFrom?: number
  empty?: ComponentChildren
  rowClass?: (row: T) => string | undefined
}

type Order = { by: string; descending?: boolean } | undefined

/** Rows of data. Columns can be sorted; thousands of rows stay fast. */
export function Table<T>(props: TableProps<T>) {
  const { caption, captionHidden, columns, rows, dense, height, empty } = props
  const [order, setOrder] = useState<Order>(props.sorted)
  const sorted = useMemo(() => sortRows(rows, columns.find((c) => c.key === order?.by)?.sort, order?.descending), [rows, order, columns])
  const classes = `mu-table${dense ? ' mu-table--dense' : ''}`
  return (
    <div class="mu-table__frame" role="region" aria-label={caption} tabIndex={0} style={height === undefined ? {} : { maxHeight: `${height}px`, overflowY: 'auto' }}>
      <table class={classes} aria-rowcount={rows.length + 1}>
        <caption class={captionHidden ? 'mu-hidden' : 'mu-table__caption'}>{caption}</caption>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((c) => <Head key={c.key} column={c} order={order} onOrder={setOrder} />)}
          </tr>
        </thead>
        {rows.length === 0 && empty !== undefined ? (
          <tbody><tr><td class="mu-table__empty" colSpan={columns.length}>{empty}</td></tr></tbody>
        ) : rows.length > (props.virtualFrom ?? 200) ? (
          <WindowedBody {...props} rows={sorted} />
        ) : (
          <tbody>{sorted.map((r, i) => <Row key={props.rowKey(r, i)} {...{ props, row: r, index: i }} />)}</tbody>
        )}
      </table>
    </div>
  )
}

/** The rows in the order of a column; equal ones keep theirs, what has no value comes last. */
export function sortRows<T>(rows: readonly T[], value?: (row: T) => string | number | undefined, descending?: boolean): readonly T[] {
  if (!value) return rows
  const words = new Intl.Collator(language(), { numeric: true, sensitivity: 'base' })
  const sign = descending ? -1 : 1
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)]
    if (x === undefined || y === undefined) return (x === undefined ? 1 : 0) - (y === undefined ? 1 : 0)
    return sign * (typeof x === 'number' && typeof y === 'number' ? x - y : words.compare(String(x), String(y)))
  })
}

function Head<T>({ column, order, onOrder }: { column: Column<T>; order: Order; onOrder: (o: Order) => void }) {
  const mine = order?.by === column.key
  const classes = cellClass(column)
  if (!column.sort) return <th scope="col" class={classes}>{column.head}</th>
  const descending = mine && !order.descending
  return (
    <th scope="col" class={classes} aria-sort={mine ? (order.descending ? 'descending' : 'ascending') : undefined}>
      <button type="button" class="mu-table__sort" onClick={() => onOrder({ by: column.key, descending })}>
        {column.head}
        <Icon name={mine && order.descending ? 'chevron-down' : 'chevron-up'} />
      </button>
    </th>
  )
}

function cellClass<T>(c: Column<T>): string | undefined {
  const all = [c.numeric && 'mu-table__number', c.optional && 'mu-table__optional', c.nowrap && 'mu-table__nowrap']
  return all.filter(Boolean).join(' ') || undefined
}

function Row<T>({ props, row, index }: { props: TableProps<T>; row: T; index: number }) {
  return (
    <tr aria-rowindex={index + 2} data-row={index} class={props.rowClass?.(row)}>
      {props.columns.map((c) =>
        c.rowHead ? (
          <th key={c.key} scope="row" class={cellClass(c)}>{c.cell(row, index)}</th>
        ) : (
          <td key={c.key} class={cellClass(c)}>{c.cell(row, index)}</td>
        ),
      )}
    </tr>
  )
}

// Two rows of the height of those left out keep the place of the others.
function WindowedBody<T>(props: TableProps<T>) {
  const body = useRef<HTMLTableSectionElement>(null)
  const { from, to, above, below } = useWindow(body, props.rows.length, props.dense ? 33 : 45)
  return (
    <tbody ref={body}>
      <tr class="mu-table__gap" aria-hidden="true"><td colSpan={props.columns.length} style={{ height: `${above}px` }} /></tr>
      {props.rows.slice(from, to).map((r, i) => <Row key={props.rowKey(r, from + i)} {...{ props, row: r, index: from + i }} />)}
      <tr class="mu-table__gap" aria-hidden="true"><td colSpan={props.columns.length} style={{ height: `${below}px` }} /></tr>
    </tbody>
  )
}
