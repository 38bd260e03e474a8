// Sentence encoders on this machine, without a service beside it: component nearhit::embedding.
#pragma once

namespace nearhit {

// Makes the embedder kind "local" known (nearhit/embedder.h): EmbedderSpec::model names a folder with
// a BERT encoder (all-MiniLM, bge-small, gte-small, e5-small) or a static model (Model2Vec), as
// sentence-transformers saves them: config.json, tokenizer.json or vocab.txt, model.safetensors.
// Call it before opening a Database. Namespaces of one folder share one model in memory.
//
// An encoder reads texts of a limited length (256 tokens with all-MiniLM-L6-v2). A longer one gets no
// vector rather than that of its beginning. Which files and settings a model may have:
// docs/embedders.md.
//
// Thread-safety: thread-safe; calls after the first change nothing.
void RegisterLocalEmbedder();

}  // namespace nearhit
