export { default } from './who.ts'
