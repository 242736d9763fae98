"use strict";
// Unpacks Plotly from this very file, draws every figure, and redraws when the page turns dark or is printed.
(async () => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const plots = [...document.querySelectorAll(".plot")];
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  let dark = darkness.matches; // asked once: a browser may not report a change that was read before
  const config = {
    responsive: true, displaylogo: false,
    modeBarButtons: [["zoom2d", "resetScale2d", "toImage"]],
  };

  // Replace every color by its counterpart on a dark page.
  const recolor = (value, key) => {
    if (typeof value === "string") return /color/i.test(key) && page.dark[value] || value;
    if (Array.isArray(value)) return value.map((item) => recolor(item, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, recolor(item, name)]));
    }
    return value;
  };

  // Say what the pointer is on in a line below the plot: a label over it would cover its neighbors.
  const listen = (plot) => {
    const line = plot.nextElementSibling;
    plot.dataset.heard = "yes";
    plot.on("plotly_hover", () => {
      const texts = [...plot.querySelectorAll(".hoverlayer text")].map((text) => text.textContent.trim());
      line.textContent = texts.filter(Boolean).join("  ");
    });
    plot.on("plotly_unhover", () => { line.textContent = ""; });
    plot.on("plotly_autosize", () => { setTimeout(() => ease(plot), 100); }); // a phone that was turned
  };

  // Where labels under a plot touch, as on a phone, every second one goes; none is turned.
  const ease = async (plot) => {
    for (let tries = 0; tries < 4; tries += 1) {
      const boxes = [...plot.querySelectorAll(".xtick text")].map((text) => text.getBoundingClientRect());
      boxes.sort((a, b) => a.left - b.left);
      if (!boxes.some((box, i) => i && box.left < boxes[i - 1].right + 4)) return;
      const axis = plot._fullLayout.xaxis;
      const half = (list) => Array.from(list).filter((_, i) => i % 2 === 0);
      await Plotly.relayout(plot, axis.tickmode === "array"
        ? { "xaxis.tickvals": half(axis.tickvals), "xaxis.ticktext": half(axis.ticktext ?? axis.tickvals) }
        : { "xaxis.nticks": Math.max(2, Math.floor(boxes.length / 2)) });
    }
  };

  const draw = (plot, darkly, width) => {
    const { data, layout } = structuredClone(page.figures[plot.id]);
    layout.template = page.templates[darkly ? "dark" : "light"];
    if (width) Object.assign(layout, { width, autosize: false });
    const [shown, laid] = darkly ? [recolor(data, ""), recolor(layout, "")] : [data, layout];
    return Plotly.react(plot, shown, laid, config).then(() => { // the sentence and the table say it instead
      plot.querySelectorAll("svg.main-svg").forEach((svg) => svg.setAttribute("aria-hidden", "true"));
      // For the mouse alone: by keyboard the figure's one stop is its numbers.
      plot.querySelectorAll(".modebar *").forEach((part) => { if (part.tabIndex >= 0) part.tabIndex = -1; });
      if (!plot.dataset.heard) listen(plot);
      return ease(plot);
    });
  };
  // One figure after the other, so that the page answers meanwhile; a newer call takes over from an older one.
  let calls = 0;
  let turn = Promise.resolve();
  const drawAll = () => {
    const call = ++calls;
    turn = turn.then(async () => {
      for (const plot of plots) {
        if (call !== calls) return;
        await draw(plot, dark);
        await new Promise((resolve) => { setTimeout(resolve); });
      }
    });
    return turn;
  };

  // A click on a column's head sorts a table by it, the next click the other way; numbers by their size.
  const size = (text) => {
    const found = /^[-−+]?[\d,.]+(×10)?/.exec(text.replace(/^1\//, ""));
    if (!found) return NaN;
    const power = /10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/.exec(text);
    const exponent = power ? Number([...power[1]].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c)).map((i) => (i ? i - 1 : "-")).join("")) : 0;
    const value = Number(found[0].replace("−", "-").replace(/,|×10/g, ""));
    return (text.startsWith("1/") ? 1 / value : value) * 10 ** exponent;
  };
  const order = (a, b) => {
    const [x, y] = [size(a), size(b)];
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    return Number.isNaN(x) ? a.localeCompare(b) : x - y;
  };
  document.querySelectorAll("table[data-sorts]").forEach((table) => {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].sort((a, b) => order(a.cells[i].textContent, b.cells[i].textContent));
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  });

  document.querySelectorAll("details").forEach((details) => { details.open = false; });
  for (const plot of plots) plot.style.minHeight = `${plot.dataset.height}px`;
  try {
    const packed = Uint8Array.from(atob(document.getElementById("plotly-packed").textContent), (c) => c.charCodeAt(0));
    const script = document.createElement("script");
    script.textContent = await new Response(
      new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    document.head.append(script);
    await drawAll();
  } catch (error) { // an old browser: the numbers behind the figures are all there
    document.getElementById("undrawn").hidden = false;
    document.querySelectorAll("details").forEach((details) => { details.open = true; });
    for (const plot of plots) plot.style.minHeight = 0;
    throw error;
  }
  document.documentElement.dataset.drawn = plots.length;

  darkness.addEventListener("change", (event) => {
    dark = event.matches;
    drawAll();
  });
  addEventListener("beforeprint", () => { // paper is white and narrow
    document.documentElement.classList.add("printing");
    calls += 1; // whatever is being drawn for the screen stops
    for (const plot of plots) draw(plot, false, plot.closest(".panels").dataset.columns === "1" ? 680 : 328);
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    drawAll();
  });
})();
