// The desk's keyboard shortcuts. A key follows a link, or puts the focus on a field, a row or a button; it never presses
// one, so none pays, sends or declines. Letters go by their place on the keyboard, so that they work in Thai and Arabic
// layouts; signs by what they print.
"use strict";
(() => {
  const ROWS = "main tbody tr";
  const PAUSE = 1500; // milliseconds in which a letter may follow g
  let goUntil = 0;

  const isTyping = (target) =>
    target instanceof Element && target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");

  function reach(place) {
    if (place instanceof HTMLAnchorElement) return place.click();
    place?.scrollIntoView({ block: "nearest" });
    place?.focus();
  }

  function walk(step) {
    const links = [...document.querySelectorAll(ROWS)].map((row) => row.querySelector("a[href]")).filter(Boolean);
    const row = document.activeElement?.closest(ROWS);
    const at = links.findIndex((link) => row?.contains(link));
    const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step];
    next?.scrollIntoView({ block: "nearest" });
    next?.focus();
  }

  function showKeys() {
    const list = document.getElementById("keys");
    if (list && !list.open) list.showModal();
  }

  const find = (selector) => document.querySelector(selector);
  const signs = {
    "/": () => reach(find("header [role=search] input")),
    "?": showKeys,
    "[": () => reach(find("main a[rel=prev]")),
    "]": () => reach(find("main a[rel=next]")),
  };
  const letters = {
    KeyJ: () => walk(1),
    KeyK: () => walk(-1),
    KeyU: () => history.back(),
    KeyX: () => document.activeElement?.closest(ROWS)?.querySelector("input[type=checkbox]")?.click(),
    KeyG: () => (goUntil = performance.now() + PAUSE),
  };

  addEventListener("keydown", (event) => {
    const isOn = document.body.hasAttribute("data-keys") && !document.querySelector("dialog[open]");
    if (!isOn || event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target)) return;
    const letter = event.code.startsWith("Key") ? event.code.at(-1).toLowerCase() : "";
    const isGoing = performance.now() < goUntil;
    goUntil = 0;
    const place = letter && find(isGoing ? `header [data-go="${letter}"]` : `main [data-key="${letter}"]`);
    const act = signs[event.key] ?? (place ? () => reach(place) : isGoing || event.shiftKey ? null : letters[event.code]);
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
