import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type CachedModel, cachedModels, deleteCachedModel } from "wkv";
import { BOX, RECOMMENDED } from "../bundled.ts";
import { memoryLimit, openAddress, openBundled, opened, openFiles, shortName, type Weights } from "../model.ts";
import { size, t } from "../strings/index.ts";
import { threadsText } from "./header.tsx";

export const showModels = signal(false);

const weights = signal<Weights>("int8");

/** What 32-bit WebAssembly has, where the device says of no less. */
const MOST = 2 ** 32;

export function Models() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const close = () => (showModels.value = false);
  const open = (work: Promise<void>) => {
    close();
    void work;
  };
  return (
    <dialog class="models" ref={dialog} aria-labelledby="models-title" onClose={close} {...{ closedby: "any" }}>
      <div class="dialog-head">
        <h2 id="models-title">{t("models")}</h2>
        <button type="button" class="quiet" onClick={close}>
          {t("close")}
        </button>
      </div>
      <Present />
      <section>
        <Row
          name={BOX.name}
          facts={t("box", { size: size(BOX.bytes) })}
          action={t("open")}
          act={() => open(openBundled(weights.value))}
        />
      </section>
      <section>
        <h3>{t("fileOrDrop")}</h3>
        <p class="muted">{t("fileKinds")}</p>
        <label class="button">
          {t("chooseFile")}
          <input
            type="file"
            multiple
            class="visually-hidden"
            onChange={({ currentTarget: { files } }) => files?.[0] && open(openFiles(files, weights.value))}
          />
        </label>
      </section>
      <AddressForm open={(address) => open(openAddress(address, weights.value))} />
      <section>
        <h3>{t("recommended")}</h3>
        {RECOMMENDED.map(({ name, address, bytes, memory }) => {
          const fits = t(memory < (memoryLimit() ?? MOST) ? "fits" : "tooLarge");
          const facts = t("needs", { download: size(bytes), memory: size(memory) });
          return (
            <Row
              key={name}
              name={name}
              facts={[facts, fits].filter(Boolean).join(" · ")}
              action={t("download")}
              act={() => open(openAddress(address, weights.value))}
            />
          );
        })}
      </section>
      <Kept open={(address) => open(openAddress(address, weights.value))} />
    </dialog>
  );
}

function Present() {
  const now = opened.value;
  if (!now) return null;
  const { version, layers, width, weights, bytes, threads, singleThreadReason } = now.model.info;
  return (
    <section class="present">
      <p>
        <b>{now.name}</b> <span class="muted">{t("opened")}</span>
      </p>
      <p class="muted">
        {[t("layersWidth", { version, layers, width }), `${weights}, ${size(bytes)}`, threadsText(threads)].join(" · ")}
      </p>
      {singleThreadReason && <p class="warn">{t("oneThreadWhy", { reason: singleThreadReason })}</p>}
      <p class="field">
        <label for="weights">{t("weights")}</label>
        <select
          id="weights"
          value={weights}
          onChange={({ currentTarget: { value } }) => {
            setWeights(value as Weights);
          }}
        >
          <option value="int8">{t("weightsInt8")}</option>
          <option value="int4">{t("weightsInt4")}</option>
          <option value="f32">{t("weightsF32")}</option>
        </select>
      </p>
    </section>
  );
}

function setWeights(value: Weights): void {
  weights.value = value;
}

function AddressForm({ open }: { open: (address: string) => void }) {
  const address = useSignal("");
  return (
    <section>
      <form
        class="address"
        onSubmit={(event) => {
          event.preventDefault();
          if (address.value.trim()) open(address.value.trim());
        }}
      >
        <label for="address">{t("address")}</label>
        <input
          id="address"
          placeholder={t("addressHint")}
          autocomplete="off"
          spellcheck={false}
          value={address}
          onInput={({ currentTarget: { value } }) => (address.value = value)}
        />
        <button type="submit">{t("download")}</button>
      </form>
    </section>
  );
}

function Kept({ open }: { open: (address: string) => void }) {
  const list = useSignal<readonly CachedModel[]>([]);
  const refresh = async () => {
    list.value = (await cachedModels()).filter(({ address }) => address !== BOX.address);
  };
  useEffect(() => {
    void refresh();
  }, []);
  return (
    <section>
      <h3>{t("kept")}</h3>
      {list.value.length === 0 && <p class="muted">{t("keptNone")}</p>}
      {list.value.map(({ address, bytes, whole }) => (
        <Row
          key={address}
          name={shortName(address)}
          facts={[size(bytes), !whole && t("unfinished")].filter(Boolean).join(" · ")}
          action={t("open")}
          act={() => open(address)}
          remove={async () => {
            await deleteCachedModel(address);
            await refresh();
          }}
        />
      ))}
    </section>
  );
}

interface RowProps {
  name: string;
  facts: string;
  action: string;
  act: () => void;
  remove?: () => void;
}

function Row({ name, facts, action, act, remove }: RowProps) {
  return (
    <div class="row">
      <span class="grow">
        <b>{name}</b>
        <br />
        <span class="muted">{facts}</span>
      </span>
      {remove && (
        <button type="button" class="quiet" aria-label={`${t("remove")}: ${name}`} onClick={remove}>
          {t("remove")}
        </button>
      )}
      <button type="button" aria-label={`${action}: ${name}`} onClick={act}>
        {action}
      </button>
    </div>
  );
}
