/** The page of web/ as its users see it: what they click and read, in any browser. */
import assert from "node:assert/strict";
import type { Page } from "./browsers.ts";

const PATIENCE = 60_000;

/** Waits until an expression of the page is true. */
export async function until(page: Page, condition: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await page.evaluate(`Boolean(${condition})`).catch(() => false))) {
    if (Date.now() > end)
      throw new Error(
        `${condition} does not come true: ${await page.evaluate("document.querySelector('.notices').innerText")}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const all = (selector: string) => `document.querySelectorAll(${JSON.stringify(selector)})`;

export const count = (page: Page, selector: string) => page.evaluate<number>(`${all(selector)}.length`);
export const textOf = (page: Page, selector: string) =>
  page.evaluate<string>(`document.querySelector(${JSON.stringify(selector)}).textContent`);

export async function click(page: Page, selector: string, index = 0): Promise<void> {
  await until(page, `${all(selector)}[${index}] && !${all(selector)}[${index}].disabled`);
  await page.evaluate(`${all(selector)}[${index}].click()`);
}

/** Writes into a field as a user does: the page hears of it. */
export function fill(page: Page, selector: string, value: string): Promise<unknown> {
  return page.evaluate(`(() => {
    const field = document.querySelector(${JSON.stringify(selector)});
    const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
    set.call(field, ${JSON.stringify(value)});
    field.dispatchEvent(new Event("input", { bubbles: true }));
  })()`);
}

export async function open(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await until(page, `document.querySelector("[data-ready=true]")`);
}

/** Waits until the text that is being made is there. */
export async function made(page: Page): Promise<void> {
  await until(page, `document.querySelector(".go") && ${all(".token")}.length > 0`);
}

export async function write(page: Page, text: string): Promise<string> {
  await fill(page, ".writing textarea", text);
  await click(page, ".go");
  await made(page);
  return textOf(page, "#text");
}

/** A number that changes when the picture does. */
export const PICTURE = `(() => {
  const canvas = document.querySelector(".picture canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 0);
})()`;

/** Chooses in a select. */
export async function choose(page: Page, selector: string, value: string): Promise<void> {
  await page.evaluate(`(() => {
    const field = document.querySelector(${JSON.stringify(selector)});
    field.value = ${JSON.stringify(value)};
    field.dispatchEvent(new Event("change", { bubbles: true }));
  })()`);
}

/** Tokens of a text: enough for three groups of them. */
const LENGTH = "72";

/** Writes, goes back, forks at a token, looks inside, chats. @param layers of the open model */
export async function useAll(page: Page, layers: number): Promise<void> {
  await fill(page, "#seed", "7");
  await fill(page, "#length", LENGTH);
  const first = await write(page, "Once upon a time");
  assert.ok((await count(page, ".token")) > 50, first);

  await fill(page, "#seed", "8");
  await click(page, ".tools button", 2); // another version
  await made(page);
  assert.notEqual(await textOf(page, "#text"), first);
  assert.equal(await count(page, ".branch"), 3);
  await click(page, ".branch", 1);
  assert.equal(await textOf(page, "#text"), first, "going back gives the text that was there");
  await click(page, ".tools button", 0); // undo
  await until(page, `${all(".token")}.length === 0`);
  await click(page, ".tools button", 1); // redo
  await until(page, `${all(".token")}.length > 0`);

  await page.evaluate(`${all(".token")}[10].click()`);
  await click(page, "#tab-probabilities");
  await until(page, `${all("#inside-panel .alternatives button")}.length === 8`);
  await click(page, "#inside-panel .alternatives button:not([aria-current])", 1);
  await until(page, `${all(".branch")}.length === 4 && document.querySelector(".go")`);

  await click(page, "#tab-state");
  await until(page, `document.querySelector(".picture canvas")?.width > 10`);
  const end = await page.evaluate(PICTURE);
  await fill(page, "#moment", "3");
  await until(page, `${PICTURE} !== ${end}`);
  await click(page, ".buttons button"); // subtract this moment: nothing is left
  const nothing = await page.evaluate(PICTURE);
  await fill(page, "#moment", "20");
  await until(page, `${PICTURE} !== ${nothing}`);
  await click(page, ".head-facts button");
  await until(page, `document.querySelector(".head-facts .warn")`);
  await click(page, ".head-facts .warn button");

  await click(page, "#tab-lens");
  await until(page, `${all(".lens tbody tr")}.length === ${layers + 1}`);
  await click(page, "#tab-charts");
  await until(page, `document.querySelector(".chart canvas")`);

  await click(page, ".modes button", 1);
  await write(page, "Who is the king?");
  assert.equal(await count(page, ".chat .piece"), 2);
  await click(page, ".modes button", 0);
  await until(page, `${all(".branch")}.length === 4`);
}

/** Opens the models' dialog and starts loading from an address. */
export async function fillAddress(page: Page, address: string): Promise<void> {
  await click(page, ".model-button");
  await fill(page, "#address", address);
  await click(page, ".address button");
}

export async function openAddress(page: Page, address: string, name: string): Promise<void> {
  await fillAddress(page, address);
  await opensAs(page, name);
}

/** Waits until a model is open, by the name that the page shows. */
export async function opensAs(page: Page, name: string): Promise<void> {
  const isOpen = `document.querySelector(".model-name").textContent === ${JSON.stringify(name)}`;
  await until(page, `${isOpen} && !document.querySelector(".loading")`);
}

/** Drops files of the page's own site on the page. @param files their names, and where they are */
export function drop(page: Page, files: Readonly<Record<string, string>>): Promise<unknown> {
  return page.evaluate(`(async () => {
    const dataTransfer = new DataTransfer();
    for (const [name, path] of Object.entries(${JSON.stringify(files)}))
      dataTransfer.items.add(new File([await (await fetch(path)).arrayBuffer()], name));
    dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  })()`);
}
