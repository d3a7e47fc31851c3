"use strict";
// The review on the contact sheet: ticks become a CSV for `synthgen exclude RUN --file review.csv`. Nothing is sent.
const review = (() => {
  const bar = document.getElementById("review");
  const find = bar.querySelector("[type=search]"), show = bar.querySelector("select");
  const save = bar.querySelector(".save"), clear = bar.querySelector(".clear");
  const counts = bar.querySelector(".counts"), next = bar.querySelector(".next");
  const boxes = [...document.querySelectorAll("figure [type=checkbox]")];
  const figures = [...document.querySelectorAll("figure")];
  const texts = new Map(figures.map((figure) => [figure, figure.textContent.toLowerCase().replace(/\s+/g, " ")]));
  const keys = bar.dataset.page ? ["id", "decision", "page"] : ["id", "decision", "class", "verdict"];
  const others = []; // What is ticked on other pages of the same review.
  const after = { change() {}, clear() {}, save() {} };

  const ticked = () => boxes.filter((box) => box.checked).map((box) => ({ ...box.dataset, page: bar.dataset.page }));
  const all = () => [...ticked(), ...others];
  const number = (found, decision) => found.filter((each) => each.decision === decision).length;

  function matches(figure) {
    const box = figure.querySelector("[type=checkbox]"), kind = show.value;
    const fits = kind === "all" || (kind === "ticked" ? box && box.checked : figure.classList.contains(kind));
    return fits && texts.get(figure).includes(find.value.trim().toLowerCase().replace(/\s+/g, " "));
  }

  function filter() {
    for (const figure of figures) figure.hidden = !matches(figure);
    const all = show.value === "all" && !find.value.trim();
    for (const section of document.querySelectorAll("section")) {
      section.hidden = !all && !section.querySelector("figure:not([hidden])");
    }
    bar.querySelector(".none").hidden = all || figures.some((figure) => !figure.hidden);
  }

  function count() {
    const found = all();
    counts.textContent = `${number(found, "exclude")} to exclude, ${number(found, "include")} to include`;
    save.disabled = clear.disabled = !found.length;
    next.hidden = true;
    for (const box of boxes) box.closest("figure").classList.toggle("ticked", box.checked);
  }

  // Spreadsheets would run what begins like a formula.
  function cell(text) {
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",;\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function download() {
    const rows = all().map((each) => keys.map((key) => cell(each[key])).join(","));
    const text = "\ufeff" + [keys.join(","), ...rows].join("\r\n") + "\r\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "review.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    next.hidden = false;
    after.save();
  }

  function wipe() {
    if (others.length && !confirm("Clear the ticks of all pages?")) return;
    for (const box of boxes) box.checked = false;
    others.length = 0;
    count();
    filter();
    after.clear();
  }

  for (const box of boxes) {
    box.addEventListener("change", () => { count(); if (show.value === "ticked") filter(); after.change(); });
  }
  for (const picture of document.querySelectorAll("figure img")) {
    picture.addEventListener("click", () => { const box = picture.closest("figure").querySelector("[type=checkbox]"); if (box) box.click(); });
  }
  find.addEventListener("input", filter);
  show.addEventListener("change", filter);
  save.addEventListener("click", download);
  clear.addEventListener("click", wipe);

  next.querySelector("code").textContent = "synthgen exclude RUN --file review.csv";
  bar.hidden = false;
  document.documentElement.classList.add("reviewing");
  count();
  filter();
  return { bar, boxes, others, after, count };
})();
