/** What one client, one address and all of them together may take. */
export interface FrontLimits {
  /** Of a CONNECT with its will, and of what waits behind it until its sender is known: the memory a stranger can take. */
  connect_bytes_max: number
  /** Of any later packet. */
  packet_bytes_max: number
  topic_bytes_max: number
  topic_levels_max: number
  client_id_length_max: number
  subscriptions_max: number
  /** Retained messages, and bytes of them with their topics. */
  retained_per_gateway_max: number
  retained_bytes_per_gateway_max: number
  retained_max: number
  retained_bytes_max: number
  /** Messages of QoS 2 from one client that wait for their PUBREL. */
  incoming_qos2_max: number
  connections_max: number
  connections_per_address_max: number
  connects_per_s: number
  connects_burst: number
  /** Over it a client is read from more slowly, and loses nothing. */
  publishes_per_s: number
  publishes_burst: number
  /** From the connection to the last byte of CONNECT. */
  connect_ms_max: number
  /** For one packet; seen up to this much late. */
  packet_ms_max: number
  /** Silence both ways, whatever the keep alive (§3.1.2.10 permits it); seen up to half of it late. */
  idle_ms_max: number
  /** Whether limits per address hold for loopback too: everybody comes from there behind a TLS terminator. */
  loopback_limited: boolean
}

export const FRONT_LIMITS: FrontLimits = {
  // Our largest CONNECT has a will of some 400 bytes; a token as password takes 1–2 kB.
  connect_bytes_max: 4 * 1024,
  // PAYLOAD_BYTES_MAX of the contract is 64 KiB: what is a little over it is refused there, with a PUBACK and a reason.
  packet_bytes_max: 256 * 1024,
  topic_bytes_max: 1024,
  // Aedes can do 100, the contract's deepest topic has 11.
  topic_levels_max: 32,
  client_id_length_max: 128,
  subscriptions_max: 1_000,
  // A device has three: 5,000 are the largest estate's gateway ten times over.
  retained_per_gateway_max: 5_000,
  retained_bytes_per_gateway_max: 8 * 1024 * 1024,
  retained_max: 20_000,
  retained_bytes_max: 64 * 1024 * 1024,
  incoming_qos2_max: 1_000,
  connections_max: 12_000,
  connections_per_address_max: 200,
  connects_per_s: 20,
  connects_burst: 200,
  // More than a gateway's spool drains at; stops a loop run wild from taking everything.
  publishes_per_s: 50_000,
  publishes_burst: 50_000,
  connect_ms_max: 10_000,
  packet_ms_max: 60_000,
  idle_ms_max: 60 * 60_000,
  loopback_limited: false,
}
