// The names in the first line of a CSV file: commas, double quotes, a byte order mark, any line end.

export function parseHeader(text) {
  const names = [];
  let name = "";
  let quoted = false;
  let index = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (; index < text.length; index += 1) {
    const character = text[index];
    if (quoted) {
      if (character !== '"') name += character;
      else if (text[index + 1] === '"') { name += '"'; index += 1; }
      else quoted = false;
    } else if (character === '"') {
      quoted = true;
    } else if (character === ",") {
      names.push(name);
      name = "";
    } else if (character === "\n" || character === "\r") {
      break;
    } else {
      name += character;
    }
  }
  names.push(name);
  if (names.length === 1 && names[0] === "") throw new Error("The file has no header line.");
  return names;
}
