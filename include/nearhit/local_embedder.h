// Sentence encoders on this machine, without a service beside it: component nearhit::embedding.
#pragma once

namespace nearhit {

// Makes the embedder kind "local" known (nearhit/embedder.h): EmbedderSpec::model names a folder
// with a BERT encoder (all-MiniLM, bge-small, gte-small, e5-small) or a static model (Model2Vec),
// as sentence-transformers saves them: config.json, tokenizer.json or vocab.txt, model.safetensors.
// Call it before opening a Database. Namespaces of one folder share one model in memory.
//
// An encoder reads texts of a limited length (256 tokens with all-MiniLM-L6-v2) and a limited
// vocabulary. A text that is longer, or has what the vocabulary lacks (an emoji), gets no vector
// rather than that of the rest. Which files and settings a model may have: docs/embedders.md.
//
// Thread-safety: thread-safe; calls after the first change nothing.
void RegisterLocalEmbedder();

}  // namespace nearhit
