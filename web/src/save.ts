/** Hands a file to the user. */
export function saveAs(name: string, content: Blob | string | Uint8Array<ArrayBuffer>, type = "text/plain"): void {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function saveCanvas(name: string, canvas: HTMLCanvasElement): void {
  canvas.toBlob((blob) => blob && saveAs(name, blob));
}
