import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { agent, type Problem } from '../../api/client.ts'
import { use } from '../../api/store.ts'
import type { Card, Defaults, Hospital } from '../../api/types.ts'
import type { Draft } from '../../logic/draft.ts'
import { draft } from '../../parts/draft.ts'
import { Waiting } from '../../parts/load.tsx'
import { replace, to } from '../../parts/route.ts'
import { Screen } from '../../parts/screen.tsx'
import { t } from '../../parts/text.ts'
import { asProblem, Trouble } from '../../parts/trouble.tsx'

/** The card of the doctor whose link was scanned last, verified in this life of the page. */
let known: { link: string; card: Card } | undefined

export interface CardState {
  card?: Card
  problem?: Problem
  again: () => void
}

export function useCard(link: string | undefined): CardState {
  const [problem, setProblem] = useState<Problem>()
  const [attempt, next] = useState(0)
  const card = known?.link === link ? known?.card : undefined
  useEffect(() => {
    if (link === undefined || card !== undefined) return
    let stopped = false
    setProblem(undefined)
    agent.card(link).then(
      (c) => {
        known = { link, card: c }
        if (!stopped) next((n) => n + 1)
      },
      (e: unknown) => !stopped && setProblem(asProblem(e)),
    )
    return () => {
      stopped = true
    }
  }, [link, card, attempt])
  const again = () => {
    setProblem(undefined)
    next((n) => n + 1)
  }
  return { card, problem, again }
}

/** What the screens of a visit in preparation work on. */
export interface Setup {
  draft: Draft
  card: Card
  hospitals: Hospital[]
  defaults: Defaults
}

interface Props {
  title: string
  back: string
  step: number
  children: (s: Setup) => ComponentChildren
}

/** Gathers it, also after a reload; without a draft there is nothing to prepare. */
export function WithSetup({ title, back, step, children }: Props) {
  const d = draft.use()
  const { card, problem, again } = useCard(d?.link)
  const hospitals = use('hospitals')
  const defaults = use('defaults')
  useEffect(() => {
    if (d === undefined) replace(to.scan)
  }, [d === undefined])
  if (d === undefined) return null
  if (card && hospitals.value && defaults.value) {
    return <>{children({ draft: d, card, hospitals: hospitals.value.hospitals, defaults: defaults.value })}</>
  }
  const trouble = problem ?? hospitals.problem ?? defaults.problem
  const retry = () => {
    if (problem) again()
    if (hospitals.problem) hospitals.reload()
    if (defaults.problem) defaults.reload()
  }
  return (
    <Screen key="gathering" title={title} back={back} step={step}>
      {trouble ? <Trouble problem={trouble} retry={retry} /> : <Waiting says={t('app.loading')} />}
    </Screen>
  )
}
