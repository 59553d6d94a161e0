/** Names of files that are taken in. */

const KINDS = /\.(jpe?g|png|webp|bmp|tiff?)$/i;

/** Whether a file looks like a picture that the server reads; it looks into the file itself. */
export function looksLikePicture(file: { name: string; type: string }): boolean {
  return /^image\/(jpeg|png|webp|bmp|x-ms-bmp|tiff)$/.test(file.type) || KINDS.test(file.name);
}

/** Another name for a file whose name is taken: "cat.jpg", "cat (2).jpg", "cat (3).jpg". */
export function anotherName(name: string): string {
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  const counted = /^(.*) \((\d{1,6})\)$/s.exec(stem);
  return counted ? `${counted[1]} (${Number(counted[2]) + 1})${ending}` : `${stem} (2)${ending}`;
}
