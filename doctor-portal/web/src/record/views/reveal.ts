import { useEffect, useRef } from 'preact/hooks'

/**
 * Brings what was chosen from a list into view, where there is no room for it beside the
 * list. Returns what refers to its box.
 */
export function useReveal(chosen: string | undefined) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const top = box.current?.getBoundingClientRect().top
    if (chosen !== undefined && top !== undefined && top > innerHeight / 2) box.current?.scrollIntoView({ block: 'start' })
  }, [chosen])
  return box
}
