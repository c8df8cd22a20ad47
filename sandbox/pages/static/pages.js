// What every page can do, declared in the HTML:
//   <form data-api="POST /api/things" data-next="/things">    sends its fields as JSON (or as multipart with data-multipart), then goes on
//   data-done="text" beside data-api                          says so in place of the form instead of going on
//   <button data-api="POST /api/things/1/start">              calls, then draws the page anew or follows data-next; data-confirm asks first
//   <form data-upload="/api/jobs/1/data">                     PUTs the chosen file as it is, with a progress bar
//   <div data-live="/jobs/1/live" data-seconds="2">           is replaced by the server's fragment whenever that changes
import { call, clearFailure, element, read, say, showFailure, Failure } from "./api.js";

function fieldsOf(form) {
  const fields = {};
  for (const input of form.elements) {
    if (!input.name || input.disabled) continue;
    if (input.type === "checkbox") {
      if (input.dataset.list === undefined) fields[input.name] = input.checked;
      else (fields[input.name] ??= []).push(...(input.checked ? [input.value] : []));
    } else if (input.type === "number") {
      if (input.value !== "") fields[input.name] = Number(input.value);
    } else if (input.type !== "file" && input.type !== "submit") {
      fields[input.name] = input.value;
    }
  }
  return fields;
}

function goOn(target, answer) {
  if (target.dataset.done) return showDone(target, target.dataset.done);
  const next = target.dataset.next;
  if (!next) return drawAnew();
  return location.assign(next.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(answer[key])));
}

// The page as it is now at the server, in place: what a person has chosen or is being told outlasts it, which location.reload() would not keep.
async function drawAnew() {
  let response;
  try {
    response = await fetch(location.href, { headers: { Accept: "text/html" } });
  } catch {
    return location.reload();
  }
  if (!response.ok || response.redirected) return location.reload();
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const main = document.getElementById("main");
  const fresh = document.adoptNode(page.getElementById("main"));
  const focused = main.contains(document.activeElement) ? document.activeElement.id : "";
  const chosen = [...main.querySelectorAll("input[type=file][id]")].filter((input) => input.files.length);
  for (const kept of [document.getElementById("alert"), document.getElementById("status"), ...chosen]) {
    fresh.querySelector(`#${CSS.escape(kept.id)}`)?.replaceWith(kept);
  }
  main.replaceChildren(...fresh.childNodes);
  document.title = page.title;
  if (focused) document.getElementById(focused)?.focus();
  return keepAllAlive();
}

function showDone(target, text) {
  const notice = element("p", { className: "notice good", textContent: text, tabIndex: -1 });
  target.replaceWith(notice);
  notice.focus();
}

async function run(target, body) {
  const [method, path] = target.dataset.api.split(" ");
  const button = target.matches("button") ? target : target.querySelector("button[type=submit]");
  clearFailure();
  if (button) button.disabled = true;
  try {
    await goOn(target, await call(method, path, body));
  } catch (error) {
    showFailure(error);
  } finally {
    if (button) button.disabled = false;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.api) {
    event.preventDefault();
    run(form, form.dataset.multipart === undefined ? fieldsOf(form) : new FormData(form));
  } else if (form.dataset.upload) {
    event.preventDefault();
    upload(form);
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-api]");
  if (!button || (button.dataset.confirm && !confirm(button.dataset.confirm))) return;
  run(button, button.dataset.body ? JSON.parse(button.dataset.body) : undefined);
});

function upload(form) {
  const input = form.querySelector("input[type=file]");
  const file = input.files[0];
  if (!file) return;
  const button = form.querySelector("button[type=submit]");
  const bar = element("progress", { max: file.size || 1, value: 0 });
  bar.setAttribute("aria-label", "Upload");
  clearFailure();
  button.disabled = true;
  form.append(bar);
  // fetch cannot report how much of a body was sent.
  const request = new XMLHttpRequest();
  request.open("PUT", form.dataset.upload);
  request.setRequestHeader("Content-Type", "text/csv");
  request.upload.onprogress = (event) => { bar.value = event.loaded; };
  request.onerror = () => end(new Failure(0, { sentence: "The upload was interrupted.", remedy: "Try again." }));
  request.onload = () => {
    try {
      read(request.status, request.responseText);
      input.value = "";
      drawAnew();
    } catch (error) {
      end(error);
    }
  };
  const end = (error) => {
    bar.remove();
    button.disabled = false;
    showFailure(error);
  };
  request.send(file);
}

function keepAlive(region) {
  let last = region.innerHTML;
  let state = region.dataset.state;
  const refresh = async () => {
    if (!region.isConnected) return undefined;
    try {
      const response = await fetch(region.dataset.live, { headers: { Accept: "text/html" } });
      if (response.status === 401) return location.assign("/sign-in");
      const html = await response.text();
      if (response.ok && html !== last) {
        const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
        // The fragment comes from our own server, which escapes every value.
        region.innerHTML = html;
        last = html;
        if (focused) document.getElementById(focused)?.focus();
      }
      const now = response.headers.get("X-State");
      if (now && state && now !== state) {
        say(`The job is ${now}.`);
        return drawAnew();
      }
      state = now ?? state;
    } catch {
      // The server is away; the next turn finds out whether it is back.
    }
    return setTimeout(refresh, 1000 * (Number(region.dataset.seconds) || 2));
  };
  setTimeout(refresh, 1000);
}

function keepAllAlive() {
  for (const region of document.querySelectorAll("[data-live]")) keepAlive(region);
}

keepAllAlive();
