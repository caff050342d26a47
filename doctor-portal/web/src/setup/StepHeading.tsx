import type { ComponentChildren } from 'preact'
import { t } from '../texts/index.ts'

const steps = 4

/** The heading of a step of the set-up, which says how far one is. */
export function StepHeading({ step, children }: { step: number; children: ComponentChildren }) {
  return (
    <h1 class="mu-heading mu-heading--1">
      <span class="dp-step">{t('setup.step', { step, of: steps })}</span>
      {children}
    </h1>
  )
}
