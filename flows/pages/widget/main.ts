import { type App, createApp, defineComponent, h, onBeforeUnmount, onMounted, ref } from 'vue'
import { begin } from '../lib/begin.ts'
import View from './view.vue'

/**
 * The pages of the desk as a widget of FlowFuse Dashboard: `flows/dashboard/resources/linli-view.js` fetches this. The widget lives
 * in a shadow root, so that neither its styles nor the Dashboard's reach the other.
 */

const STYLES = new URL('../desk.css', import.meta.url).href

// The Dashboard gives a widget as many rows as the editor says; these are as high as what is in them.
const room = document.createElement('style')
room.textContent = '.nrdb-ui-widget:has(> .linli-view) { grid-template-rows: none !important }'
document.head.append(room)

export const LinliView = defineComponent({
  props: { id: String, props: { type: Object, required: true }, state: Object },
  setup(given) {
    const host = ref<HTMLElement>()
    let app: App | undefined
    onMounted(() => {
      const element = host.value
      if (!element) return
      const root = element.attachShadow({ mode: 'open' })
      const styles = document.createElement('link')
      styles.rel = 'stylesheet'
      styles.href = STYLES
      const place = document.createElement('div')
      root.append(styles, place)
      element.dataset.theme = isDark(element) ? 'dark' : 'light'
      app = createApp(View, { view: String(given.props.view) })
      // Without its styles it would be shown in pieces.
      const show = () => app?.mount(place)
      styles.addEventListener('load', show, { once: true })
      styles.addEventListener('error', show, { once: true })
    })
    onBeforeUnmount(() => app?.unmount())
    return () => h('div', { ref: host, class: 'linli-view' })
  },
})

/** As the theme of the Dashboard is there, which an engineer chooses. */
function isDark(element: Element): boolean {
  const color = getComputedStyle(element).getPropertyValue('--v-theme-group-background')
  const [red = 255, green = 255, blue = 255] = color.split(',').map(Number)
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128
}

begin()
