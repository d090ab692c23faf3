// A worker: receives requests, reports progress, returns answers. `engine.js` precedes it in the same file.
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
