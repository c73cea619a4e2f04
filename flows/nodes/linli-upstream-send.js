export { default } from './linli-upstream-send.ts'
