import { fillBar } from './bar'
import type { Show } from './protocol'

/** Shows an image, at first as wide as the frame or as itself, whichever is less. */
export async function showImage(show: Show, content: HTMLElement): Promise<void> {
  const img = document.createElement('img')
  img.alt = show.title
  img.src = URL.createObjectURL(new Blob([show.data], { type: show.type }))
  await img.decode()
  let [scale, turned] = [1, 0]
  const place = () => {
    const sideways = turned % 2 === 1
    const [w, h] = [img.naturalWidth * scale, img.naturalHeight * scale]
    img.style.width = `${w}px`
    img.style.height = `${h}px`
    img.style.transform = `rotate(${turned * 90}deg)`
    img.style.marginBlock = sideways ? `${Math.max(0, (w - h) / 2)}px` : '0'
  }
  const fit = () => {
    const width = turned % 2 === 1 ? img.naturalHeight : img.naturalWidth
    scale = Math.min(1, (content.clientWidth - 16) / Math.max(1, width))
    place()
  }
  fillBar(show, {
    fit,
    turn: () => {
      turned = (turned + 1) % 4
      fit()
    },
    zoom: (factor) => {
      scale = Math.min(16, Math.max(0.05, scale * factor))
      place()
    },
  })
  content.replaceChildren(img)
  fit()
}
