// A worker: takes requests, tells progress, gives answers. `engine.js` stands before it in one file.
"use strict";

let engine = null;

onmessage = async (event) => {
  const { wasm, request } = event.data;
  if (wasm) {
    engine = await loadEngine(wasm, (part) => postMessage({ part }));
    return postMessage({ ready: true });
  }
  return postMessage({ answer: engine(request) });
};
