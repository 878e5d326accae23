// The choices above the list: choosing one with a pointer shows the list; by keyboard "Show" does, because each arrow
// chooses another value on the way to the wanted one; empty ones stay out of the address; on a phone they are folded,
// and the fold tells which ones act.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("au-filter");
  if (!form) {
    return;
  }
  const fold = form.closest("details");
  if (matchMedia("(max-width: 640px)").matches) {
    fold.open = false;
  }
  let typing = false;
  form.addEventListener("pointerdown", () => {
    typing = false;
  });
  form.addEventListener("keydown", () => {
    typing = true;
  });
  form.addEventListener("change", (event) => {
    if (!typing && event.target.matches("select, input[type=checkbox]")) {
      form.requestSubmit();
    }
  });
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData.entries()]) {
      if (value === "") {
        event.formData.delete(name);
      }
    }
    if (event.formData.has("from") || event.formData.has("to")) {
      event.formData.delete("range");
    }
  });
});
