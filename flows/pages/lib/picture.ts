/** A picture small enough for the hub: at most 2,400 pixels a side and 900 kB. */

const SIDE_MAX = 2_400
const BYTES_MAX = 900_000

export async function shrunk(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file)
  const scale = Math.min(1, SIDE_MAX / Math.max(picture.width, picture.height))
  if (scale === 1 && file.size <= BYTES_MAX && /^image\/(png|jpeg|webp)$/.test(file.type)) return file
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(picture.width * scale)
  canvas.height = Math.round(picture.height * scale)
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height)
  for (const quality of [0.9, 0.75, 0.5]) {
    const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/webp', quality))
    if (made && made.size <= BYTES_MAX) return made
  }
  throw new Error(`> ${BYTES_MAX / 1000} kB`)
}
