// The worker that holds the graph: mono samples in, everything that the graph gives out.

import * as ort from "./ort.js";
import { resample } from "./resample.js";

ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
ort.env.wasm.wasmPaths = { wasm: new URL("./ort.wasm", import.meta.url).href };
const opened = ort.InferenceSession.create(new URL("./model.onnx", import.meta.url).href, { executionProviders: ["wasm"] });
opened.catch(() => {}); // said to whoever asks

async function run(work) {
  const session = await opened;
  if (!work) return {};
  const samples = resample(work.samples, work);
  let peak = 0;
  for (const one of samples) peak = Math.abs(one) <= peak ? peak : Math.abs(one); // NaN is kept
  const found = await session.run({ audio: new ort.Tensor("float32", samples, [samples.length]) });
  return { peak, ...Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, data])) };
}

onmessage = async ({ data: { id, work } }) => {
  try {
    postMessage({ id, found: await run(work) });
  } catch (error) {
    postMessage({ id, error: String(error.message ?? error) });
  }
};
