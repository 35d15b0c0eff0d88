/** Templates that are made to hang or to fill the memory end soon with the reason, and honest ones are what they were. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { type ChatMessage, jinjaTemplate } from "wkv/chat";

const grow = (start: string, times: number, how = "ns.v + ns.v") =>
  `{% set ns = namespace(v=${start}) %}{% for i in range(${times}) %}{% set ns.v = ${how} %}{% endfor %}`;
const often = (inside: string) => `{% for i in range(10000) %}${inside}{% endfor %}`;
const LONG = grow("'xx'", 15);
const ITEMS = grow("['b', 'a']", 17);

const HOSTILE: readonly [reason: RegExp, ...sources: string[]][] = [
  [
    /it takes too long/,
    often(often(often(""))),
    often(often("x")),
    often(often("{{ nothing }}")),
    often(often("{% if true %}{% continue %}{% endif %}")),
    "{% for i in range(10000) if i in range(10000) %}{% endfor %}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(30) }}",
    `{% set v = 1 %}{% macro f(n) %}{% if n %}{{ f(n - 1) }}{% else %}${often(often("{{ v }}"))}{% endif %}{% endmacro %}{{ f(40) }}`,
    often(`{% macro f() %}${"{{ 1 }}".repeat(8000)}{% endmacro %}`),
    grow("'xx'", 18) + often("{{ ns.v|upper|length }}"),
    grow("'xx'", 18) + often("{{ 'y' in ns.v }}"),
    grow("'x '", 18) + often("{{ ns.v.split()|length }}"),
    grow("'x '", 18) + often("{{ ns.v.replace('', '')|length }}"),
    ...[
      "{{ ns.v }}",
      "{{ ns.v ~ 'x' }}",
      "{{ ns.v|sort|length }}",
      "{{ ns.v|unique|length }}",
      "{{ 'c' in ns.v }}",
    ].map((inside) => ITEMS + often(inside)),
    `{% macro f() %}{{ varargs|length }}{% endmacro %}${ITEMS}${often("{{ f(*ns.v) }}")}`,
  ],
  [
    /it makes a value of more than 2000000 characters/,
    `${grow("'x'", 100)}{{ ns.v }}`,
    `${grow("'x'", 100, "ns.v ~ ns.v")}{{ ns.v }}`,
    `${grow("[1]", 60, "[ns.v, ns.v]")}{{ ns.v }}`,
    `${grow("'x'", 17)}${often("{{ ns.v }}").replace("10000", "100")}`,
  ],
  [
    /it makes texts that are too long/,
    `${LONG}{{ ns.v.replace('x', ns.v) }}`,
    `${LONG}{{ ns.v['repl' ~ 'ace']('x', ns.v) }}`,
    `${LONG}{{ ns.v|replace('x', ns.v) }}`,
    `${LONG}{% filter replace('x', ns.v) %}{{ ns.v }}{% endfilter %}`,
    `${LONG}{{ range(9000)|join(ns.v) }}`,
    `${LONG}{{ range(9000)|join(separator=ns.v) }}`,
    `${LONG}{{ range(9000)|join(*[ns.v]) }}`,
    "{{ 'x\ny'|indent(100000000) }}",
    "{{ range(9000)|tojson(indent=100000) }}",
  ],
  [
    /it keeps a method as a value/,
    `${LONG}{% set f = ns.v.replace %}{{ f('x', ns.v) }}`,
    "{{ (''.split if 1 else 1)('') }}",
  ],
  [/its values are nested too deeply/, `${grow("[1]", 5000, "[ns.v]")}{{ ns.v|tojson(indent=100) }}`],
  [
    /it puts a namespace into a value/,
    "{% set a = namespace() %}{% set b = [a, a] %}",
    "{% set a = namespace() %}{% set a.x = a %}{{ a }}",
  ],
  [
    /it is nested too deeply/,
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
  ],
  [/it has 1000 blanks in a row/, `{{ x${" ".repeat(100_000)}`, `{%- if 1 -%}${" \n".repeat(50_000)}{%- endif -%}`],
  [
    /more than 10000 numbers/,
    "{% for i in range(10 ** 9) %}{% endfor %}",
    "{{ range(0, 10, 0) }}",
    "{{ range(1 // 0) }}",
  ],
  [
    /cannot be used/,
    `{{ ${"(".repeat(60_000)}1${")".repeat(60_000)} }}`,
    "{% if 1 %}".repeat(6000) + "{% endif %}".repeat(6000),
    `{{ ${"not ".repeat(30_000)}1 }}`,
    `{{ ${"[".repeat(60_000)}`,
    ...["{{", "{%", "{#", "{{ '\\'"].map((mark) => mark.repeat(20_000)),
  ],
]; // prettier-ignore

for (const [message, ...sources] of HOSTILE)
  test(`${message.source}: ${sources.length} templates`, async () => {
    for (const source of sources)
      await assert.rejects(jinjaTemplate(source), { code: "bad-file", message }, source.slice(0, 200));
  });

test("the reason says what to do", async () => {
  await assert.rejects(jinjaTemplate(often(often("x")), "the chat template of evil.gguf"), {
    message:
      'the chat template of evil.gguf cannot be used (it takes too long): name another as "template", such as "world".',
  });
});

test("long texts between messages take no time", async () => {
  for (const text of ["a", " ", "\n", "a:", ": ", "a\n"]) {
    const between = `{% for i in range(1000) %}{{ ${JSON.stringify(text.repeat(100))} }}{% endfor %}`;
    const start = performance.now();
    for (const end of ["", ":"]) {
      const template = await jinjaTemplate(`{% for m in messages %}${between}${end}{{ m.content }}{% endfor %}`);
      assert.ok(template.prompt([{ role: "user", content: `${text.repeat(10000)}:` }]).history.length > 100_000);
    }
    assert.ok(performance.now() - start < 5000, JSON.stringify(text));
  }
});

/** In the manner of those that models come with: tools, thoughts, a look back through all messages. */
const HONEST = `{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is defined and message.reasoning_content is not none %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in message.content %}
                {%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}
                {%- set reasoning_content = message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}`;

test("an honest template over 1,000 messages gives what the library gives", async () => {
  const messages = Array.from({ length: 1000 }, (_, i) => ({
    role: (["user", "assistant", "tool"] as const)[i % 3]!,
    content: `${i % 7 ? "" : "<think>Hm.</think>"}${"words and more ".repeat(i % 50)}${i}`,
  })) satisfies ChatMessage[];
  const tools = [{ type: "function", function: { name: "now", parameters: { type: "object" } } }] as const;
  const { history, opening } = (await jinjaTemplate(HONEST)).prompt([...messages, { role: "user", content: "And?" }], {
    tools,
  });
  const environment = new Environment();
  const items = { messages: [...messages, { role: "user", content: "And?" }], tools, add_generation_prompt: true };
  for (const [name, value] of Object.entries({ ...items, true: true, false: false, none: null }))
    environment.set(name, value);
  const plain = new Interpreter(environment).run(parse(tokenize(HONEST, { lstrip_blocks: true, trim_blocks: true })));
  assert.equal(history + opening, plain.value);
  assert.ok(history.length > 100_000);
});
