/**
 * What the vocabulary beside a model file may be called. Formats are told by contents, so `vocab.txt` may be a World
 * vocabulary as well as symbols. In this order:
 *
 * 1. `MODEL.vocab.txt` for `MODEL.pth` and the like: made for this model
 * 2. `vocab.txt`: made for the models of this folder
 * 3. `rwkv_vocab_v20230424.txt`, `rwkv_vocab_v20230424.json`: World as published
 * 4. `tokenizer.json`, `20B_tokenizer.json`: Hugging Face's format, as published
 *
 * @param model path or name of the model file
 */
export function vocabularyNames(model: string): string[] {
  const name = model.slice(Math.max(model.lastIndexOf("/"), model.lastIndexOf("\\")) + 1);
  return [
    `${name.replace(/(?<=.)\.[^.]*$/, "")}.vocab.txt`,
    "vocab.txt",
    "rwkv_vocab_v20230424.txt",
    "rwkv_vocab_v20230424.json",
    "tokenizer.json",
    "20B_tokenizer.json",
  ];
}
