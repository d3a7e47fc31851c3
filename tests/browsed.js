// What is wrong with a page as it is drawn. Returns one line for each fault: its kind, and the text or element.
() => {
  const found = new Set();
  const wide = document.documentElement.clientWidth, onPaper = matchMedia("print").matches;
  const told = (kind, what) => found.add(`${kind}: ${String(what).replace(/\s+/g, " ").trim().slice(0, 120)}`);
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data]; };
  const over = (top, under) => [0, 1, 2].map((at) => under[at] + (top[at] - under[at]) * top[3] / 255).concat(255);
  // WCAG 2.2, relative luminance and contrast ratio.
  const luminance = (colour) => { const [r, g, b] = colour.map((each) => each / 255).map((each) => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const contrast = (a, b) => { const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y); return (high + .05) / (low + .05); };
  const grounds = new Map();
  function ground(element) {
    if (!element) return rgba(onPaper ? "white" : "Canvas");
    if (!grounds.has(element)) grounds.set(element, over(rgba(getComputedStyle(element).backgroundColor), ground(element.parentElement)));
    return grounds.get(element);
  }

  if (document.documentElement.scrollWidth > wide) told("scrolls", document.documentElement.scrollWidth);
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement, drawn = element.closest("svg");
    if (!node.data.trim() || element.closest("script, style, title, desc, option")) continue;
    if (!element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true })) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const large = size >= 24 || size >= 18.66 && style.fontWeight >= 700, behind = ground(element);
    const ratio = contrast(over(rgba(drawn ? style.fill : style.color), behind), behind);
    if (ratio < (large ? 3 : 4.5) && !element.closest(":disabled")) told("contrast", `${ratio.toFixed(2)} ${node.data}`);

    const range = document.createRange();
    range.selectNodeContents(node);
    const rows = new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
    if (!drawn && rows > 4 && node.data.trim().length / rows < 4) told("squeezed", node.data);
    for (const box of range.getClientRects()) {
      if (box.width < 1 || box.height < 1) continue;
      const frame = element.closest(".over");
      if (!frame && (box.right > wide + 1 || box.left < -1)) told("outside", node.data);
      if (frame && onPaper && box.right > frame.getBoundingClientRect().right + 1) told("cut on paper", node.data);
      if (!element.closest(".prompt, #review")) lines.push([box, node]);
    }
  }
  lines.sort(([a], [b]) => a.top - b.top);
  for (const [at, [a, first]] of lines.entries()) {
    for (const [b, second] of lines.slice(at + 1)) {
      if (b.top > a.bottom - 4) break;
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left), down = Math.min(a.bottom, b.bottom) - b.top;
      if (across > 3 && down > 5) told("overlap", `${first.data} | ${second.data}`);
    }
  }

  for (const image of document.images) if (!image.alt.trim()) told("no alternative text", image.title);
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) told("heading", `h${own} after h${level}: ${heading.textContent}`);
    level = own;
  }
  if (document.querySelectorAll("h1").length !== 1) told("heading", "not one h1");
  for (const link of document.querySelectorAll("a[href^='#']")) {
    if (!document.getElementById(link.getAttribute("href").slice(1))) told("leads nowhere", link.textContent);
  }
  if (onPaper) {
    if (getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)") told("paper", "not white");
    for (const each of document.querySelectorAll("nav, #review")) if (each.checkVisibility()) told("on paper", each.className || each.tagName);
    for (const each of document.querySelectorAll("details > *")) if (!each.offsetHeight) told("folded on paper", each.textContent);
    const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).flatMap((rule) => [...rule.cssRules ?? []]);
    if (!rules.some((rule) => rule instanceof CSSPageRule && rule.style.marginLeft)) told("paper", "no margin");
  }
  return [...found];
}
