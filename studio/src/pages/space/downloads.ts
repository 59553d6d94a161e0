/** Files for whoever sits here. */

/** The file's name in a Content-Disposition header, without anything that could be a folder; empty without one. */
export function nameIn(disposition: string | null): string {
  const extended = /filename\*=utf-8''([^;]+)/i.exec(disposition ?? "")?.[1];
  const plain = /filename="((?:[^"\\]|\\.)*)"/i.exec(disposition ?? "")?.[1]?.replace(/\\(.)/g, "$1");
  const name = (extended ? decoded(extended) : plain) ?? "";
  return name.replace(/[/\\\0]/g, "_");
}

export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
