import type { Item } from '../types'

/**
 * The other hospitals that sent the same resource, by item key: the same UUID or the same
 * identifier of the same system. Both stay in the lists, and each says that the other exists.
 */
export function twins(items: readonly Item[]): ReadonlyMap<string, readonly Item[]> {
  const byName = new Map<string, Item[]>()
  for (const i of items) for (const name of i.same) push(byName, name, i)
  const found = new Map<string, Item[]>()
  for (const group of byName.values()) {
    if (group.length < 2) continue
    for (const i of group) for (const other of group) if (other.hospital !== i.hospital && !found.get(i.key)?.includes(other)) push(found, i.key, other)
  }
  return found
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
