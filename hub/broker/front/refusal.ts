/**
 * Why a connection is ended before Aedes sees what it sent. The cause is stable: it is the label of the metric and what the
 * log says once. A clause is a normative statement of MQTT 3.1.1 (OASIS, 29 October 2014), or a section where it has none.
 */

export interface Refusal {
  /** `MQTT-3.1.0-1`, `§2.2.3`, or the name of a limit of ours. */
  readonly cause: string
  readonly reason: string
  /** Return code of the CONNACK that is sent first (§3.2.2.3). */
  readonly connack?: 1 | 2
}

const clause = (cause: string, reason: string): Refusal => ({ cause, reason })

export const REFUSALS = {
  // Fixed header
  typeReserved: clause('§2.2.1', 'packet types 0 and 15 are reserved'),
  fromServerOnly: clause('MQTT-4.8.0-1', 'only a server sends this packet'),
  flags: clause('MQTT-2.2.2-2', 'the reserved flags of the fixed header are wrong'),
  flagsPubrel: clause('MQTT-3.6.1-1', 'the flags of PUBREL must be 0010'),
  flagsSubscribe: clause('MQTT-3.8.1-1', 'the flags of SUBSCRIBE must be 0010'),
  flagsUnsubscribe: clause('MQTT-3.10.1-1', 'the flags of UNSUBSCRIBE must be 0010'),
  flagsDisconnect: clause('MQTT-3.14.1-1', 'the flags of DISCONNECT must be 0'),
  lengthEncoding: clause('§2.2.3', 'the remaining length has more than four bytes'),
  // Order of packets
  notConnect: clause('MQTT-3.1.0-1', 'the first packet is not CONNECT'),
  secondConnect: clause('MQTT-3.1.0-2', 'a second CONNECT'),
  afterDisconnect: clause('MQTT-3.14.4-2', 'a packet after DISCONNECT'),
  // CONNECT
  protocolName: clause('MQTT-3.1.2-1', 'the protocol name is not MQTT'),
  protocolLevel: { cause: 'MQTT-3.1.2-2', reason: 'the protocol level is not one that is spoken here', connack: 1 },
  connectReserved: clause('MQTT-3.1.2-3', 'the reserved connect flag is set'),
  willAbsentQos: clause('MQTT-3.1.2-13', 'a will QoS without a will'),
  willQos: clause('MQTT-3.1.2-14', 'a will QoS of 3'),
  willAbsentRetain: clause('MQTT-3.1.2-15', 'a will retain flag without a will'),
  passwordAlone: clause('MQTT-3.1.2-22', 'a password without a user name'),
  connectShort: clause('MQTT-3.1.3-1', 'CONNECT ends before the fields that its flags promise'),
  connectTrailing: clause('MQTT-3.1.4-1', 'bytes behind the last field of CONNECT'),
  clientIdNotText: clause('MQTT-3.1.3-4', 'the client id is not UTF-8'),
  clientIdEmpty: { cause: 'MQTT-3.1.3-8', reason: 'an empty client id with clean session 0', connack: 2 },
  clientIdLength: { cause: 'MQTT-3.1.3-9', reason: 'the client id is too long, or empty in MQTT 3.1', connack: 2 },
  willTopicNotText: clause('MQTT-3.1.3-10', 'the will topic is not UTF-8'),
  userNameNotText: clause('MQTT-3.1.3-11', 'the user name is not UTF-8'),
  // Strings
  nul: clause('MQTT-1.5.3-2', 'a string contains U+0000'),
  illFormed: clause('MQTT-1.5.3-1', 'a string is not well-formed UTF-8'),
  topicEmpty: clause('MQTT-4.7.3-1', 'an empty topic name or filter'),
  topicNul: clause('MQTT-4.7.3-2', 'a topic name or filter contains U+0000'),
  topicWildcard: clause('MQTT-3.3.2-2', 'a topic name contains a wildcard'),
  filterHash: clause('MQTT-4.7.1-2', '# stands alone in the last level of a filter, or nowhere'),
  filterPlus: clause('MQTT-4.7.1-3', '+ is a whole level of a filter, or nothing'),
  // PUBLISH and its answers
  dupQos0: clause('MQTT-3.3.1-2', 'DUP is set on a QoS 0 message'),
  qos3: clause('MQTT-3.3.1-4', 'both QoS bits are set'),
  publishShort: clause('MQTT-3.3.2-1', 'PUBLISH ends before its topic name or packet id does'),
  packetIdZero: clause('MQTT-2.3.1-1', 'packet id 0'),
  ackLength: clause('§3.4.2', 'PUBACK, PUBREC, PUBREL and PUBCOMP have two bytes'),
  // SUBSCRIBE, UNSUBSCRIBE
  subscribeEmpty: clause('MQTT-3.8.3-3', 'SUBSCRIBE without a filter'),
  subscribeQos: clause('MQTT-3.8.3-4', 'a requested QoS above 2, or its reserved bits set'),
  subscribeShort: clause('MQTT-3.8.3-1', 'SUBSCRIBE ends within a filter or before its QoS'),
  unsubscribeEmpty: clause('MQTT-3.10.3-2', 'UNSUBSCRIBE without a filter'),
  unsubscribeShort: clause('MQTT-3.10.3-1', 'UNSUBSCRIBE ends within a filter'),
  pingLength: clause('§3.12', 'PINGREQ has no body'),
  disconnectLength: clause('§3.14', 'DISCONNECT has no body'),
  // Limits of ours
  connectTooLarge: clause('connect-bytes', 'CONNECT is larger than connect_bytes_max'),
  tooLarge: clause('packet-bytes', 'a packet is larger than packet_bytes_max'),
  topicTooLong: clause('topic-bytes', 'a topic name or filter is longer than topic_bytes_max'),
  topicTooDeep: clause('topic-levels', 'a topic name or filter has more than topic_levels_max levels'),
  tooManyFilters: clause('filters', 'more filters in one packet than subscriptions_max'),
  tooManyDoubles: clause('double-filters', 'too many SUBSCRIBEs that name a filter twice wait for their answer'),
  tooEager: clause('before-login', 'more than connect_bytes_max sent behind CONNECT by somebody not known yet'),
  connectLate: clause('connect-time', 'no whole CONNECT within connect_ms_max'),
  packetSlow: clause('packet-time', 'a packet took longer than packet_ms_max'),
  idle: clause('idle', 'nothing sent or received for idle_ms_max'),
  connections: clause('connections', 'connections_max are open'),
  connectionsOfAddress: clause('connections-of-address', 'connections_per_address_max are open from this address'),
  connectRate: clause('connect-rate', 'more than connects_per_s from this address'),
  login: clause('login', 'an unknown account or a wrong secret'),
  certificate: clause('certificate', 'a certificate that has ended, was revoked, or is not of this hub’s authority'),
  loginFailed: clause('login-failed', 'who this is could not be found out; the client is to try again'),
  subscriptionDenied: clause('subscription-denied', 'a subscription that the account may not have'),
  willDenied: clause('will-denied', 'a will on a topic that the account may not publish to'),
  retained: clause('retained', 'the gateway or the hub has as many retained messages, or bytes of them, as it may'),
  incomingQos2: clause('incoming-qos2', 'incoming_qos2_max messages of QoS 2 wait for their PUBREL'),
  webSocketText: clause('MQTT-6.0.0-1', 'a text frame over WebSocket'),
  webSocketProtocol: clause('MQTT-6.0.0-3', 'the WebSocket client does not offer the subprotocol mqtt'),
  webSocketOrigin: clause('websocket-origin', 'a page of another site wants to open a WebSocket'),
  webSocketFrame: clause('websocket-frame', 'a WebSocket frame is malformed or larger than a packet may be'),
  subscriptions: clause('subscriptions', 'the client has subscriptions_max subscriptions'),
} as const satisfies Record<string, Refusal>
