const TRIES = 5;
const KINDS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"};
const megapixels = (pixels) => Math.floor(pixels / 1e5) / 10;
let about = null;       // what /v1/model says
let items = [];         // what was brought: {file, state, note, before, after, facts, name}
let shown = null;       // the item on the stage
let led = false;        // whether someone chose what is on the stage
let work = null;        // AbortController of the items in work

// ---- what the server is

function authorization() {
  const token = sessionStorage.getItem("token");
  return token ? {Authorization: `Bearer ${token}`} : {};
}

async function introduce() {
  const response = await fetch("v1/model", {headers: authorization()});
  if (!response.ok) throw refusal(response.status, await response.text(), response.headers.get("Retry-After"));
  about = await response.json();
  const {model, limits, problem} = about;
  if (!model) return;
  const name = model.name ? `${model.name}, version ${model.version}` : model.uri.replace(/^models:\//, "");
  const made = model.crafted_for ? `; made for ${model.crafted_for}` : "";
  $("model").textContent = `${name}: ${model.network} ×${model.scale} on ${model.device}${made}`
    + (problem ? ". A newer model could not be loaded; this one goes on." : "");
  $("limits").textContent = `PNG, JPEG or WebP, up to ${megapixels(limits.max_pixels)} megapixels `
    + `and ${Math.round(limits.max_body_bytes / 2 ** 20)} MB each`;
}

// ---- saying things

function refusal(status, text, retry) {
  let told = {};
  try { told = JSON.parse(text); } catch { /* a proxy's answer is no JSON */ }
  const error = new Error(told.message || `The server answered ${status}.`);
  error.status = status;
  error.retry = Number(retry);
  return error;
}

function say(words, {bad = false, cancel = false, again = false, token = false} = {}) {
  $("message").hidden = !words;
  $("message").classList.toggle("bad", bad);
  $("words").setAttribute("role", bad ? "alert" : "status");
  $("words").textContent = words;
  $("cancel").hidden = !cancel;
  $("again").hidden = !again;
  $("token").hidden = !token;
  if (token) $("secret").focus();
}

function complain(error) {
  if (error.status === 401) return say("This server asks for a token.", {bad: true, token: true});
  const gone = error instanceof TypeError;
  say(gone ? "The server cannot be reached. Is it still running?" : error.message,
    {bad: true, again: items.length > 0 && (gone || error.status >= 429)});
}

// ---- restoring, one after the other

function bring(files) {
  if (!files.length) return;
  work?.abort();
  items.forEach(forget);
  items = [...files].map((file) => ({file, state: "waits", note: ""}));
  led = false;
  show(null);
  run();
}

async function run() {
  work?.abort();
  work = new AbortController();
  const {signal} = work;
  let problem = null;
  for (const item of items.filter((one) => one.state !== "done")) {
    const began = performance.now();
    const told = items.length > 1 ? `${items.indexOf(item) + 1} of ${items.length}, ${item.file.name}: ` : "";
    const tell = () => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      say(`${told}${item.note} ${seconds} s`, {cancel: true});
    };
    item.state = "works";
    item.note = "Reading…";
    tabulate();
    const clock = setInterval(tell, 200);
    try {
      await restore(item, signal, began);
      item.state = "done";
      item.note = "";
    } catch (error) {
      if (signal.aborted) return;
      item.state = "failed";
      item.note = error instanceof TypeError ? "not reached" : error.message;
      problem = error;
    } finally {
      clearInterval(clock);
    }
    tabulate();
    if (item.state === "done" && !led) show(item);
    if (problem && (problem instanceof TypeError || problem.status === 401)) break;  // the others would fare alike
  }
  work = null;
  const failed = items.filter((one) => one.state === "failed");
  if (problem && !items.some((one) => one.before || one.state === "done")) show(null);
  if (problem && (items.length === 1 || problem.status === 401)) complain(problem);
  else if (problem) say(`${failed.length} of ${items.length} could not be restored; the list says why.`, {bad: true, again: true});
  else say("");
}

async function restore(item, signal, began) {
  const {file} = item;
  check(file);
  item.before ||= await picture(file).catch(() => null);
  if (signal.aborted) throw signal.reason;
  if (item.before) checkSize(file, item.before);
  if (item.before && !led) show(item);
  const answer = await insist(item, signal);
  const after = await picture(answer.blob);
  if (signal.aborted) return URL.revokeObjectURL(after.url);
  if (item.after) URL.revokeObjectURL(item.after.url);
  const network = /network;dur=([\d.]+)/.exec(answer.header("Server-Timing"))?.[1] / 1000;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const from = item.before ? `${item.before.w}×${item.before.h} to ` : "";
  item.after = after;
  item.name = `${file.name.replace(/\.[^.]*$/, "") || "image"}_x${answer.header("X-Scale")}.${KINDS[answer.blob.type]}`;
  item.facts = `${from}${after.w}×${after.h} pixels, ${(answer.blob.size / 2 ** 20).toFixed(2)} MB, in ${seconds} s `
    + `(${network.toFixed(2)} s in the network), by ${decodeURIComponent(answer.header("X-Model"))}`;
}

// What the server would refuse need not be sent.
function check(file) {
  if (file.type && !KINDS[file.type]) throw new Error(`${file.name} is not a PNG, JPEG or WebP image.`);
  const most = about?.limits.max_body_bytes;
  if (file.size > most) {
    const [has, takes] = [(file.size / 2 ** 20).toFixed(1), Math.round(most / 2 ** 20)];
    throw new Error(`${file.name} has ${has} MB; this server takes ${takes} MB.`);
  }
}

function checkSize(file, {w, h}) {
  const {max_pixels, max_side} = about?.limits || {};
  if (w * h > max_pixels) {
    const takes = `this server takes ${megapixels(max_pixels)} megapixels`;
    throw new Error(`${file.name} has ${w}×${h} = ${(w * h / 1e6).toFixed(1)} megapixels; ${takes}.`);
  }
  if (Math.max(w, h) > max_side) {
    throw new Error(`${file.name} has ${w}×${h} pixels; this server takes sides of ${max_side} pixels.`);
  }
}

// A busy server says when to come again: come again then, a few times.
async function insist(item, signal) {
  for (let left = TRIES; ; left--) {
    const answer = await send(item, signal);
    if (answer.status === 200) return answer;
    const error = refusal(answer.status, await answer.blob.text(), answer.header("Retry-After"));
    if (!left || ![429, 503].includes(error.status)) throw error;
    item.note = "Waiting for the server…";
    await new Promise((resolve, reject) => {
      setTimeout(resolve, 1000 * (error.retry || 1));
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  }
}

// Not by fetch, which does not tell how much has been sent.
function send(item, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `v1/upscale?format=${$("format").value}`);
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.responseType = "blob";
    request.upload.addEventListener("progress", ({loaded, total}) => {
      item.note = loaded < total ? `Sending, ${Math.floor(100 * loaded / total)} %…` : "Restoring…";
    });
    request.addEventListener("load", () => resolve({
      status: request.status, blob: request.response, header: (name) => request.getResponseHeader(name) || "",
    }));
    request.addEventListener("error", () => reject(new TypeError("not reached")));
    signal.addEventListener("abort", () => { request.abort(); reject(signal.reason); });
    item.note = "Sending…";
    request.send(item.file);
  });
}

async function picture(blob) {
  const url = URL.createObjectURL(blob);
  const found = new Image();
  found.src = url;
  try {
    await found.decode();
  } catch (error) {
    URL.revokeObjectURL(url);
    throw new Error("The image cannot be shown.", {cause: error});
  }
  return {url, w: found.naturalWidth, h: found.naturalHeight};
}

function forget(item) {
  for (const one of [item.before, item.after]) if (one) URL.revokeObjectURL(one.url);
}

// ---- the stage and the list

function show(item) {
  shown = item;
  const {before, after} = item || {};
  for (const [id, one] of Object.entries({before, after})) {
    if (one) $(id).src = one.url; else $(id).removeAttribute("src");
  }
  const size = after || before;
  if (size) { stage.style.setProperty("--w", size.w); stage.style.setProperty("--h", size.h); }
  $("stage").hidden = !size;
  $("drop").hidden = Boolean(item) || items.length > 1;
  $("result").hidden = !$("drop").hidden;
  stage.classList.toggle("both", Boolean(after));
  for (const id of ["download", "handle", "zoom"]) $(id).hidden = !after;
  $("facts").textContent = item?.facts || "";
  if (after) { $("download").href = after.url; $("download").download = item.name; }
  zoom(false);
  if (after) slide(before ? 50 : 0);
  tabulate();
}

function tabulate() {
  $("list").hidden = items.length < 2;
  $("all").hidden = items.filter((one) => one.state === "done").length < 2;
  $("list").replaceChildren(...(items.length < 2 ? [] : items.map(entry)));
}

function entry(item) {
  const [row, button, note] = ["li", "button", "span"].map((tag) => document.createElement(tag));
  button.textContent = item.file.name;
  button.disabled = !item.before && !item.after;
  button.setAttribute("aria-pressed", item === shown);
  button.addEventListener("click", () => { led = true; show(item); });
  note.textContent = {waits: "waits", works: "in work", done: "restored", failed: item.note}[item.state];
  note.className = item.state === "failed" ? "quiet bad" : "quiet";
  row.append(button, note);
  return row;
}

function clear() {
  work?.abort();
  work = null;
  items.forEach(forget);
  items = [];
  show(null);
  say("");
}

// Those that are done stay, for another turn or to be looked at.
function giveUp() {
  if (!items.some((one) => one.state === "done")) return clear();
  work?.abort();
  for (const item of items) if (item.state !== "done") Object.assign(item, {state: "failed", note: "cancelled"});
  say("");
  show(shown?.after ? shown : items.find((one) => one.state === "done"));
}

function downloadAll() {
  for (const {after, name} of items.filter((one) => one.state === "done")) {
    const link = document.createElement("a");
    link.href = after.url;
    link.download = name;
    link.click();
  }
}

// ---- bringing them

$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => { bring($("file").files); $("file").value = ""; });
$("other").addEventListener("click", () => { clear(); $("choose").focus(); });
$("cancel").addEventListener("click", giveUp);
$("again").addEventListener("click", run);
$("all").addEventListener("click", downloadAll);
$("format").addEventListener("change", () => {
  for (const item of items) item.state = "waits";
  if (items.length) run();
});
$("token").addEventListener("submit", async (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("secret").value);
  say("");
  try { await introduce(); if (items.length) await run(); } catch (error) { complain(error); }
});
document.addEventListener("paste", (event) => bring(event.clipboardData.files));
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    const over = kind === "dragenter" || kind === "dragover";
    for (const id of ["drop", "result"]) $(id).classList.toggle("over", over);
    if (kind === "drop") bring(event.dataTransfer.files);
  });
}

introduce().catch(complain);
