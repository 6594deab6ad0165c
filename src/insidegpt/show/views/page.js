// What the theme leaves undone for readers who use a keyboard or a phone.
document.addEventListener("DOMContentLoaded", () => {
  const wide = "pre, .output_area, .cell_output, mjx-container, .pst-scrollable-table-container, div.math";
  function reachable() {
    for (const box of document.querySelectorAll(wide))
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  }
  reachable();
  window.addEventListener("load", () => setTimeout(reachable, 500));
  for (const table of document.querySelectorAll("article table:not(.ig-stage table)")) {
    if (table.closest(".pst-scrollable-table-container, figure[data-view]")) continue;
    const box = document.createElement("div");
    box.className = "wide";
    table.replaceWith(box);
    box.append(table);
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  }
});
