import { createApp } from 'vue'
import { begin } from './lib/begin.ts'
import Shell from './shell.vue'

createApp(Shell).mount('#app')
begin()
