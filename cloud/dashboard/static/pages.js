"use strict";
// Everything works without this file: it keeps the pages fresh, and filters while one types.

/** Make `old` equal to `fresh`, keeping its elements, so that scrolling, selection and animations go on. */
function morph(old, fresh) {
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  morphChildren(old, fresh);
}

function morphChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) {
    if (child.dataset.key) keyed.set(child.dataset.key, child);
  }
  let place = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const known = next.nodeType === 1 && next.dataset.key ? keyed.get(next.dataset.key) : undefined;
    if (known && known !== place) {
      old.insertBefore(known, place);
      place = known;
    }
    while (place && place.nodeType === 3 && next.nodeType === 1) {
      const following = place.nextSibling;
      place.remove();
      place = following;
    }
    if (place && alike(place, next)) {
      if (next.nodeType === 1) morph(place, next);
      else if (place.nodeValue !== next.nodeValue) place.nodeValue = next.nodeValue;
      place = place.nextSibling;
    } else {
      old.insertBefore(next, place);
    }
  }
  while (place) {
    const following = place.nextSibling;
    place.remove();
    place = following;
  }
}

function alike(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return false;
  return old.nodeType !== 1 || old.dataset.key === fresh.dataset.key;
}

async function refresh(holder, address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const box = document.createElement("template");
  box.innerHTML = `\n${await answer.text()}`;
  morphChildren(holder, box.content);
}

function keepFresh(holder, address) {
  const lost = document.querySelector("[data-lost]");
  let running = false;
  const once = async () => {
    if (running || document.hidden) return;
    running = true;
    try {
      const asked = address();
      await refresh(holder, asked);
      if (lost) lost.hidden = true;
      document.body.classList.remove("lost");
    } catch (error) {
      if (lost) lost.hidden = false;
      document.body.classList.add("lost");
    } finally {
      running = false;
    }
  };
  setInterval(once, 1000 * Number(holder.dataset.every));
  document.addEventListener("visibilitychange", once);
  return once;
}

function fleetPage(form, holder) {
  const address = (path) => `${path}?${new URLSearchParams(new FormData(form))}`;
  let asked = 0;
  const now = async () => {
    const mine = ++asked;
    history.replaceState(null, "", address(form.getAttribute("action")));
    await new Promise((resolve) => setTimeout(resolve, 120));
    if (mine === asked) await refresh(holder, address(form.dataset.filter)).catch(() => {});
  };
  keepFresh(holder, () => address(form.dataset.filter));
  form.addEventListener("input", (event) => {
    if (event.target.name === "sort") form.elements.order.value = "up";
    now();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    now();
  });
  holder.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-sort]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    form.elements.sort.value = link.dataset.sort;
    form.elements.order.value = link.dataset.order;
    now();
  });
}

function tooltips(holder) {
  const clear = (figure) => figure.querySelectorAll(".tip, .cursor, .spot").forEach((one) => one.remove());
  holder.addEventListener("pointerleave", () => clear(holder));
  holder.addEventListener("pointermove", (event) => {
    const drawing = event.target.closest("svg[data-points]");
    clear(holder);
    if (!drawing) return;
    const points = JSON.parse(drawing.dataset.points);
    const box = drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * drawing.viewBox.baseVal.width;
    const nearest = points.reduce((best, one) => (Math.abs(one[0] - x) < Math.abs(best[0] - x) ? one : best), points[0]);
    if (!nearest || Math.abs(nearest[0] - x) > 12) return;
    drawing.append(shape("path", { class: "cursor", d: `M${nearest[0]} 10V128` }));
    drawing.append(shape("circle", { class: "spot", cx: nearest[0], cy: nearest[1], r: 3.5 }));
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.textContent = `${nearest[2]}  ${nearest[3]}  (${nearest[4]})`;
    drawing.parentElement.append(tip);
  });
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const filter = document.querySelector("form[data-filter]");
const fleet = document.querySelector('[data-fragment="fleet"]');
if (filter && fleet) fleetPage(filter, fleet);
for (const holder of document.querySelectorAll("[data-fragment][data-url]")) {
  keepFresh(holder, () => holder.dataset.url);
}
const charts = document.querySelector('[data-fragment="history"]');
if (charts) tooltips(charts);
for (const form of document.querySelectorAll("form[data-submit]")) {
  form.addEventListener("change", () => form.submit());
}
