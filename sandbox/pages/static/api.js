// One way to call the API from a page: JSON in, JSON out, errors as Failure. Also says what happened, to eyes and screen readers alike.

export class Failure extends Error {
  constructor(status, body) {
    super(body.sentence || `The server answered with status ${status}.`);
    this.status = status;
    this.remedy = body.remedy || "";
    this.code = body.code || "";
    this.findings = body.findings || [];
  }
}

export async function call(method, path, body) {
  const options = { method, headers: { Accept: "application/json" } };
  if (body instanceof FormData) {
    options.body = body;
  } else if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Failure(0, { sentence: "The server does not answer.", remedy: "Check that it is running and try again." });
  }
  return read(response.status, await response.text());
}

export function read(status, text) {
  let body = {};
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    body = { sentence: `The server answered with status ${status}.` };
  }
  if (status < 200 || status > 299) throw new Failure(status, body);
  return body;
}

export function showFailure(error) {
  const box = document.getElementById("alert");
  const notice = element("div", { className: "notice stop" });
  notice.append(element("p", { textContent: `${error.message} ${error.remedy ?? ""}` }));
  if (error.findings?.length) {
    const list = element("ul");
    for (const finding of error.findings) list.append(element("li", { textContent: sentenceOf(finding) }));
    notice.append(list);
  }
  box.replaceChildren(notice);
  box.scrollIntoView({ block: "nearest" });
}

export function clearFailure() {
  document.getElementById("alert").replaceChildren();
}

export function say(text) {
  document.getElementById("status").textContent = text;
}

export function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

function sentenceOf(finding) {
  const where = finding.module && finding.line ? `${finding.module}, line ${finding.line}: ` : finding.line ? `line ${finding.line}: ` : "";
  return where + (finding.sentence || finding.message || finding.code || "");
}
