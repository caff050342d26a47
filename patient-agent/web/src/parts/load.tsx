import type { ComponentChildren } from 'preact'
import { Skeleton } from '@medunion/ui'
import type { Loaded } from '../api/store.ts'
import { t } from './text.ts'
import { Trouble } from './trouble.tsx'

/** Shows what was loaded; a failure stands above what was known before. */
export function Show<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ComponentChildren }) {
  return (
    <>
      {of.problem && <Trouble problem={of.problem} retry={of.reload} tone={of.value === undefined ? 'bad' : 'warn'} />}
      {of.value !== undefined ? children(of.value) : !of.problem && <Waiting />}
    </>
  )
}

export function Waiting({ says }: { says?: string }) {
  return (
    <div class="pp-waiting" role="status">
      <span class="mu-hidden">{says ?? t('app.loading')}</span>
      <Skeleton lines={4} />
    </div>
  )
}
