export { default } from './linli-reading.ts'
