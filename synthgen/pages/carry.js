// Ticks of all pages of a review go along: in the fragment of every link between its pages, which works in each browser
// for files, too, and in the browser's storage where that is shared. Each page has a time; the latest word about it holds.
(() => {
  const { bar, boxes, others, after, count } = review;
  const own = bar.dataset.page, key = `synthgen ${bar.dataset.set}`, saved = "saved";
  const words = { e: "exclude", i: "include" };
  const pages = new Map(); // by page: when it was ticked last, and the codes of its ticks, such as e12-345
  let leaves = false;

  function merge(text) {
    for (const each of text.split("~")) {
      const [page, time, ...codes] = each.split(".");
      const at = parseInt(time, 36);
      if (!/^(saved|[a-z]+-\d{4,})$/.test(page) || !(at > (pages.get(page)?.at ?? 0))) continue;
      pages.set(page, { at, codes: codes.filter((code) => /^[ei]\d{1,12}-\d{1,12}$/.test(code)) });
    }
  }

  const written = () => [...pages].map(([page, { at, codes }]) => [page, at.toString(36), ...codes].join(".")).join("~");
  const latest = () => Math.max(0, ...[...pages].filter(([page]) => page !== saved).map(([, { at }]) => at));
  const isDirty = () => others.length + boxes.filter((box) => box.checked).length > 0 && latest() > (pages.get(saved)?.at ?? 0);
  const codeOf = ({ id, decision }) => decision[0] + id.split("-").map(Number).join("-");

  function pageOf(code, page) {
    const [, letter, shard, attempt] = /^(.)(\d+)-(\d+)$/.exec(code);
    return { id: `${shard.padStart(5, "0")}-${attempt.padStart(6, "0")}`, decision: words[letter], page };
  }

  function recall() {
    merge(location.hash.slice(1));
    try { merge(localStorage.getItem(key) ?? ""); } catch { /* not every browser keeps anything for a file */ }
  }

  function show() {
    const here = new Set(pages.get(own)?.codes);
    for (const box of boxes) box.checked = here.has(codeOf(box.dataset));
    others.length = 0;
    for (const [page, { codes }] of pages) if (page !== own) others.push(...codes.map((code) => pageOf(code, page)));
    for (const link of document.querySelectorAll("a[data-to]")) {
      const ticks = pages.get(link.dataset.to)?.codes.length;
      if (ticks) link.dataset.ticks = ticks; else delete link.dataset.ticks;
    }
    count();
  }

  function keep() {
    const text = written();
    try { localStorage.setItem(key, text); } catch { /* the links carry it */ }
    try { history.replaceState(null, "", `#~${text}`); } catch { /* some browsers limit how often */ }
  }

  function change(isCleared) {
    const at = Math.max(Date.now(), latest() + 1);
    recall();
    for (const page of isCleared ? pages.keys() : []) if (page !== saved) pages.set(page, { at, codes: [] });
    pages.set(own, { at, codes: boxes.filter((box) => box.checked).map((box) => codeOf(box.dataset)) });
    keep();
    show();
  }

  after.change = () => change(false);
  after.clear = () => change(true);
  after.save = () => { pages.set(saved, { at: Math.max(Date.now(), latest()), codes: [] }); keep(); };

  function load(event) {
    const link = event.target.closest?.("a[data-to]");
    if (!link) return;
    const [file, anchor = ""] = link.getAttribute("href").split("#");
    link.setAttribute("href", `${file}#${anchor.split("~")[0]}~${written()}`);
    leaves = event.type === "click" && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  }

  for (const kind of ["pointerdown", "focusin", "click"]) document.addEventListener(kind, load);
  addEventListener("beforeunload", (event) => { if (isDirty() && !leaves) event.preventDefault(); });
  addEventListener("pageshow", (event) => { leaves = false; if (event.persisted) { recall(); show(); } });
  addEventListener("storage", (event) => { if (event.key === key) { merge(event.newValue ?? ""); show(); } }); // another tab
  const anchor = location.hash.slice(1).split("~")[0];
  recall();
  show();
  if (anchor) document.getElementById(anchor)?.scrollIntoView();
})();
