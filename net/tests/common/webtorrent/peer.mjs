// A WebTorrent peer: seeds or downloads one torrent over TCP, and waits to be stopped.
//
// Arguments: the folder node_modules, torrent file or magnet link, folder of the payload, port.

const [modules, torrent, folder, port] = process.argv.slice(2)
const { default: WebTorrent } = await import(`${modules}/webtorrent/index.js`)

const say = (text) => console.log(new Date().toISOString(), text)
const client = new WebTorrent({
  torrentPort: Number(port),
  dht: false,
  lsd: false,
  utPex: false,
  natUpnp: false,
  natPmp: false,
  webSeeds: false,
  utp: false
})
client.on('error', error => { throw error })
client.add(torrent, { path: folder }, it => {
  say(`has ${it.progress} of ${it.name}`)
  it.on('wire', (_, address) => say(`connected to ${address}`))
  it.on('warning', warning => say(warning.message))
  it.on('done', () => say('complete'))
})
