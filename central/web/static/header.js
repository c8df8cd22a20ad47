// The names in the header of a file, as the gate will find them: encoding, separator, lines without values, blanks around names.

const SEPARATORS = [",", ";", "\t", "|"];

export function decodeHead(bytes) {
  const zeros = [0, 0];
  bytes.forEach((byte, place) => { if (byte === 0) zeros[place % 2] += 1; });
  const half = bytes.length / 2;
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (zeros[0] * 2 < zeros[1] && zeros[1] > half / 4)) return new TextDecoder("utf-16le").decode(bytes);
  if ((bytes[0] === 0xfe && bytes[1] === 0xff) || (zeros[1] * 2 < zeros[0] && zeros[0] > half / 4)) return new TextDecoder("utf-16be").decode(bytes);
  try {
    // As a stream: the head may end within a letter.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

export function parseHeader(text) {
  const start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const named = /^"?sep=([,;\t|])"?[ \t]*(?:\r\n|\r|\n|$)/i.exec(text.slice(start));
  const head = text.slice(start + (named ? named[0].length : 0));
  const separator = named ? named[1] : findSeparator(head);
  const header = records(head, separator).find((cells) => cells.some((cell) => cell.trim() !== ""));
  if (!header) throw new Error("The file has no header line.");
  const names = header.map((name) => name.trim().normalize("NFC"));
  while (names.length > 1 && names[names.length - 1] === "") names.pop();
  // Row names, as R writes them, have no name.
  if (names.length > 1 && names[0] === "") names.shift();
  return names;
}

// The separator by which the lines have as many cells as the header; of several such the one that makes most cells, commas first.
function findSeparator(text) {
  let best = ",", bestShare = 0, bestCells = 1;
  for (const separator of SEPARATORS) {
    const lines = records(text, separator).filter((cells) => cells.some((cell) => cell.replace(/[ \t,;|]/g, "") !== ""));
    if (lines.length === 0 || lines[0].length < 2) continue;
    const share = lines.filter((cells) => cells.length === lines[0].length).length / lines.length;
    if (share > bestShare || (share === bestShare && lines[0].length > bestCells)) {
      [best, bestShare, bestCells] = [separator, share, lines[0].length];
    }
  }
  return best;
}

function records(text, separator) {
  const found = [];
  let cells = [], cell = "", quoted = false;
  const end = () => { cells.push(cell); found.push(cells); cells = []; cell = ""; };
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[index + 1] === '"') { cell += '"'; index += 1; }
      else quoted = false;
    } else if (character === '"') {
      quoted = true;
    } else if (character === separator) {
      cells.push(cell);
      cell = "";
    } else if (character === "\n" || character === "\r") {
      if (character === "\r" && text[index + 1] === "\n") index += 1;
      end();
    } else {
      cell += character;
    }
  }
  // A last line may be cut: it is looked at only when there is no other.
  if (found.length === 0) end();
  return found;
}
