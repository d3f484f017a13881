// Copy a newcomer's lines. Without a secure context there is no clipboard: the lines are selected instead.

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".copy");
  if (!button) return;
  const lines = button.closest(".newcomer").querySelector("pre");
  const { copied, byHand } = document.body.dataset;
  try {
    await navigator.clipboard.writeText(lines.textContent);
    button.textContent = copied;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(lines);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    button.textContent = document.execCommand("copy") ? copied : byHand;
  }
});
