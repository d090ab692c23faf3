// One function that calls the simulator: it takes a request and returns an answer. For workers and node.
"use strict";

// `bytes` is the WebAssembly module; `progress` receives thousandths of a run.
async function loadEngine(bytes, progress) {
  let exports = null;
  let reason = "";
  const text = (at, length) => new TextDecoder().decode(new Uint8Array(exports.memory.buffer, at, length));
  const page = { progress, broken: (at, length) => { reason = text(at, length); } };
  const module = await WebAssembly.instantiate(bytes, { page });
  exports = module.instance.exports;
  return (request) => {
    const said = new TextEncoder().encode(JSON.stringify(request));
    const room = exports.room(said.length);
    new Uint8Array(exports.memory.buffer, room, said.length).set(said);
    let length = 0;
    try {
      length = exports.ask();
    } catch (stopped) {
      return { error: `the engine stopped: ${reason || stopped}`, fatal: true };
    }
    return JSON.parse(text(exports.answered(), length));
  };
}
