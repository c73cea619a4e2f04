export { default } from './linli-incident.ts'
