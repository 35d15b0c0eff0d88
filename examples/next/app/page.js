"use client";
import { useState } from "react";
import { loadModel } from "wkv";
import { chat } from "wkv/chat";

const QUESTION = "The key is in the well. Rosa is a miller.\nWhere is the key?";
let model;

/** Answers in the page, with a model that is loaded at the first question. */
async function* answerHere(messages) {
  model ??= loadModel("/box.gguf");
  for await (const { text } of chat(await model, messages, { maxTokens: 100, temperature: 0 })) yield text;
}

/** Asks the route handler. */
async function* answerThere(messages) {
  const { body } = await fetch("/chat", { method: "POST", body: JSON.stringify({ messages }) });
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
}

export default function Page() {
  const [question, setQuestion] = useState(QUESTION);
  const [answer, setAnswer] = useState("");
  async function ask(answers) {
    setAnswer("");
    for await (const text of answers([{ role: "user", content: question }])) setAnswer((before) => before + text);
  }
  return (
    <main>
      <textarea value={question} onChange={({ target }) => setQuestion(target.value)} />
      <button type="button" id="here" onClick={() => ask(answerHere)}>In this page</button>
      <button type="button" id="there" onClick={() => ask(answerThere)}>On the server</button>
      <p id="answer">{answer}</p>
    </main>
  );
}
