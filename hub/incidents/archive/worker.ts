import { workerData } from 'node:worker_threads'
import { serve } from '../../database-thread/serve.ts'
import { createArchive } from './store.ts'

serve(createArchive(workerData as string), 'INCIDENT_ARCHIVE')
