() => {
  // Gradio cannot say in Python that a screen reader shall read what changes.
  for (const told of document.querySelectorAll("[id^=told]")) {
    told.setAttribute("role", "status");
    told.setAttribute("aria-live", "polite");
  }
}
