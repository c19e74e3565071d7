function show(el, text) {
  const { meta } = JSON.parse(text);
  const header = document.createElement("header");
  header.textContent = [meta.verdict?.stamp, meta.verdict?.headline ?? meta.title].filter(Boolean).join(": ");
  el.replaceChildren(header);
}

export default {
  render({ model, el }) {
    show(el, model.get("document"));
  },
};

const embedded = document.getElementById("evaluator-document");
if (embedded) show(document.getElementById("evaluator-report"), embedded.textContent);
