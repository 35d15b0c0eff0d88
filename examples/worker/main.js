// npm install wkv, and serve this folder; examples/browser/serve.mjs sends the headers of threads.
const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const answer = document.querySelector("#answer");

worker.onmessage = ({ data: { text, threads } }) => {
  if (text) answer.append(text);
  if (threads) document.title = `${threads} threads`;
};
worker.onerror = ({ message }) => answer.append(message);
worker.postMessage([{ role: "user", content: "The key is in the well. Rosa is a miller.\nWhere is the key?" }]);
