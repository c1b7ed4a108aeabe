// What a person would call broken in the widgets of this page, as sentences; none where all is well.
(least) => {
  const faults = [];
  const name = (one) => `${one.tagName.toLowerCase()}.${one.className} "${one.textContent.trim().slice(0, 40)}"`;
  const isShown = (one) => one.checkVisibility() && parseFloat(getComputedStyle(one).fontSize) > 0;
  const isFloating = (one) => one.closest(".sum, .close"); // lies over what is scrolled beneath, on purpose

  const wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wider > 0) faults.push(`the page is ${wider} px wider than the window`);
  for (const host of document.querySelectorAll("after-care")) {
    const care = host.shadowRoot.querySelector(".care");
    if (!care) continue;
    const all = [...care.querySelectorAll("*")].filter(isShown);
    const box = care.getBoundingClientRect();
    for (const one of all) {
      const at = one.getBoundingClientRect();
      if (at.width && (at.right > box.right + 1 || at.left < box.left - 1)) faults.push(`${name(one)} sticks out`);
      const cut = one.clientWidth && one.scrollWidth - one.clientWidth;
      if (cut > 1 && one.textContent.trim()) faults.push(`${name(one)} is cut by ${cut} px`);
    }
    checkTargets(all);
    checkOverlaps(pieces(care));
  }
  return faults;

  function checkTargets(all) {
    for (const one of all.filter((one) => one.matches("button, select, summary, textarea, input, a[href]"))) {
      const { width, height } = (one.closest("label") ?? one).getBoundingClientRect();
      if (Math.min(width, height) < least) faults.push(`${name(one)} is a target of ${width} × ${height} px`);
    }
  }

  // Every run of text and every control as the rectangles it covers. A line's box is taller than its letters.
  function pieces(care) {
    const found = [];
    const texts = document.createTreeWalker(care, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { currentNode: node } = texts;
      const parent = node.parentElement;
      if (!node.data.trim() || !isShown(parent) || isFloating(parent) || parent.closest("button, select")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const { left, right, top, bottom } of range.getClientRects()) {
        const spare = (bottom - top) / 4;
        found.push({ node, text: node.data, left, right, top: top + spare, bottom: bottom - spare });
      }
    }
    for (const node of care.querySelectorAll("button, select, textarea, input")) {
      if (!isShown(node) || isFloating(node)) continue;
      const { left, right, top, bottom } = node.getBoundingClientRect();
      found.push({ node, text: node.textContent || node.tagName, left, right, top, bottom });
    }
    return found;
  }

  function checkOverlaps(found) {
    found.forEach((one, place) => {
      for (const other of found.slice(place + 1)) {
        if (one.node === other.node) continue;
        const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (across > 1 && down > 1) faults.push(`"${one.text.slice(0, 40)}" and "${other.text.slice(0, 40)}" overlap`);
      }
    });
  }
};
