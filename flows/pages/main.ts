import { createApp } from 'vue'
import { openLine } from './lib/line.ts'
import Shell from './shell.vue'

createApp(Shell).mount('#app')
openLine()
