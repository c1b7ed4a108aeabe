// Pages of the desk inside a platform's admin. No cookie comes along there, so each page is fetched with a header that
// says who asks, and put in place of the one before. The platform's script gives its own token; ours is kept for the
// tab, and with the page's entry in the frame's history, since many browsers let a frame of another site store nothing.
"use strict";
(() => {
  const HEADER = "X-Aftercare-Token";
  const said = (place, name) => place.querySelector(`meta[name="aftercare-${name}"]`)?.content ?? "";
  const call = said(document, "token-call");
  const failed = document.getElementById("failed");
  let token = "";
  let photos = [];

  function keep(fresh) {
    if (!fresh) return;
    token = fresh;
    history.replaceState(state(), "");
    try {
      sessionStorage.setItem(HEADER, fresh);
    } catch {
      // This browser keeps it with the history alone.
    }
  }

  function recall() {
    const kept = history.state?.[HEADER] ?? "";
    try {
      return sessionStorage.getItem(HEADER) ?? kept;
    } catch {
      return kept;
    }
  }

  const state = () => (token ? { [HEADER]: token } : null);

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
    // A form that was refused (409, 422) or only tried shows its page at the address where it stood: its own takes no GET.
    if (options.method === "POST" && !answer.redirected) return void scrollTo(0, 0);
    const { pathname, search } = new URL(answer.url);
    if (isNew) history.pushState(state(), "", pathname + search);
    else history.replaceState(state(), "", pathname + search);
    scrollTo(0, 0);
  }

  function show(page) {
    photos.forEach((url) => URL.revokeObjectURL(url));
    photos = [];
    // A picture of ours is fetched with the header too; by itself the browser would ask for it as nobody.
    const pictures = [...page.images].filter((image) => image.hasAttribute("src") && isOurs(new URL(image.src)));
    const sources = pictures.map((image) => image.src);
    pictures.forEach((image) => image.removeAttribute("src"));
    // Focus is set below; browsers refuse the attribute in a frame of another site, and say so.
    page.querySelectorAll("[autofocus]").forEach((place) => place.removeAttribute("autofocus"));
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
    pictures.forEach((image, place) => void showPicture(image, sources[place]).catch(console.error));
  }

  async function showPicture(image, source) {
    const answer = await ask(source);
    if (!answer.ok || !image.isConnected) return; // its alternative text stands there
    const url = URL.createObjectURL(await answer.blob());
    photos.push(url);
    image.src = url;
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
    const wait = document.getElementById("wait");
    if (wait) {
      wait.hidden = true;
      document.getElementById("over").hidden = false;
      return;
    }
    failed.hidden = false;
    failed.tabIndex = -1;
    (document.querySelector("main") ?? document.body).prepend(failed);
    failed.focus();
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
