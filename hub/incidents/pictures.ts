/** What cameras give to an incident: asked for by the effect `fetch-pictures`, and told by this. Nothing waits for it. */
export interface PictureInput {
  type: 'picture'
  incident: string
  camera: string
  when: 'before' | 'at' | 'after'
  /** Of the picture; absent when there is none. */
  sha256?: string
  /** When it was taken, epoch ms. */
  at: number
  /** Why there is none. */
  error?: string
}
