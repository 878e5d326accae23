// The content on a request's page: all of its folds at once.
document.addEventListener("DOMContentLoaded", () => {
  for (const bar of document.querySelectorAll(".au-folds")) {
    bar.hidden = !bar.closest("section").querySelector(".au-tree details");
    bar.addEventListener("click", (event) => {
      const button = event.target.closest("[data-fold]");
      if (button) {
        for (const fold of bar.closest("section").querySelectorAll(".au-tree details")) {
          fold.open = button.dataset.fold === "open";
        }
      }
    });
  }
});
