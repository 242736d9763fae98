"use strict";
// Draws every figure of a page, one after the other, and again when the page turns dark or light.
addEventListener("DOMContentLoaded", () => {
  const plots = [...document.querySelectorAll(".plot")];
  const figures = plots.map((plot) => JSON.parse(plot.firstElementChild.textContent));
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => {
    const { theme } = document.body.dataset;
    return theme === "dark" || (theme !== "light" && darkness.matches);
  };

  // Replace every color by its counterpart on a dark page.
  const recolor = (value, key) => {
    if (typeof value === "string") return /color/i.test(key) && looks.dark[value] || value;
    if (Array.isArray(value)) return value.map((item) => recolor(item, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, recolor(item, name)]));
    }
    return value;
  };

  let wanted = 0;
  const drawAll = async () => {
    const mine = ++wanted; // a later call takes over
    const dark = isDark();
    for (const [i, plot] of plots.entries()) {
      if (mine !== wanted) return;
      const { data, layout } = dark ? recolor(figures[i], "") : structuredClone(figures[i]);
      layout.template = looks.templates[dark ? "dark" : "light"];
      await Plotly.react(plot, data, layout, { responsive: true, displayModeBar: false });
      await new Promise((resolve) => { setTimeout(resolve); });
    }
    document.documentElement.dataset.drawn = plots.length;
  };

  for (const plot of plots) plot.replaceChildren();
  drawAll();
  darkness.addEventListener("change", drawAll);
  new MutationObserver(drawAll).observe(document.body, { attributeFilter: ["data-theme"] });
});
