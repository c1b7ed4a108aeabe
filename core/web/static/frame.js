// Pages of the desk inside a platform's admin. No cookie comes along there, so each page is fetched with a header that
// says who asks, and put in place of the one before. The platform's script gives its own token; ours is kept for the
// tab, where the browser lets a frame keep anything.
"use strict";
(() => {
  const HEADER = "X-Aftercare-Token";
  const said = (place, name) => place.querySelector(`meta[name="aftercare-${name}"]`)?.content ?? "";
  const call = said(document, "token-call");
  let token = "";

  function keep(fresh) {
    if (!fresh) return;
    token = fresh;
    try {
      sessionStorage.setItem(HEADER, fresh);
    } catch {
      // A frame that may keep nothing asks the admin again after a reload.
    }
  }

  function recall() {
    try {
      return sessionStorage.getItem(HEADER) ?? "";
    } catch {
      return "";
    }
  }

  async function identity() {
    const sent = token ? { [HEADER]: token } : {};
    if (!call) return sent;
    const path = call.split(".");
    const name = path.pop();
    const owner = path.reduce((place, part) => place[part], window);
    return { ...sent, Authorization: `Bearer ${await owner[name]()}` };
  }

  async function ask(url, options) {
    const answer = await fetch(url, { ...options, headers: await identity() });
    if (answer.status !== 401 || !call) return answer;
    return fetch(url, { ...options, headers: await identity() }); // a token may end on its way
  }

  async function load(url, options = {}, isNew = true) {
    const answer = await ask(url, options);
    keep(answer.headers.get(HEADER));
    if (!/^text\/html/.test(answer.headers.get("Content-Type") ?? "")) return save(answer);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const target = said(page, "target");
    if (target) {
      keep(said(page, "token"));
      return load(target, {}, isNew);
    }
    show(page);
    const { pathname, search } = new URL(answer.url);
    if (isNew) history.pushState(null, "", pathname + search);
    else history.replaceState(null, "", pathname + search);
    scrollTo(0, 0);
  }

  function show(page) {
    document.title = page.title;
    for (const name of ["lang", "dir"]) document.documentElement.setAttribute(name, page.documentElement.getAttribute(name) ?? "");
    const worn = [...document.querySelectorAll('link[rel="stylesheet"]')].map((sheet) => sheet.getAttribute("href"));
    for (const sheet of page.querySelectorAll('link[rel="stylesheet"]'))
      if (!worn.includes(sheet.getAttribute("href"))) document.head.append(document.adoptNode(sheet));
    document.body.replaceWith(document.adoptNode(page.body));
    const problem = document.querySelector('[role="alert"]');
    const first = problem ?? document.querySelector("h1");
    first?.setAttribute("tabindex", "-1");
    first?.focus();
  }

  async function save(answer) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function fail(error) {
    console.error(error);
    const over = document.getElementById("over");
    if (!over) return;
    document.getElementById("wait").hidden = true;
    over.hidden = false;
  }

  const isOurs = (url) => url.origin === location.origin && url.pathname.startsWith("/admin/");

  addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const url = new URL(link.href);
    if (!isOurs(url) || link.target || (url.hash && url.pathname === location.pathname)) return;
    event.preventDefault();
    load(url).catch(fail);
  });

  addEventListener("submit", (event) => {
    const form = event.target;
    const url = new URL(event.submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "", location.href);
    if (event.defaultPrevented || !isOurs(url)) return;
    event.preventDefault();
    const typed = new FormData(form, event.submitter);
    if (form.method === "post") {
      const body = form.enctype === "multipart/form-data" ? typed : new URLSearchParams(typed);
      return void load(url, { method: "POST", body }).catch(fail);
    }
    url.search = new URLSearchParams(typed).toString();
    load(url).catch(fail);
  });

  addEventListener("popstate", () => void load(location.href, {}, false).catch(fail));

  token = said(document, "token") || recall();
  keep(token);
  load(said(document, "target"), {}, false).catch(fail);
})();
