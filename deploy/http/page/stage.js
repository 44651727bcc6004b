"use strict";
const $ = (id) => document.getElementById(id);
const stage = $("stage");
let pan = {x: 0, y: 0};

// ---- looking: the divider, and 1:1 pixels

function slide(percent) {
  const at = Math.min(100, Math.max(0, percent));
  stage.style.setProperty("--at", `${at}%`);
  $("handle").setAttribute("aria-valuenow", Math.round(at));
  $("handle").setAttribute("aria-valuetext", `${Math.round(at)} % before`);
}

const now = () => Number($("handle").getAttribute("aria-valuenow"));
const place = (event) => 100 * (event.clientX - stage.getBoundingClientRect().left) / stage.clientWidth;

function zoom(on, at = null) {
  const box = stage.getBoundingClientRect();
  const across = at ? (at.clientX - box.left) / box.width : .5;
  const down = at ? (at.clientY - box.top) / box.height : .5;
  stage.classList.toggle("close", on);
  $("zoom").setAttribute("aria-pressed", on);
  $("zoom").textContent = on ? "Whole image" : "1:1 pixels";
  const {w, h} = closeSize();
  pan = {x: stage.clientWidth / 2 - across * w, y: stage.clientHeight / 2 - down * h};
  look();
}

// One pixel of the restored image on one pixel of the screen.
function closeSize() {
  const density = window.devicePixelRatio || 1;
  return {w: $("after").naturalWidth / density, h: $("after").naturalHeight / density};
}

function look() {
  const {w, h} = closeSize();
  const kept = (offset, size, room) => size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, offset));
  pan = {x: kept(pan.x, w, stage.clientWidth), y: kept(pan.y, h, stage.clientHeight)};
  for (const [key, value] of Object.entries({"close-w": w, "close-h": h, x: Math.round(pan.x), y: Math.round(pan.y)})) {
    stage.style.setProperty(`--${key}`, `${value}px`);
  }
}

function drag(element, begin) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button || !stage.classList.contains("both")) return;
    event.stopPropagation();
    const move = begin(event);
    if (!move) return;
    element.setPointerCapture(event.pointerId);
    const end = () => { element.removeEventListener("pointermove", move); };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", end, {once: true});
    element.addEventListener("pointercancel", end, {once: true});
  });
}

drag($("handle"), () => (event) => slide(place(event)));
drag(stage, (first) => {
  if (!stage.classList.contains("close")) {
    if (first.pointerType === "mouse") slide(place(first));
    return (event) => slide(place(event));
  }
  const start = {x: pan.x - first.clientX, y: pan.y - first.clientY};
  return (event) => { pan = {x: start.x + event.clientX, y: start.y + event.clientY}; look(); };
});

$("handle").addEventListener("keydown", (event) => {
  const step = event.shiftKey ? 10 : 2;
  const to = {ArrowLeft: now() - step, ArrowDown: now() - step, ArrowRight: now() + step, ArrowUp: now() + step,
    PageDown: now() - 10, PageUp: now() + 10, Home: 0, End: 100}[event.key];
  if (to === undefined) return;
  event.preventDefault();
  slide(to);
});
function toggleZoom(at) {
  if (stage.classList.contains("both")) zoom(!stage.classList.contains("close"), at);
}

stage.addEventListener("dblclick", (event) => toggleZoom(event));
$("zoom").addEventListener("click", () => toggleZoom());
window.addEventListener("resize", look);
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key.toLowerCase() === "z") toggleZoom();
});
