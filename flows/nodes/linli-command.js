export { default } from './linli-command.ts'
