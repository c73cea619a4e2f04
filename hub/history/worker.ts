import { workerData } from 'node:worker_threads'
import { serve } from '../database-thread/serve.ts'
import { createStoreBackend, type StoreBackendConfig } from './backend.ts'

serve(createStoreBackend(workerData as StoreBackendConfig), 'HISTORY_IO')
