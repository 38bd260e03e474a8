// The request and the answer of an OpenAI-compatible embeddings endpoint, as JSON.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "nearhit/result.h"

namespace nearhit {

// Returns {"model": …, "input": […], "encoding_format": "float"}.
//
// Requires: `model` and `texts` are valid UTF-8.
std::string EmbeddingRequest(std::string_view model, std::span<const std::string_view> texts);

// Most bytes that a sensible answer with so many vectors takes, white space included.
std::size_t MaxEmbeddingAnswerBytes(std::size_t texts, std::size_t dimension);

// Reads the vectors of `answer` into `rows`, row i being the one whose "index" is i. Without any
// "index" the order of the answer counts.
//
// Requires: rows.size() is a multiple of dimension; the quotient is the number of texts asked for.
// Errors: kUnavailable when the answer is not of the expected form, count or dimension, or holds a
// number that is no finite float; `rows` is then unspecified. No message quotes the answer.
Status ParseEmbeddingAnswer(std::string_view answer, std::size_t dimension, std::span<float> rows);

}  // namespace nearhit
