export { default } from './linli-event.ts'
