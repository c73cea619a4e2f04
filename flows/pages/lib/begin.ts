import { watch } from 'vue'
import { askWho, openLine } from './line.ts'
import { unlock } from './sound.ts'
import { me } from './store.ts'
import { watchAlarms } from './watch.ts'
import { isChosen, language } from './words.ts'

/** What everything that is shown stands on: the line, who looks, the sound. Once for each opened page of a browser. */
export function begin(): void {
  openLine()
  // After the touch has done what it is for: the hint that goes away must not move a button from under a finger.
  for (const touch of ['click', 'keydown']) addEventListener(touch, () => void unlock(), { passive: true })
  watchAlarms()
  watch(me, (person) => {
    if (person?.language && !isChosen) language.value = person.language
  })
  void askWho()
}
