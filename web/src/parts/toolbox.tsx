import { useSignal } from "@preact/signals";
import { t } from "../strings/index.ts";
import {
  type Field,
  NEW_TOOL,
  type Property,
  propertiesOf,
  schemaOf,
  TOOL_CHOICES,
  type ToolDraft,
  toolChoice,
  tools,
} from "../tools.ts";

/** The functions that the model may call. */
export function Toolbox() {
  const set = (i: number, change: Partial<ToolDraft>) =>
    (tools.value = tools.value.with(i, { ...tools.value[i]!, ...change }));
  return (
    <details class="toolbox" open={tools.value.length > 0}>
      <summary>{t("tools")}</summary>
      <p class="hint">{t("toolsHint")}</p>
      {tools.value.map(({ name, description, parameters }, i) => (
        <fieldset key={i}>
          <legend>{name || t("tool")}</legend>
          <Text id={`tool-${i}`} label={t("toolName")} value={name} set={(name) => set(i, { name })} />
          <Text
            id={`tool-text-${i}`}
            label={t("toolDescription")}
            value={description}
            set={(description) => set(i, { description })}
          />
          <SchemaForm label={t("toolParameters")} value={parameters} set={(parameters) => set(i, { parameters })} />
          <button type="button" class="quiet" onClick={() => (tools.value = tools.value.toSpliced(i, 1))}>
            {t("remove")}
          </button>
        </fieldset>
      ))}
      {tools.value.length > 0 && <Choice />}
      <button type="button" class="add-tool" onClick={() => (tools.value = [...tools.value, NEW_TOOL])}>
        {t("toolAdd")}
      </button>
    </details>
  );
}

function Choice() {
  return (
    <p class="field">
      <label for="tool-choice">{t("toolChoice")}</label>
      <select
        id="tool-choice"
        value={toolChoice}
        onChange={({ currentTarget: { value } }) => {
          toolChoice.value = value as typeof toolChoice.value;
        }}
      >
        {TOOL_CHOICES.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </p>
  );
}

interface TextProps {
  id: string;
  label: string;
  value: string;
  set: (value: string) => void;
}

function Text({ id, label, value, set }: TextProps) {
  return (
    <p class="field">
      <label for={id}>{label}</label>
      <input id={id} dir="auto" value={value} onInput={({ currentTarget }) => set(currentTarget.value)} />
    </p>
  );
}

const FIELDS: readonly Field[] = ["string", "number", "integer", "boolean", "choice"];

/** A JSON schema as a list of properties, and as its text. */
export function SchemaForm({ label, value, set }: { label: string; value: string; set: (value: string) => void }) {
  const properties = propertiesOf(value);
  return (
    <>
      {properties && <Properties properties={properties} set={(next) => set(schemaOf(next))} />}
      <textarea
        class="form-text"
        rows={4}
        spellcheck={false}
        aria-label={label}
        aria-invalid={!isJson(value)}
        value={value}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
    </>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function Properties({ properties, set }: { properties: readonly Property[]; set: (next: Property[]) => void }) {
  const name = useSignal("");
  const field = useSignal<Field>("string");
  const add = () => {
    if (!name.value || properties.some((property) => property.name === name.value)) return;
    const choices = field.value === "choice" ? ["yes", "no"] : [];
    set([...properties, { name: name.value, field: field.value, choices, required: true }]);
    name.value = "";
  };
  return (
    <ul class="properties">
      {properties.map((property, i) => (
        <li key={property.name}>
          <code>{property.name}</code>
          <span class="muted">{property.choices.join(" | ") || property.field}</span>
          <label>
            <input
              type="checkbox"
              checked={property.required}
              onChange={({ currentTarget: { checked } }) => set(properties.with(i, { ...property, required: checked }))}
            />
            {t("required")}
          </label>
          <button
            type="button"
            class="quiet"
            aria-label={`${t("remove")}: ${property.name}`}
            onClick={() => set(properties.toSpliced(i, 1))}
          >
            ×
          </button>
        </li>
      ))}
      <li>
        <input
          aria-label={t("propertyName")}
          placeholder={t("propertyName")}
          value={name}
          onInput={({ currentTarget: { value } }) => (name.value = value)}
        />
        <select
          aria-label={t("propertyType")}
          value={field}
          onChange={({ currentTarget: { value } }) => {
            field.value = value as Field;
          }}
        >
          {FIELDS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <button type="button" disabled={!name.value} onClick={add}>
          {t("add")}
        </button>
      </li>
    </ul>
  );
}
