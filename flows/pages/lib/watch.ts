import { watch } from 'vue'
import { chime, sound, want } from './sound.ts'
import { connection, incidents, waiting } from './store.ts'
import { eventWord, keyName, placeName, term, words } from './words.ts'

/** What calls for somebody beyond the page itself: sound, title, and the browser's own notices. */

const say = words({
  waiting: ['({n}) 报警待确认 · 邻里', '({n}) alarms waiting · Linli'],
  lost: ['⚠ 连接中断 · 邻里', '⚠ Connection lost · Linli'],
  title: ['邻里值班台', 'Linli duty desk'],
})

/** What stood there when the line first opened is not new. */
let known: Set<string> | undefined

export function watchAlarms(): void {
  watch(
    [connection, waiting],
    () => {
      const isLost = connection.value === 'lost'
      const rings = waiting.value.filter(({ kind }) => kind === 'major')
      // An alarm that nobody has taken goes on ringing also while the line is down.
      want(rings.length > 0 ? 'alarm' : isLost ? 'lost' : 'none')
      const count = waiting.value.length
      document.title = isLost ? say('lost') : count > 0 ? say('waiting', { n: count }) : say('title')
    },
    { immediate: true },
  )
  watch([incidents, connection], ([now]) => {
    if (connection.value !== 'open') return
    const before = known
    known = new Set(now.map(({ number, count }) => `${number} ${count}`))
    if (!before) return
    for (const one of now) {
      if (before.has(`${one.number} ${one.count}`) || one.status !== 'raised') continue
      if (one.kind !== 'major' && sound.value === 'ready') chime()
      notify(
        one.number,
        [term(one.kind), placeName(one.place) || (one.device ? keyName(one.device) : '')].filter(Boolean).join(' · '),
        one.cause,
      )
    }
  })
}

export function mayNotify(): NotificationPermission | 'impossible' {
  return 'Notification' in window ? Notification.permission : 'impossible'
}

function notify(number: string, title: string, body: string): void {
  if (mayNotify() !== 'granted') return
  try {
    const notice = new Notification(title, {
      body: eventWord(body),
      tag: `incident-${number}`,
      requireInteraction: true,
    })
    notice.onclick = () => {
      focus()
      location.hash = '#alarms'
      notice.close()
    }
  } catch {
    // Phones have them only from a service worker.
  }
}
