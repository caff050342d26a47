import { Card } from '@medunion/ui'
import type { Grant } from '../api/types.ts'
import { className, departmentName, hospitalName, listed, t } from './text.ts'

/** What each hospital may show, in words. */
export function GrantList({ grants, level = 3 }: { grants: readonly Grant[]; level?: 2 | 3 }) {
  if (grants.length === 0) return <p>{t('consent.nothing')}</p>
  return (
    <>
      {grants.map((g) => (
        <Card key={g.hospital} title={hospitalName(g.hospital)} level={level} dense>
          <p>{listed(g.classes, className)}</p>
          <p class="pp-soft">
            {t('share.departments')} {listed(g.departments, departmentName)}
          </p>
        </Card>
      ))}
    </>
  )
}
