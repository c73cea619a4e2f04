export { default } from './linli-state.ts'
