// Drawn for this project on a grid of 24 with a line of 2.
const paths = {
  check: 'M4.5 12.5l5 5 10-11',
  cross: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  warning: 'M12 3.5L22 20.5H2zM12 10v5M12 17.6v.2',
  info: 'M12 3a9 9 0 100 18 9 9 0 000-18zM12 11v6M12 7.3v.2',
  clock: 'M12 3a9 9 0 100 18 9 9 0 000-18zM12 7v5.5l3.5 2',
  lock: 'M6 11h12v9H6zM8.5 11V7.5a3.5 3.5 0 017 0V11',
  unlock: 'M6 11h12v9H6zM8.5 11V7.5a3.5 3.5 0 016.7-1.4',
  key: 'M8 15a4 4 0 110-8 4 4 0 010 8zM12 11h9M18 11v4M15 11v3',
  shield: 'M12 3l8 3v5.5c0 4.6-3.2 7.8-8 9.5-4.8-1.7-8-4.9-8-9.5V6zM8.5 11.8l2.5 2.5 4.5-5',
  search: 'M10.5 4a6.5 6.5 0 100 13 6.5 6.5 0 000-13zM15.5 15.5L21 21',
  download: 'M12 4v11M7 10.5l5 5 5-5M4.5 20h15',
  upload: 'M12 16V5M7 9.5l5-5 5 5M4.5 20h15',
  ruler: 'M3 8.5h18v7H3zM7 8.5v3M11 8.5v4M15 8.5v3M19 8.5v3',
  print: 'M7 8V4h10v4M7 17H4V8h16v9h-3M7 14h10v6H7z',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  camera: 'M3.5 7.5h4l1.5-2.5h6l1.5 2.5h4v12h-17zM12 10a3.5 3.5 0 100 7 3.5 3.5 0 000-7z',
  qr: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM19 14v1M14 19v1',
  person: 'M12 4a4 4 0 100 8 4 4 0 000-8zM4.5 20.5c.6-4 3.5-6 7.5-6s6.9 2 7.5 6',
  people: 'M9 5a3.5 3.5 0 100 7 3.5 3.5 0 000-7zM2.5 20c.4-3.5 2.8-5.5 6.5-5.5s6.1 2 6.5 5.5M15.5 5.2a3.5 3.5 0 010 6.6M18 15c2 .8 3.2 2.5 3.5 5',
  hospital: 'M4.5 20.5V4.5h15v16M2.5 20.5h19M12 7.5v6M9 10.5h6M10 20.5v-3.5h4v3.5',
  heart: 'M12 20.5C6 16 3 12.7 3 9a4.7 4.7 0 019-1.9A4.7 4.7 0 0121 9c0 3.7-3 7-9 11.5z',
  pulse: 'M2.5 12.5h4l2.5-7 4.5 13 3-6h5',
  chart: 'M4 4v16h16.5M7.5 15.5l4-5 3 3 5-7',
  file: 'M6 3h8l4.5 4.5V21H6zM13.5 3v5h5M9 13h6.5M9 17h6.5',
  image: 'M3.5 5h17v14h-17zM3.5 16.5l5-5 4 4 3-2.5 5 4M15.5 8.5v.2',
  pill: 'M5 19a4.6 4.6 0 010-6.5L12.5 5A4.6 4.6 0 0119 11.5L11.5 19A4.6 4.6 0 015 19zM8.7 8.8l6.5 6.5',
  refresh: 'M20 5v5h-5M19.5 10A8 8 0 104 13.5',
  share: 'M12 15V3.5M8 7.5l4-4 4 4M6.5 11H5v9.5h14V11h-1.5',
  stop: 'M8.2 3h7.6L21 8.2v7.6L15.8 21H8.2L3 15.8V8.2zM8.5 12h7',
  eye: 'M2.5 12c2.5-4.5 5.7-6.5 9.5-6.5s7 2 9.5 6.5c-2.5 4.5-5.7 6.5-9.5 6.5s-7-2-9.5-6.5zM12 9a3 3 0 100 6 3 3 0 000-6z',
  edit: 'M4 20l1-4.5L16 4.5l3.5 3.5-11 11zM13.5 7l3.5 3.5',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13.5h10L18 7M10 11v6M14 11v6',
  send: 'M21 3.5L3 10.5l7 3.5 3.5 7zM21 3.5L10 14',
  menu: 'M4 7h16M4 12h16M4 17h16',
  filter: 'M4 5h16l-6 7.5V20l-4-2v-5.5z',
  list: 'M9 6h11M9 12h11M9 18h11M4.5 6v.1M4.5 12v.1M4.5 18v.1',
  offline: 'M4 4l16 16M12 19v.1M8.5 15.5a5 5 0 017 0M5 12a10 10 0 014.5-2.6M14.5 9.4A10 10 0 0119 12',
  fingerprint: 'M6 18.5c1-2 1.5-4 1.5-6.5a4.5 4.5 0 019 0c0 2.5-.2 4.5-.8 6.5M12 12c0 3.5-.6 6-2 8.5M3.8 14c.3-1 .4-1.5.4-2.5a7.8 7.8 0 0115.6 0c0 1.8 0 3-.3 4.5',
  'chevron-down': 'M6 9.5l6 6 6-6',
  'chevron-up': 'M6 14.5l6-6 6 6',
  'chevron-right': 'M9.5 6l6 6-6 6',
  'chevron-left': 'M14.5 6l-6 6 6 6',
  'arrow-left': 'M20 12H4.5M11 5l-7 7 7 7',
  'arrow-right': 'M4 12h15.5M13 5l7 7-7 7',
  external: 'M13 4h7v7M20 4l-9.5 9.5M10 5.5H4.5v14h14V14',
  sun: 'M12 8a4 4 0 100 8 4 4 0 000-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4',
  moon: 'M20 14.5A8.5 8.5 0 119.5 4a7 7 0 0010.5 10.5z',
  theme: 'M12 3a9 9 0 100 18 9 9 0 000-18zM12 3v18M12 7l6.5-1M12 12h9M12 17l6 1',
  language: 'M12 3a9 9 0 100 18 9 9 0 000-18zM3 12h18M12 3c-5 5-5 13 0 18 5-5 5-13 0-18z',
} as const

export type IconName = keyof typeof paths

export interface IconProps {
  name: IconName
  /** In CSS pixels; without it, the size of the text. */
  size?: number
  /** What it says to a screen reader; without it, it is decoration beside words. */
  label?: string
}

export function Icon({ name, size, label }: IconProps) {
  const named = label ? { role: 'img' as const, 'aria-label': label } : { 'aria-hidden': true as const }
  return (
    <svg class="mu-icon" viewBox="0 0 24 24" width={size} height={size} focusable="false" {...named}>
      <path d={paths[name]} />
    </svg>
  )
}
