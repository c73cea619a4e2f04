/** What an ONVIF camera says, as XML: device, media and PTZ service (ONVIF Core, Media 1 and PTZ specifications). */

const NAMESPACES = [
  'xmlns:s="http://www.w3.org/2003/05/soap-envelope"',
  'xmlns:tds="http://www.onvif.org/ver10/device/wsdl"',
  'xmlns:trt="http://www.onvif.org/ver10/media/wsdl"',
  'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl"',
  'xmlns:tt="http://www.onvif.org/ver10/schema"',
  'xmlns:ter="http://www.onvif.org/ver10/error"',
].join(' ')

export interface Facts {
  id: string
  base: string
  presets: readonly string[]
  now_ms: number
}

/** The answer to an action; undefined: it knows no such thing. */
export function answerTo(action: string, facts: Facts): string | undefined {
  const answer = ANSWERS[action]
  return answer && envelope(answer(facts))
}

export function faultOf(code: string, reason: string): string {
  return envelope(
    `<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:${code}</s:Value></s:Subcode></s:Code>` +
      `<s:Reason><s:Text xml:lang="en">${reason}</s:Text></s:Reason></s:Fault>`,
  )
}

function envelope(body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope ${NAMESPACES}><s:Body>${body}</s:Body></s:Envelope>`
}

const ANSWERS: Readonly<Record<string, (facts: Facts) => string>> = {
  GetSystemDateAndTime: ({ now_ms }) => {
    const at = new Date(now_ms)
    return (
      '<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>' +
      `<tt:UTCDateTime><tt:Time><tt:Hour>${at.getUTCHours()}</tt:Hour><tt:Minute>${at.getUTCMinutes()}</tt:Minute>` +
      `<tt:Second>${at.getUTCSeconds()}</tt:Second></tt:Time><tt:Date><tt:Year>${at.getUTCFullYear()}</tt:Year>` +
      `<tt:Month>${at.getUTCMonth() + 1}</tt:Month><tt:Day>${at.getUTCDate()}</tt:Day></tt:Date></tt:UTCDateTime>` +
      '</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>'
    )
  },
  GetDeviceInformation: ({ id }) =>
    '<tds:GetDeviceInformationResponse><tds:Manufacturer>Linli</tds:Manufacturer><tds:Model>simulated</tds:Model>' +
    `<tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>${id}</tds:SerialNumber>` +
    '<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>',
  GetCapabilities: ({ base, presets }) =>
    '<tds:GetCapabilitiesResponse><tds:Capabilities>' +
    `<tt:Device><tt:XAddr>${base}/onvif/device_service</tt:XAddr></tt:Device>` +
    `<tt:Media><tt:XAddr>${base}/onvif/media_service</tt:XAddr></tt:Media>` +
    (presets.length > 0 ? `<tt:PTZ><tt:XAddr>${base}/onvif/ptz_service</tt:XAddr></tt:PTZ>` : '') +
    '</tds:Capabilities></tds:GetCapabilitiesResponse>',
  GetProfiles: () =>
    '<trt:GetProfilesResponse><trt:Profiles token="main" fixed="true"><tt:Name>main</tt:Name></trt:Profiles>' +
    '<trt:Profiles token="sub" fixed="true"><tt:Name>sub</tt:Name></trt:Profiles></trt:GetProfilesResponse>',
  GetSnapshotUri: ({ base }) =>
    `<trt:GetSnapshotUriResponse><trt:MediaUri><tt:Uri>${base}/snapshot?a=1&amp;b=2</tt:Uri>` +
    '<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>' +
    '<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetSnapshotUriResponse>',
  GetPresets: ({ presets }) =>
    `<tptz:GetPresetsResponse>${presets
      .map((name, index) => `<tptz:Preset token="${index + 1}"><tt:Name>${name}</tt:Name></tptz:Preset>`)
      .join('')}</tptz:GetPresetsResponse>`,
  GotoPreset: () => '<tptz:GotoPresetResponse/>',
}
