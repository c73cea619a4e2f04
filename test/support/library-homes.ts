/** One home for each library: a test of the house rules holds the sources to this table. */

export const ENTRIES = ['main.ts', 'hub/cli/']
/** Libraries and the only places that may import them. A name without a folder is a file name anywhere; `*` ends a prefix. */
export const homes: Record<string, { at: string[]; instead: string }> = {
  serialport: { at: ['firmware/adapters/serialport.ts'], instead: 'the byte port of firmware/ports/byte-port.ts' },
  'johnny-five': { at: ['firmware/adapters/firmata*'], instead: 'the pin board of firmware/ports/pin-board.ts' },
  'firmata-io': { at: ['firmware/adapters/firmata*'], instead: 'the pin board of firmware/ports/pin-board.ts' },
  mqtt: { at: ['hub/journal/shipper/mqtt-link.ts'], instead: 'createMqttLink of hub/journal/shipper/mqtt-link.ts' },
  'mqtt-packet': { at: ['hub/journal/shipper/mqtt-link.ts'], instead: 'createMqttLink, or the packets of hub/broker' },
  aedes: { at: ['hub/broker/'], instead: 'the broker of hub/broker' },
  ws: { at: ['hub/broker/websocket.ts'], instead: 'an upgrade of hub/web, handed to the broker' },
  'node-red': { at: ['flows/main.ts', 'flows/main/'], instead: 'the process that hub/flows-host supervises' },
  lowdb: { at: ['hub/registry/', 'hub/site/'], instead: 'the registry of hub/registry' },
  koffi: {
    at: [
      'hardware-sim/serial/termios.ts',
      'hub/kernel-clock.ts',
      'hub/at-rest/trim.ts',
      'hub/lifeline/libc.ts',
      'firmware/adapters/kernel-clock.ts',
      'firmware/adapters/gpio/kernel.ts',
    ],
    instead: 'the clock or the GPIO kernel of firmware/adapters, or a port with one adapter there',
  },
  avr8js: { at: ['hardware-sim/boards/firmware/'], instead: 'the board of hardware-sim/boards/firmware' },
  'avrgirl-arduino': { at: ['hardware-sim/boards/firmware/'], instead: 'the board of hardware-sim/boards/firmware' },
  fastify: { at: ['hub/web/', 'firmware/adapters/camera-http/'], instead: 'a route registered in hub/web' },
  cookie: { at: ['hub/web/guard.ts'], instead: 'the guard of hub/web' },
  busboy: { at: ['firmware/adapters/camera-http/'], instead: 'the camera server of firmware/ports/camera-server.ts' },
  sax: {
    at: [
      'firmware/adapters/camera-http/',
      'firmware/adapters/ws-discovery.ts',
      'hub/cameras/onvif/soap.ts',
      'hub/cli/import/xlsx.ts',
    ],
    instead: 'the camera server of firmware/ports/camera-server.ts, the cameras of hub/cameras, or readXlsx',
  },
  pdfkit: { at: ['hub/print/pdf.ts'], instead: 'pdfOf of hub/print' },
  fontkit: { at: ['hub/print/font.ts'], instead: 'the font of hub/print' },
  'qrcode-generator': { at: ['hub/print/qr.ts'], instead: 'qrOf of hub/print' },
  'csv-parse': { at: ['hub/cli/import/csv.ts'], instead: 'readCsv of hub/cli/import' },
  'age-encryption': { at: ['hub/backup/seal.ts'], instead: 'sealed and opened of hub/backup' },
  yauzl: { at: ['hub/cli/import/xlsx.ts'], instead: 'readXlsx of hub/cli/import' },
  'jsonc-parser': {
    at: ['hub/contract/json-text.ts'],
    instead: 'parseJsonText, which knows the line of each field',
  },
  'prom-client': { at: ['hub/web/', 'hub/metrics/'], instead: 'stats() of your module, read by the metrics page' },
  commander: { at: ENTRIES, instead: 'a config object filled in by main.ts' },
  pino: { at: ENTRIES, instead: 'a log interface handed in by main.ts' },
  '@peculiar/x509': {
    at: ['hub/authority/certificates.ts', 'firmware/adapters/certificate-request.ts'],
    instead: 'the authority of hub/authority',
  },
  'reflect-metadata': {
    at: ['hub/authority/certificates.ts', 'firmware/adapters/certificate-request.ts'],
    instead: 'the authority of hub/authority',
  },
  'node:sqlite': {
    at: ['hub/journal/', 'hub/history/', 'hub/incidents/archive/'],
    instead: 'a lane of the durable log of hub/journal, or a question to hub/history or hub/incidents',
  },
  vue: { at: ['hub/web/pages/compile.ts', 'flows/pages/'], instead: 'a page of flows/pages' },
  'vue/compiler-sfc': { at: ['hub/web/pages/compile.ts'], instead: 'the pages that hub/web/pages compiles' },
  '@flowfuse/node-red-dashboard': { at: ['flows/dashboard/door.ts'], instead: 'the door of flows/dashboard' },
  uplot: { at: ['flows/pages/'], instead: 'the chart of flows/pages' },
  typebox: { at: ['hub/contract/type.ts', 'hardware-sim/'], instead: 'the builders of hub/contract/type.ts' },
}
