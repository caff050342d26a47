import type { Text } from '@medunion/ui'

/** The same keys as the English texts of an area. */
export type Same<E> = { [K in keyof E]: Text }
